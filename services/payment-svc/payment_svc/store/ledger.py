"""The ledger: balanced double entries in integer fen, written once and never changed. Debit above zero, credit below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from payment_svc.domain import Intent
from payment_svc.store.tables import ledger_entries, ledger_lines


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money, with its lines as (account, fen)."""

    id: str
    kind: str
    order_id: str
    hospital_id: str
    created_at: datetime
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` on and before `end`; None: without a bound."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: sa.ColumnElement[datetime] | sa.Column[datetime]) -> sa.ColumnElement[bool]:
        """The condition that a time is in it."""
        after = sa.true() if self.start is None else at >= self.start
        return after if self.end is None else sa.and_(after, at < self.end)


@dataclass(frozen=True, slots=True)
class AccountDay:
    """What moved on an account on a day (Beijing): fen, `opening` with debit above zero, the others never below it."""

    day: date
    account: str
    opening: int
    debit: int
    credit: int


_insert_lines = sa.insert(ledger_lines)
_insert_entry = sa.insert(ledger_entries)


def post(tx: Tx, kind: str, cause: str, intent: Intent | None, *, debit: str, credit: str, amount: int) -> None:
    """Move `amount` fen. The entry is named for its kind and cause: posting it twice raises IntegrityError."""
    entry_id = f"{kind}:{cause}"
    lines = [
        {"entry_id": entry_id, "account": debit, "amount": amount},
        {"entry_id": entry_id, "account": credit, "amount": -amount},
    ]
    entry = {
        "id": entry_id,
        "kind": kind,
        "order_id": intent.order_id if intent else "",
        "hospital_id": intent.hospital_id if intent else "",
        "created_at": tx.now,
    }
    tx.conn.execute(_insert_lines, lines)
    tx.conn.execute(_insert_entry, entry)


def has(conn: sa.Connection, entry_id: str) -> bool:
    """True if this entry is posted."""
    return conn.execute(sa.select(ledger_entries.c.id).where(ledger_entries.c.id == entry_id)).first() is not None


def amount_of(conn: sa.Connection, entry_id: str, account: str) -> int:
    """What an entry moved on an account, debit above zero; 0 without such an entry."""
    lines = ledger_lines.c
    query = sa.select(lines.amount).where(lines.entry_id == entry_id, lines.account == account)
    return conn.execute(query).scalar() or 0


def balances(conn: sa.Connection, hospital_id: str | None = None, before: datetime | None = None) -> dict[str, int]:
    """Fen per account, debit above zero; of one hospital, or of all (None); of what was posted `before`, if that is given."""
    query = sa.select(ledger_lines.c.account, _fen(ledger_lines.c.amount)).group_by(ledger_lines.c.account)
    if hospital_id is not None or before is not None:
        query = query.join(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id).where(
            _of(hospital_id), Span(end=before).holds(ledger_entries.c.created_at)
        )
    return dict(conn.execute(query.order_by(ledger_lines.c.account)).all())


def by_day(conn: sa.Connection, hospital_id: str | None, span: Span) -> list[AccountDay]:
    """Each account's days within the span on which something moved, in the order of days and accounts."""
    running = balances(conn, hospital_id, before=span.start) if span.start else {}
    day, amount = _beijing_day(conn), ledger_lines.c.amount
    query = (
        sa.select(
            day.label("day"),
            ledger_lines.c.account,
            _fen(sa.case((amount > 0, amount), else_=0)).label("debit"),
            _fen(sa.case((amount < 0, -amount), else_=0)).label("credit"),
        )
        .join(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id)
        .where(_of(hospital_id), span.holds(ledger_entries.c.created_at))
        .group_by(day, ledger_lines.c.account)
        .order_by(day, ledger_lines.c.account)
    )
    found = []
    for row in conn.execute(query):
        opening = running.get(row.account, 0)
        running[row.account] = opening + row.debit - row.credit
        found.append(AccountDay(date.fromisoformat(str(row.day)), row.account, opening, row.debit, row.credit))
    return found


def _fen(amount: Any) -> sa.ColumnElement[int]:
    """A sum: PostgreSQL would make it a decimal."""
    return sa.cast(sa.func.sum(amount), sa.BigInteger)


def _of(hospital_id: str | None) -> sa.ColumnElement[bool]:
    return sa.true() if hospital_id is None else ledger_entries.c.hospital_id == hospital_id


def _beijing_day(conn: sa.Connection) -> sa.ColumnElement[Any]:
    """The day of an entry. Beijing knows no summer time."""
    at = ledger_entries.c.created_at
    if conn.dialect.name == "sqlite":
        return sa.func.date(at, sa.text("'+8 hours'"))
    return sa.cast(sa.func.timezone(sa.text("'Asia/Shanghai'"), at), sa.Date)


def entries(
    conn: sa.Connection,
    *,
    hospital_id: str | None,
    order_id: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
    span: Span | None = None,
) -> Sequence[Entry]:
    """Entries with their lines, oldest first, `limit` + 1 of them at most."""
    e = ledger_entries.c
    query = sa.select(ledger_entries).where(_of(hospital_id)).order_by(e.created_at, e.id).limit(limit + 1)
    if order_id is not None:
        query = query.where(e.order_id == order_id)
    if span is not None:
        query = query.where(span.holds(e.created_at))
    if after is not None:
        query = query.where(e.created_at >= after[0], sa.or_(e.created_at > after[0], e.id > after[1]))
    rows = conn.execute(query).all()
    lines: dict[str, list[tuple[str, int]]] = {row.id: [] for row in rows}
    of_these = sa.select(ledger_lines).where(ledger_lines.c.entry_id.in_(lines)).order_by(ledger_lines.c.amount.desc())
    for line in conn.execute(of_these):
        lines[line.entry_id].append((line.account, line.amount))
    return [
        Entry(row.id, row.kind, row.order_id, row.hospital_id, row.created_at, tuple(lines[row.id])) for row in rows
    ]


def unbalanced(conn: sa.Connection) -> list[str]:
    """The ids of entries whose lines do not sum to zero: none, or something is very wrong."""
    query = (
        sa.select(ledger_lines.c.entry_id)
        .outerjoin(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id)
        .group_by(ledger_lines.c.entry_id)
        .having(sa.or_(sa.func.sum(ledger_lines.c.amount) != 0, sa.func.count(ledger_entries.c.id) == 0))
    )
    return list(conn.execute(query).scalars())
