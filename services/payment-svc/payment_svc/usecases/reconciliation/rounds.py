"""Comparing a day's bill with its books, as often as it takes until the day is closed.

A round reads both sides some hundreds of transactions at a time and keeps what it finds; at its end, what it did not find is over. Then
what can be settled is (settle.py), and the next round sees what has come of it. Rounds are numbered: of two at once the older one stops, and so does one
whose bill has been replaced meanwhile.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from common import ids
from common.outbox import Database, Timer, Tx

from payment_svc.domain import clearing
from payment_svc.matching import Finding, Transaction, behind, beijing_day, compare
from payment_svc.providers import Gateway
from payment_svc.store import bills as store
from payment_svc.store import differences, ledger
from payment_svc.usecases.alarms import alarm, clear_alarm, raise_alarm
from payment_svc.usecases.reconciliation.settle import ASKED, settle
from payment_svc.usecases.refunds import REFUND

BILL = "bill"
"""The kind of the job of a day; keyed by provider and day."""
AT_IT = timedelta(minutes=10)
"""So long nobody else takes up a day that is being compared; each step sets it anew."""
LOOK_AGAIN = timedelta(hours=6)
"""When an open day is compared again: books may have changed, other days' bills have come."""
UNANSWERED = timedelta(minutes=10)
UNDECIDED = timedelta(days=2)
"""After which staff hear of a day that waits for another day's bill."""
GIVEN_UP = timedelta(days=90)
"""Bills that are older than this are not asked for any more: providers keep them for about three months."""


def key_of(provider: str, day: date) -> str:
    """What the job of a day is keyed by, and what an alarm calls the day."""
    return f"{provider}:{day.isoformat()}"


def alarm_of(kind: str, provider: str, day: date) -> str:
    """The id of the one alarm of that kind that a day may have."""
    return f"alm_{kind}_{provider}_{day.isoformat()}"


def go_through(
    database: Database, gateway: Gateway | None, provider: str, day: date, timer: Timer, *, more: bool
) -> None:
    """One round, and what follows from it. `more`: days to come will have bills, too."""
    round_ = _begin(database, provider, day)
    undecided = _compare(database, provider, day, round_, more)
    if undecided is None or not _end(database, provider, day, round_, undecided):
        return
    settled, unanswered = settle(database, gateway, provider, day, lambda tx: _at_it(tx, provider, day))
    with database.transaction() as tx:
        known = store.lock_bill(tx, provider, day)
        if known is None or known.round != round_:
            return
        if settled:
            tx.set_timer(BILL, timer.key, tx.now)
            return
        closed = close(tx, provider, day)
        odd = not closed and not undecided and _is_odd(tx, provider, day)
        _tell_news(tx, provider, day)
        if closed:
            tx.cancel_timer(BILL, timer.key)
        else:
            _tell(tx, known, odd=odd and bool(timer.payload.get("odd")), undecided=bool(undecided))
            wait = UNANSWERED if unanswered or odd else LOOK_AGAIN
            tx.set_timer(BILL, timer.key, tx.now + wait, {"odd": True} if odd else {})


def _tell(tx: Tx, known: store.Day, *, odd: bool, undecided: bool) -> None:
    """What keeps a day open besides its differences, once each: it is cleared when the day closes."""
    this = {"provider": known.provider, "bill_id": key_of(known.provider, known.day)}
    if odd and store.is_news(tx, known, "bill_sums_differ"):
        alarm("bill_sums_differ", tx=tx, alarm_id=alarm_of("bill_sums_differ", known.provider, known.day), **this)
    late = tx.now >= (known.fetched_at or tx.now) + UNDECIDED
    if undecided and late and store.is_news(tx, known, "bill_undecided"):
        alarm("bill_undecided", tx=tx, alarm_id=alarm_of("bill_undecided", known.provider, known.day), **this)


def clear_told(tx: Tx, known: store.Day, kinds: Iterable[str]) -> None:
    """These alarms of a day, as far as they stand, are over."""
    over = [kind for kind in known.alarms.split() if kind in kinds]
    for kind in over:
        clear_alarm(tx, alarm_of(kind, known.provider, known.day), kind)
    if over:
        left = " ".join(kind for kind in known.alarms.split() if kind not in over)
        store.set_bill(tx, known.provider, known.day, alarms=left)


def _tell_news(tx: Tx, provider: str, day: date) -> None:
    """An alarm for what staff have not heard of yet."""
    news = differences.tell(tx, provider, day, ASKED)
    for kind, count in news.items():
        alarm("bill_differences", provider=provider, day=day.isoformat(), difference=kind, count=count)
    if news:
        raise_alarm(tx, ids.mint("alm"), "bill_differences", sum(news.values()), [key_of(provider, day)])


