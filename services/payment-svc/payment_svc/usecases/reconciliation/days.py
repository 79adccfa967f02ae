"""Which days there are, and how their bills are had. One job sees to it that days have rows, one job for each day sees it through.

A day's job always has its timer until the day is closed, so no crash and no standstill leaves one behind.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.log import get_logger
from common.outbox import Database, Timer, Tx

from payment_svc.matching import beijing_day
from payment_svc.providers import Bill, BillOutcome, Gateway, NotReady
from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.reconciliation.rounds import BILL, GIVEN_UP, alarm_of, clear_told, go_through, key_of

log = get_logger("payments")

RECONCILE = "reconcile"
"""The kind of the job that looks for days that are over; it has no key."""
EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=30)
"""After which a bill that was not ready is asked for again: WeChat Pay's advice for STATEMENT_CREATING."""
LOOKED_BACK = timedelta(days=35)
LATE = timedelta(days=1)
"""After which staff hear of a bill that cannot be had."""
EMPTY_AGAIN = timedelta(hours=4)
"""After which an empty bill must be empty still, to be believed."""
ONCE_MORE = "it is empty, and is asked for once more"
_NEXT = timedelta(days=1)


def start(tx: Tx, *, wanted: bool) -> None:
    """Set the job that makes days, or take it away. Called with every migration: setting it again loses nothing."""
    if wanted:
        tx.set_timer(RECONCILE, "", tx.now)
    else:
        tx.cancel_timer(RECONCILE, "")


def make_days(service: Any, timer: Timer) -> None:
    """Each day that is over has a row, and a job that will have its bill. `service` is payment-svc's `Service`."""
    database: Database = service.database
    with database.transaction() as tx:
        if not service.settings.reconcile:
            tx.cancel_timer(RECONCILE, timer.key)
            return
        for provider, gateway in service.parts.gateways.items():
            new = store.add_days(tx, provider)
            for day in sorted([*(_no_longer_true(tx, provider) if new else ()), *new]):
                tx.set_timer(BILL, key_of(provider, day), max(tx.now, ready_at(gateway, day)))
        tx.set_timer(RECONCILE, timer.key, tx.now + EVERY)


def _no_longer_true(tx: Tx, provider: str) -> Iterator[date]:
    """Days of late that were closed, and whose books have changed since: something came with an old date."""
    since = (tx.now - LOOKED_BACK).astimezone(SHANGHAI).date()
    for known in store.list_bills(tx.conn, provider=provider, state="closed", since=since, limit=LOOKED_BACK.days):
        if any(one != store.Sum() for one in differences.unexplained(tx.conn, provider, known.day).values()):
            yield known.day


def ready_at(gateway: Gateway, day: date) -> datetime:
    """From when on a day's bill can be had."""
    return datetime.combine(day + _NEXT, gateway.bill_ready, SHANGHAI)


def see_through(service: Any, timer: Timer) -> None:
    """Have a day's bill, if it is not there or shall be had once more; else compare it, and settle what can be settled."""
    database: Database = service.database
    provider, day = _of_key(timer.key)
    with database.reading() as conn:
        known = store.bill(conn, provider, day)
    gateway: Gateway | None = service.parts.gateways.get(provider)
    if known is None:
        with database.transaction() as tx:
            tx.cancel_timer(BILL, timer.key)
    elif known.state == "waiting" or known.again_at is not None:
        _have(database, gateway, known)
    else:
        go_through(database, gateway, provider, day, timer, more=service.settings.reconcile and gateway is not None)


def _have(database: Database, gateway: Gateway | None, known: store.Day) -> None:
    """Ask for a bill, not before it can be had: until then a provider may say that there is none, which means nothing."""
    ready = ready_at(gateway, known.day) if gateway is not None else known.created_at
    if database.clock() < ready:
        with database.transaction() as tx:
            tx.set_timer(BILL, key_of(known.provider, known.day), ready)
        return
    try:
        outcome = gateway.bill(known.day) if gateway is not None else NotReady("the provider is not set up")
        with database.transaction() as tx:
            _take(tx, known, outcome, ready)
    except Exception as error:
        if database.is_transient(error):
            raise
        log.exception("bill_not_kept", provider=known.provider, day=known.day.isoformat())
        with database.transaction() as tx:
            _ask_again(tx, known, ready, f"it cannot be kept: {error!r}", AGAIN)


