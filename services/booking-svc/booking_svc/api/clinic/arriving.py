"""报到: checking in, by the patient or at the desk."""

from typing import Any

from common.web import principal, roles, service

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.clinic.people import STAFF, is_staff_of, staff
from booking_svc.api.clinic.show import show_visit
from booking_svc.api.clinic_schemas import CheckInSchema, ClinicVisitSchema
from booking_svc.clinic.checkin import Code, Position, Proof
from booking_svc.usecases.clinic.checking_in import check_in, check_in_at_desk


@blueprint.post("/orders/<order_id>/check-in")
@roles("patient", *STAFF)
@blueprint.arguments(CheckInSchema)
@blueprint.response(200, ClinicVisitSchema)
def arrive(body: dict[str, Any], order_id: str) -> dict[str, Any]:
    """报到: she is here, and joins the line. Her own proof is the code of the door, or her position; the desk's word is enough.

    The visit says when one may check in, and how (`check_in`). Doing so again answers the same. 409: too_early (`from`), too_late
    (the number is void, and its fee goes back), not_confirmed (`state`), wrong_code (`tries_left`; then only the desk), not_here
    (`metres`), proof_needed (`possible`), queue_closed, already_moving (`order_id`: it is about to take this one's place), session_over
    (`ends_at`: it is too late, and nothing is void any more).
    """
    proof = _proof(body)
    if _at_desk(order_id, proof):
        visit = check_in_at_desk(database(), staff(), order_id)
    else:
        visit = check_in(database(), service().parts.door, principal().account_id, order_id, proof)
    with database().reading() as conn:
        return show_visit(conn, visit)


def _proof(body: dict[str, Any]) -> Proof | None:
    if body["code"] is not None:
        return Code(body["code"])
    if body["latitude"] is not None:
        return Position(body["latitude"], body["longitude"], body["accuracy"] or 0.0)
    return None


def _at_desk(order_id: str, proof: Proof | None) -> bool:
    """Staff act as such, but of their own appointments only at their own hospital, and if they show no proof."""
    caller = principal()
    if not caller.has(*STAFF):
        return False
    with database().reading() as conn:
        order = store.get_order(conn, order_id)
    if order is None or order.account_id != caller.account_id:
        return True
    return proof is None and order.visit is not None and is_staff_of(order.visit.hospital_id)
