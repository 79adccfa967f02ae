"""Visits: locked and written under the locks of their queues, and read by whoever shows them.

The order of locks: orders (by ids), queues (by ids), visits (by ids). Who holds a visit's order may change it as long as it is
`expected` or has ended, by lock_visits alone: nobody checks in, or is let in again, without the order. Everything else that
changes a visit holds its queue: lock_lines.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import Visit
from common.outbox import Tx
from sqlalchemy.dialects import postgresql, sqlite

from booking_svc.clinic.line import Place
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.visits import ClinicVisit, Move, VisitState
from booking_svc.store.clinic_tables import visit_moves, visits
from booking_svc.store.queues import lock_queue
from booking_svc.store.tables import among

_STORED = [f.name for f in fields(ClinicVisit) if f.name != "history"]
_FIXED = {"id", "session_id", "order_id", "account_id", "patient_id", "hospital_id"}
_CHANGING = [name for name in _STORED if name not in _FIXED]
_columns = [visits.c[name] for name in _STORED]
_encode = msgspec.json.Encoder().encode
_decode_facts = msgspec.json.Decoder(dict[str, Any]).decode
_DOCUMENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "visit": msgspec.json.Decoder(Visit),
    "place": msgspec.json.Decoder(Place),
}
_STATE = _STORED.index("state")
_PARTS = [(_STORED.index(name), decoder) for name, decoder in _DOCUMENTS.items()]


def visit_id_of(order_id: str) -> str:
    """The visit of an order."""
    return "vis_" + order_id.partition("_")[2]


def _visit(row: Sequence[Any]) -> ClinicVisit:
    values = list(row)
    values[_STATE] = VisitState(values[_STATE])
    for at, decoder in _PARTS:
        values[at] = decoder.decode(values[at]) if values[at] else None
    return ClinicVisit(*values)


def _row(visit: ClinicVisit, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(visit, name) for name in names}
    for name in _DOCUMENTS:
        values[name] = _encode(values[name]).decode() if values[name] else None
    return values


# --- locking ---------------------------------------------------------------------------------------------------------


def lock_visits(tx: Tx, visit_ids: Iterable[str]) -> dict[str, ClinicVisit]:
    """These visits, locked until the commit, without their queues: see above for what that allows."""
    query = sa.select(*_columns).where(visits.c.id.in_(sorted(set(visit_ids)))).order_by(visits.c.id).with_for_update()
    return {row.id: _visit(row) for row in tx.conn.execute(query)}


@dataclass(frozen=True, slots=True)
class Lines:
    """Locked visits, and the locked queues in which they stand."""

    visits: dict[str, ClinicVisit]
    queues: dict[str, Queue]


def lock_lines(tx: Tx, visit_ids: Collection[str], also: Iterable[str] = ()) -> Lines:
    """Visits with the queues in which they stand, and the queues in `also`, all locked until the commit. The visits' orders, if
    they are to move, are locked before. Visits that are not there are not in the answer.

    A visit that is transferred while we wait for its queue stands in another one then: the locks that were taken here are given
    back, and all is done again.
    """
    also = set(also)
    while True:
        seen = visits_by_ids(tx.conn, visit_ids)
        stand_in = {visit.queue_id: visit for visit in seen.values()}
        attempt = tx.conn.begin_nested()
        queues = {q: lock_queue(tx, q, stand_in.get(q)) for q in sorted(stand_in.keys() | also)}
        locked = lock_visits(tx, visit_ids)
        if all(visit.queue_id in queues for visit in locked.values()):
            attempt.commit()
            return Lines(locked, queues)
        attempt.rollback()


# --- writing ---------------------------------------------------------------------------------------------------------


def insert_visits(tx: Tx, new: Sequence[ClinicVisit]) -> list[str]:
    """Store visits that may be there already; answers the ids of those that were not, whose steps are kept too."""
    once = {v.id: v for v in new}
    rows = [
        {**_row(v, _STORED), "starts_at": v.visit.starts_at, "updated_at": v.updated_at or tx.now}
        for v in once.values()
    ]
    if not rows:
        return []
    fresh: set[str]
    if tx.postgres:
        fresh = set(tx.conn.exec_driver_sql(_INSERT_VISITS, {"rows": _encode(rows).decode()}).scalars())
    else:
        fresh = set(tx.conn.scalars(_insert_sqlite, rows))
    _keep_steps(tx, [v for v in once.values() if v.id in fresh])
    return sorted(fresh)


_insert_sqlite = sqlite.insert(visits).on_conflict_do_nothing(index_elements=["id"]).returning(visits.c.id)
_TYPES = {c.name: c.type.compile(postgresql.dialect()) for c in visits.columns}  # type: ignore[no-untyped-call]  # of SQLAlchemy
# one JSON document: orders are confirmed fifty at once, and this is written with them
_INSERT_VISITS = (
    f"INSERT INTO visits ({', '.join(_TYPES)}) SELECT {', '.join(_TYPES)} FROM json_to_recordset(%(rows)s::json)"  # noqa: S608  names of ours
    f" AS new ({', '.join(f'{name} {kind}' for name, kind in _TYPES.items())}) ON CONFLICT (id) DO NOTHING RETURNING id"
)


def save_visits(tx: Tx, changed: Sequence[ClinicVisit]) -> None:
    """Write back locked visits, and what happened to them."""
    # who leaves a desk before who takes it: a desk has one visitor at every moment
    rows = [{"visit_id": v.id, "starts_at": v.visit.starts_at, **_row(v, _CHANGING)} for v in _leaving_first(changed)]
    if rows:
        tx.conn.execute(_update_visit, rows)
    _keep_steps(tx, changed)


def _leaving_first(changed: Sequence[ClinicVisit]) -> list[ClinicVisit]:
    return sorted(changed, key=lambda v: v.state == VisitState.CALLED)


_update_visit = (
    sa.update(visits)
    .where(visits.c.id == sa.bindparam("visit_id"))
    .values({name: sa.bindparam(name) for name in (*_CHANGING, "starts_at")})
)


def _keep_steps(tx: Tx, changed: Sequence[ClinicVisit]) -> None:
    rows = [
        {
            "visit_id": v.id,
            "queue_id": v.queue_id,
            "at": step.at,
            "move": step.move,
            "state": step.state,
            "by": step.by,
            "why": step.why,
            "facts": _encode(step.facts).decode() if step.facts else None,
        }
        for v in changed
        for step in v.history
    ]
    if rows:
        tx.conn.execute(sa.insert(visit_moves), rows)
    for v in changed:
        v.history.clear()


# --- reading ---------------------------------------------------------------------------------------------------------


def get_visit(conn: sa.Connection, visit_id: str) -> ClinicVisit | None:
    row = conn.execute(_by_id, {"visit_id": visit_id}).one_or_none()
    return None if row is None else _visit(row)


_by_id = sa.select(*_columns).where(visits.c.id == sa.bindparam("visit_id"))


def visits_by_ids(conn: sa.Connection, visit_ids: Collection[str]) -> dict[str, ClinicVisit]:
    query = sa.select(*_columns).where(visits.c.id.in_(sorted(set(visit_ids))))
    return {row.id: _visit(row) for row in conn.execute(query)}


def visits_of_orders(conn: sa.Connection, order_ids: Collection[str]) -> dict[str, ClinicVisit]:
    """By their orders."""
    query = sa.select(*_columns).where(visits.c.order_id.in_(sorted(set(order_ids))))
    return {row.order_id: _visit(row) for row in conn.execute(query)}


def visits_of_queue(conn: sa.Connection, queue_id: str, states: Collection[VisitState]) -> list[ClinicVisit]:
    """Who stands in a queue in one of these states, by no order: clinic.line.in_order makes a line of them."""
    query = sa.select(*_columns).where(visits.c.queue_id == queue_id, among(states))
    return [_visit(row) for row in conn.execute(query)]


def list_visits_of_account(
    conn: sa.Connection,
    account_id: str,
    limit: int,
    after: Sequence[Any] | None = None,
    between: tuple[datetime, datetime] | None = None,
) -> list[ClinicVisit]:
    """An account's visits, the latest first, one more than `limit`. `after`: [starts_at, id] of the last one seen; `between`: of
    these times of arrival, the second excluded.
    """
    query = sa.select(*_columns).where(visits.c.account_id == account_id)
    if between is not None:
        query = query.where(visits.c.starts_at >= between[0], visits.c.starts_at < between[1])
    if after is not None:
        at, visit_id = after
        query = query.where(sa.or_(visits.c.starts_at < at, sa.and_(visits.c.starts_at == at, visits.c.id < visit_id)))
    query = query.order_by(visits.c.starts_at.desc(), visits.c.id.desc()).limit(limit + 1)
    return [_visit(row) for row in conn.execute(query)]


@dataclass(frozen=True, slots=True)
class KeptStep:
    """What happened to a visit, or (`visit_id` None) to a whole queue."""

    visit_id: str | None
    queue_id: str
    at: datetime
    move: str
    state: str
    by: str
    why: str
    facts: Mapping[str, Any]


def moves_of_visit(conn: sa.Connection, visit_id: str) -> list[KeptStep]:
    """What happened to a visit, oldest first."""
    return _steps(conn, visit_moves.c.visit_id == visit_id)


def why_void(conn: sa.Connection, visit_ids: Collection[str]) -> dict[str, str]:
    """Of visits that are void, which they stay: `too_late` or `not_served`."""
    c = visit_moves.c
    query = sa.select(c.visit_id, c.why).where(c.visit_id.in_(sorted(set(visit_ids))), c.move == Move.VOID)
    return {row.visit_id: row.why for row in conn.execute(query)}


def vain_calls(conn: sa.Connection, visit_ids: Collection[str]) -> dict[str, tuple[datetime, Move]]:
    """Of visits whose last call came to nothing: when it was, and whether she was passed or put back."""
    c = visit_moves.c
    turns = [Move.CALL, Move.RECALL, Move.PASS, Move.PUT_BACK]
    query = sa.select(c.visit_id, c.move, c.at).where(c.visit_id.in_(sorted(set(visit_ids))), c.move.in_(turns))
    called: dict[str, datetime] = {}
    vain: dict[str, tuple[datetime, Move]] = {}
    for row in conn.execute(query.order_by(c.id)):
        if row.move in (Move.CALL, Move.RECALL):
            called[row.visit_id] = row.at
            vain.pop(row.visit_id, None)
        else:
            vain[row.visit_id] = called[row.visit_id], Move(row.move)
    return vain


def calls_since_back(conn: sa.Connection, queue_id: str, visit_id: str) -> int:
    """How often anybody was called in a queue since a visit came back to it from an examination."""
    c = visit_moves.c
    back = sa.select(sa.func.max(c.id)).where(c.visit_id == visit_id, c.move == Move.COME_BACK).scalar_subquery()
    query = sa.select(sa.func.count()).where(c.queue_id == queue_id, c.move == Move.CALL, c.id > back)
    return int(conn.execute(query).scalar_one())


def moves_of_queue(conn: sa.Connection, queue_id: str) -> list[KeptStep]:
    """What happened in a queue, to it and to its visits, oldest first."""
    return _steps(conn, visit_moves.c.queue_id == queue_id)


def _steps(conn: sa.Connection, of: sa.ColumnElement[bool]) -> list[KeptStep]:
    names = [f.name for f in fields(KeptStep)]
    query = sa.select(*(visit_moves.c[name] for name in names)).where(of).order_by(visit_moves.c.id)
    return [
        KeptStep(**{**row._asdict(), "facts": _decode_facts(row.facts) if row.facts else {}})
        for row in conn.execute(query)
    ]
