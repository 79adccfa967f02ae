"""Waiting times, a session's load, and the planner."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from common.errors import TooMany
from common.outbox import Database
from common.web import public, roles

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.clinic.people import STAFF, check_sees, staff
from booking_svc.api.show_waits import (
    show_back_test,
    show_coverage,
    show_load,
    show_planned,
    show_wait,
)
from booking_svc.api.wait_schemas import (
    BackTestQuery,
    BackTestSchema,
    CoverageSchema,
    DepartmentQuery,
    LoadSchema,
    PlannedSchema,
    WaitSchema,
    WhatIfSchema,
)
from booking_svc.clinic.staff import Staff
from booking_svc.usecases.waiting import backtest, estimating, planning
from booking_svc.usecases.waiting.load import load
from booking_svc.usecases.waiting.planning import Plan

_PLANNING = BoundedSemaphore(1)
"""One plan at a time in a process: it takes a processor for a second, which patients need too."""


@blueprint.get("/visits/<visit_id>/wait")
@roles("patient", *STAFF)
@blueprint.response(200, WaitSchema)
def get_wait(visit_id: str) -> dict[str, Any]:
    """How long until she is called, in seconds and as times: expected, and an interval that holds four times of five.

    Before she has checked in: if she did so `now`, or, while that is too early, if she comes `in_time`. `moved` says what has become of
    what was told last, and why: ahead_left, somebody_before, slower, faster, paused, resumed, desk_opened, desk_closed,
    moved_line, passed, time. `coverage`: how often what was told at check-in has held in this department. `models`: the
    simulation, which all this comes from, then M/M/1, M/M/c and M/G/c, with what they assume, or why they are `refused`:
    overloaded, several_desks, no_arrivals. Asking changes nothing. Its owner's, or, for staff, one of their hospital.
    409: not_waiting (`state`) once she was called, too_early (`from`) before her day, too_late, queue_closed, no_desk while no desk is
    open though the session has begun: nobody can say when somebody will call.
    """
    with database().reading() as conn:
        visit = check_sees(store.visits.get_visit(conn, visit_id))
    return show_wait(estimating.wait_of(database(), visit))


@blueprint.get("/sessions/<session_id>/load")
@roles(*STAFF)
@blueprint.response(200, LoadSchema)
def get_load(session_id: str) -> dict[str, Any]:
    """How busy a session is: arrivals, utilisation, L, Lq, W, Wq as they were observed, and as the models have them.

    Who still waits counts. Null where nobody came. For staff of its hospital.
    """
    return show_load(load(database(), staff(), session_id))


@blueprint.get("/waits/coverage")
@public
@blueprint.arguments(DepartmentQuery, location="query")
@blueprint.response(200, CoverageSchema)
def get_coverage(query: dict[str, Any]) -> dict[str, Any]:
    """How often the waits that a department's patients were told at check-in have held, of the latest thousand.

    A promise to one who is not called in time is broken, whether she still waits or has ended; who left before her time was over says
    nothing, and is counted as `left`.
    """
    with database().reading() as conn:
        found = store.waits.coverage(conn, query["department_id"], estimating.LATEST_PROMISES, database().clock())
    return show_coverage(query["department_id"], found)


@blueprint.post("/planning/what-if")
@roles("hospital_admin", "operator")
@blueprint.arguments(WhatIfSchema)
@blueprint.response(200, PlannedSchema)
def what_if(body: dict[str, Any]) -> dict[str, Any]:
    """What other staffing, longer sessions or other segments would change: the base, and each alternative for the same patients.

    The base is a session, past or coming, or a department's sessions of a period as one line, or numbers. With `target_p90`, the fewest
    doctors whose P90 is below it. Changes nothing. 404: session_not_found, department_not_found, nothing_planned. 422 also for
    what would take too long. 429 `planner_busy`: somebody else's plan is being made.
    """
    with _one_at_a_time():
        plan = plan_of(database(), staff(), body["base"])
        return show_planned(planning.what_if(plan, body["question"]), body["question"])


@blueprint.get("/planning/back-test")
@roles("hospital_admin", "operator")
@blueprint.arguments(BackTestQuery, location="query")
@blueprint.response(200, BackTestSchema)
def back_test(query: dict[str, Any]) -> dict[str, Any]:
    """What the planner would have said of a department's past sessions, by what was known before each, beside what happened.

    Of the day itself its bookings and its desks are taken as known (`known`): so it tests the model, not who was planned to be there.
    31 days at most, and of them the latest 60 sessions. 404: department_not_found. 429: `planner_busy`.
    """
    with _one_at_a_time():
        found = backtest.back_test(database(), staff(), query["department_id"], query["date_from"], query["date_to"])
    return show_back_test(query["department_id"], found)


def plan_of(data: Database, who: Staff, base: dict[str, Any]) -> Plan:
    """What a BaseSchema names."""
    if base["given"] is not None:
        return planning.plan_of_numbers(base["given"])
    if base["session_id"] is not None:
        return planning.plan_of_session(data, who, base["session_id"])
    return planning.plan_of_department(data, who, base["department_id"], base["date"], base["period"])


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _PLANNING.acquire(blocking=False):
        raise TooMany("another plan is being made, try again in a moment", code="planner_busy")
    try:
        yield
    finally:
        _PLANNING.release()
