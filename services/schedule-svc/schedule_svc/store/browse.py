"""What anybody may look at, a page at a time: one query for the list, one for all the slots on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from schedule_svc.rules import cancel_before
from schedule_svc.store.rules import rules_in_force
from schedule_svc.store.sql import AmongQuery
from schedule_svc.store.tables import departments, doctors, hospitals, sessions, slots

known_hospitals = sa.select(hospitals).where(hospitals.c.version >= 0)
every_department = sa.select(departments, hospitals.c.name.label("hospital_name")).join(
    hospitals, hospitals.c.id == departments.c.hospital_id
)
every_doctor = (
    sa.select(doctors, hospitals.c.name.label("hospital_name"), departments.c.name.label("department_name"))
    .join(hospitals, hospitals.c.id == doctors.c.hospital_id)
    .join(departments, departments.c.id == doctors.c.department_id)
)
_sessions = (
    sa.select(
        sessions,
        hospitals.c.name.label("hospital_name"),
        departments.c.name.label("department_name"),
        doctors.c.name.label("doctor_name"),
        doctors.c.title.label("doctor_title"),
    )
    .join(hospitals, hospitals.c.id == sessions.c.hospital_id)
    .join(departments, departments.c.id == sessions.c.department_id)
    .join(doctors, doctors.c.id == sessions.c.doctor_id)
)
_slots = AmongQuery(
    lambda among: (
        sa.select(slots.c.session_id, slots.c.id, slots.c.starts_at, slots.c.ends_at, slots.c.capacity, slots.c.free)
        .where(among(slots.c.session_id), slots.c.capacity > 0)
        .order_by(slots.c.starts_at)
    )
)
_filters = {
    "hospital_id": sessions.c.hospital_id,
    "department_id": sessions.c.department_id,
    "doctor_id": sessions.c.doctor_id,
    "policy": sessions.c.policy,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A session with its slots, as stored."""

    session: sa.Row[Any]
    slots: Sequence[sa.Row[Any]]
    cancel_before: datetime
    """By the session's own word, or by its hospital's rules."""


def page_of_sessions(
    conn: sa.Connection,
    wanted: Mapping[str, str],
    starts: tuple[datetime, datetime],
    after: Sequence[Any] | None,
    limit: int,
    now: datetime,
    *,
    open_only: bool = False,
) -> list[Shown]:
    """Public sessions that start in [starts[0], starts[1]), by time; `wanted` names hospital_id, department_id, doctor_id or policy.

    `after` is the start and the id of the last one seen. `open_only`: those in the state `open` (domain.shown_state) alone.
    """
    query = _sessions.where(
        sessions.c.starts_at >= starts[0], sessions.c.starts_at < starts[1], sessions.c.draft.is_(False)
    )
    for name, value in wanted.items():
        query = query.where(_filters[name] == value)
    if open_only:
        free = sa.exists().where(slots.c.session_id == sessions.c.id, slots.c.free > 0)
        query = query.where(sessions.c.stopped.is_(False), sessions.c.ends_at > now, sessions.c.release_at <= now, free)
    if after is not None and after[0] >= starts[1]:
        return []
    if after is not None and after[0] >= starts[0]:
        # both conditions: the first lets the index find the place, the second is exact
        query = query.where(
            sessions.c.starts_at >= after[0], sa.or_(sessions.c.starts_at > after[0], sessions.c.id > after[1])
        )
    return _with_slots(conn, conn.execute(query.order_by(sessions.c.starts_at, sessions.c.id).limit(limit)).all(), now)


def session_by_id(conn: sa.Connection, session_id: str, now: datetime) -> Shown | None:
    found = _with_slots(conn, conn.execute(_sessions.where(sessions.c.id == session_id)).all(), now)
    return found[0] if found else None


_planned = AmongQuery(
    lambda among: (
        sa.select(
            slots.c.session_id, slots.c.starts_at, slots.c.ends_at, slots.c.published, slots.c.withheld, slots.c.asides
        )
        .where(among(slots.c.session_id), slots.c.published > 0)
        .order_by(slots.c.starts_at)
    )
)


