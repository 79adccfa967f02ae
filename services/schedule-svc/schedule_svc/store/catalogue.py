"""Hospitals, departments and doctors; sessions by the hospital's own codes, and as rosters change them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import UtcDateTime

from schedule_svc.store.sql import AmongQuery, insert_rows, update_rows
from schedule_svc.store.tables import departments, doctors, hospitals, sessions, slots

_sessions_by_code = AmongQuery(
    lambda among: sa.select(
        sessions.c.code, sessions.c.id, sessions.c.version, sessions.c.digest, sessions.c.roster_stop
    ).where(sessions.c.hospital_id == sa.bindparam("hospital_id"), among(sessions.c.code))
)
_lock_for_planning = AmongQuery(
    lambda among: (
        sa.select(
            sessions.c.id,
            sessions.c.draft,
            sessions.c.policy,
            sessions.c.draw_at,
            sessions.c.draw_state,
            sessions.c.entry_seq,
        )
        .where(among(sessions.c.id))
        .order_by(sessions.c.id)
        .with_for_update()
    )
)
_standings = AmongQuery(
    lambda among: sa.select(
        sessions.c.id,
        sessions.c.code,
        sessions.c.date,
        sessions.c.named_at,
        sessions.c.stop_reason,
        sessions.c.staff_stop,
        sessions.c.roster_stop,
    ).where(among(sessions.c.id))
)
_of_doctors = AmongQuery(
    lambda among: sa.select(
        sessions.c.id,
        sessions.c.doctor_id,
        sessions.c.code,
        sessions.c.date,
        sessions.c.starts_at,
        sessions.c.ends_at,
    ).where(
        among(sessions.c.doctor_id),
        sessions.c.starts_at >= sa.bindparam("first", type_=UtcDateTime),
        sessions.c.starts_at < sa.bindparam("last", type_=UtcDateTime),
        sessions.c.draft.is_(False),
        sessions.c.stopped.is_(False),
    )
)
_followers = AmongQuery(
    lambda among: (
        sa.select(
            sessions.c.id,
            sessions.c.doctor_id,
            sessions.c.department_id,
            sessions.c.grade,
            sessions.c.follows_department,
            sessions.c.follows_title,
        )
        .where(
            among(sessions.c.doctor_id),
            sessions.c.ends_at > sa.bindparam("now", type_=UtcDateTime),
            sa.or_(sessions.c.follows_department, sessions.c.follows_title),
        )
        .order_by(sessions.c.id)
    )
)
_substitutes = (
    sa.select(sessions.c.id)
    .where(
        sessions.c.department_id == sa.bindparam("department_id"),
        sessions.c.grade == sa.bindparam("grade"),
        sessions.c.starts_at > sa.bindparam("now", type_=UtcDateTime),
        sessions.c.starts_at < sa.bindparam("until", type_=UtcDateTime),
        sessions.c.release_at <= sa.bindparam("now", type_=UtcDateTime),
        sessions.c.draft.is_(False),
        sessions.c.stopped.is_(False),
        sessions.c.draw_state.in_(("none", "drawn")),
        sa.exists().where(slots.c.session_id == sessions.c.id, slots.c.free > 0),
    )
    .order_by(sessions.c.starts_at, sessions.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_names = AmongQuery(
    lambda among: (
        sa.select(
            sessions.c.id,
            hospitals.c.name.label("hospital_name"),
            departments.c.name.label("department_name"),
            doctors.c.name.label("doctor_name"),
            doctors.c.title.label("doctor_title"),
        )
        .join(hospitals, hospitals.c.id == sessions.c.hospital_id)
        .join(departments, departments.c.id == sessions.c.department_id)
        .join(doctors, doctors.c.id == sessions.c.doctor_id)
        .where(among(sessions.c.id))
    )
)
_hospital_lock = sa.select(hospitals).where(hospitals.c.code == sa.bindparam("wanted")).with_for_update(key_share=True)
"""FOR NO KEY UPDATE: rows that refer to the hospital may be written meanwhile."""

_add_hospital = sa.text(
    "INSERT INTO hospitals (id, code, name, grade, address, version, digest)"
    " VALUES (:id, :code, :name, :grade, :address, :version, :digest) ON CONFLICT (code) DO NOTHING"
)


def lock_hospital(conn: sa.Connection, code: str) -> sa.Row[Any] | None:
    """The hospital of that code. Two rosters of one hospital are taken in one after the other."""
    return conn.execute(_hospital_lock, {"wanted": code}).one_or_none()


def add_hospital(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    """Does nothing if another roster has just made it."""
    conn.execute(_add_hospital, dict(row))


def update_hospital(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    update_rows(conn, hospitals, [row])


def hospital_by_id(conn: sa.Connection, hospital_id: str) -> sa.Row[Any] | None:
    return conn.execute(sa.select(hospitals).where(hospitals.c.id == hospital_id)).one_or_none()


def departments_of(conn: sa.Connection, hospital_id: str) -> dict[str, sa.Row[Any]]:
    """All departments of a hospital, by code."""
    return {
        row.code: row for row in conn.execute(sa.select(departments).where(departments.c.hospital_id == hospital_id))
    }


def doctors_of(conn: sa.Connection, hospital_id: str) -> dict[str, sa.Row[Any]]:
    """All doctors of a hospital, by code."""
    return {row.code: row for row in conn.execute(sa.select(doctors).where(doctors.c.hospital_id == hospital_id))}


def doctor_by_id(conn: sa.Connection, doctor_id: str) -> sa.Row[Any] | None:
    return conn.execute(sa.select(doctors).where(doctors.c.id == doctor_id)).one_or_none()


def department_by_id(conn: sa.Connection, department_id: str) -> sa.Row[Any] | None:
    return conn.execute(sa.select(departments).where(departments.c.id == department_id)).one_or_none()


def save_departments(
    conn: sa.Connection, new: Sequence[Mapping[str, Any]], changed: Sequence[Mapping[str, Any]]
) -> None:
    insert_rows(conn, departments, new)
    update_rows(conn, departments, changed)


def save_doctors(conn: sa.Connection, new: Sequence[Mapping[str, Any]], changed: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(conn, doctors, new)
    update_rows(conn, doctors, changed)


def sessions_by_code(conn: sa.Connection, hospital_id: str, codes: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """Id, version, digest and `roster_stop` of those of the hospital's sessions that exist."""
    return {row.code: row for row in _sessions_by_code.rows(conn, codes, hospital_id=hospital_id)}


