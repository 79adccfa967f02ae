"""What can happen to an order, and which input a message is for which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from common.messages import (
    PaymentClosed,
    PaymentFailed,
    PaymentMoved,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    SlotEntered,
    SlotRejected,
    SlotReserved,
    SlotWaitlisted,
    Substitute,
)

from booking_svc.domain import REPLACEABLE, UNDECIDED, UNPAID, Order, State


class Input(StrEnum):
    """What can happen to an order. `free`: it costs nothing, so there is no payment to open or give back.

    `replacing`: the order is to take the place of another, which still can be replaced; `covered`: what was paid for that
    one is enough.
    """

    SLOT_RESERVED = "SlotReserved"
    SLOT_RESERVED_FREE = "SlotReserved, free"
    SLOT_OFFERED = "SlotReserved, offered"
    SLOT_RESERVED_COVERED = "SlotReserved, replacing, covered"
    SLOT_RESERVED_FREE_REPLACING = "SlotReserved, replacing, free"
    SLOT_ENTERED = "SlotEntered"
    SLOT_WAITLISTED = "SlotWaitlisted"
    SLOT_REJECTED = "SlotRejected"
    PAYMENT_SUCCEEDED = "PaymentSucceeded"
    PAYMENT_SUCCEEDED_MOVING = "PaymentSucceeded, replacing, the rest moves"
    PAYMENT_SUCCEEDED_REPLACING = "PaymentSucceeded, replacing a free order"
    PAYMENT_SUCCEEDED_SHORT = "PaymentSucceeded, the rest is gone"
    PAYMENT_FAILED = "PaymentFailed"
    PAYMENT_CLOSED = "PaymentClosed"
    PAYMENT_MOVED = "PaymentMoved"
    REFUND_SUCCEEDED = "RefundSucceeded"
    REFUND_SUCCEEDED_REPLACED = "RefundSucceeded, replaced"
    REFUND_FAILED = "RefundFailed"
    REST_REFUNDED = "RefundSucceeded, what a move left over"
    SURPLUS_REFUNDED = "RefundSucceeded, surplus"
    SURPLUS_STALLED = "RefundFailed, surplus"
    WINDOW_ENDED = "window ended"
    ACCEPT = "patient accepts"
    ACCEPT_FREE = "patient accepts, free"
    CANCEL = "patient cancels"
    CANCEL_FREE = "patient cancels, free"
    STOP = "session stopped"
    STOP_FREE = "session stopped, free"
    STOP_SUBSTITUTED = "session stopped, substitutes"
    REPLACED = "replaced"
    REPLACED_BY_FREE = "replaced by a free order"
    REPLACEMENT_ENDED = "the order to replace has ended"
    MISSED = "visit missed"
    SERVED = "visit completed"
    VOID = "visit void"
    VOID_FREE = "visit void, free"

    @property
    def code(self) -> str:
        """Its name in an order's history: stable, and the same for what differs only in what follows from it."""
        return _CODES.get(self, self.name.lower())


_CODES = {
    Input.SLOT_RESERVED_FREE: "slot_reserved",
    Input.SLOT_RESERVED_COVERED: "slot_reserved",
    Input.SLOT_RESERVED_FREE_REPLACING: "slot_reserved",
    Input.PAYMENT_SUCCEEDED_MOVING: "payment_succeeded",
    Input.PAYMENT_SUCCEEDED_REPLACING: "payment_succeeded",
    Input.PAYMENT_SUCCEEDED_SHORT: "payment_succeeded",
    Input.REFUND_SUCCEEDED_REPLACED: "refund_succeeded",
    Input.REST_REFUNDED: "refund_succeeded",
    Input.ACCEPT: "patient_accepted",
    Input.ACCEPT_FREE: "patient_accepted",
    Input.CANCEL: "patient_cancelled",
    Input.CANCEL_FREE: "patient_cancelled",
    Input.STOP: "session_stopped",
    Input.STOP_FREE: "session_stopped",
    Input.STOP_SUBSTITUTED: "session_stopped",
    Input.REPLACED_BY_FREE: "replaced",
    Input.MISSED: "visit_missed",
    Input.SERVED: "visit_completed",
    Input.VOID: "visit_void",
    Input.VOID_FREE: "visit_void",
}


@dataclass(frozen=True, slots=True)
class Cancel:
    """The patient no longer wants the order; of substitutes: she takes none."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Accept:
    """The patient takes the freed number that is offered to her."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The order's session does not take place. `substitutes`: what she may have instead."""

    order_id: str
    substitutes: Sequence[Substitute] = ()


@dataclass(frozen=True, slots=True)
class WindowEnded:
    """The timer of an order that waits for its patient."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """Order `by` has taken this one's place; `amount` fen of its payment go there."""

    order_id: str
    by: str
    amount: int


