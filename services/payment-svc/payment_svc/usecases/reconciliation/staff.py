"""What operators see of reconciliation, and what they explain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from common.errors import Conflict, Invalid, NotFound
from common.outbox import Database

from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.store.bills import Day, Sum
from payment_svc.store.differences import Difference
from payment_svc.usecases.reconciliation.rounds import BILL, close, key_of
from payment_svc.usecases.reconciliation.settle import ASKED


@dataclass(frozen=True, slots=True)
class Listed:
    """A day in a list, and how many of its differences are open."""

    day: Day
    open: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A day with both of its sides, by kind, and what stands between them: billed - booked = standing, once it is closed."""

    day: Day
    open: int
    billed: dict[str, Sum]
    booked: dict[str, Sum]
    standing: dict[str, Sum]
    differences: Sequence[Difference]


def list_days(
    database: Database, *, provider: str | None, state: str | None, after: tuple[date, str] | None, limit: int
) -> list[Listed]:
    """Days, newest first, one more than `limit` if there are more."""
    with database.reading() as conn:
        days = store.list_bills(conn, provider=provider, state=state, after=after, limit=limit)
        counts = differences.open_counts(conn, [(day.provider, day.day) for day in days])
    return [Listed(day, counts.get((day.provider, day.day), 0)) for day in days]


def show_day(
    database: Database, provider: str, day: str, *, state: str | None, after: tuple[datetime, str] | None, limit: int
) -> Sheet:
    """One day. Its differences, oldest first, one more than `limit` if there are more. Raises NotFound."""
    with database.reading() as conn:
        known = _day(store.bill(conn, provider, _date(day)))
        this = (known.provider, known.day)
        return Sheet(
            known,
            differences.open_counts(conn, [this]).get(this, 0),
            store.billed(conn, *this),
            store.booked(conn, *this),
            differences.standing(conn, *this),
            differences.list_differences(conn, *this, state=state, after=after, limit=limit),
        )


def explain(database: Database, by: str, provider: str, day: str, difference_id: str, note: str) -> Difference:
    """Say why a difference is in order; the last one closes its day. The same again changes nothing.

    Raises NotFound, and Conflict for one that is settled, explained otherwise, or about which the provider is still to be asked:
    closing over it would leave money unbooked.
    """
    with database.transaction() as tx:
        known = _day(store.lock_bill(tx, provider, _date(day)))
        found = differences.difference(tx.conn, provider, known.day, difference_id)
        if found is None:
            raise NotFound("there is no such difference", code="difference_not_found")
        if found.state == "settled":
            raise Conflict("it was settled already", code="difference_settled")
        if found.state == "explained" and found.note != note:
            raise Conflict("it is explained already", code="difference_explained")
        if found.state == "open" and found.kind in ASKED and not found.asked:
            raise Conflict("the provider is asked about it first", code="difference_unasked")
        if found.state == "open":
            differences.explain(tx, found.id, note, by)
            if close(tx, provider, known.day):
                tx.cancel_timer(BILL, key_of(provider, known.day))
        return differences.difference(tx.conn, provider, known.day, difference_id) or found


def fetch_again(database: Database, provider: str, day: str) -> Listed:
    """Have the bill once more, as soon as it can be had, and compare it anew. Raises NotFound."""
    with database.transaction() as tx:
        known = _day(store.lock_bill(tx, provider, _date(day)))
        store.set_bill(tx, provider, known.day, again_at=tx.now)
        tx.set_timer(BILL, key_of(provider, known.day), tx.now)
        this = (known.provider, known.day)
        return Listed(known, differences.open_counts(tx.conn, [this]).get(this, 0))


def _day(known: Day | None) -> Day:
    if known is None:
        raise NotFound("there is no such day", code="reconciliation_not_found")
    return known


def _date(text: str) -> date:
    """Raises Invalid unless it is a day as we write it."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise Invalid("that is no day", errors=[{"field": "day", "message": "must be YYYY-MM-DD"}])
    return found
