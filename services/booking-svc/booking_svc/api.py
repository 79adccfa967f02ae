"""The HTTP edge of booking-svc."""

import re
from datetime import datetime
from typing import Any

from common.clock import local
from common.errors import NotFound
from common.outbox import Database
from common.web import Idents, MoneySchema, Paged, Routes, Schema, answer, money, page_of, principal, roles, service
from common.web.idempotency import idempotency_key, request_hash
from flask import Response, request
from marshmallow import fields, validate

from booking_svc import store, usecases
from booking_svc.domain import Order, State
from booking_svc.usecases import PlaceOrder

LONGEST_WAIT = 10.0  # seconds

blueprint = Routes(
    "orders", __name__, url_prefix="/api/v1", description="Registrations: from the wish for a number to the visit"
)


class PlaceOrderSchema(Schema):
    """A request for a number. Without `slot_id` the earliest time with a free number is taken."""

    session_id = Idents.id(required=True)
    slot_id = Idents.id(load_default=None, allow_none=True)
    patient_id = Idents.id(required=True)
    join_waitlist = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class VisitSchema(Schema):
    """Where and when to be."""

    hospital_id = fields.String()
    hospital_name = fields.String()
    department_id = fields.String()
    department_name = fields.String()
    doctor_id = fields.String()
    doctor_name = fields.String()
    doctor_title = fields.String()
    date = fields.Date()
    period = fields.String(metadata={"enum": ["morning", "afternoon", "evening"]})
    starts_at = fields.AwareDateTime(metadata={"description": "the time to arrive"})
    ends_at = fields.AwareDateTime()
    room = fields.String()


class StepSchema(Schema):
    """One step of an order's history."""

    at = fields.AwareDateTime()
    state = fields.String()
    event = fields.String()


class OrderSchema(Schema):
    """An order as its owner sees it."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": [str(s) for s in State]})
    reason = fields.String(allow_none=True, metadata={"description": "why it was rejected, or why its refund stalled"})
    session_id = fields.String(required=True)
    slot_id = fields.String(allow_none=True)
    patient_id = fields.String(required=True)
    patient_name = fields.String(allow_none=True, metadata={"description": "masked"})
    queue_number = fields.Integer(allow_none=True)
    waitlist_position = fields.Integer(allow_none=True, metadata={"description": "when it joined the waitlist"})
    fee = fields.Nested(MoneySchema, allow_none=True)
    paid = fields.Nested(MoneySchema)
    refunded = fields.Nested(MoneySchema)
    visit = fields.Nested(VisitSchema, allow_none=True)
    placed_at = fields.AwareDateTime()
    pay_before = fields.AwareDateTime(allow_none=True)
    cancel_before = fields.AwareDateTime(allow_none=True)
    history = fields.List(fields.Nested(StepSchema))


class OrdersQuery(Paged):
    """Filters of the list."""

    sort_kinds = (datetime, str)

    state = fields.String(load_default=None, validate=validate.OneOf([str(s) for s in State]))


class OrdersSchema(Schema):
    """A page of orders."""

    items = fields.List(fields.Nested(OrderSchema))
    next_cursor = fields.String(allow_none=True)


@blueprint.post("/orders")
@roles("patient")
@blueprint.arguments(PlaceOrderSchema)
@blueprint.response(202, OrderSchema)
def place_order(body: dict[str, Any]) -> Response:
    """Ask for a number.

    Answers 202 with `Location`; with `Prefer: wait=3` (RFC 7240) as soon as the number is decided, within that many
    seconds. Honours `Idempotency-Key`. 409: sold_out, not_released, session_stopped, session_over.
    """
    key = idempotency_key()
    wish = PlaceOrder(
        principal().account_id,
        body["session_id"],
        body["patient_id"],
        body["slot_id"],
        body["join_waitlist"],
        key or None,
        request_hash() if key else None,
    )
    order = usecases.place_order(_database(), service().parts.board, wish)
    wait = _preferred_wait() if order.state == State.RESERVING else 0.0
    if wait and (waiters := service().parts.waiters).acquire(blocking=False):
        try:
            order = usecases.wait_decided(_database(), order, wait)
        finally:
            waiters.release()
    else:
        wait = 0.0
    response = answer(
        _show_new(order) if order.state == State.RESERVING else _show_full(order),
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
    with _database().reading() as conn:
        found = store.list_orders(conn, principal().account_id, query["state"], query["limit"], query["cursor"])
        steps = store.get_history(conn, [o.id for o in found])
        names = store.masked_names(conn, [o.patient_id for o in found])
    return page_of(
        found,
        query["limit"],
        lambda o: [o.placed_at, o.id],
        lambda o: _show(o, names.get(o.patient_id), steps[o.id]),
    )


@blueprint.get("/orders/<order_id>")
@roles("patient")
@blueprint.response(200, OrderSchema)
def get_order(order_id: str) -> dict[str, Any]:
    """One order, with its history. Its owner's, or, for staff, one of their hospital."""
    with _database().reading() as conn:
        order = store.get_order(conn, order_id)
    if order is None or not _may_see(order):
        raise NotFound("no such order of yours", code="order_not_found")
    return _show_full(order)


