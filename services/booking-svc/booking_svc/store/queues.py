"""Queues, their desks, and the hospitals' rules of the clinic day. Whoever changes anything in a queue holds its row."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime

import msgspec
import sqlalchemy as sa
from common.errors import NotFound
from common.messages import ClinicRules
from common.outbox import Tx

from booking_svc.clinic.queue import Desk, Queue
from booking_svc.clinic.visits import ClinicVisit
from booking_svc.store.clinic_tables import clinic_rules, desks, queues, visit_moves
from booking_svc.store.projections import get_session

_QUEUE = [f.name for f in fields(Queue) if f.name != "history"]
_DESK = [f.name for f in fields(Desk)]
_encode = msgspec.json.Encoder().encode
_decode_rules = msgspec.json.Decoder(ClinicRules).decode
_queue_by_id = sa.select(*(queues.c[name] for name in _QUEUE)).where(queues.c.session_id == sa.bindparam("queue_id"))
_locked = _queue_by_id.with_for_update()


def get_queue(conn: sa.Connection, queue_id: str) -> Queue | None:
    """As it was left: its `now` is that of its last change."""
    row = conn.execute(_queue_by_id, {"queue_id": queue_id}).one_or_none()
    return None if row is None else Queue(*row)


def lock_queue(tx: Tx, queue_id: str, like: ClinicVisit | None = None) -> Queue:
    """The queue of a session, locked until the commit; made if there is none. Who locks several, does so by ascending ids
    (lock_queues), and after the orders.

    `like`: a visit that stands in it, for a session of which we have not heard yet. Raises NotFound(`session_not_found`).
    """
    row = tx.conn.execute(_locked, {"queue_id": queue_id}).one_or_none()
    if row is None:
        _make(tx, queue_id, like)
        row = tx.conn.execute(_locked, {"queue_id": queue_id}).one()
    queue = Queue(*row)
    queue.clock = max(tx.now, queue.clock)
    return queue


def lock_queues(tx: Tx, queue_ids: Iterable[str]) -> dict[str, Queue]:
    """As lock_queue, of several."""
    return {queue_id: lock_queue(tx, queue_id) for queue_id in sorted(set(queue_ids))}


def _make(tx: Tx, queue_id: str, like: ClinicVisit | None) -> None:
    facts = get_session(tx.conn, queue_id)
    if facts is not None:
        whose = (facts.hospital_id, facts.department_id, facts.doctor_id)
    elif like is not None:
        whose = (like.hospital_id, like.department_id, like.visit.doctor_id)
    else:
        raise NotFound("no such session", code="session_not_found")
    values = dict(zip(("hospital_id", "department_id", "doctor_id"), whose, strict=True))
    tx.conn.execute(_new_queue, {"session_id": queue_id, **values, "clock": tx.now})


# two who make it at once: the second waits for the first, and finds it
_new_queue = sa.text(
    "INSERT INTO queues (session_id, hospital_id, department_id, doctor_id, state, clock)"
    " VALUES (:session_id, :hospital_id, :department_id, :doctor_id, 'open', :clock) ON CONFLICT (session_id) DO NOTHING"
).bindparams(sa.bindparam("clock", type_=queues.c.clock.type))


def save_queue(tx: Tx, queue: Queue) -> None:
    """Write back a locked queue and what happened to it; each time its revision grows. Whoever changes a visit or a desk of it
    saves the queue too: boards look at the revision.
    """
    queue.revision += 1
    values = {name: getattr(queue, name) for name in _QUEUE if name != "session_id"}
    tx.conn.execute(_update_queue, {"queue_id": queue.session_id, **values})
    steps = [
        {
            "queue_id": queue.session_id,
            "at": queue.now,
            "move": step.what,
            "state": queue.state,
            "by": step.by,
            "why": step.why,
            "facts": _encode(step.facts).decode() if step.facts else None,
        }
        for step in queue.history
    ]
    if steps:
        tx.conn.execute(sa.insert(visit_moves), steps)
    queue.history.clear()


_update_queue = (
    sa.update(queues)
    .where(queues.c.session_id == sa.bindparam("queue_id"))
    .values({name: sa.bindparam(name) for name in _QUEUE if name != "session_id"})
)


# --- desks -----------------------------------------------------------------------------------------------------------


def desks_of(conn: sa.Connection, queue_id: str) -> dict[str, Desk]:
    """A queue's desks by their rooms, closed ones too."""
    query = sa.select(*(desks.c[name] for name in _DESK)).where(desks.c.queue_id == queue_id).order_by(desks.c.room)
    return {row.room: Desk(*row) for row in conn.execute(query)}


def save_desk(tx: Tx, desk: Desk) -> None:
    """Write a desk of a locked queue; a new one too."""
    tx.conn.execute(_save_desk, {name: getattr(desk, name) for name in _DESK})


_save_desk = sa.text(
    f"INSERT INTO desks ({', '.join(_DESK)}) VALUES ({', '.join(f':{name}' for name in _DESK)})"  # noqa: S608  names of ours
    " ON CONFLICT (queue_id, room) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _DESK if name not in {"queue_id", "room"})
).bindparams(*(sa.bindparam(name, type_=desks.c[name].type) for name in _DESK))


# --- rules -----------------------------------------------------------------------------------------------------------


def rules_in_force(conn: sa.Connection, hospital_id: str, at: datetime) -> ClinicRules:
    """The hospital's rules of the clinic day at a time, as schedule-svc shows them: the version that took effect last, of several
    at once the newest, else what is usual.
    """
    found = conn.execute(_rules_at, {"of_hospital": hospital_id, "at": at}).scalar()
    return ClinicRules() if found is None else _decode_rules(found)


_rules_at = (
    sa.select(clinic_rules.c.rules)
    .where(
        clinic_rules.c.hospital_id == sa.bindparam("of_hospital"),
        clinic_rules.c.effective_at <= sa.bindparam("at", type_=clinic_rules.c.effective_at.type),
    )
    .order_by(clinic_rules.c.effective_at.desc(), clinic_rules.c.version.desc())
    .limit(1)
)


def save_clinic_rules(tx: Tx, versions: Sequence[tuple[str, int, datetime, ClinicRules]]) -> None:
    """Keep versions of hospitals' rules, (hospital_id, version, effective_at, rules) each; a version never changes."""
    rows = [
        {"hospital_id": hospital, "version": version, "effective_at": at, "rules": _encode(rules).decode()}
        for hospital, version, at, rules in versions
    ]
    if rows:
        tx.conn.execute(_save_rules, rows)


_save_rules = sa.text(
    "INSERT INTO clinic_rules (hospital_id, version, effective_at, rules)"
    " VALUES (:hospital_id, :version, :effective_at, :rules) ON CONFLICT (hospital_id, version) DO NOTHING"
).bindparams(sa.bindparam("effective_at", type_=clinic_rules.c.effective_at.type))
