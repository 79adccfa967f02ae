"""The invariant of closed days: the bill says what the books say, line by line, or a difference says why not."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from common.clock import SHANGHAI

from payment_svc.store.bills import Sum
from payment_svc.store.differences import unexplained
from payment_svc.store.tables import bill_lines, bills, differences, facts, refunds
from payment_svc.store.watch.scope import MOST, Offender, Scope


def name_of(provider: str, day: date) -> str:
    """What a day's bill is called in lists of offenders."""
    return f"{provider}:{day.isoformat()}"


def bills_and_books_agree(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """9: of a closed day, each line of the bill is in our books with its amount, and what we booked for that day stands in a bill,
    or a difference that stands and is explained tells of it; and summed up once more, nothing else is between the two. So both say the same per provider and type, and the clearing account
    owes nothing but lines of bills that are still to come. What the provider pays to the bank is not in these books.
    """
    closed = sa.select(bills.c.provider, bills.c.day).where(bills.c.state == "closed")
    if scope.bills is not None:
        closed = closed.where(sa.tuple_(bills.c.provider, bills.c.day).in_([(p, d) for p, d in scope.bills]))
    for provider, day in conn.execute(closed.order_by(bills.c.provider, bills.c.day)).all():
        agree = True
        for what, queries in _disagreements(provider, day):
            if found := sum(len(conn.execute(query.limit(MOST)).all()) for query in queries):
                agree = False
                yield Offender(name_of(provider, day), f"{found} {what}")
        left = {part: more for part, more in unexplained(conn, provider, day).items() if more != Sum()} if agree else {}
        if left:
            sums = ", ".join(f"{part}s by {more.count} and {more.fen} fen" for part, more in left.items())
            yield Offender(name_of(provider, day), f"the bill is above books and differences: {sums}")


def _disagreements(provider: str, day: date) -> Iterator[tuple[str, list[sa.Select[Any]]]]:
    """What to look for in a closed day, and by which queries."""
    open_ = sa.select(differences.c.id).where(
        differences.c.provider == provider, differences.c.day == day, differences.c.state == "open"
    )
    yield "differences are open, and the day is closed", [open_]
    yield (
        "lines of the bill are not in the books",
        [_unbooked_payments(provider, day), _unbooked_refunds(provider, day)],
    )
    yield "entries of the books are in no bill", [_unbilled_payments(provider, day), _unbilled_refunds(provider, day)]


def _told(provider: str, *same: sa.ColumnElement[bool]) -> sa.Exists:
    """A difference that stands tells of it, whatever its day: a payment at midnight is billed on either."""
    stands = differences.c.state != "settled"
    return sa.exists().where(differences.c.provider == provider, stands, sa.or_(*same))


def _lines(provider: str, day: date, kind: str) -> sa.Select[Any]:
    line = bill_lines.c
    return sa.select(line.position).where(line.provider == provider, line.day == day, line.kind == kind)


def _unbooked_payments(provider: str, day: date) -> sa.Select[Any]:
    line = bill_lines.c
    booked = sa.exists().where(
        facts.c.provider == provider, facts.c.transaction_id == line.transaction_id, facts.c.amount == line.amount
    )
    told = _told(provider, differences.c.transaction_id == line.transaction_id)
    return _lines(provider, day, "payment").where(~booked, ~told)


def _unbooked_refunds(provider: str, day: date) -> sa.Select[Any]:
    """A bill tells of refunds when they are asked for: they may still be under way."""
    line = bill_lines.c
    booked = sa.exists().where(
        refunds.c.provider == provider, refunds.c.number == line.refund_number, refunds.c.amount == line.amount
    )
    told = _told(provider, differences.c.refund_number == line.refund_number)
    return _lines(provider, day, "refund").where(~booked, ~told)


def _unbilled_payments(provider: str, day: date) -> sa.Select[Any]:
    line = bill_lines.c
    billed = sa.exists().where(
        line.provider == provider, line.kind == "payment", line.transaction_id == facts.c.transaction_id
    )
    told = _told(provider, differences.c.transaction_id == facts.c.transaction_id)
    return _facts(provider, day).where(facts.c.transaction_id.is_not(None), ~billed, ~told)


def _unbilled_refunds(provider: str, day: date) -> sa.Select[Any]:
    """Refunds that succeeded on that day. Their line may be of any day since they were asked for: all of these must be closed."""
    line, capture = bill_lines.c, facts.alias("capture")
    billed = sa.exists().where(
        line.provider == provider,
        line.transaction_id == capture.c.transaction_id,
        line.refund_number == refunds.c.number,
    )
    waited_for = sa.exists().where(bills.c.provider == provider, bills.c.day < day, bills.c.state != "closed")
    return (
        _facts(provider, day)
        .where(facts.c.kind == "refund", facts.c.outcome == "succeeded")
        .join(refunds, sa.and_(refunds.c.provider == facts.c.provider, refunds.c.number == facts.c.number))
        .join(capture, capture.c.id == refunds.c.capture_id)
        .where(~billed, ~waited_for, ~_told(provider, differences.c.refund_number == refunds.c.number))
    )


def _facts(provider: str, day: date) -> sa.Select[Any]:
    """What the provider says that happened on that day."""
    start = datetime.combine(day, time(0), SHANGHAI)
    return sa.select(facts.c.id).where(
        facts.c.provider == provider, facts.c.occurred_at >= start, facts.c.occurred_at < start + timedelta(days=1)
    )
