"""The blueprint that all views of booking-svc belong to, and what they share."""

from common.outbox import Database
from common.web import Routes, principal, service

from booking_svc.domain import Order

blueprint = Routes(
    "orders", __name__, url_prefix="/api/v1", description="Registrations: from the wish for a number to the visit"
)


def database() -> Database:
    return service().database  # type: ignore[no-any-return]


def of_their_hospital(order: Order) -> bool:
    """True for an operator, and for staff of the order's hospital who deal with orders."""
    caller = principal()
    return caller.has("operator") or (
        caller.has("registrar", "cashier", "hospital_admin")
        and order.visit is not None
        and order.visit.hospital_id == caller.hospital_id
    )
