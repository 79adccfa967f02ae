"""A live queue as it is seen: by boards on walls, desks and phones; the same for who asks once (QueueSchema) and who listens."""

from collections import Counter
from typing import Any, Literal

from common.clock import local

from booking_svc.clinic.line import in_order
from booking_svc.clinic.visits import AT_DESK, ClinicVisit, VisitState
from booking_svc.store.boards import Board, Call

Viewer = Literal["patient", "board", "staff"]
"""Patients see numbers and states; boards masked names and classes too; staff also ids, and who is not here."""


def show_board(board: Board, viewer: Viewer, account_id: str = "") -> dict[str, Any]:
    """`account_id`: of a patient, whose own visits she may see."""
    queue, facts = board.queue, board.facts

    def people(state: VisitState) -> list[dict[str, Any]]:
        among = [visit for visit in board.visits.values() if visit.state == state]
        in_turn = in_order(among) or sorted(among, key=lambda v: (v.visit.starts_at, len(v.ticket), v.ticket))
        return [_show_in_line(board, visit, viewer, account_id) for visit in in_turn]

    return {
        "session_id": board.queue_id,
        "revision": board.revision,
        "at": local(board.now),
        "state": "open" if queue is None else queue.state,
        "discipline": None if queue is None else queue.discipline,
        "department_name": (facts.department_name or None) if facts else None,
        "doctor_name": (facts.doctor_name or None) if facts else None,
        "paused": show_pause(board),
        "desks": _show_desks(board, viewer, account_id),
        "waiting": [_show_in_line(board, visit, viewer, account_id) for visit in board.line],
        "away": people(VisitState.AWAY),
        **({"expected": people(VisitState.EXPECTED), "missed": people(VisitState.MISSED)} if viewer == "staff" else {}),
        "counts": dict(sorted(Counter(str(visit.state) for visit in board.visits.values()).items())),
        "called": [_show_call(board, call, viewer, account_id) for call in board.calls],
    }


def show_pause(board: Board) -> dict[str, Any] | None:
    queue = board.queue
    if queue is None or not queue.is_paused(board.now):
        return None
    return {"why": queue.paused_why, "since": local(queue.paused_at), "until": local(queue.paused_until)}


def _show_desks(board: Board, viewer: Viewer, account_id: str) -> list[dict[str, Any]]:
    """Those that are open, and who is there, as the visits say it."""
    there = {visit.room: visit for visit in board.visits.values() if visit.state in AT_DESK}
    return [
        {
            "room": desk.room,
            "doctor_id": desk.doctor_id,
            "visit": None if visit is None else _show_in_line(board, visit, viewer, account_id),
            "called_at": None if visit is None else local(visit.called_at),
        }
        for desk in board.desks.values()
        if (visit := there.get(desk.room)) is not None or desk.is_open
    ]


def _show_in_line(board: Board, visit: ClinicVisit, viewer: Viewer, account_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"ticket": visit.ticket, "state": visit.state}
    if viewer == "patient":
        mine = visit.account_id is not None and visit.account_id == account_id
        return {**shown, "mine": mine, **({"visit_id": visit.id} if mine else {})}
    shown |= {
        "name": board.name(visit),
        "visit_class": visit.visit_class,
        "reason": visit.reason,
        "passes": visit.passes,
        "late": visit.late,
    }
    if viewer == "staff":
        shown |= {"visit_id": visit.id, "order_id": visit.order_id, "starts_at": local(visit.visit.starts_at)}
    return shown


def _show_call(board: Board, call: Call, viewer: Viewer, account_id: str) -> dict[str, Any]:
    return {
        "serial": call.serial,
        "room": call.room,
        "at": local(call.at),
        "again": call.again,
        **_show_in_line(board, call.visit, viewer, account_id),
        "ticket": call.ticket,
    }
