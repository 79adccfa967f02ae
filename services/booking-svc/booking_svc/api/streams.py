"""Live queues: boards on walls, desks, and phones."""

import time
from collections.abc import Mapping
from typing import Any

from common.clock import local
from common.errors import NotFound
from common.web import principal, roles, service
from common.web.stream import Stream, event
from flask import Response, request

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.clinic.people import STAFF, check_sees, is_staff_of
from booking_svc.api.show_board import Viewer, show_board, show_pause
from booking_svc.boards import Boards, Reading
from booking_svc.clinic.visits import AT_DESK, ClinicVisit
from booking_svc.store.boards import Board

NEXT = 20
"""So many of who waits next are in an event for a board; a desk gets all of them."""

_ANSWER: dict[str, Any] = {
    "schema": {"type": "string"},
    "content_type": "text/event-stream",
    "description": "Server-sent events, as told above",
}


def tell(board: Board) -> Mapping[str, bytes]:
    """The events that all boards, and all desks, get."""
    on_the_wall = show_board(board, "board")
    on_the_wall["waiting"] = on_the_wall["waiting"][:NEXT]
    return {"board": event("queue", on_the_wall), "staff": event("queue", show_board(board, "staff"))}


@blueprint.get("/sessions/<session_id>/queue/stream")
@roles("board", *STAFF)
@blueprint.response(200, **_ANSWER)
def stream_queue(session_id: str) -> Response:
    """A queue as it moves, for boards on walls and for desks, as server-sent events; the token in Authorization, as everywhere.

    `queue`: all of it as it is now, as GET /sessions/{session_id}/queue shows it, for boards with the next twenty of who waits; at
    once, and then whenever something has changed. Speak each of `called` whose `serial` is greater than the last one that was
    spoken: no call is lost and none is spoken twice, also by who comes again, to this process or another. `bye`: the stream ends,
    and why: token_expired, come_again, too_slow, stopping; elsewhere: the account has opened more than six here, and this was the
    oldest, so do not come again by yourself. A hospital's screens may share an account, of which 24 are shown here, and none is ended
    for another. 503 `no_streams`: there are too many; Retry-After says when to try again.
    """
    caller = principal()
    with database().reading() as conn:
        hospital_id = store.boards.hospital_of(conn, session_id)
    viewer: Viewer = "staff" if is_staff_of(hospital_id) else "board"
    if viewer == "board" and caller.hospital_id != hospital_id:
        raise NotFound("no such session", code="session_not_found")
    if request.method == "HEAD":
        return Response(content_type="text/event-stream")
    opened = time.monotonic()
    boards: Boards = service().parts.boards
    listener = boards.listen(session_id, caller.account_id, "desk" if viewer == "staff" else "wall")

    def write(reading: Reading) -> bytes:
        return reading.events[viewer] if reading.begun >= opened else b""

    return Stream(listener, write, expires=caller.expires).response()


@blueprint.get("/visits/<visit_id>/stream")
@roles("patient", *STAFF)
@blueprint.response(200, **_ANSWER)
def stream_visit(visit_id: str) -> Response:
    """One's own visit as the queue moves, as server-sent events; the token in Authorization, as everywhere.

    `visit`: what moves of GET /visits/{visit_id}, as it is now, at once and whenever something in the queue has changed: `state`;
    `ahead`: how many are before her, while she waits; `room` and `calls`: a new call is one more; `moved_to`: whose line it is, if
    it is another one than she has booked; `paused`; `serving`: the numbers that are at the desks. `bye` and 503 as in
    GET /sessions/{session_id}/queue/stream.
    """
    caller = principal()
    with database().reading() as conn:
        visit = check_sees(store.visits.get_visit(conn, visit_id))
    if request.method == "HEAD":
        return Response(content_type="text/event-stream")
    since = time.monotonic()
    boards: Boards = service().parts.boards
    listener = boards.listen(visit.queue_id, caller.account_id, "phone")

    def write(reading: Reading) -> bytes:
        nonlocal since
        if reading.begun < since:
            return b""
        if (found := reading.board.visits.get(visit_id)) is not None:
            return event("visit", show_phone(reading.board, found))
        since = time.monotonic()
        boards.follow(visit_id, listener)
        return b""

    return Stream(listener, write, expires=caller.expires).response()


def show_phone(board: Board, visit: ClinicVisit) -> dict[str, Any]:
    """What moves of a visit, of the queue in which it stands: her own place, and of others the numbers."""
    there = sorted((v.room or "", v.ticket) for v in board.visits.values() if v.state in AT_DESK)
    facts = board.facts
    elsewhere = facts is not None and visit.queue_id != visit.session_id
    names = ("session_id", "department_name", "doctor_id", "doctor_name", "doctor_title", "room")
    return {
        "id": visit.id,
        "order_id": visit.order_id,
        "session_id": visit.session_id,
        "queue_id": visit.queue_id,
        "revision": board.revision,
        "state": visit.state,
        "ticket": visit.ticket,
        "ahead": board.ahead.get(visit.id),
        "waiting": len(board.line),
        "room": visit.room,
        "calls": visit.calls,
        "passes": visit.passes,
        "called_at": local(visit.called_at),
        "moved_to": {name: getattr(facts, name) for name in names} if elsewhere else None,
        "paused": show_pause(board),
        "serving": [{"room": room, "ticket": ticket} for room, ticket in there],
    }
