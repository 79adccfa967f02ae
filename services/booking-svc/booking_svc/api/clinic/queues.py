"""The line of a session: looked at, called from, and what is done to the whole of it."""

import hashlib
from collections.abc import Callable
from typing import Any

from common.clock import local
from common.errors import NotFound
from common.jsons import encode
from common.outbox import Database
from common.web import answer, idempotent, principal, roles, service
from flask import Response, request

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.clinic.people import STAFF, staff, viewer_of
from booking_svc.api.clinic.show import show_visit, show_visits
from booking_svc.api.clinic.visits import acted
from booking_svc.api.clinic_schemas import (
    CalledSchema,
    ClinicVisitSchema,
    CloseSchema,
    DeskOutSchema,
    DeskSchema,
    DisciplineSchema,
    DoorSchema,
    MovedSchema,
    NextSchema,
    PauseSchema,
    QueueSchema,
    RoomInPath,
    TransferSchema,
    WalkInSchema,
)
from booking_svc.api.show_board import show_board
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.staff import Staff
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.closing import close_queue

# --- looking ---------------------------------------------------------------------------------------------------------


@blueprint.get("/sessions/<session_id>/queue")
@roles("patient", "board", *STAFF)
@blueprint.response(200, QueueSchema)
def get_queue(session_id: str) -> Response:
    """The line as it stands: who is where, who waits, in their order.

    Screens see masked names and classes with their reasons; staff also who is expected; a patient with a visit in it sees numbers
    and states, and which is hers; to others there is none. `ETag` changes with what is shown: ask with `If-None-Match`.
    """
    with database().reading() as conn:
        board = store.boards.read_board(conn, session_id, database().clock())
    shown = show_board(board, viewer_of(board), principal().account_id)
    response = answer(shown, 200, Cache_Control="private, no-cache", Vary="Authorization")
    seen = encode({name: value for name, value in shown.items() if name != "at"})
    response.set_etag(hashlib.sha256(seen).hexdigest(), weak=True)  # weak: `at` goes on meanwhile
    response.make_conditional(request)
    return response


@blueprint.get("/sessions/<session_id>/queue/door")
@roles("registrar", "hospital_admin", "board")
@blueprint.response(200, DoorSchema)
def door(session_id: str) -> dict[str, Any]:
    """The code that the screen at the door shows now, and until when. Who types it in, or the one before it, is here."""
    with database().reading() as conn:
        hospital_id = store.boards.hospital_of(conn, session_id)
    if hospital_id != principal().hospital_id:
        raise NotFound("no such session", code="session_not_found")
    code, until = service().parts.door.code(hospital_id, database().clock())
    return {"code": code, "until": local(until)}


# --- calling ---------------------------------------------------------------------------------------------------------


@blueprint.post("/sessions/<session_id>/queue/next")
@roles(*STAFF)
@idempotent
@blueprint.arguments(NextSchema)
@blueprint.response(200, CalledSchema)
def call_next(body: dict[str, Any], session_id: str) -> Response:
    """叫号: who is in `room` is finished (or `passed`), and the next one is called, in one step.

    `after` is who is there, as the desk believes; null: nobody. So a second click, or the same request again, calls nobody else: it
    answers whom the first one called (`repeated`). `visit` null: nobody waits, and the desk is free. Honours `Idempotency-Key` too.
    409: desk_moved_on (`current`, `current_call`: who is there instead), desk_closed, queue_paused (`why`, `paused_until`),
    queue_closed.
    """
    with database().transaction(share=True) as tx:
        called = clinic.next_visit(database(), staff(), session_id, **body)
        visit = None if called.visit is None else show_visit(tx.conn, called.visit)
        return answer({"room": called.desk.room, "repeated": called.repeated, "visit": visit})


@blueprint.post("/sessions/<session_id>/queue/walk-ins")
@roles(*STAFF)
@idempotent
@blueprint.arguments(WalkInSchema)
@blueprint.response(201, ClinicVisitSchema)
def add_walk_in(body: dict[str, Any], session_id: str) -> Response:
    """Somebody without an appointment gets a number of this line (`W1`, `W2`...); the hospital's own till bills her.

    Honours `Idempotency-Key`: without one, each request is another person. 404: patient_not_found. 409: session_stopped, too_early
    (`date`), session_over (`ends_at`), queue_closed, already_here (`visit_id`) for a patient who has a visit in this line.
    """
    who = clinic.WalkIn(**body)
    return acted(lambda db, by: clinic.add_walk_in(db, by, session_id, who), 201)