def _at_it(tx: Tx, provider: str, day: date) -> None:
    tx.set_timer(BILL, key_of(provider, day), tx.now + AT_IT)


def _begin(database: Database, provider: str, day: date) -> int:
    with database.transaction() as tx:
        known = store.lock_bill(tx, provider, day)
        round_ = known.round + 1 if known else 0
        store.set_bill(tx, provider, day, round=round_)
        _at_it(tx, provider, day)
    return round_


def _awaited(conn: Any, provider: str, day: date, *, since: date, more: bool) -> Callable[[date], bool]:
    """True for the days beside this one whose bill is not in hand, but will be: they wait for it, and not since before `since`;
    or they will have a row when they are over, if there are `more` of them.
    """
    states = store.states(conn, provider, day - timedelta(days=1))
    last = max(states, default=day)
    return lambda other: other >= since and states[other] == "waiting" if other in states else more and other > last


def _compare(database: Database, provider: str, day: date, round_: int, more: bool) -> int | None:
    """Keep what differs; answers how much of it another day's bill will decide. None: a later round has begun."""
    with database.reading() as conn:
        since = beijing_day(database.clock() - GIVEN_UP)
        awaited = _awaited(conn, provider, day, since=since, more=more)
        undecided = 0
        for group in store.transactions(conn, provider, day):
            found = {one.id: compare(day, one, awaited) for one in group}
            findings = [finding for each in found.values() for finding in each]
            if not _keep(database, provider, day, round_, group, findings):
                return None
            undecided += sum(not finding.decided for finding in findings)
    return undecided


def _keep(
    database: Database, provider: str, day: date, round_: int, group: Iterable[Transaction], found: list[Finding]
) -> bool:
    late = {back.id for one in group for back in behind(one)}
    with database.transaction() as tx:
        known = store.lock_bill(tx, provider, day)
        if known is None or known.round != round_:
            return False
        differences.keep(tx, provider, day, round_, [one.id for one in group], found)
        for refund_id in sorted(late):
            tx.set_timer(REFUND, refund_id, tx.now)
        _at_it(tx, provider, day)
    return True


def _end(database: Database, provider: str, day: date, round_: int, undecided: int) -> bool:
    """What was not found is over. False: a later round has begun."""
    with database.transaction() as tx:
        known = store.lock_bill(tx, provider, day)
        if known is None or known.round != round_:
            return False
        differences.settle_rest(tx, provider, day, round_)
        store.set_bill(tx, provider, day, undecided=undecided, compared=True)
        _book_fee(tx, known)
    return True


def _book_fee(tx: Tx, bill: store.Day) -> None:
    """Post a day's fee, once, in whole fen: what all days so far come to, rounded half up, less what was posted for them.

    So the rest of a day goes over to the next one that is posted, and so does what a corrected bill says otherwise.
    """
    if bill.fee_posted is not None:
        return
    store.lock_fees(tx, bill.provider)
    billed, posted = store.posted_fees(tx.conn, bill.provider)
    fen = (billed + bill.fee + 500) // 1000 - posted
    store.set_bill(tx, bill.provider, bill.day, fee_posted=fen)
    accounts = ("fee_expense", clearing(bill.provider))
    debit, credit = accounts if fen > 0 else accounts[::-1]
    if fen:
        cause = key_of(bill.provider, bill.day)
        ledger.post(tx, "bill_fee", cause, None, debit=debit, credit=credit, amount=abs(fen))


def close(tx: Tx, provider: str, day: date) -> bool:
    """Close a day if nothing of it is open; open it again if something is. Answers whether it is closed.

    Nothing is taken on trust: both sides are summed up once more, and what is explained must be all that they differ by.
    """
    known = store.lock_bill(tx, provider, day)
    if known is None or known.state == "waiting":
        return False
    closed = known.compared and not _is_open(tx, known) and not _is_odd(tx, provider, day)
    if closed != (known.state == "closed"):
        values = {"state": "closed", "closed_at": tx.now} if closed else {"state": "open", "closed_at": None}
        store.set_bill(tx, provider, day, **values)
    if closed:
        clear_told(tx, known, known.alarms.split())
    return closed


def _is_open(tx: Tx, known: store.Day) -> bool:
    this = (known.provider, known.day)
    return bool(known.undecided or differences.open_counts(tx.conn, [this]).get(this))


def _is_odd(tx: Tx, provider: str, day: date) -> bool:
    """True if bill and books differ by something else than their differences: a fact came while they were compared."""
    return any(sum_ != store.Sum() for sum_ in differences.unexplained(tx.conn, provider, day).values())
