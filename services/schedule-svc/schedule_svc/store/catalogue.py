"""Hospitals, departments and doctors; sessions by the hospital's own codes; the log of rosters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from schedule_svc.store.sql import AmongQuery, insert_rows, update_rows
from schedule_svc.store.tables import departments, doctors, hospitals, rosters, sessions

_sessions_by_code = AmongQuery(
    lambda among: sa.select(sessions.c.code, sessions.c.id, sessions.c.version, sessions.c.digest).where(
        sessions.c.hospital_id == sa.bindparam("hospital_id"), among(sessions.c.code)
    )
)
_hospital_lock = sa.select(hospitals).where(hospitals.c.code == sa.bindparam("wanted")).with_for_update()

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
    """Id, version and digest of those of the hospital's sessions that exist."""
    return {row.code: row for row in _sessions_by_code.rows(conn, codes, hospital_id=hospital_id)}


def add_sessions(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_rows(conn, sessions, rows)


def update_sessions(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    update_rows(conn, sessions, rows)


def hospital_of_session(conn: sa.Connection, session_id: str) -> str | None:
    """The id of the hospital that a session belongs to."""
    return conn.execute(sa.select(sessions.c.hospital_id).where(sessions.c.id == session_id)).scalar()


def log_roster(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    conn.execute(sa.insert(rosters), dict(row))
