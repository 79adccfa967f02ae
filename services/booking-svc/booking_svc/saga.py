"""The whole life of an order in one table: (state, input) -> (next state, what to send).

An input is a message of another service, a patient's wish, or the end of the payment window. Every pair of state and
input is either in TABLE or, with its reason, in IGNORED; a test proves it, and another walks every interleaving with
redelivery against a model of schedule-svc and payment-svc. docs/saga.md is generated from here.

Two rules explain most rows. A number goes back at once when nobody wants it any more, but when only the payment window
has ended, it goes back after the provider has said that the order can no longer be paid. Money is never left behind: an
order that ends waits for its intent to be closed, or for its refund.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from common.messages import (
    ClosePayment,
    Message,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderHeld,
    OrderPlaced,
    OrderRejected,
    OrderWaitlisted,
    OrderWithdrawn,
    PaymentClosed,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundStalled,
    RefundSucceeded,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SlotRejected,
    SlotReserved,
    SlotWaitlisted,
    Visit,
)

from booking_svc.domain import IN_FLIGHT, Order, State

S = State


class Input(StrEnum):
    """What can happen to an order. `*_FREE`: the order costs nothing, so there is no payment to open or give back."""

    SLOT_RESERVED = "SlotReserved"
    SLOT_RESERVED_FREE = "SlotReserved, free"
    SLOT_WAITLISTED = "SlotWaitlisted"
    SLOT_REJECTED = "SlotRejected"
    PAYMENT_SUCCEEDED = "PaymentSucceeded"
    PAYMENT_FAILED = "PaymentFailed"
    PAYMENT_CLOSED = "PaymentClosed"
    REFUND_SUCCEEDED = "RefundSucceeded"
    REFUND_FAILED = "RefundFailed"
    SURPLUS_REFUNDED = "RefundSucceeded, surplus"
    SURPLUS_STALLED = "RefundFailed, surplus"
    WINDOW_ENDED = "payment window ended"
    CANCEL = "patient cancels"
    CANCEL_FREE = "patient cancels, free"
    STOP = "session stopped"
    STOP_FREE = "session stopped, free"


I = Input  # noqa: E741  the table reads better with one letter


@dataclass(frozen=True, slots=True)
class Cancel:
    """The patient no longer wants the order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The order's session does not take place."""

    order_id: str


@dataclass(frozen=True, slots=True)
class WindowEnded:
    """The payment window's timer."""

    order_id: str


# --- what a step sends -----------------------------------------------------------------------------------------------


def order_placed(o: Order) -> Message:
    return OrderPlaced(o.id, o.account_id, o.session_id, o.placed_at)


def reserve_slot(o: Order) -> Message:
    return ReserveSlot(o.id, o.session_id, o.slot_id, o.patient_id, o.join_waitlist, o.placed_at)


def release_slot(o: Order) -> Message:
    return ReleaseSlot(o.id, o.session_id)


def request_payment(o: Order) -> Message:
    visit = _visit(o)
    description = f"{visit.hospital_name} {visit.department_name} {visit.doctor_name} {visit.date:%Y-%m-%d}"
    return RequestPayment(o.id, o.account_id, visit.hospital_id, o.fee or 0, description, _time(o.pay_before))


def close_payment(o: Order) -> Message:
    return ClosePayment(o.id)


def refund_payment(o: Order) -> Message:
    return RefundPayment(o.id, o.cause or "patient")


def order_held(o: Order) -> Message:
    return OrderHeld(o.id, o.account_id, _visit(o), o.queue_number or 0, o.fee or 0, _time(o.pay_before))


def order_waitlisted(o: Order) -> Message:
    return OrderWaitlisted(o.id, o.account_id, o.session_id, o.waitlist_position or 0)


def order_rejected(o: Order) -> Message:
    return OrderRejected(o.id, o.account_id, o.session_id, o.reason or "")


def order_confirmed(o: Order) -> Message:
    return OrderConfirmed(o.id, o.account_id, o.patient_id, o.session_id, _visit(o), o.queue_number or 0, o.fee or 0)


def order_expired(o: Order) -> Message:
    return OrderExpired(o.id, o.account_id, o.session_id, _visit(o))


def order_withdrawn(o: Order) -> Message:
    return OrderWithdrawn(o.id, o.account_id, o.session_id, _cause(o), o.paid, _visit(o))


def order_cancelled(o: Order) -> Message:
    return OrderCancelled(o.id, o.account_id, o.session_id, _cause(o), o.refunded, o.visit)


def refund_stalled(o: Order) -> Message:
    return RefundStalled(o.id, o.account_id, o.paid, o.reason or "")


def _cause(o: Order) -> Literal["patient", "session_stopped"]:
    return "session_stopped" if o.cause == "session_stopped" else "patient"


def _visit(o: Order) -> Visit:
    if o.visit is None:
        raise ValueError(f"order {o.id} has no number yet")
    return o.visit


def _time(value: datetime | None) -> datetime:
    if value is None:
        raise ValueError("the payment window is not set")
    return value


# --- the table -------------------------------------------------------------------------------------------------------

Send = Callable[[Order], Message]


