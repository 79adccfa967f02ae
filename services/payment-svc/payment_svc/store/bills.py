"""Bills and their lines, and what of our books belongs beside them. A day is Beijing's; its books go by the providers' time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa
from common.clock import SHANGHAI
from common.outbox import Tx

from payment_svc.matching import ACCEPTED, Back, Capture, Line, Transaction, beijing_day
from payment_svc.providers import Bill, BillLine
from payment_svc.store.tables import attempts, bill_lines, bills, facts, insert_ignore, refunds

CHUNK = 1000
"""Lines, or transactions, that are in memory at once."""
_shown = [column for column in bills.c if column.name != "content"]
_line = bill_lines.c


@dataclass(frozen=True, slots=True)
class Day:
    """A provider's bill of a day, without what was downloaded. `fee` in thousandths of a fen, `fee_posted` in fen."""

    provider: str
    day: date
    state: str
    reason: str
    digest: str
    fee: int
    fee_posted: int | None
    round: int
    undecided: int
    compared: bool
    alarms: str
    again_at: datetime | None
    empty_at: datetime | None
    created_at: datetime
    fetched_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """How many, and how many fen."""

    count: int = 0
    fen: int = 0


# --- days --------------------------------------------------------------------------------------------------------------


def _this(provider: str, day: date) -> sa.ColumnElement[bool]:
    return sa.and_(bills.c.provider == provider, bills.c.day == day)


def add_days(tx: Tx, provider: str) -> list[date]:
    """A waiting row for each day that is over and has none, from the first that anybody tried to pay on; answers the new ones."""
    last = tx.conn.execute(sa.select(sa.func.max(bills.c.day)).where(bills.c.provider == provider)).scalar()
    tried = sa.select(sa.func.min(attempts.c.created_at)).where(attempts.c.method == provider)
    if last is not None:
        begin = last + timedelta(days=1)
    elif (first := tx.conn.execute(tried).scalar()) is not None:
        begin = beijing_day(first)
    else:
        return []
    days = [begin + timedelta(days=n) for n in range((beijing_day(tx.now) - begin).days)]
    blank = {"state": "waiting", "reason": "", "digest": "", "fee": 0, "round": 0, "undecided": 0}
    blank |= {"compared": False, "alarms": ""}
    times = {"created_at": tx.now, "updated_at": tx.now}
    if days:
        tx.conn.execute(
            insert_ignore(bills, postgres=tx.postgres),
            [{"provider": provider, "day": day, **blank, **times} for day in days],
        )
    return days


def bill(conn: sa.Connection, provider: str, day: date) -> Day | None:
    row = conn.execute(sa.select(*_shown).where(_this(provider, day))).one_or_none()
    return Day(*row) if row else None


def lock_bill(tx: Tx, provider: str, day: date) -> Day | None:
    row = tx.conn.execute(sa.select(*_shown).where(_this(provider, day)).with_for_update()).one_or_none()
    return Day(*row) if row else None


def set_bill(tx: Tx, provider: str, day: date, **values: Any) -> None:
    tx.conn.execute(sa.update(bills).where(_this(provider, day)).values(updated_at=tx.now, **values))


def content(conn: sa.Connection, provider: str, day: date) -> bytes | None:
    """What was downloaded, to the byte."""
    found: bytes | None = conn.execute(sa.select(bills.c.content).where(_this(provider, day))).scalar()
    return found


def states(conn: sa.Connection, provider: str, since: date) -> dict[date, str]:
    """The states of the provider's days from `since` on, as far as they have rows."""
    query = sa.select(bills.c.day, bills.c.state).where(bills.c.provider == provider, bills.c.day >= since)
    return dict(conn.execute(query).all())


def is_news(tx: Tx, known: Day, kind: str) -> bool:
    """Note of a day, which the caller has locked, that this alarm stands. False: it did already."""
    standing = known.alarms.split()
    if kind in standing:
        return False
    set_bill(tx, known.provider, known.day, alarms=" ".join([*standing, kind]))
    return True


def list_bills(
    conn: sa.Connection,
    *,
    provider: str | None = None,
    state: str | None = None,
    since: date | None = None,
    after: tuple[date, str] | None = None,
    limit: int,
) -> list[Day]:
    """Days, newest first, `limit` + 1 of them at most."""
    query = sa.select(*_shown).order_by(bills.c.day.desc(), bills.c.provider).limit(limit + 1)
    if provider is not None:
        query = query.where(bills.c.provider == provider)
    if state is not None:
        query = query.where(bills.c.state == state)
    if since is not None:
        query = query.where(bills.c.day >= since)
    if after is not None:
        same = sa.and_(bills.c.day == after[0], bills.c.provider > after[1])
        query = query.where(sa.or_(bills.c.day < after[0], same))
    return [Day(*row) for row in conn.execute(query)]


def counts(conn: sa.Connection) -> dict[tuple[str, str], int]:
    """How many days are in which state, by provider and state."""
    query = sa.select(bills.c.provider, bills.c.state, sa.func.count()).group_by(bills.c.provider, bills.c.state)
    return {(provider, state): count for provider, state, count in conn.execute(query)}


