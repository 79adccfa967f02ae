"""One visit: looked at by its patient and by staff, and what staff do with it."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from common.clock import SHANGHAI, local
from common.outbox import Database
from common.web import answer, idempotent, page_of, principal, roles
from flask import Response

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.clinic.people import STAFF, check_sees, staff
from booking_svc.api.clinic.show import show_visit, show_visits
from booking_svc.api.clinic_schemas import (
    CallSchema,
    ClassSchema,
    ClinicVisitSchema,
    ClinicVisitsSchema,
    TransferSchema,
    VisitHistorySchema,
    VisitsQuery,
    WhySchema,
)
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import ClinicVisit
from booking_svc.store.visits import KeptStep
from booking_svc.usecases import clinic


def acted(act: Callable[[Database, Staff], ClinicVisit], status: int = 200) -> Response:
    """What staff do with one visit, and how it stands then: read in the same transaction."""
    with database().transaction(share=True) as tx:
        visit = act(database(), staff())
        headers = {"Location": f"/api/v1/visits/{visit.id}"} if status == 201 else {}
        return answer(show_visit(tx.conn, visit), status, **headers)


# --- looking ---------------------------------------------------------------------------------------------------------


@blueprint.get("/visits")
@roles("patient")
@blueprint.arguments(VisitsQuery, location="query")
@blueprint.response(200, ClinicVisitsSchema)
def list_visits(query: dict[str, Any]) -> dict[str, Any]:
    """One's own visits, the latest first."""
    with database().reading() as conn:
        found = store.visits.list_visits_of_account(
            conn, principal().account_id, query["limit"], query["cursor"], _day(query["date"])
        )
        shown = show_visits(conn, found[: query["limit"]])
    by_id = {each["id"]: each for each in shown}
    return page_of(found, query["limit"], lambda v: [v.visit.starts_at, v.id], lambda v: by_id[v.id])


def _day(day: date | None) -> tuple[datetime, datetime] | None:
    """From midnight to midnight in Beijing."""
    if day is None:
        return None
    begins = datetime.combine(day, time(), SHANGHAI)
    return begins, begins + timedelta(days=1)


@blueprint.get("/visits/<visit_id>")
@roles("patient", *STAFF)
@blueprint.response(200, ClinicVisitSchema)
def get_visit(visit_id: str) -> dict[str, Any]:
    """One visit, as it stands: its owner's, or, for staff, one of their hospital. An order names its visit once it is confirmed."""
    with database().reading() as conn:
        visit = check_sees(store.visits.get_visit(conn, visit_id))
        return show_visit(conn, visit)


@blueprint.get("/visits/<visit_id>/history")
@roles(*STAFF)
@blueprint.response(200, VisitHistorySchema)
def get_history(visit_id: str) -> dict[str, Any]:
    """Every move of a visit, with who made it and why; for staff of its hospital."""
    with database().reading() as conn:
        check_sees(store.visits.get_visit(conn, visit_id))
        steps = store.visits.moves_of_visit(conn, visit_id)
    return {"visit_id": visit_id, "items": [_show_step(step) for step in steps]}


def _show_step(step: KeptStep) -> dict[str, Any]:
    names = ("queue_id", "move", "state", "by", "why", "facts")
    return {"at": local(step.at), **{name: getattr(step, name) for name in names}}


# --- at the desk -----------------------------------------------------------------------------------------------------


@blueprint.post("/visits/<visit_id>/call")
@roles(*STAFF)
@idempotent
@blueprint.arguments(CallSchema)
@blueprint.response(200, ClinicVisitSchema)
def call(body: dict[str, Any], visit_id: str) -> Response:
    """Call her to `room` out of turn, or once more, to another room too. Honours `Idempotency-Key`: without one, each request calls.

    409: not_possible (`state`), desk_busy (`current`), desk_closed, queue_paused (`why`, `paused_until`),
    queue_closed. 403 `not_your_session` for a doctor who has neither the session nor a desk in it: so everywhere here.
    """
    return acted(lambda db, who: clinic.call_visit(db, who, visit_id, **body))