@blueprint.post("/orders/<order_id>/cancel")
@roles("patient")
@blueprint.response(202, OrderSchema)
def cancel_order(order_id: str) -> Response:
    """Cancel. The number goes back at once; what was paid follows.

    Cancelling again changes nothing. 409: order_ended, too_late_to_cancel (`cancel_before` tells the deadline).
    """
    order = usecases.cancel_order(_database(), principal().account_id, order_id, service().parts.window)
    return answer(_show_full(order), 202, Location=f"/api/v1/orders/{order.id}")


def _database() -> Database:
    return service().database  # type: ignore[no-any-return]


def _may_see(order: Order) -> bool:
    caller = principal()
    if order.account_id == caller.account_id or caller.has("operator"):
        return True
    return (
        caller.has("registrar", "cashier") and order.visit is not None and order.visit.hospital_id == caller.hospital_id
    )


def _preferred_wait() -> float:
    """Seconds of `Prefer: wait=n`, 0 without it; other preferences are not ours (RFC 7240 says: ignore them)."""
    match = re.search(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])", request.headers.get("Prefer", ""))
    return min(float(match[1]), LONGEST_WAIT) if match else 0.0


def _show_new(order: Order) -> dict[str, Any]:
    return _show(order, None, [])


def _show_full(order: Order) -> dict[str, Any]:
    with _database().reading() as conn:
        steps = store.get_history(conn, [order.id])[order.id]
        name = store.masked_names(conn, [order.patient_id]).get(order.patient_id)
    return _show(order, name, steps)


def _show(order: Order, patient_name: str | None, steps: list[Any]) -> dict[str, Any]:
    return {
        "id": order.id,
        "state": order.state,
        "reason": order.reason,
        "session_id": order.session_id,
        "slot_id": order.slot_id,
        "patient_id": order.patient_id,
        "patient_name": patient_name,
        "queue_number": order.queue_number,
        "waitlist_position": order.waitlist_position,
        "fee": None if order.fee is None else money(order.fee),
        "paid": money(order.paid),
        "refunded": money(order.refunded),
        "visit": None if order.visit is None else _show_visit(order.visit),
        "placed_at": local(order.placed_at),
        "pay_before": local(order.pay_before),
        "cancel_before": local(order.cancel_before),
        "history": [{"at": local(order.placed_at), "state": "reserving", "event": "placed"}]
        + [{"at": local(at), "state": state, "event": event} for at, state, event in steps],
    }


def _show_visit(visit: Any) -> dict[str, Any]:
    return {
        **{name: getattr(visit, name) for name in visit.__dataclass_fields__},
        "starts_at": local(visit.starts_at),
        "ends_at": local(visit.ends_at),
    }