def page_of_drafts(
    conn: sa.Connection, hospital_id: str, code: str | None, after: Sequence[Any] | None, limit: int, now: datetime
) -> list[tuple[sa.Row[Any], list[sa.Row[Any]]]]:
    """A hospital's drafts that are not over, by time, each with its slots as they were planned; or the one of this code alone.

    `after`: as in page_of_sessions.
    """
    c = sessions.c
    query = _sessions.where(c.hospital_id == hospital_id, c.draft.is_(True), c.ends_at > now)
    # a session lies on one day: with this, the index leaves out the years that are over
    query = query.where(c.starts_at > now - timedelta(days=1))
    if code is not None:
        query = query.where(c.code == code)
    if after is not None:
        query = query.where(c.starts_at >= after[0], sa.or_(c.starts_at > after[0], c.id > after[1]))
    rows = conn.execute(query.order_by(c.starts_at, c.id).limit(limit)).all()
    by_session: dict[str, list[sa.Row[Any]]] = {row.id: [] for row in rows}
    for slot in _planned.rows(conn, by_session):
        by_session[slot.session_id].append(slot)
    return [(row, by_session[row.id]) for row in rows]


def _with_slots(conn: sa.Connection, rows: Sequence[sa.Row[Any]], now: datetime) -> list[Shown]:
    by_session: dict[str, list[sa.Row[Any]]] = {row.id: [] for row in rows}
    for slot in _slots.rows(conn, by_session):
        by_session[slot.session_id].append(slot)
    in_force = rules_in_force(conn, {row.hospital_id for row in rows}, now)
    return [
        Shown(row, by_session[row.id], row.cancel_before or cancel_before(in_force[row.hospital_id], row.starts_at))
        for row in rows
    ]


def hospital_by_id(conn: sa.Connection, hospital_id: str) -> sa.Row[Any] | None:
    return conn.execute(known_hospitals.where(hospitals.c.id == hospital_id)).one_or_none()


def department_by_id(conn: sa.Connection, department_id: str) -> sa.Row[Any] | None:
    return conn.execute(every_department.where(departments.c.id == department_id)).one_or_none()


def doctor_by_id(conn: sa.Connection, doctor_id: str) -> sa.Row[Any] | None:
    return conn.execute(every_doctor.where(doctors.c.id == doctor_id)).one_or_none()


def page_of_hospitals(conn: sa.Connection, after: Sequence[str] | None, limit: int) -> Sequence[sa.Row[Any]]:
    """By code. One that has only been named, and has not said what it is, is not shown."""
    query = known_hospitals.order_by(hospitals.c.code).limit(limit)
    return conn.execute(query.where(hospitals.c.code > after[0]) if after is not None else query).all()


def page_of_departments(
    conn: sa.Connection, hospital_id: str | None, after: Sequence[str] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """By hospital and code."""
    c = departments.c
    query = every_department.order_by(c.hospital_id, c.code).limit(limit)
    if hospital_id is not None:
        query = query.where(c.hospital_id == hospital_id)
    if after is not None:
        query = query.where(sa.tuple_(c.hospital_id, c.code) > sa.tuple_(*map(sa.literal, after)))
    return conn.execute(query).all()


def page_of_doctors(
    conn: sa.Connection, hospital_id: str | None, department_id: str | None, after: Sequence[str] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """By department and code."""
    c = doctors.c
    query = every_doctor.order_by(c.department_id, c.code, c.id).limit(limit)
    if hospital_id is not None:
        query = query.where(c.hospital_id == hospital_id)
    if department_id is not None:
        query = query.where(c.department_id == department_id)
    if after is not None:
        query = query.where(sa.tuple_(c.department_id, c.code) > sa.tuple_(*map(sa.literal, after)))
    return conn.execute(query).all()