@blueprint.post("/visits/<visit_id>/start")
@roles(*STAFF)
@idempotent
@blueprint.response(200, ClinicVisitSchema)
def start(visit_id: str) -> Response:
    """She has come in. Saying so again changes nothing. Honours `Idempotency-Key`. 409: not_possible (`state`)."""
    return acted(lambda db, who: clinic.start_visit(db, who, visit_id))


@blueprint.post("/visits/<visit_id>/pass")
@roles(*STAFF)
@idempotent
@blueprint.response(200, ClinicVisitSchema)
def pass_(visit_id: str) -> Response:
    """过号: she was called and did not come. By the hospital's rule she waits further back, or has missed her visit.

    The desk is free. Honours `Idempotency-Key`. 409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.pass_visit(db, who, visit_id))


@blueprint.post("/visits/<visit_id>/put-back")
@roles(*STAFF)
@idempotent
@blueprint.arguments(WhySchema)
@blueprint.response(200, ClinicVisitSchema)
def put_back(body: dict[str, Any], visit_id: str) -> Response:
    """Called by mistake, or the doctor has to leave: she waits where she stood. Honours `Idempotency-Key`.

    409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.put_back(db, who, visit_id, **body))


@blueprint.post("/visits/<visit_id>/examine")
@roles(*STAFF)
@idempotent
@blueprint.response(200, ClinicVisitSchema)
def examine(visit_id: str) -> Response:
    """She goes to an examination; the desk is free. Saying so again changes nothing. Honours `Idempotency-Key`.

    409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.send_away(db, who, visit_id))


@blueprint.post("/visits/<visit_id>/return")
@roles(*STAFF)
@idempotent
@blueprint.response(200, ClinicVisitSchema)
def come_back(visit_id: str) -> Response:
    """She is back from the examination, and waits for the same doctor; the hospital's rule says after how many others.

    Honours `Idempotency-Key`. 409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.come_back(db, who, visit_id))


@blueprint.post("/visits/<visit_id>/finish")
@roles(*STAFF)
@idempotent
@blueprint.response(200, ClinicVisitSchema)
def finish(visit_id: str) -> Response:
    """She was seen: her order is fulfilled, and the desk is free. Also of who counts as missed, because nobody said so in time. Saying so
    again changes nothing.

    Honours `Idempotency-Key`. 409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.finish_visit(db, who, visit_id))


# --- elsewhere in the line, or in another ----------------------------------------------------------------------------


@blueprint.post("/visits/<visit_id>/transfer")
@roles(*STAFF)
@idempotent
@blueprint.arguments(TransferSchema)
@blueprint.response(200, ClinicVisitSchema)
def transfer(body: dict[str, Any], visit_id: str) -> Response:
    """She waits in the line of another session of this hospital and day, and loses no time by it. Honours `Idempotency-Key`.

    409: not_possible (`state`), nothing_to_change, other_hospital, other_day, session_stopped, queue_closed, session_over
    (`ends_at`: no desk is open there any more).
    """
    return acted(lambda db, who: clinic.transfer_visit(db, who, visit_id, **body))


@blueprint.post("/visits/<visit_id>/class")
@roles(*STAFF)
@idempotent
@blueprint.arguments(ClassSchema)
@blueprint.response(200, ClinicVisitSchema)
def reclass(body: dict[str, Any], visit_id: str) -> Response:
    """Of which class she is, and why: only staff say so, nobody buys it, and the board shows it. Honours `Idempotency-Key`.

    409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.reclass(db, who, visit_id, **body))


@blueprint.post("/visits/<visit_id>/readmit")
@roles(*STAFF)
@idempotent
@blueprint.arguments(WhySchema)
@blueprint.response(200, ClinicVisitSchema)
def readmit(body: dict[str, Any], visit_id: str) -> Response:
    """She counted as missed, and is here: she joins the line by now. A queue that is closed is open again for her, and closes by the
    clock. Honours `Idempotency-Key`. 409: not_possible (`state`).
    """
    return acted(lambda db, who: clinic.readmit(db, who, visit_id, **body))
