"""The ledger: balanced double entries in integer fen, written once and never changed. Debit above zero, credit below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    created_at: datetime
    lines: tuple[tuple[str, int], ...]


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


def balances(conn: sa.Connection, hospital_id: str | None = None) -> dict[str, int]:
    """Fen per account, debit above zero; of one hospital, or of all (None)."""
    query = sa.select(ledger_lines.c.account, sa.cast(sa.func.sum(ledger_lines.c.amount), sa.BigInteger)).group_by(
        ledger_lines.c.account
    )
    if hospital_id is not None:
        query = query.join(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id).where(
            ledger_entries.c.hospital_id == hospital_id
        )
    return dict(conn.execute(query.order_by(ledger_lines.c.account)).all())


def entries(
    conn: sa.Connection,
    *,
    hospital_id: str | None,
    order_id: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Entry]:
    """Entries with their lines, oldest first, `limit` + 1 of them at most."""
    e = ledger_entries.c
    query = sa.select(ledger_entries).order_by(e.created_at, e.id).limit(limit + 1)
    if hospital_id is not None:
        query = query.where(e.hospital_id == hospital_id)
    if order_id is not None:
        query = query.where(e.order_id == order_id)
    if after is not None:
        query = query.where(sa.or_(e.created_at > after[0], sa.and_(e.created_at == after[0], e.id > after[1])))
    rows = conn.execute(query).all()
    lines: dict[str, list[tuple[str, int]]] = {row.id: [] for row in rows}
    of_these = sa.select(ledger_lines).where(ledger_lines.c.entry_id.in_(lines)).order_by(ledger_lines.c.amount.desc())
    for line in conn.execute(of_these):
        lines[line.entry_id].append((line.account, line.amount))
    return [Entry(row.id, row.kind, row.order_id, row.created_at, tuple(lines[row.id])) for row in rows]


def unbalanced(conn: sa.Connection) -> list[str]:
    """The ids of entries whose lines do not sum to zero: none, or something is very wrong."""
    query = (
        sa.select(ledger_lines.c.entry_id)
        .outerjoin(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id)
        .group_by(ledger_lines.c.entry_id)
        .having(sa.or_(sa.func.sum(ledger_lines.c.amount) != 0, sa.func.count(ledger_entries.c.id) == 0))
    )
    return list(conn.execute(query).scalars())