def _take(tx: Tx, before: store.Day, outcome: BillOutcome, ready: datetime) -> None:
    known = store.lock_bill(tx, before.provider, before.day) or before
    if isinstance(outcome, NotReady):
        _ask_again(tx, known, ready, outcome.reason, AGAIN)
    elif reason := _is_doubtful(tx, known, outcome):
        _ask_again(tx, known, ready, *reason)
    else:
        keep_bill(tx, known.provider, known.day, outcome, asked_at=before.again_at)


def _is_doubtful(tx: Tx, known: store.Day, bill: Bill) -> tuple[str, timedelta] | None:
    """Why a bill without lines is not believed yet, and when it is asked for again: of a day that is not empty, "there is no bill"
    means that it is late; of one that seems to be, it may mean the same the first time.
    """
    this = (tx.conn, known.provider, known.day)
    if bill.lines:
        return None
    if any(side.count for sums in (store.billed(*this), store.booked(*this)) for side in sums.values()):
        return "it is empty, and our books, or what was billed before, are not", AGAIN
    if known.state != "waiting" or (known.empty_at is not None and tx.now >= known.empty_at + EMPTY_AGAIN):
        return None
    first = known.empty_at or tx.now
    store.set_bill(tx, known.provider, known.day, empty_at=first)
    return ONCE_MORE, first + EMPTY_AGAIN - tx.now


def _ask_again(tx: Tx, known: store.Day, ready: datetime, reason: str, wait: timedelta) -> None:
    """A bill that could not be had. Staff hear of it after a day; one that takes the place of another is not waited for any longer."""
    key = key_of(known.provider, known.day)
    late = reason != ONCE_MORE and tx.now >= max(ready, known.again_at or known.created_at) + LATE
    gone = known.day < beijing_day(tx.now - GIVEN_UP)
    store.set_bill(tx, known.provider, known.day, reason=reason[:500])
    if (late or gone) and store.is_news(tx, known, "bill_not_ready"):
        about = {"provider": known.provider, "bill_id": key, "reason": reason[:500]}
        alarm("bill_not_ready", tx=tx, alarm_id=alarm_of("bill_not_ready", known.provider, known.day), **about)
    if known.state != "waiting" and (late or gone):
        store.set_bill(tx, known.provider, known.day, again_at=None)
        tx.set_timer(BILL, key, tx.now)
    elif gone:
        tx.cancel_timer(BILL, key)
    else:
        tx.set_timer(BILL, key, tx.now + wait)


def keep_bill(tx: Tx, provider: str, day: date, bill: Bill, *, asked_at: datetime | None = None) -> None:
    """Keep a bill as evidence, with its lines, and have it compared; its neighbours too, which may have waited for it.

    `asked_at`: for whom it was had; who asked for it since will have it once more. What was compared with other lines is open again.
    """
    known = store.lock_bill(tx, provider, day)
    if known is None:
        return
    values: dict[str, Any] = {"reason": "", "empty_at": None}
    if known.again_at == asked_at:
        values["again_at"] = None
    if known.digest != bill.digest or known.state == "waiting":
        if known.digest:
            log.info("bill_replaced", provider=provider, day=day.isoformat(), before=known.digest, now=bill.digest)
        fee = sum(line.fee for line in bill.lines)
        values |= {"state": "open", "closed_at": None, "compared": False, "round": known.round + 1}
        values |= {"content": bill.content, "digest": bill.digest, "fee": fee, "fetched_at": tx.now}
        store.keep_lines(tx, provider, day, bill)
    store.set_bill(tx, provider, day, **values)
    clear_told(tx, known, ["bill_not_ready"])
    for one in (
        day - _NEXT,
        day,
        day + _NEXT,
    ):  # everybody sets them in this order: they are rows, which others set, too
        neighbour = store.bill(tx.conn, provider, one)
        if neighbour is not None and neighbour.state != "waiting":
            tx.set_timer(BILL, key_of(provider, one), tx.now)


def _of_key(key: str) -> tuple[str, date]:
    provider, _, day = key.rpartition(":")
    return provider, date.fromisoformat(day)
