"""Orders: locked and written by the saga, and read by their owners."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import Message, SlotEntered, Substitute, Visit
from common.outbox import Database, Tx

from booking_svc.domain import FINAL, Order, State
from booking_svc.store.tables import among, entered, history, orders, succeeding, unreleased

_STORED = [f.name for f in fields(Order) if f.name != "history"]
_FIXED = {
    "id", "account_id", "patient_id", "session_id", "join_waitlist", "auto_book", "voucher", "replaces", "substitute",
    "placed_at",
}  # fmt: skip
_CHANGING = [name for name in _STORED if name not in _FIXED]
_columns = [orders.c[name] for name in _STORED]
_encode = msgspec.json.Encoder().encode
_DOCUMENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "visit": msgspec.json.Decoder(Visit),
    "entry": msgspec.json.Decoder(SlotEntered),
    "substitutes": msgspec.json.Decoder(tuple[Substitute, ...]),
}
"""Columns that hold JSON. An empty one is NULL."""
_PARTS = [(_STORED.index(name), name) for name in _DOCUMENTS]
_EMPTY: dict[str, Any] = {"visit": None, "entry": None, "substitutes": ()}
_STATE = _STORED.index("state")


def _order(row: Sequence[Any]) -> Order:
    values = list(row)
    values[_STATE] = State(values[_STATE])
    for at, name in _PARTS:
        values[at] = _DOCUMENTS[name].decode(values[at]) if values[at] else _EMPTY[name]
    return Order(*values)


def _row(order: Order, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in names}
    for name in _DOCUMENTS:
        if name in values:
            values[name] = _encode(values[name]).decode() if values[name] else None
    return values


# --- locking ---------------------------------------------------------------------------------------------------------


def lock_orders(tx: Tx, ids: Iterable[str]) -> dict[str, Order]:
    """These orders, locked until the commit. In the order of their ids, so that two who lock many never deadlock."""
    return _lock(tx, ids, _LOCK, _lock_sqlite)


def lock_pairs(tx: Tx, ids: Iterable[str]) -> dict[str, Order]:
    """As lock_orders, together with the orders that these replace."""
    return _lock(tx, ids, _LOCK_PAIRS, _lock_pairs_sqlite)


def _lock(tx: Tx, ids: Iterable[str], statement: str, sqlite: sa.Select[Any]) -> dict[str, Order]:
    wanted = {"ids": sorted(set(ids))}
    rows: Any = tx.conn.exec_driver_sql(statement, wanted) if tx.postgres else tx.conn.execute(sqlite, wanted)
    return {row.id: _order(row) for row in rows}


# One text for any number of ids, so that it stays prepared; LATERAL looks each up by its index, where "= ANY" is planned as a
# scan while the table is new and small, and that plan is kept. Which order one replaces never changes, so it is read unlocked.
_WANTED = "SELECT wanted.id FROM unnest(%(ids)s::text[]) AS wanted (id)"
_WANTED_PAIRS = (
    f"{_WANTED} UNION SELECT old.id FROM unnest(%(ids)s::text[]) AS wanted (id) CROSS JOIN LATERAL"  # noqa: S608  names of ours
    " (SELECT replaces AS id FROM orders WHERE orders.id = wanted.id LIMIT 1) AS old"
    " WHERE old.id IS NOT NULL ORDER BY id"
)
_EACH = (
    f"CROSS JOIN LATERAL (SELECT {', '.join(_STORED)} FROM orders WHERE orders.id = wanted.id LIMIT 1 FOR UPDATE) AS o"  # noqa: S608  likewise
)
_LOCK, _LOCK_PAIRS = (f"SELECT o.* FROM ({wanted}) AS wanted (id) {_EACH}" for wanted in (_WANTED, _WANTED_PAIRS))  # noqa: S608  likewise
_ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_replaced = sa.select(orders.c.replaces).where(orders.c.id.in_(_ids), orders.c.replaces.is_not(None))
_lock_sqlite = sa.select(*_columns).where(orders.c.id.in_(_ids)).order_by(orders.c.id)
_lock_pairs_sqlite = (
    sa.select(*_columns).where(sa.or_(orders.c.id.in_(_ids), orders.c.id.in_(_replaced))).order_by(orders.c.id)
)


def lock_orders_of_sessions(tx: Tx, session_ids: Collection[str]) -> dict[str, Order]:
    """The orders of these sessions that have not ended, and those that are about to take their places, locked."""
    alive = sa.select(orders.c.id).where(
        orders.c.session_id.in_(sorted(session_ids)), orders.c.state.not_in(sorted(FINAL))
    )
    return lock_orders(tx, [*tx.conn.scalars(alive), *_heirs_of(tx.conn, alive)])


def lock_orders_of_account(tx: Tx, account_id: str) -> dict[str, Order]:
    """The orders of an account that have not ended, locked; what is about to take another's place is among them."""
    alive = sa.select(orders.c.id).where(orders.c.account_id == account_id, orders.c.state.not_in(sorted(FINAL)))
    return lock_orders(tx, tx.conn.scalars(alive).all())


