"""Browsing: no token needed; the gateway may keep an answer for a second, and so takes the rush at release time."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from common.clock import SHANGHAI
from common.errors import NotFound
from common.web import Routes, answer, page_of, public, service
from flask import Response

from schedule_svc.api import schemas
from schedule_svc.api.show import show_department, show_doctor, show_hospital, show_session
from schedule_svc.domain import local_date
from schedule_svc.store import browse as store
from schedule_svc.store import search
from schedule_svc.usecases import substitutes

blp = Routes("browse", __name__, url_prefix="/api/v1", description="Hospitals, departments, doctors, sessions")


def shortly(body: dict[str, Any]) -> Response:
    """An answer that may be a second old."""
    return answer(body, 200, Cache_Control="public, max-age=1")


@blp.get("/hospitals")
@public
@blp.arguments(schemas.HospitalQuery, location="query")
@blp.response(200, schemas.HospitalPage)
def hospitals(query: dict[str, Any]) -> Response:
    """All hospitals, by code."""
    with service().database.reading() as conn:
        rows = store.page_of_hospitals(conn, query["cursor"], query["limit"] + 1)
    return shortly(page_of(rows, query["limit"], lambda row: [row.code], show_hospital))


@blp.get("/departments")
@public
@blp.arguments(schemas.DepartmentQuery, location="query")
@blp.response(200, schemas.DepartmentPage)
def departments(query: dict[str, Any]) -> Response:
    """Departments, of one hospital or of all."""
    with service().database.reading() as conn:
        rows = store.page_of_departments(conn, query.get("hospital_id"), query["cursor"], query["limit"] + 1)
    return shortly(page_of(rows, query["limit"], lambda row: [row.hospital_id, row.code], show_department))


@blp.get("/doctors")
@public
@blp.arguments(schemas.DoctorQuery, location="query")
@blp.response(200, schemas.DoctorPage)
def doctors(query: dict[str, Any]) -> Response:
    """Doctors, of one department or hospital, or all."""
    with service().database.reading() as conn:
        rows = store.page_of_doctors(
            conn,
            query.get("hospital_id"),
            query.get("department_id"),
            query["cursor"],
            query["limit"] + 1,
        )
    return shortly(page_of(rows, query["limit"], lambda row: [row.department_id, row.code], show_doctor))


@blp.get("/hospitals/<hospital_id>")
@public
@blp.response(200, schemas.Hospital)
def hospital(hospital_id: str) -> Response:
    """One hospital."""
    return _one("hospital", store.hospital_by_id, hospital_id, show_hospital)


@blp.get("/departments/<department_id>")
@public
@blp.response(200, schemas.Department)
def department(department_id: str) -> Response:
    """One department."""
    return _one("department", store.department_by_id, department_id, show_department)


@blp.get("/doctors/<doctor_id>")
@public
@blp.response(200, schemas.Doctor)
def doctor(doctor_id: str) -> Response:
    """One doctor."""
    return _one("doctor", store.doctor_by_id, doctor_id, show_doctor)


def _one(kind: str, find: Callable[[Any, str], Any], sought: str, show: Callable[[Any], dict[str, Any]]) -> Response:
    with service().database.reading() as conn:
        row = find(conn, sought)
    if row is None:
        raise NotFound(f"there is no such {kind}", code=f"{kind}_not_found")
    return shortly(show(row))


@blp.get("/search")
@public
@blp.arguments(schemas.SearchQuery, location="query")
@blp.response(200, schemas.Found)
def search_all(query: dict[str, Any]) -> Response:
    """Hospitals, departments and doctors by name, code, title or specialty; of several words all are to be found.

    One word at least is the thing's own, others may be its department's or hospital's: `仁济 李` finds the doctors of 仁济 who are called 李.
    Large and small letters are the same. Whose name is sought comes first, then whose name begins so, then the others.
    """
    words = search.words_of(query["q"])
    with service().database.reading() as conn:
        return shortly(
            {
                "hospitals": [show_hospital(row) for row in search.hospitals_with(conn, words, query["limit"])],
                "departments": [show_department(row) for row in search.departments_with(conn, words, query["limit"])],
                "doctors": [show_doctor(row) for row in search.doctors_with(conn, words, query["limit"])],
            }
        )


@blp.get("/sessions")
@public
@blp.arguments(schemas.SessionQuery, location="query")
@blp.response(200, schemas.SessionPage)
def sessions(query: dict[str, Any]) -> Response:
    """Sessions (出诊) by time, from today on unless `date_from` says otherwise, each with its slots and what remains."""
    database = service().database
    now: datetime = database.clock()
    first = query.get("date_from") or local_date(now)
    last = query.get("date_to") or schemas.LATEST
    starts = _midnight(first), _midnight(last + schemas.ONE_DAY)
    names = ("hospital_id", "department_id", "doctor_id", "policy")
    wanted: dict[str, str] = {name: query[name] for name in names if name in query}
    with database.reading() as conn:
        found = store.page_of_sessions(
            conn, wanted, starts, query["cursor"], query["limit"] + 1, now, open_only=query["open_only"]
        )
    return shortly(
        page_of(
            found,
            query["limit"],
            lambda s: [s.session.starts_at, s.session.id],
            lambda s: show_session(s, now),
        )
    )


@blp.get("/sessions/<session_id>")
@public
@blp.response(200, schemas.Session)
def session(session_id: str) -> Response:
    """One session with its slots and what remains of each."""
    database = service().database
    with database.reading() as conn:
        found = store.session_by_id(conn, session_id, database.clock())
    if found is None or found.session.draft:
        raise NotFound("there is no such session", code="session_not_found")
    return shortly(show_session(found, database.clock()))


@blp.get("/sessions/<session_id>/substitutes")
@public
@blp.response(200, schemas.Substitutes)
def session_substitutes(session_id: str) -> Response:
    """Up to three sessions that could stand in for this one, soonest first: same department and grade, a number to be had now,
    in the next 14 days.
    """
    database = service().database
    now = database.clock()
    with database.reading() as conn:
        found = store.session_by_id(conn, session_id, now)
        if found is None or found.session.draft:
            raise NotFound("there is no such session", code="session_not_found")
        others = substitutes.find(conn, found.session, now)
    return shortly({"items": [show_session(other, now) for other in others]})


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)