# --- lines -------------------------------------------------------------------------------------------------------------


def keep_lines(tx: Tx, provider: str, day: date, bill: Bill) -> None:
    """The lines of a bill in place of those that were there, in one order whatever theirs was."""
    tx.conn.execute(sa.delete(bill_lines).where(_line.provider == provider, _line.day == day))
    lines = sorted(bill.lines, key=_order)
    insert = sa.insert(bill_lines)
    for start in range(0, len(lines), CHUNK):
        rows = [_row(provider, day, start + n, line) for n, line in enumerate(lines[start : start + CHUNK])]
        tx.conn.execute(insert, rows)


def _order(line: BillLine) -> tuple[Any, ...]:
    about = (line.transaction_id, line.kind, line.number, line.refund_number)
    return (*about, line.amount, line.fee, line.at, line.status)


def _row(provider: str, day: date, position: int, line: BillLine) -> dict[str, Any]:
    return {
        "provider": provider,
        "day": day,
        "position": position,
        "kind": line.kind,
        "number": line.number,
        "refund_number": line.refund_number,
        "transaction_id": line.transaction_id,
        "amount": line.amount,
        "fee": line.fee,
        "at": line.at,
        "status": line.status,
    }


def billed(conn: sa.Connection, provider: str, day: date) -> dict[str, Sum]:
    """What the day's bill comes to, by kind."""
    query = sa.select(_line.kind, sa.func.count(), sa.cast(sa.func.sum(_line.amount), sa.BigInteger))
    rows = conn.execute(query.where(_line.provider == provider, _line.day == day).group_by(_line.kind))
    found = {kind: Sum(count, fen) for kind, count, fen in rows}
    return {kind: found.get(kind, Sum()) for kind in ("payment", "refund")}


def posted_fees(conn: sa.Connection, provider: str) -> tuple[int, int]:
    """Of the days whose fee is in the ledger: what they were billed (thousandths of a fen), and what was posted (fen)."""
    total = [
        sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger) for column in (bills.c.fee, bills.c.fee_posted)
    ]
    row = conn.execute(sa.select(*total).where(bills.c.provider == provider, bills.c.fee_posted.is_not(None))).one()
    return row[0], row[1]


def lock_fees(tx: Tx, provider: str) -> None:
    """Who posts fees waits here for whoever else does: at the provider's first day."""
    first = sa.select(sa.func.min(bills.c.day)).where(bills.c.provider == provider).scalar_subquery()
    tx.conn.execute(sa.select(bills.c.day).where(bills.c.provider == provider, bills.c.day == first).with_for_update())


# --- our books ---------------------------------------------------------------------------------------------------------


def _within(column: sa.Column[Any], day: date) -> sa.ColumnElement[bool]:
    begin = datetime.combine(day, time(), SHANGHAI)
    return sa.and_(column >= begin, column < begin + timedelta(days=1))


def _came(provider: str, day: date) -> sa.ColumnElement[bool]:
    """The captures of a day."""
    captures = sa.and_(facts.c.provider == provider, facts.c.transaction_id.is_not(None))
    return sa.and_(captures, _within(facts.c.occurred_at, day))


_of_capture = sa.join(refunds, facts, facts.c.id == refunds.c.capture_id)


def _asked(provider: str, day: date) -> sa.ColumnElement[bool]:
    """The refunds that were asked for on a day."""
    both = sa.and_(refunds.c.provider == provider, facts.c.provider == provider)
    return sa.and_(both, _within(refunds.c.created_at, day))


def booked(conn: sa.Connection, provider: str, day: date) -> dict[str, Sum]:
    """What the day's books come to: captures by the provider's time, refunds by when they were asked for.

    Refunds that the provider has accepted; of those that came to nothing, the ones that a bill has all the same.
    """
    on_a_bill = sa.exists().where(
        _line.provider == provider,
        _line.kind == "refund",
        _line.refund_number == refunds.c.number,
        _line.transaction_id == facts.c.transaction_id,
    )
    counts = sa.or_(refunds.c.state.in_(ACCEPTED), on_a_bill)
    captures = sa.select(*_sum(facts.c.amount)).where(_came(provider, day))
    back = sa.select(*_sum(refunds.c.amount)).select_from(_of_capture).where(_asked(provider, day), counts)
    return {"payment": Sum(*conn.execute(captures).one()), "refund": Sum(*conn.execute(back).one())}


def _sum(amount: sa.Column[Any]) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    return sa.func.count(), sa.cast(sa.func.coalesce(sa.func.sum(amount), 0), sa.BigInteger)


def transactions(conn: sa.Connection, provider: str, day: date) -> Iterator[list[Transaction]]:
    """All that the day's bill or the day's books name, each once, some hundreds at a time."""
    for ids in _pages(conn, provider, day):
        yield _whole(conn, provider, ids)
    for ids in _unbilled(conn, provider, day):
        yield _whole(conn, provider, ids)


