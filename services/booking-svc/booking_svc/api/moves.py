"""Orders that take another's place."""

from typing import Any

from common.web import answer, idempotent, principal, roles
from flask import Response

from booking_svc import usecases
from booking_svc.api.blueprint import blueprint, database
from booking_svc.api.schemas import MoveSchema, OrderSchema
from booking_svc.api.show import show_new
from booking_svc.usecases import Move


@blueprint.post("/orders/<order_id>/reschedule")
@roles("patient")
@idempotent
@blueprint.arguments(MoveSchema)
@blueprint.response(202, OrderSchema)
def reschedule(body: dict[str, Any], order_id: str) -> Response:
    """Move a confirmed order to another session, or to another time of its session.

    Answers 202 with the new order, which takes its number first; only then the old one gives its own back and ends as
    `rescheduled`. What was paid follows; a dearer session awaits the payment of the difference, the difference to a cheaper one
    goes back. If the new order gets no number, or is not paid in time, the old one stays as it is. Honours `Idempotency-Key`.
    409: not_confirmed, order_ended, too_late_to_cancel (`cancel_before`), other_hospital, nothing_to_change, not_drawn_yet
    (`draw_at`), already_moving (`order_id`), being_seen, checked_in, and those of placing an order.
    """
    order = usecases.reschedule(database(), Move(principal().account_id, order_id, **body))
    return answer(show_new(order), 202, Location=f"/api/v1/orders/{order.id}")


@blueprint.post("/orders/<order_id>/substitute")
@roles("patient")
@idempotent
@blueprint.arguments(MoveSchema)
@blueprint.response(202, OrderSchema)
def take_substitute(body: dict[str, Any], order_id: str) -> Response:
    """停诊: take one of the `substitutes` that an order shows, at no extra charge.

    Answers 202 with the new order. What was paid follows; the difference to a cheaper session goes back. If there is no number any
    more, the other substitutes may still be chosen. To decline, cancel. Honours `Idempotency-Key`. 409: not_offered,
    order_ended, offer_over (`accept_before`), not_a_substitute, already_moving (`order_id`), and those of placing an order.
    """
    order = usecases.take_substitute(database(), Move(principal().account_id, order_id, **body))
    return answer(show_new(order), 202, Location=f"/api/v1/orders/{order.id}")
