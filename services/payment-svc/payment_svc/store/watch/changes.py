"""Where to look next: what changed since the last look, and the next slice of everything. Each by a cursor of time and id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from payment_svc.store.tables import bills, callbacks, facts, intents, ledger_entries

Cursor = tuple[datetime, str]

_SOURCES: dict[str, tuple[Any, Any, Any]] = {
    "intents": (intents.c.updated_at, intents.c.order_id, intents.c.order_id),
    "facts": (facts.c.recorded_at, facts.c.id, facts.c.order_id),
    "entries": (ledger_entries.c.created_at, ledger_entries.c.id, ledger_entries.c.order_id),
    "callbacks": (callbacks.c.received_at, callbacks.c.id, callbacks.c.id),
}
"""What tells of changes: its time, its id, and what has changed."""
ORDERS = ("intents", "facts", "entries")
"""The sources that tell of orders."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback as it was kept."""

    id: str
    provider: str
    kind: str
    number: str
    headers: str
    body: bytes
    received_at: datetime


def changed(conn: sa.Connection, source: str, after: Cursor, until: datetime, limit: int) -> tuple[list[str], Cursor]:
    """What changed since the cursor, `limit` of it at most, and the next cursor."""
    at, key, what = _SOURCES[source]
    query = sa.select(at, key, what).where(at >= after[0], sa.or_(at > after[0], key > after[1]), at <= until)
    rows = conn.execute(query.order_by(at, key).limit(limit)).all()
    return [row[2] or "" for row in rows], (rows[-1][0], rows[-1][1]) if rows else after


def orders_after(conn: sa.Connection, order_id: str, limit: int) -> Sequence[str]:
    """The next orders, by their ids."""
    query = sa.select(intents.c.order_id).where(intents.c.order_id > order_id)
    return conn.execute(query.order_by(intents.c.order_id).limit(limit)).scalars().all()


def closed_bills(conn: sa.Connection, *, since: datetime | None = None) -> list[tuple[str, date]]:
    """The days that are closed: all of them, or those that were written since then. There are few bills."""
    query = sa.select(bills.c.provider, bills.c.day).where(bills.c.state == "closed")
    if since is not None:
        query = query.where(bills.c.updated_at >= since)
    return [(row.provider, row.day) for row in conn.execute(query)]


def callbacks_named(conn: sa.Connection, callback_ids: Sequence[str]) -> list[Callback]:
    """The callbacks of these ids that took effect."""
    query = sa.select(callbacks).where(callbacks.c.id.in_(callback_ids), callbacks.c.state == "applied")
    return [
        Callback(r.id, r.provider, r.kind, r.number, r.headers, bytes(r.body), r.received_at)
        for r in conn.execute(query)
    ]


def has_fact(conn: sa.Connection, callback: Callback) -> bool:
    """True if there is a fact of what was called back about."""
    query = sa.select(facts.c.id).where(
        facts.c.provider == callback.provider, facts.c.number == callback.number, facts.c.kind == callback.kind
    )
    return conn.execute(query.limit(1)).first() is not None