def _pages(conn: sa.Connection, provider: str, day: date) -> Iterator[list[str]]:
    """The transactions of the day's lines. Lines are sorted by them, so one that goes on on the next page is known."""
    query = (
        sa.select(_line.transaction_id)
        .where(_line.provider == provider, _line.day == day, _line.position > sa.bindparam("after"))
        .order_by(_line.position)
        .limit(CHUNK)
    )
    after, last = -1, None
    while rows := list(conn.execute(query, {"after": after}).scalars()):
        after += len(rows)
        yield [one for one in dict.fromkeys(rows) if one != last]
        last = rows[-1]


def _unbilled(conn: sa.Connection, provider: str, day: date) -> Iterator[list[str]]:
    """The transactions of the day's books that the day's bill does not name.

    No anti-join: right after the bill was kept PostgreSQL knows nothing of its size, and would scan it for every capture.
    """
    for ids in chain(_came_on(conn, provider, day), _went_back_on(conn, provider, day)):
        named = sa.select(_line.transaction_id).where(
            _line.provider == provider, _line.day == day, _line.transaction_id.in_(ids)
        )
        billed_ones = set(conn.execute(named).scalars())
        if rest := [one for one in ids if one not in billed_ones]:
            yield rest


def _came_on(conn: sa.Connection, provider: str, day: date) -> Iterator[list[str]]:
    """The transactions of the day's captures."""
    at, id_ = facts.c.occurred_at, facts.c.id
    query = sa.select(at, id_, facts.c.transaction_id).where(_came(provider, day)).order_by(at, id_).limit(CHUNK)
    rows = conn.execute(query).all()
    while rows:
        yield [row.transaction_id for row in rows]
        last = rows[-1]
        later = sa.or_(at > last.occurred_at, sa.and_(at == last.occurred_at, id_ > last.id))
        rows = conn.execute(query.where(at >= last.occurred_at, later)).all()


def _went_back_on(conn: sa.Connection, provider: str, day: date) -> Iterator[list[str]]:
    """The transactions of which something was to go back on that day, but for those that came on it."""
    this = facts.c.transaction_id
    query = sa.select(this).select_from(_of_capture).where(_asked(provider, day), ~_came(provider, day))
    query = query.where(this > sa.bindparam("after")).distinct().order_by(this).limit(CHUNK)
    after = ""
    while rows := list(conn.execute(query, {"after": after}).scalars()):
        yield rows
        after = rows[-1]


def _whole(conn: sa.Connection, provider: str, ids: Sequence[str]) -> list[Transaction]:
    """All that is known of some transactions, from the bills of all days and from our books."""
    lines: dict[str, list[Line]] = {one: [] for one in ids}
    of_bills = sa.select(bill_lines).where(_line.provider == provider, _line.transaction_id.in_(ids))
    for row in conn.execute(of_bills):
        about = (row.day, row.kind, row.number, row.refund_number)
        lines[row.transaction_id].append(Line(*about, row.amount, row.at, row.status))
    attempt = sa.and_(attempts.c.method == facts.c.provider, attempts.c.number == facts.c.number)
    ours = sa.select(facts, attempts.c.cancelled_at).outerjoin(attempts, attempt)
    captures = {
        row.transaction_id: Capture(
            row.number, row.amount, row.occurred_at, row.order_id, cancelled=row.cancelled_at is not None
        )
        for row in conn.execute(ours.where(facts.c.provider == provider, facts.c.transaction_id.in_(ids)))
    }
    back = _refunds_of(conn, provider, ids)
    unheard = {line.number for one in ids if one not in captures for line in lines[one] if line.kind == "payment"}
    known, captured = _known(conn, provider, unheard), _captured(conn, provider, unheard)
    return [
        Transaction(one, lines[one], captures[one], back.get(one, ()))
        if one in captures
        else Transaction(one, lines[one], None, (), known, captured)
        for one in ids
    ]


def _refunds_of(conn: sa.Connection, provider: str, ids: Sequence[str]) -> dict[str, list[Back]]:
    found: dict[str, list[Back]] = {}
    query = sa.select(refunds, facts.c.transaction_id).select_from(_of_capture)
    these = sa.and_(facts.c.provider == provider, facts.c.transaction_id.in_(ids), refunds.c.provider == provider)
    for row in conn.execute(query.where(these)):
        back = Back(row.id, row.number, row.amount, row.state, row.created_at, row.updated_at, row.order_id)
        found.setdefault(row.transaction_id, []).append(back)
    return found


def _known(conn: sa.Connection, provider: str, numbers: Collection[str]) -> Mapping[str, str]:
    """Whose orders these numbers are, as far as we have given them out."""
    if not numbers:
        return {}
    query = sa.select(attempts.c.number, attempts.c.order_id)
    return dict(conn.execute(query.where(attempts.c.method == provider, attempts.c.number.in_(sorted(numbers)))).all())


def _captured(conn: sa.Connection, provider: str, numbers: Collection[str]) -> set[str]:
    """Those of these numbers for which money came."""
    if not numbers:
        return set()
    came = sa.select(facts.c.number).where(facts.c.provider == provider, facts.c.transaction_id.is_not(None))
    return set(conn.execute(came.where(facts.c.number.in_(sorted(numbers)))).scalars())