# --- desks -----------------------------------------------------------------------------------------------------------


@blueprint.post("/sessions/<session_id>/queue/desks")
@roles(*STAFF)
@idempotent
@blueprint.arguments(DeskSchema)
@blueprint.response(200, DeskOutSchema)
def open_desk(body: dict[str, Any], session_id: str) -> Response:
    """The line is served in `room` from now on, beside the rooms in which it is already. Doing so again changes nothing.

    Honours `Idempotency-Key`. 409: desk_busy (`current`) for another doctor's while somebody is there, queue_closed.
    """
    desk = clinic.open_desk(database(), staff(), session_id, **body)
    return answer({name: getattr(desk, name) for name in ("room", "doctor_id", "is_open", "visit_id")})


@blueprint.delete("/sessions/<session_id>/queue/desks/<room>")
@roles(*STAFF)
@blueprint.response(204)
def close_desk(session_id: str, room: str) -> None:
    """Nobody is called to `room` any more. Doing so again changes nothing. 409: desk_busy (`current`) while somebody is there."""
    clinic.close_desk(database(), staff(), session_id, RoomInPath().load({"room": room})["room"])


# --- the whole line --------------------------------------------------------------------------------------------------


def _changed(session_id: str, change: Callable[[Database, Staff], Queue]) -> Response:
    """What staff do with a queue, and how it stands then."""
    with database().transaction(share=True) as tx:
        change(database(), staff())
        return answer(show_board(store.boards.read_board(tx.conn, session_id, tx.now), "staff"))


@blueprint.post("/sessions/<session_id>/queue/pause")
@roles(*STAFF)
@idempotent
@blueprint.arguments(PauseSchema)
@blueprint.response(200, QueueSchema)
def pause(body: dict[str, Any], session_id: str) -> Response:
    """Nobody is called, for so many minutes or until it is resumed, and all see why. Honours `Idempotency-Key`. 409: queue_closed."""
    return _changed(session_id, lambda db, by: clinic.pause(db, by, session_id, **body))


@blueprint.post("/sessions/<session_id>/queue/resume")
@roles(*STAFF)
@idempotent
@blueprint.response(200, QueueSchema)
def resume(session_id: str) -> Response:
    """It goes on after a pause. Saying so again changes nothing. Honours `Idempotency-Key`."""
    return _changed(session_id, lambda db, by: clinic.resume(db, by, session_id))


@blueprint.post("/sessions/<session_id>/queue/discipline")
@roles(*STAFF)
@idempotent
@blueprint.arguments(DisciplineSchema)
@blueprint.response(200, QueueSchema)
def set_discipline(body: dict[str, Any], session_id: str) -> Response:
    """In which order they are called from now on, those who wait already too. Honours `Idempotency-Key`. 409: queue_closed."""
    return _changed(session_id, lambda db, by: clinic.set_discipline(db, by, session_id, **body))


@blueprint.post("/sessions/<session_id>/queue/close")
@roles(*STAFF)
@idempotent
@blueprint.arguments(CloseSchema)
@blueprint.response(200, QueueSchema)
def close(body: dict[str, Any], session_id: str) -> Response:
    """The clinic is over. Who never came has missed her visit, if anybody was called in this queue; else nobody kept it here, and
    no order changes. It closes by itself some time after the session: the hospital's rules say when.

    Doing so again changes nothing. Honours `Idempotency-Key`. 409: somebody_waits (`visits`: how many are here), too_early (`from`:
    until then somebody may still come in time).
    """
    return _changed(session_id, lambda db, by: close_queue(db, by, session_id, **body))


@blueprint.post("/sessions/<session_id>/queue/transfer")
@roles(*STAFF)
@idempotent
@blueprint.arguments(TransferSchema)
@blueprint.response(200, MovedSchema)
def transfer_all(body: dict[str, Any], session_id: str) -> Response:
    """The doctor leaves: everybody who is here or expected waits in the line of another session of this hospital and day, in their
    order, and loses no time by it. Honours `Idempotency-Key`.

    409: nothing_to_change, other_hospital, other_day (`date`), session_stopped, queue_closed, session_over (`ends_at`: no desk is
    open there any more).
    """
    with database().transaction(share=True) as tx:
        moved = clinic.transfer_all(database(), staff(), session_id, **body)
        return answer({"items": show_visits(tx.conn, moved)})
