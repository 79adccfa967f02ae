"""booking-svc's tables and queries."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import Message, SessionFacts, Visit
from common.outbox import Database, Tx, UtcDateTime
from common.outbox.tables import timers
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text

from booking_svc.domain import FINAL, GIVEN_BACK, IN_FLIGHT, Order, State

metadata = MetaData()

WINDOW = "payment_window"
"""The kind of the timers that end the payment windows; keyed by the order."""


def _among(states: Iterable[State]) -> sa.TextClause:
    """A condition in constants, so that the planner sees that a partial index serves it."""
    return sa.text("state IN ({})".format(", ".join(f"'{s}'" for s in sorted(states))))


_watched = _among(IN_FLIGHT | {State.WAITLISTED})
_unreleased = sa.and_(_among(GIVEN_BACK), sa.text("NOT released"))
_keyed = sa.text("idempotency_key IS NOT NULL")

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("slot_id", Text),
    Column("join_waitlist", Boolean, nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ({})".format(", ".join(f"'{s}'" for s in State)), name="state"),
        nullable=False,
    ),
    Column("reason", Text),
    Column("cause", Text),
    Column("fee", Integer),
    Column("queue_number", Integer),
    Column("visit", Text),
    Column("waitlist_position", Integer),
    Column("pay_before", UtcDateTime),
    Column("cancel_before", UtcDateTime),
    Column("paid", BigInteger, nullable=False, server_default="0"),
    Column("refunded", BigInteger, nullable=False, server_default="0"),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("released", Boolean, nullable=False, server_default=sa.false()),
    Column("idempotency_key", Text),
    Column("request_hash", Text),
    CheckConstraint("refunded <= paid", name="refunded_of_paid"),
    Index("orders_of_account", "account_id", "placed_at", "id"),
    Index(
        "orders_once_per_key",
        "account_id",
        "idempotency_key",
        unique=True,
        postgresql_where=_keyed,
        sqlite_where=_keyed,
    ),
    Index("orders_watched", "updated_at", postgresql_where=_watched, sqlite_where=_watched),
    Index("orders_unreleased", "updated_at", postgresql_where=_unreleased, sqlite_where=_unreleased),
)

history = Table(
    "order_history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("event", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("facts", Text, nullable=False),
)
"""What schedule-svc has told of its sessions: enough to refuse at once what it would refuse."""

patients = Table(
    "patients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("masked_name", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
)

_STORED = [f.name for f in fields(Order) if f.name != "history"]
_CHANGING = [
    "slot_id", "state", "reason", "cause", "fee", "queue_number", "visit", "waitlist_position",
    "pay_before", "cancel_before", "paid", "refunded", "updated_at",
]  # fmt: skip
_columns = [orders.c[name] for name in _STORED]
_decode_visit = msgspec.json.Decoder(Visit).decode
_decode_facts = msgspec.json.Decoder(SessionFacts).decode
_encode = msgspec.json.Encoder().encode


def _order(row: Any) -> Order:
    order = Order(*row)
    order.state = State(order.state)
    order.visit = _decode_visit(order.visit) if order.visit else None  # type: ignore[arg-type]
    return order


def _row(order: Order, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(order, name) for name in names}
    if order.visit is not None and "visit" in values:
        values["visit"] = _encode(order.visit).decode()
    return values


def lock_orders(tx: Tx, ids: Iterable[str]) -> dict[str, Order]:
    """These orders, locked until the commit. In the order of their ids, so that two who lock many never deadlock."""
    wanted = sorted(set(ids))
    rows: Any
    if tx.postgres:
        rows = tx.conn.exec_driver_sql(_LOCK, {"ids": wanted})
    else:
        rows = tx.conn.execute(_lock_sqlite, {"ids": wanted})
    return {row.id: _order(row) for row in rows}


# One text for any number of ids, so that it stays prepared; LATERAL looks each up by its index, where "= ANY" is planned as a
# scan while the table is new and small, and that plan is kept.
_LOCK = (
    f"SELECT o.* FROM unnest(%(ids)s::text[]) AS wanted (id) CROSS JOIN LATERAL"  # noqa: S608  names of ours
    f" (SELECT {', '.join(_STORED)} FROM orders WHERE orders.id = wanted.id LIMIT 1 FOR UPDATE) AS o"
)
_lock_sqlite = sa.select(*_columns).where(orders.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(orders.c.id)


def lock_orders_of_session(tx: Tx, session_id: str) -> dict[str, Order]:
    """The orders of a session that have not ended, locked."""
    query = (
        sa.select(*_columns)
        .where(orders.c.session_id == session_id, orders.c.state.not_in(sorted(FINAL)))
        .order_by(orders.c.id)
        .with_for_update()
    )
    return {row.id: _order(row) for row in tx.conn.execute(query)}


def lock_overdue(tx: Tx, states: Iterable[State], before: datetime, limit: int) -> list[Order]:
    """Orders that have been in one of these states since `before`; those that somebody works on are skipped."""
    return _lock_untouched(tx, _among(states), before, limit)


def lock_unreleased(tx: Tx, before: datetime, limit: int) -> list[Order]:
    """Orders that gave their number back before `before`, which schedule-svc has not confirmed."""
    return _lock_untouched(tx, _unreleased, before, limit)


def _lock_untouched(tx: Tx, condition: Any, before: datetime, limit: int) -> list[Order]:
    query = (
        sa.select(*_columns)
        .where(condition, orders.c.updated_at < before)
        .order_by(orders.c.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_order(row) for row in tx.conn.execute(query)]


def mark_released(tx: Tx, order_ids: Sequence[str]) -> None:
    """Note that schedule-svc has these orders' numbers back."""
    tx.conn.execute(sa.update(orders).where(orders.c.id.in_(sorted(set(order_ids)))).values(released=True))


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