@dataclass(frozen=True, slots=True)
class ReplacementEnded:
    """The order whose place, and money, this one was to take has ended otherwise."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Missed:
    """爽约: the patient did not come, says a member of staff."""

    order_id: str
    marked_by: str


@dataclass(frozen=True, slots=True)
class Served:
    """The patient was seen."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Void:
    """There will be no visit, though the session takes place: she came `too_late`, or it ended before her turn (`not_served`)."""

    order_id: str
    cause: Literal["too_late", "not_served"]


def input_of(order: Order, message: object, old: Order | None = None) -> Input:
    """Which input a message is for this order. `old`: the one that it is to replace, if any."""
    free = order.fee == 0
    match message:
        case SlotReserved():
            return _of_number(order, message, old)
        case PaymentSucceeded():
            return _of_payment(order, old)
        case RefundSucceeded(purpose="surplus"):
            rest = message.cause in {"fee_difference", "unsaid"} and message.amount <= rest_of(order)
            return Input.REST_REFUNDED if rest else Input.SURPLUS_REFUNDED
        case RefundSucceeded():
            return Input.REFUND_SUCCEEDED if order.replaced_by is None else Input.REFUND_SUCCEEDED_REPLACED
        case RefundFailed(purpose="surplus"):
            return Input.SURPLUS_STALLED
        case Accept():
            return Input.ACCEPT_FREE if free else Input.ACCEPT
        case Cancel():
            return Input.CANCEL_FREE if free else Input.CANCEL
        case Void():
            return Input.VOID_FREE if free else Input.VOID
        case Stop():
            if message.substitutes and order.state == State.CONFIRMED and order.paid:
                return Input.STOP_SUBSTITUTED
            return Input.STOP_FREE if free else Input.STOP
        case Replaced():
            return Input.REPLACED_BY_FREE if order.paid and not message.amount else Input.REPLACED
        case _:
            return _PLAIN[type(message)]


_PLAIN: dict[type, Input] = {
    SlotEntered: Input.SLOT_ENTERED,
    SlotWaitlisted: Input.SLOT_WAITLISTED,
    SlotRejected: Input.SLOT_REJECTED,
    PaymentFailed: Input.PAYMENT_FAILED,
    PaymentClosed: Input.PAYMENT_CLOSED,
    PaymentMoved: Input.PAYMENT_MOVED,
    RefundFailed: Input.REFUND_FAILED,
    WindowEnded: Input.WINDOW_ENDED,
    ReplacementEnded: Input.REPLACEMENT_ENDED,
    Missed: Input.MISSED,
    Served: Input.SERVED,
}


def covering(order: Order, old: Order | None) -> Order | None:
    """The order whose place and money this one still may take."""
    return old if old is not None and old.id == order.replaces and old.state in REPLACEABLE else None


def rest_of(order: Order) -> int:
    """Fen that a move left over and that are not known to be back. payment-svc says which of what it sends back by itself is of
    them; of a time when it did not, whatever is no more than that counts as such.
    """
    return order.paid - order.moved - order.refunded if order.state == State.RESCHEDULED else 0


def awaits_difference(order: Order) -> bool:
    """It is, or was, to be paid by itself no more than what the order that it replaces leaves to pay."""
    return order.state in UNPAID and order.due != order.fee


def fee_of(order: Order, message: SlotReserved, old: Order | None) -> int:
    """What the order costs, in fen: a substitute no more than was paid for what it stands in for."""
    replaced = covering(order, old)
    return min(message.fee, replaced.paid) if order.substitute and replaced is not None else message.fee


def _of_number(order: Order, message: SlotReserved, old: Order | None) -> Input:
    if message.offered and order.replaces is None:
        return Input.SLOT_OFFERED
    replaced, fee = covering(order, old), fee_of(order, message, old)
    if replaced is None or order.state not in UNDECIDED:
        return Input.SLOT_RESERVED if fee else Input.SLOT_RESERVED_FREE
    if fee == 0:
        return Input.SLOT_RESERVED_FREE_REPLACING
    return Input.SLOT_RESERVED_COVERED if fee <= replaced.paid else Input.SLOT_RESERVED


def _of_payment(order: Order, old: Order | None) -> Input:
    if order.replaces is None or order.state not in UNPAID:
        return Input.PAYMENT_SUCCEEDED
    short = awaits_difference(order)
    if covering(order, old) is None:
        return Input.PAYMENT_SUCCEEDED_SHORT if short else Input.PAYMENT_SUCCEEDED
    return Input.PAYMENT_SUCCEEDED_MOVING if short else Input.PAYMENT_SUCCEEDED_REPLACING
