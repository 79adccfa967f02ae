"""What a step sends: each function makes the message that it is named for."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from common.messages import (
    ClosePayment,
    Message,
    MovePayment,
    OrderCancelled,
    OrderConfirmed,
    OrderEntered,
    OrderExpired,
    OrderHeld,
    OrderOffered,
    OrderPlaced,
    OrderRejected,
    OrderRescheduled,
    OrderWaitlisted,
    OrderWithdrawn,
    RefundPayment,
    RefundStalled,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SubstitutesOffered,
    Visit,
    VisitCompleted,
    VisitMissed,
    VisitVoided,
)

from booking_svc.domain import REPLACEMENT_ENDED, VOID_REASONS, Order, State

Send = Callable[[Order], Message]


def order_placed(o: Order) -> Message:
    return OrderPlaced(o.id, o.account_id, o.patient_id, o.session_id, o.placed_at)


def reserve_slot(o: Order) -> Message:
    return ReserveSlot(
        order_id=o.id,
        session_id=o.session_id,
        slot_id=o.slot_id,
        patient_id=o.patient_id,
        join_waitlist=o.join_waitlist,
        auto_book=o.auto_book,
        voucher=o.voucher,
        replaces=o.replaces,
        substitute=o.substitute,
        placed_at=o.placed_at,
    )


def release_slot(o: Order) -> Message:
    return ReleaseSlot(o.id, o.session_id, _release_cause(o))


def request_payment(o: Order) -> Message:
    return RequestPayment(o.id, o.account_id, _visit(o).hospital_id, _due(o), _description(o), _time(o.pay_before))


def close_payment(o: Order) -> Message:
    return ClosePayment(o.id)


def move_payment(o: Order) -> Message:
    if o.replaces is None:
        raise ValueError(f"order {o.id} replaces none")
    rest = (o.fee or 0) - o.paid
    return MovePayment(o.id, o.replaces, o.account_id, _visit(o).hospital_id, rest, _description(o))


def refund_payment(o: Order) -> Message:
    return RefundPayment(o.id, o.cause or "patient")


def order_entered(o: Order) -> Message:
    if o.entry is None:
        raise ValueError(f"order {o.id} is in no draw")
    return OrderEntered(o.id, o.account_id, o.session_id, o.entry.draw_at, o.entry.weight)


def order_offered(o: Order) -> Message:
    return OrderOffered(o.id, o.account_id, _visit(o), o.queue_number or 0, o.fee or 0, _time(o.accept_before))


def order_held(o: Order) -> Message:
    return OrderHeld(o.id, o.account_id, _visit(o), o.queue_number or 0, o.fee or 0, _due(o), _time(o.pay_before))


def order_waitlisted(o: Order) -> Message:
    return OrderWaitlisted(o.id, o.account_id, o.session_id, o.waitlist_position or 0)


def order_rejected(o: Order) -> Message:
    return OrderRejected(o.id, o.account_id, o.session_id, o.reason or "", o.rule, o.until)


def order_confirmed(o: Order) -> Message:
    return OrderConfirmed(o.id, o.account_id, o.patient_id, o.session_id, _visit(o), o.queue_number or 0, o.fee or 0)


def order_expired(o: Order) -> Message:
    return OrderExpired(o.id, o.account_id, o.session_id, _visit(o))


def order_withdrawn(o: Order) -> Message:
    amount = (o.fee or 0) if o.state == State.RETURNING else o.paid
    return OrderWithdrawn(
        order_id=o.id,
        account_id=o.account_id,
        patient_id=o.patient_id,
        session_id=o.session_id,
        was_confirmed=o.confirmed_at is not None,
        cause=REPLACEMENT_ENDED if o.cause == REPLACEMENT_ENDED else _cause(o),
        amount=amount,
        visit=_visit(o),
    )


def order_cancelled(o: Order) -> Message:
    cause = _void_cause(o) if o.cause in VOID_REASONS else _cause(o)
    return OrderCancelled(o.id, o.account_id, o.session_id, cause, o.refunded, o.visit)


def order_rescheduled(o: Order) -> Message:
    """Sent by the order that takes the place, of the one whose place it takes."""
    if o.replaces is None:
        raise ValueError(f"order {o.id} replaces none")
    return OrderRescheduled(o.replaces, o.account_id, o.id, _visit(o))


def substitutes_offered(o: Order) -> Message:
    return SubstitutesOffered(o.id, o.account_id, _visit(o), o.paid, list(o.substitutes), _time(o.accept_before))


def refund_stalled(o: Order) -> Message:
    return RefundStalled(o.id, o.account_id, o.paid, o.reason or "")


def visit_missed(o: Order) -> Message:
    return VisitMissed(o.id, o.account_id, o.patient_id, o.session_id, _visit(o), o.marked_by or "")


def visit_completed(o: Order) -> Message:
    return VisitCompleted(o.id, o.account_id, o.patient_id, o.session_id, _time(o.updated_at), _visit(o))


def visit_voided(o: Order) -> Message:
    return VisitVoided(o.id, o.account_id, o.patient_id, o.session_id, _void_cause(o), _visit(o))


def _void_cause(o: Order) -> Literal["too_late", "not_served"]:
    return "too_late" if o.cause == "too_late" else "not_served"


def _cause(o: Order) -> Literal["patient", "session_stopped"]:
    return "session_stopped" if o.cause == "session_stopped" else "patient"


def _release_cause(o: Order) -> Literal["patient", "expired", "session_stopped", "rescheduled"]:
    match o.cause:
        case "patient" | "session_stopped" | "rescheduled":
            return o.cause
        case "replacement_ended":
            return "rescheduled"
        case "too_late" | "not_served":
            return "session_stopped"  # who was there, and not seen, may ask for this doctor again at once
        case _:
            return "expired"


def _due(o: Order) -> int:
    return o.due if o.due is not None else o.fee or 0


def _description(o: Order) -> str:
    visit = _visit(o)
    return f"{visit.hospital_name} {visit.department_name} {visit.doctor_name} {visit.date:%Y-%m-%d}"


def _visit(o: Order) -> Visit:
    if o.visit is None:
        raise ValueError(f"order {o.id} has no number yet")
    return o.visit


def _time(value: datetime | None) -> datetime:
    if value is None:
        raise ValueError("the window is not set")
    return value