_PLACED = ("id", "account_id", "patient_id", "session_id", "slot_id", "join_waitlist", "placed_at", "updated_at")
_PLACE = (
    "INSERT INTO orders (id, account_id, patient_id, session_id, slot_id, join_waitlist, placed_at, updated_at,"
    " state, idempotency_key, request_hash)"
    " SELECT %(id)s, %(account_id)s, %(patient_id)s, %(session_id)s, %(slot_id)s, %(join_waitlist)s, %(placed_at)s,"
    " %(updated_at)s, %(state)s, %(idempotency_key)s, %(request_hash)s"
    " WHERE NOT EXISTS (SELECT 1 FROM patients WHERE id = %(patient_id)s AND removed)"
)


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


def touch(tx: Tx, order_ids: Sequence[str]) -> None:
    """Note that these orders were looked after now."""
    tx.conn.execute(sa.update(orders).where(orders.c.id.in_(order_ids)).values(updated_at=tx.now))


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


def save_sessions(tx: Tx, facts: Sequence[SessionFacts]) -> None:
    """Keep the newest word on each session: an older revision never overwrites."""
    newest = {f.session_id: f for f in sorted(facts, key=lambda f: f.revision)}
    rows = [{"id": f.session_id, "revision": f.revision, "facts": _encode(f).decode()} for f in newest.values()]
    tx.conn.execute(_save_session, rows)


_save_session = sa.text(
    "INSERT INTO sessions (id, revision, facts) VALUES (:id, :revision, :facts) ON CONFLICT (id) DO UPDATE"
    " SET revision = excluded.revision, facts = excluded.facts WHERE sessions.revision < excluded.revision"
)


def get_session(conn: sa.Connection, session_id: str) -> SessionFacts | None:
    facts = conn.execute(_session_by_id, {"session_id": session_id}).scalar()
    return None if facts is None else _decode_facts(facts)


_session_by_id = sa.select(sessions.c.facts).where(sessions.c.id == sa.bindparam("session_id"))


def save_patients(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Keep the newest word on each patient."""
    newest = {row["id"]: row for row in sorted(rows, key=lambda row: row["revision"])}
    tx.conn.execute(_save_patient, list(newest.values()))


_save_patient = sa.text(
    "INSERT INTO patients (id, account_id, revision, masked_name, removed)"
    " VALUES (:id, :account_id, :revision, :masked_name, :removed) ON CONFLICT (id) DO UPDATE"
    " SET revision = excluded.revision, masked_name = excluded.masked_name, removed = excluded.removed"
    " WHERE patients.revision < excluded.revision"
)


def masked_names(conn: sa.Connection, patient_ids: Iterable[str]) -> dict[str, str]:
    query = sa.select(patients.c.id, patients.c.masked_name).where(patients.c.id.in_(sorted(set(patient_ids))))
    return {row.id: row.masked_name for row in conn.execute(query)}


def audit_figures(conn: sa.Connection) -> dict[str, Any]:
    """What the audit compares: every order with its state and money (fen), and the payment windows that will end."""
    query = sa.select(
        orders.c.id,
        orders.c.state,
        orders.c.fee,
        orders.c.paid,
        orders.c.refunded,
        orders.c.session_id,
        orders.c.updated_at,
    )
    windows = sa.select(timers.c.key).where(timers.c.kind == WINDOW)
    return {
        "orders": [dict(row._mapping) for row in conn.execute(query)],  # noqa: SLF001  SQLAlchemy's public name for it
        "windows": list(conn.execute(windows).scalars()),
    }