@dataclass(frozen=True, slots=True)
class Step:
    """The next state and what is sent on the way. The payment window runs exactly while an order awaits payment."""

    next: State
    sends: tuple[Send, ...] = ()


TABLE: dict[tuple[State, Input], Step] = {
    (S.RESERVING, I.SLOT_RESERVED): Step(S.AWAITING_PAYMENT, (request_payment, order_held)),
    (S.RESERVING, I.SLOT_RESERVED_FREE): Step(S.CONFIRMED, (order_confirmed,)),
    (S.RESERVING, I.SLOT_WAITLISTED): Step(S.WAITLISTED, (order_waitlisted,)),
    (S.RESERVING, I.SLOT_REJECTED): Step(S.REJECTED, (order_rejected,)),
    (S.RESERVING, I.CANCEL): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.RESERVING, I.STOP): Step(S.CANCELLED, (release_slot, order_cancelled)),
    # a freed number came, or the wait was in vain
    (S.WAITLISTED, I.SLOT_RESERVED): Step(S.AWAITING_PAYMENT, (request_payment, order_held)),
    (S.WAITLISTED, I.SLOT_RESERVED_FREE): Step(S.CONFIRMED, (order_confirmed,)),
    (S.WAITLISTED, I.SLOT_REJECTED): Step(S.REJECTED, (order_rejected,)),
    (S.WAITLISTED, I.CANCEL): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.WAITLISTED, I.STOP): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.AWAITING_PAYMENT, I.PAYMENT_SUCCEEDED): Step(S.CONFIRMED, (order_confirmed,)),
    (S.AWAITING_PAYMENT, I.WINDOW_ENDED): Step(S.CLOSING, (close_payment,)),
    (S.AWAITING_PAYMENT, I.CANCEL): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    (S.AWAITING_PAYMENT, I.STOP): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    # the window has ended: the provider's word decides
    (S.CLOSING, I.PAYMENT_CLOSED): Step(S.EXPIRED, (release_slot, order_expired)),
    (S.CLOSING, I.PAYMENT_SUCCEEDED): Step(S.CONFIRMED, (order_confirmed,)),
    (S.CLOSING, I.CANCEL): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    (S.CLOSING, I.STOP): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    # nobody wants the number, it has gone back; is there money?
    (S.WITHDRAWING, I.PAYMENT_CLOSED): Step(S.CANCELLED, (order_cancelled,)),
    (S.WITHDRAWING, I.PAYMENT_SUCCEEDED): Step(S.REFUNDING, (refund_payment,)),
    (S.CONFIRMED, I.CANCEL): Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    (S.CONFIRMED, I.STOP): Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    (S.CONFIRMED, I.CANCEL_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.CONFIRMED, I.STOP_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.REFUNDING, I.REFUND_SUCCEEDED): Step(S.CANCELLED, (order_cancelled,)),
    (S.REFUNDING, I.REFUND_FAILED): Step(S.REFUND_FAILED, (refund_stalled,)),
    # staff repeat it or pay it out; payment-svc tells when the money is back
    (S.REFUND_FAILED, I.REFUND_SUCCEEDED): Step(S.CANCELLED, (order_cancelled,)),
}


def _pairs(states: Iterable[State], inputs: Iterable[Input]) -> set[tuple[State, Input]]:
    return {(s, i) for s in states for i in inputs}


_ENDED = (S.CANCELLED, S.EXPIRED, S.REJECTED)
_GIVEN_BACK = (S.WITHDRAWING, S.REFUNDING, S.REFUND_FAILED, *_ENDED)
_SLOT_ANSWERS = (I.SLOT_RESERVED, I.SLOT_RESERVED_FREE, I.SLOT_WAITLISTED, I.SLOT_REJECTED)
_PAYMENT_ANSWERS = (I.PAYMENT_SUCCEEDED, I.PAYMENT_FAILED, I.PAYMENT_CLOSED)
_REFUND_ANSWERS = (I.REFUND_SUCCEEDED, I.REFUND_FAILED)
_WISHES = (I.CANCEL, I.STOP, I.CANCEL_FREE, I.STOP_FREE)

