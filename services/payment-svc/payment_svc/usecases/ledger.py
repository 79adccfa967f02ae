"""What staff read of the ledger: entries, balances, days, and all of it as rows. In fen, debit above zero; days are Beijing's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from common.clock import SHANGHAI
from common.outbox import Database

from payment_svc.domain import Caller
from payment_svc.store import ledger
from payment_svc.usecases.counter import scope_of

After = tuple[datetime, str] | None
"""A page starts after this time and id."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last one, both included; None: no end."""

    first: date | None = None
    last: date | None = None

    @property
    def span(self) -> ledger.Span:
        return ledger.Span(
            None if self.first is None else datetime.combine(self.first, time(0), SHANGHAI),
            None if self.last is None else datetime.combine(self.last, time(0), SHANGHAI) + timedelta(days=1),
        )


def read_ledger(
    database: Database, caller: Caller, days: Days, *, order_id: str | None, after: After, limit: int
) -> tuple[dict[str, int], list[ledger.Entry]]:
    """Balances per account at the end of these days, and their entries; of the caller's hospital, or of all for operators."""
    hospital_id = scope_of(caller)
    with database.reading() as conn:
        found = ledger.entries(
            conn, hospital_id=hospital_id, order_id=order_id, span=days.span, after=after, limit=limit
        )
        return ledger.balances(conn, hospital_id, before=days.span.end), list(found)


def read_days(database: Database, caller: Caller, days: Days) -> list[ledger.AccountDay]:
    """What moved on each account and day, with its balance before and after; days without any movement are left out."""
    hospital_id = scope_of(caller)
    with database.reading() as conn:
        return ledger.by_day(conn, hospital_id, days.span)


def export(database: Database, caller: Caller, days: Days, *, order_id: str | None) -> Iterator[ledger.Entry]:
    """All entries of these days, oldest first. They are read as they are taken: no connection waits for a slow reader."""
    hospital_id = scope_of(caller)

    def entries() -> Iterator[ledger.Entry]:
        after: After = None
        while True:
            with database.reading() as conn:
                page = ledger.entries(
                    conn, hospital_id=hospital_id, order_id=order_id, span=days.span, after=after, limit=_PAGE
                )
            yield from page[:_PAGE]
            if len(page) <= _PAGE:
                return
            after = (page[_PAGE - 1].created_at, page[_PAGE - 1].id)

    return entries()