def add_sessions(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(conn, sessions, rows)


def update_sessions(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    update_rows(conn, sessions, rows)


def hospital_of_session(conn: sa.Connection, session_id: str) -> str | None:
    """The id of the hospital that a session belongs to."""
    return conn.execute(sa.select(sessions.c.hospital_id).where(sessions.c.id == session_id)).scalar()


def lock_for_planning(conn: sa.Connection, session_ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """Lock sessions, in the order of their ids as everybody does; answers what a new plan must respect, by id."""
    return {row.id: row for row in _lock_for_planning.rows(conn, session_ids)}


def standings(conn: sa.Connection, session_ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """What is said of sessions besides their plans: when they were named, and who has stopped them why; by id."""
    return {row.id: row for row in _standings.rows(conn, session_ids)}


def sessions_of_doctors(
    conn: sa.Connection, doctor_ids: Iterable[str], first: datetime, last: datetime
) -> Sequence[sa.Row[Any]]:
    """Those that start from `first` to before `last` and take place, as far as is known."""
    return _of_doctors.rows(conn, doctor_ids, first=first, last=last)


def names_of(conn: sa.Connection, session_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By session: what its hospital, its department and its doctor are called, as Session's fields."""
    rows = (row._asdict() for row in _names.rows(conn, session_ids))
    return {row.pop("id"): row for row in rows}


_coming = (
    sa.select(sessions.c.id)
    .where(
        sessions.c.id > sa.bindparam("after"),
        sessions.c.ends_at > sa.bindparam("now", type_=UtcDateTime),
        sessions.c.draft.is_(False),
    )
    .order_by(sessions.c.id)
    .limit(sa.bindparam("most"))
)


def coming(conn: sa.Connection, after: str, now: datetime, limit: int) -> Sequence[str]:
    """Sessions that have not ended and are public, by id, of the ids after this one."""
    return conn.scalars(_coming, {"after": after, "now": now, "most": limit}).all()


def followers(conn: sa.Connection, doctor_ids: Iterable[str], now: datetime) -> Sequence[sa.Row[Any]]:
    """Sessions to come whose department or grade is their doctor's own, by id."""
    return _followers.rows(conn, doctor_ids, now=now)


def substitutes(
    conn: sa.Connection, department_id: str, grade: str, now: datetime, until: datetime, most: int
) -> list[str]:
    """Ids of sessions with a free number to be had at once, soonest first."""
    values = {"department_id": department_id, "grade": grade, "now": now, "until": until, "most": most}
    return list(conn.execute(_substitutes, values).scalars())