IGNORED: dict[str, set[tuple[State, Input]]] = {
    "payment-svc gives surplus money back by itself, and tells the patient or the staff": _pairs(
        S, [I.SURPLUS_REFUNDED, I.SURPLUS_STALLED]
    ),
    "the same answer again, or an answer that a release has overtaken": (
        _pairs([*_GIVEN_BACK, S.AWAITING_PAYMENT, S.CLOSING, S.CONFIRMED], _SLOT_ANSWERS)
        | {(S.WAITLISTED, I.SLOT_WAITLISTED)}
    ),
    "one attempt failed: the patient may pay by another until the window ends": _pairs(S, [I.PAYMENT_FAILED]),
    "no payment was asked for yet": _pairs([S.RESERVING, S.WAITLISTED], [I.PAYMENT_SUCCEEDED, I.PAYMENT_CLOSED]),
    "payment-svc closes only when told: this is an old answer, the window's end will ask again": {
        (S.AWAITING_PAYMENT, I.PAYMENT_CLOSED)
    },
    "a repetition: the order is paid, and what came on top is surplus": _pairs(
        [S.CONFIRMED], [I.PAYMENT_SUCCEEDED, I.PAYMENT_CLOSED]
    ),
    "a repetition: whether there is money has been decided": _pairs(
        [S.REFUNDING, S.REFUND_FAILED, *_ENDED], [I.PAYMENT_SUCCEEDED, I.PAYMENT_CLOSED]
    ),
    "no refund was asked for": _pairs(
        [S.RESERVING, S.WAITLISTED, S.AWAITING_PAYMENT, S.CLOSING, S.CONFIRMED, S.WITHDRAWING], _REFUND_ANSWERS
    ),
    "a repetition: the refund has been settled, or staff know already": _pairs(_ENDED, _REFUND_ANSWERS)
    | {(S.REFUND_FAILED, I.REFUND_FAILED)},
    "the window's timer lost a race: the order moved on": _pairs(
        [s for s in S if s != S.AWAITING_PAYMENT], [I.WINDOW_ENDED]
    ),
    "the order is on its way out already": _pairs(_GIVEN_BACK, _WISHES),
    "only a confirmed order is known to be free": _pairs(
        [S.RESERVING, S.WAITLISTED, S.AWAITING_PAYMENT, S.CLOSING], [I.CANCEL_FREE, I.STOP_FREE]
    ),
}
"""Reason -> the pairs that change nothing, each for this reason."""

_IGNORED_PAIRS = set().union(*IGNORED.values())

OWED: dict[State, Send] = {
    S.RESERVING: reserve_slot,
    S.CLOSING: close_payment,
    S.WITHDRAWING: close_payment,
    S.REFUNDING: refund_payment,
}
"""The command whose answer an order in flight waits for. It is sent again when the answer is overdue: commands are
idempotent by order, so no order is stuck because a message was dropped by hand."""

# Nobody waits for SlotReleased, and a waitlisted order for nobody: so they are no inputs and no debts of the saga. Yet
# usecases.watch asks again for both, seldom: a ReleaseSlot, or a waitlisted order's SlotReserved, may vanish with its queue.

if set(OWED) != IN_FLIGHT:
    raise AssertionError("every state in flight must know which command to repeat")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did to an order: what to send, and whether the payment window opened or ended with it."""

    sends: tuple[Message, ...]
    opened_window: bool
    left_window: bool


def input_of(order: Order, message: object) -> Input:
    """Which input a message is for this order."""
    free = order.fee == 0
    match message:
        case SlotReserved():
            return I.SLOT_RESERVED if message.fee else I.SLOT_RESERVED_FREE
        case RefundSucceeded(purpose="surplus"):
            return I.SURPLUS_REFUNDED
        case RefundFailed(purpose="surplus"):
            return I.SURPLUS_STALLED
        case Cancel():
            return I.CANCEL_FREE if free else I.CANCEL
        case Stop():
            return I.STOP_FREE if free else I.STOP
        case WindowEnded():
            return I.WINDOW_ENDED
        case _:
            return _PLAIN[type(message)]


_PLAIN: dict[type, Input] = {
    SlotWaitlisted: I.SLOT_WAITLISTED,
    SlotRejected: I.SLOT_REJECTED,
    PaymentSucceeded: I.PAYMENT_SUCCEEDED,
    PaymentFailed: I.PAYMENT_FAILED,
    PaymentClosed: I.PAYMENT_CLOSED,
    RefundSucceeded: I.REFUND_SUCCEEDED,
    RefundFailed: I.REFUND_FAILED,
}


def advance(order: Order, message: object, now: datetime, window: timedelta) -> Outcome | None:
    """Move `order` by one message, in place. None when it changes nothing. `window`: how long a number is held unpaid.

    Raises KeyError for a pair that neither table knows, which the completeness test excludes.
    """
    what = input_of(order, message)
    if (order.state, what) in _IGNORED_PAIRS:
        return None
    step = TABLE[order.state, what]
    _learn(order, message, now, window)
    before, order.state = order.state, step.next
    order.updated_at = now
    order.history.append((now, step.next, what))
    return Outcome(
        tuple(send(order) for send in step.sends),
        opened_window=step.next == S.AWAITING_PAYMENT,
        left_window=before == S.AWAITING_PAYMENT,
    )


def _learn(order: Order, message: object, now: datetime, window: timedelta) -> None:
    """Take over what a message tells about the order."""
    match message:
        case SlotReserved():
            order.slot_id, order.queue_number, order.fee = message.slot_id, message.queue_number, message.fee
            order.visit, order.cancel_before = message.visit, message.cancel_before
            order.pay_before = min(now + window, message.visit.ends_at) if message.fee else None
        case SlotWaitlisted():
            order.waitlist_position = message.position
        case SlotRejected():
            order.reason = message.reason
        case PaymentSucceeded():
            order.paid = message.amount
        case RefundSucceeded():
            order.refunded = message.amount
        case RefundFailed():
            order.reason = message.reason
        case Cancel():
            order.cause = "patient"
        case Stop():
            order.cause = "session_stopped"
