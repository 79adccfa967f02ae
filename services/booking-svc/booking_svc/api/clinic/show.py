"""Visits as the API shows them to their patients and to staff."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.clock import local
from common.messages import ClinicRules

from booking_svc import store
from booking_svc.api.show import show_place_and_time
from booking_svc.clinic import checkin
from booking_svc.clinic.line import Place
from booking_svc.clinic.visits import IN_LINE, ClinicVisit, Move, VisitState

_MOVED_TO = ("session_id", "department_name", "doctor_id", "doctor_name", "doctor_title", "room")


def show_visit(conn: store.Connection, visit: ClinicVisit) -> dict[str, Any]:
    return show_visits(conn, [visit])[0]


def show_visits(conn: store.Connection, visits: Sequence[ClinicVisit]) -> list[dict[str, Any]]:
    """With what is read beside them: names, how many are before them, the rules of checking in, where they were moved to, why
    they are void, what became of the last call of those who wait again.
    """
    names = store.masked_names(conn, [v.patient_id for v in visits if v.patient_id])
    waiting = {v.queue_id for v in visits if v.state in IN_LINE}
    lines = {queue: [v.place for v in store.visits.visits_of_queue(conn, queue, IN_LINE)] for queue in waiting}
    due = {(v.hospital_id, v.visit.starts_at) for v in visits if v.state == VisitState.EXPECTED}
    rules = {(hospital, at): store.queues.rules_in_force(conn, hospital, at) for hospital, at in due}
    moved = {v.queue_id: _session(conn, v.queue_id) for v in visits if v.queue_id != v.session_id}
    void = [v.id for v in visits if v.state == VisitState.VOID]
    reasons = store.visits.why_void(conn, void) if void else {}
    back = [v.id for v in visits if v.state in IN_LINE and v.calls]
    vain = store.visits.vain_calls(conn, back) if back else {}
    return [
        {
            **_plain(visit),
            "name": visit.name or names.get(visit.patient_id or ""),
            "ahead": _ahead(visit, lines[visit.queue_id]) if visit.state in IN_LINE else None,
            "check_in": _check_in(visit, rules.get((visit.hospital_id, visit.visit.starts_at))),
            "moved_to": moved.get(visit.queue_id),
            "void_reason": reasons.get(visit.id),
            "vain_call": _vain_call(vain.get(visit.id)),
        }
        for visit in visits
    ]


def _plain(visit: ClinicVisit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "order_id": visit.order_id,
        "session_id": visit.session_id,
        "queue_id": visit.queue_id,
        "ticket": visit.ticket,
        "state": visit.state,
        "visit_class": visit.visit_class,
        "reason": visit.reason,
        "room": visit.room,
        "passes": visit.passes,
        "calls": visit.calls,
        "late": visit.late,
        "visit": show_place_and_time(visit.visit),
        "checked_in_at": local(visit.checked_in_at),
        "called_at": local(visit.called_at),
        "started_at": local(visit.started_at),
        "ended_at": local(visit.ended_at),
    }


def _ahead(visit: ClinicVisit, line: Sequence[Place | None]) -> int:
    return sum(other is not None and visit.place is not None and other < visit.place for other in line)


def _check_in(visit: ClinicVisit, rules: ClinicRules | None) -> dict[str, Any] | None:
    if rules is None or visit.state != VisitState.EXPECTED:
        return None
    starts_at = visit.visit.starts_at
    return {
        "opens_at": local(checkin.opens_at(rules, starts_at)),
        "late_after": local(starts_at + timedelta(minutes=rules.grace_minutes)),
        "void_after": local(checkin.void_after(rules, starts_at, visit.visit.ends_at)),
        "proofs": checkin.proofs(rules, visit.tries),
    }


def _vain_call(found: tuple[datetime, Move] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    at, move = found
    return {"at": local(at), "ended": "passed" if move == Move.PASS else "put_back"}


def _session(conn: store.Connection, session_id: str) -> dict[str, Any] | None:
    facts = store.get_session(conn, session_id)
    return None if facts is None else {name: getattr(facts, name) for name in _MOVED_TO}