def lock_with_heirs(tx: Tx, ids: Sequence[str]) -> dict[str, Order]:
    """As lock_orders, together with the orders that are about to take the places of these."""
    return lock_orders(tx, [*ids, *_heirs_of(tx.conn, ids)])


def _heirs_of(conn: sa.Connection, replaced: Sequence[str] | sa.Select[tuple[str]]) -> Sequence[str]:
    """Read before all are locked in one order: who is placed in between has no number yet, and goes on alone."""
    return conn.scalars(sa.select(orders.c.id).where(succeeding, orders.c.replaces.in_(replaced))).all()


def lock_overdue(tx: Tx, states: Iterable[State], before: datetime, limit: int) -> list[Order]:
    """Orders that have been in one of these states since `before`; those that somebody works on are skipped."""
    return _lock_untouched(tx, among(states), before, limit, orders.c.updated_at)


def lock_undrawn(tx: Tx, before: datetime, limit: int) -> list[Order]:
    """Orders that are still entered in a draw that was due before `before`."""
    return _lock_untouched(tx, sa.and_(entered, orders.c.draw_at < before), before, limit, orders.c.draw_at)


def lock_unreleased(tx: Tx, before: datetime, limit: int) -> list[Order]:
    """Orders that gave their number back before `before`, which schedule-svc has not confirmed."""
    return _lock_untouched(tx, unreleased, before, limit, orders.c.updated_at)


def _lock_untouched(tx: Tx, condition: Any, before: datetime, limit: int, oldest: Any) -> list[Order]:
    query = (
        sa.select(*_columns)
        .where(condition, orders.c.updated_at < before)
        .order_by(oldest)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_order(row) for row in tx.conn.execute(query)]


# --- writing ---------------------------------------------------------------------------------------------------------


def mark_released(tx: Tx, order_ids: Sequence[str]) -> None:
    """Note that schedule-svc has these orders' numbers back."""
    tx.conn.execute(sa.update(orders).where(orders.c.id.in_(sorted(set(order_ids)))).values(released=True))


def touch(tx: Tx, order_ids: Sequence[str]) -> None:
    """Note that these orders were looked after now."""
    tx.conn.execute(sa.update(orders).where(orders.c.id.in_(order_ids)).values(updated_at=tx.now))


_update_order = (
    sa.update(orders)
    .where(orders.c.id == sa.bindparam("order_id"))
    .values({name: sa.bindparam(name) for name in _CHANGING})
)
_insert_history = sa.insert(history)
# Both in one statement: an order and what happened to it.
_MOVE = (
    f"WITH moved AS (UPDATE orders SET {', '.join(f'{name} = %({name})s' for name in _CHANGING)} WHERE id = %(order_id)s)"  # noqa: S608  names of ours
    " INSERT INTO order_history (order_id, at, state, event) SELECT %(order_id)s, step.*"
    " FROM json_to_recordset(%(steps)s::json) AS step (at timestamptz, state text, event text)"
)


def place(
    database: Database, order: Order, key: str | None, request_hash: str | None, messages: Sequence[Message]
) -> bool:
    """Store a new order and send what it causes. False if its patient has been removed.

    Raises IntegrityError when the account has used this Idempotency-Key before.
    """
    values = {name: getattr(order, name) for name in _PLACED}
    return database.insert_with_messages(
        _PLACE, {**values, "state": str(order.state), "idempotency_key": key, "request_hash": request_hash}, messages
    )


