"""A patient's orders."""

import re
from typing import Any

from common.errors import NotFound
from common.web import answer, page_of, principal, roles, service
from common.web.idempotency import idempotency_key, request_hash
from flask import Response, request

from booking_svc import store, usecases
from booking_svc.api.blueprint import blueprint, database, of_their_hospital
from booking_svc.api.schemas import OrderSchema, OrdersQuery, OrdersSchema, PlaceOrderSchema
from booking_svc.api.show import show, show_full, show_new
from booking_svc.domain import State
from booking_svc.usecases import PlaceOrder

LONGEST_WAIT = 10.0  # seconds


@blueprint.post("/orders")
@roles("patient")
@blueprint.arguments(PlaceOrderSchema)
@blueprint.response(202, OrderSchema)
def place_order(body: dict[str, Any]) -> Response:
    """Ask for a number.

    Answers 202 with `Location`; with `Prefer: wait=3` (RFC 7240) as soon as the number is decided, within that many
    seconds. Honours `Idempotency-Key`. In a draw the order is entered, and decided when the draw is made. 409: sold_out,
    not_released (`release_at`), session_stopped, session_over, entries_closed (`draw_at`), slot_not_choosable (`draw_at`).
    """
    key = idempotency_key()
    wish = PlaceOrder(
        principal().account_id,
        **body,
        idempotency_key=key or None,
        request_hash=request_hash() if key else None,
    )
    order = usecases.place_order(database(), service().parts.board, wish)
    wait = _preferred_wait() if order.state == State.RESERVING else 0.0
    if wait and (waiters := service().parts.waiters).acquire(blocking=False):
        try:
            order = usecases.wait_decided(database(), order, wait)
        finally:
            waiters.release()
    else:
        wait = 0.0
    response = answer(
        show_new(order) if order.state == State.RESERVING else show_full(order),
        202,
        Location=f"/api/v1/orders/{order.id}",
    )
    if wait:
        response.headers["Preference-Applied"] = f"wait={wait:g}"
    return response


@blueprint.get("/orders")
@roles("patient")
@blueprint.arguments(OrdersQuery, location="query")
@blueprint.response(200, OrdersSchema)
def list_orders(query: dict[str, Any]) -> dict[str, Any]:
    """One's own orders, newest first."""
    with database().reading() as conn:
        found = store.list_orders(conn, principal().account_id, query["state"], query["limit"], query["cursor"])
        steps = store.get_history(conn, [o.id for o in found])
        names = store.masked_names(conn, [o.patient_id for o in found])
    return page_of(
        found,
        query["limit"],
        lambda o: [o.placed_at, o.id],
        lambda o: show(o, names.get(o.patient_id), steps[o.id]),
    )


@blueprint.get("/orders/<order_id>")
@roles("patient")
@blueprint.response(200, OrderSchema)
def get_order(order_id: str) -> dict[str, Any]:
    """One order, with its history. Its owner's, or, for staff, one of their hospital."""
    with database().reading() as conn:
        order = store.get_order(conn, order_id)
    if order is None or not (order.account_id == principal().account_id or of_their_hospital(order)):
        raise NotFound("no such order of yours", code="order_not_found")
    return show_full(order)


@blueprint.post("/orders/<order_id>/cancel")
@roles("patient")
@blueprint.response(202, OrderSchema)
def cancel_order(order_id: str) -> Response:
    """Cancel. The number goes back at once; what was paid follows.

    Of an order whose session was stopped, this declines the substitutes. Cancelling again changes nothing. 409: order_ended,
    too_late_to_cancel (`cancel_before` tells the deadline), being_seen.
    """
    order = usecases.cancel_order(database(), principal().account_id, order_id, service().parts.window)
    return answer(show_full(order), 202, Location=f"/api/v1/orders/{order.id}")


@blueprint.post("/orders/<order_id>/accept")
@roles("patient")
@blueprint.response(202, OrderSchema)
def accept_offer(order_id: str) -> Response:
    """Take a freed number that is offered (候补). It is then held until it is paid, or confirmed if it is free.

    Accepting again changes nothing. 409: not_offered, order_ended, offer_over (`accept_before` tells the deadline).
    """
    order = usecases.accept_offer(database(), principal().account_id, order_id, service().parts.window)
    return answer(show_full(order), 202, Location=f"/api/v1/orders/{order.id}")


def _preferred_wait() -> float:
    """Seconds of `Prefer: wait=n`, 0 without it; other preferences are not ours (RFC 7240 says: ignore them)."""
    match = re.search(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])", request.headers.get("Prefer", ""))
    return min(float(match[1]), LONGEST_WAIT) if match else 0.0
