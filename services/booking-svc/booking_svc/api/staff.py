"""What a hospital's staff do with orders."""

from typing import Any

from common.web import money, principal, roles

from booking_svc import usecases
from booking_svc.api.blueprint import blueprint, database, of_their_hospital
from booking_svc.api.schemas import OrderSchema, StoppageSchema
from booking_svc.api.show import show_full


@blueprint.post("/orders/<order_id>/missed")
@roles("registrar", "hospital_admin", "operator")
@blueprint.response(200, OrderSchema)
def mark_missed(order_id: str) -> dict[str, Any]:
    """爽约: the patient did not come. The number and its fee stay with the hospital, and her credit is marked.

    Saying so again changes nothing. 409: not_confirmed, visit_not_begun (`starts_at`), not_possible (`state`) while she is with a
    doctor, confirmed_too_late: nobody could come for it any more, the end of the day gives its fee back.
    """
    order = usecases.mark_missed(database(), order_id, principal().account_id, of_their_hospital)
    return show_full(order)


@blueprint.get("/sessions/<session_id>/stoppage")
@roles("doctor", "registrar", "hospital_admin", "operator")
@blueprint.response(200, StoppageSchema)
def stoppage(session_id: str) -> dict[str, Any]:
    """The board of a session's stop (停诊).

    Before the stop: the orders that it would end, by state, and what would be given back. After it: what is left to settle, down
    to zero, when `settled` is true.
    """
    found = usecases.stoppage(database(), session_id)
    principal().require_hospital(found.session.hospital_id)
    return {
        "session_id": session_id,
        "stopped": found.stopped,
        "settled": found.settled,
        "orders": sum(count for _, count, _ in found.states),
        "amount": money(sum(amount for _, _, amount in found.states)),
        "states": [{"state": state, "orders": count, "amount": money(amount)} for state, count, amount in found.states],
    }
