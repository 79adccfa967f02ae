"""Who looks at a queue or a visit, and who acts."""

from common.errors import NotFound
from common.web import principal

from booking_svc.api.show_board import Viewer
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import ClinicVisit, VisitState
from booking_svc.store.boards import Board

STAFF = ("doctor", "registrar", "hospital_admin", "operator")
"""Act in queues: doctors in their own."""
_GONE = frozenset({VisitState.WITHDRAWN, VisitState.VOID, VisitState.LAPSED})


def staff() -> Staff:
    """The caller as a member of staff."""
    caller = principal()
    return Staff(
        caller.account_id,
        caller.hospital_id,
        caller.doctor_id if caller.has("doctor") else "",
        of_desk=caller.has("registrar", "hospital_admin"),
        everywhere=caller.has("operator"),
    )


def is_staff_of(hospital_id: str) -> bool:
    """The caller acts, or looks, for this hospital."""
    caller = principal()
    return caller.has("operator") or (caller.has(*STAFF) and caller.hospital_id == hospital_id)


def check_sees(visit: ClinicVisit | None) -> ClinicVisit:
    """Raises NotFound unless the visit is the caller's own, or of her hospital."""
    if visit is None or not (visit.account_id == principal().account_id or is_staff_of(visit.hospital_id)):
        raise NotFound("no such visit", code="visit_not_found")
    return visit


def viewer_of(board: Board) -> Viewer:
    """As what the caller sees this queue. Raises NotFound for one in which she has nothing."""
    caller = principal()
    if is_staff_of(board.hospital_id):
        return "staff"
    if caller.has("board") and caller.hospital_id == board.hospital_id:
        return "board"
    hers = (v for v in board.visits.values() if v.account_id == caller.account_id and v.state not in _GONE)
    if caller.has("patient") and any(hers):
        return "patient"
    raise NotFound("no such session", code="session_not_found")