_PLACED = (
    "id", "account_id", "patient_id", "session_id", "slot_id", "join_waitlist", "auto_book", "voucher", "placed_at",
    "updated_at",
)  # fmt: skip
_ALL_PLACED = (*_PLACED, "state", "idempotency_key", "request_hash")
_PLACE = (
    f"INSERT INTO orders ({', '.join(_ALL_PLACED)}) SELECT {', '.join(f'%({name})s' for name in _ALL_PLACED)}"  # noqa: S608  names of ours
    " WHERE NOT EXISTS (SELECT 1 FROM patients WHERE id = %(patient_id)s AND removed)"
)


def insert_successor(tx: Tx, order: Order) -> None:
    """Store a new order that is to take another's place. Raises IntegrityError if another one is about to."""
    tx.conn.execute(
        sa.insert(orders).values({name: getattr(order, name) for name in _SUCCESSOR} | {"state": order.state})
    )


_SUCCESSOR = (*_PLACED, "replaces", "substitute")


def save_orders(tx: Tx, changed: Sequence[Order]) -> None:
    """Write back changed orders and what happened to them."""
    if not changed:
        return
    rows = [{"order_id": o.id, **_row(o, _CHANGING)} for o in changed]
    steps = [[{"at": at, "state": state, "event": event} for at, state, event in o.history] for o in changed]
    if tx.postgres:
        moves = [
            row | {"state": str(row["state"]), "steps": _encode(s).decode()} for row, s in zip(rows, steps, strict=True)
        ]
        tx.conn.exec_driver_sql(_MOVE, moves if len(moves) > 1 else moves[0])
    else:
        tx.conn.execute(_update_order, rows)
        if flat := [step | {"order_id": o.id} for o, taken in zip(changed, steps, strict=True) for step in taken]:
            tx.conn.execute(_insert_history, flat)
    for order in changed:
        order.history.clear()


# --- reading ---------------------------------------------------------------------------------------------------------


def get_order(conn: sa.Connection, order_id: str) -> Order | None:
    row = conn.execute(_by_id, {"order_id": order_id}).one_or_none()
    return None if row is None else _order(row)


_by_id = sa.select(*_columns).where(orders.c.id == sa.bindparam("order_id"))


def get_state(conn: sa.Connection, order_id: str) -> State:
    return State(conn.execute(_state_by_id, {"order_id": order_id}).scalar_one())


_state_by_id = sa.select(orders.c.state).where(orders.c.id == sa.bindparam("order_id"))


def get_order_by_key(conn: sa.Connection, account_id: str, key: str) -> tuple[Order, str] | None:
    """The order that was placed under an Idempotency-Key, and the hash of its request."""
    query = sa.select(orders.c.request_hash, *_columns).where(
        orders.c.account_id == account_id, orders.c.idempotency_key == key
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else (_order(row[1:]), row[0])


def successor_of(conn: sa.Connection, order_id: str) -> str | None:
    """The order that is about to take this one's place: at most one. Stays true while this order is locked."""
    found: str | None = conn.execute(sa.select(orders.c.id).where(succeeding, orders.c.replaces == order_id)).scalar()
    return found


def get_history(conn: sa.Connection, order_ids: Sequence[str]) -> dict[str, list[tuple[datetime, str, str]]]:
    """What happened to orders, oldest first, without their placing."""
    query = sa.select(history).where(history.c.order_id.in_(order_ids)).order_by(history.c.id)
    found: dict[str, list[tuple[datetime, str, str]]] = {order_id: [] for order_id in order_ids}
    for row in conn.execute(query):
        found[row.order_id].append((row.at, row.state, row.event))
    return found


def list_orders(
    conn: sa.Connection, account_id: str, state: str | None, limit: int, after: Sequence[Any] | None
) -> list[Order]:
    """An account's orders, newest first, one more than `limit`. `after`: [placed_at, id] of the last one seen."""
    query = sa.select(*_columns).where(orders.c.account_id == account_id)
    if state is not None:
        query = query.where(orders.c.state == state)
    if after is not None:
        placed_at, order_id = after
        query = query.where(
            sa.or_(orders.c.placed_at < placed_at, sa.and_(orders.c.placed_at == placed_at, orders.c.id < order_id))
        )
    query = query.order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(limit + 1)
    return [_order(row) for row in conn.execute(query)]
