"""The table: (state, input) -> (next state, what to send)."""

from dataclasses import dataclass

from booking_svc.domain import IN_FLIGHT, State
from booking_svc.saga.inputs import Input
from booking_svc.saga.sends import (
    Send,
    close_payment,
    move_payment,
    order_cancelled,
    order_confirmed,
    order_entered,
    order_expired,
    order_held,
    order_offered,
    order_rejected,
    order_rescheduled,
    order_waitlisted,
    order_withdrawn,
    refund_payment,
    refund_stalled,
    release_slot,
    request_payment,
    reserve_slot,
    substitutes_offered,
    visit_completed,
    visit_missed,
    visit_voided,
)

S, I = State, Input  # noqa: E741  the table reads better with one letter


@dataclass(frozen=True, slots=True)
class Step:
    """The next state and what is sent on the way. With `replaces` the order takes the place of another, which is moved by
    the input `replaced` in the same transaction.
    """

    next: State
    sends: tuple[Send, ...] = ()
    replaces: bool = False


_DECIDED = {
    I.SLOT_RESERVED: Step(S.AWAITING_PAYMENT, (request_payment, order_held)),
    I.SLOT_RESERVED_FREE: Step(S.CONFIRMED, (order_confirmed,)),
    I.SLOT_OFFERED: Step(S.OFFERED, (order_offered,)),
    I.SLOT_RESERVED_COVERED: Step(S.MOVING, (move_payment, order_rescheduled), replaces=True),
    I.SLOT_RESERVED_FREE_REPLACING: Step(S.CONFIRMED, (order_confirmed, order_rescheduled), replaces=True),
    I.SLOT_REJECTED: Step(S.REJECTED, (order_rejected,)),
    I.CANCEL: Step(S.CANCELLED, (release_slot, order_cancelled)),
    I.STOP: Step(S.CANCELLED, (release_slot, order_cancelled)),
}
"""What may happen to an order that has no number yet, in whichever way it waits for one."""

_UNPAID = {
    I.PAYMENT_SUCCEEDED: Step(S.CONFIRMED, (order_confirmed,)),
    I.PAYMENT_SUCCEEDED_MOVING: Step(S.MOVING, (move_payment, order_rescheduled), replaces=True),
    I.PAYMENT_SUCCEEDED_REPLACING: Step(S.CONFIRMED, (order_confirmed, order_rescheduled), replaces=True),
    # the order that was to pay the rest has ended, so this one does: in most cases before she pays
    I.PAYMENT_SUCCEEDED_SHORT: Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    I.REPLACEMENT_ENDED: Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
}
"""The money is there, within the window or at the last moment; or what it was to be added to is gone."""

TABLE: dict[tuple[State, Input], Step] = {
    **{(S.RESERVING, what): step for what, step in _DECIDED.items()},
    (S.RESERVING, I.SLOT_ENTERED): Step(S.ENTERED, (order_entered,)),
    (S.RESERVING, I.SLOT_WAITLISTED): Step(S.WAITLISTED, (order_waitlisted,)),
    # the draw was made
    **{(S.ENTERED, what): step for what, step in _DECIDED.items()},
    (S.ENTERED, I.SLOT_WAITLISTED): Step(S.WAITLISTED, (order_waitlisted,)),
    # a freed number came, or the wait was in vain
    **{(S.WAITLISTED, what): step for what, step in _DECIDED.items()},
    # the freed number is hers if she takes it in time; nothing has been charged
    (S.OFFERED, I.ACCEPT): Step(S.AWAITING_PAYMENT, (request_payment, order_held)),
    (S.OFFERED, I.ACCEPT_FREE): Step(S.CONFIRMED, (order_confirmed,)),
    (S.OFFERED, I.WINDOW_ENDED): Step(S.EXPIRED, (release_slot, order_expired)),
    (S.OFFERED, I.CANCEL): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.OFFERED, I.CANCEL_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.OFFERED, I.STOP): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.OFFERED, I.STOP_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    **{(S.AWAITING_PAYMENT, what): step for what, step in _UNPAID.items()},
    (S.AWAITING_PAYMENT, I.WINDOW_ENDED): Step(S.CLOSING, (close_payment,)),
    (S.AWAITING_PAYMENT, I.CANCEL): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    (S.AWAITING_PAYMENT, I.STOP): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    # the window has ended: the provider's word decides
    (S.CLOSING, I.PAYMENT_CLOSED): Step(S.EXPIRED, (release_slot, order_expired)),
    **{(S.CLOSING, what): step for what, step in _UNPAID.items()},
    (S.CLOSING, I.CANCEL): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    (S.CLOSING, I.STOP): Step(S.WITHDRAWING, (release_slot, close_payment, order_withdrawn)),
    # nobody wants the number, it has gone back; is there money?
    (S.WITHDRAWING, I.PAYMENT_CLOSED): Step(S.CANCELLED, (order_cancelled,)),
    (S.WITHDRAWING, I.PAYMENT_SUCCEEDED): Step(S.REFUNDING, (refund_payment,)),
    # the place is taken, the money of the order before it follows
    (S.MOVING, I.PAYMENT_MOVED): Step(S.CONFIRMED, (order_confirmed,)),
    (S.MOVING, I.CANCEL): Step(S.RETURNING, (release_slot, order_withdrawn)),
    (S.MOVING, I.STOP): Step(S.RETURNING, (release_slot, order_withdrawn)),
    (S.RETURNING, I.PAYMENT_MOVED): Step(S.REFUNDING, (refund_payment,)),
    (S.CONFIRMED, I.CANCEL): Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    (S.CONFIRMED, I.CANCEL_FREE): Step(S.CANCELLED, (release_slot, order_withdrawn, order_cancelled)),
    (S.CONFIRMED, I.STOP): Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    (S.CONFIRMED, I.STOP_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    (S.CONFIRMED, I.STOP_SUBSTITUTED): Step(S.SUBSTITUTE_OFFERED, (release_slot, substitutes_offered)),
    (S.CONFIRMED, I.REPLACED): Step(S.RESCHEDULED, (release_slot,)),
    (S.CONFIRMED, I.REPLACED_BY_FREE): Step(S.REFUNDING, (release_slot, refund_payment)),
    (S.CONFIRMED, I.MISSED): Step(S.NO_SHOW, (visit_missed,)),
    # the clinic day
    (S.CONFIRMED, I.SERVED): Step(S.FULFILLED, (visit_completed,)),
    (S.CONFIRMED, I.VOID): Step(S.REFUNDING, (release_slot, refund_payment, visit_voided)),
    (S.CONFIRMED, I.VOID_FREE): Step(S.CANCELLED, (release_slot, visit_voided, order_cancelled)),
    # let in again, and missed again: she is told again, and it is counted once
    (S.NO_SHOW, I.MISSED): Step(S.NO_SHOW, (visit_missed,)),
    # she was seen after all
    (S.NO_SHOW, I.SERVED): Step(S.FULFILLED, (visit_completed,)),
    # 停诊 is never held against anybody
    (S.NO_SHOW, I.STOP): Step(S.REFUNDING, (release_slot, refund_payment, order_withdrawn)),
    (S.NO_SHOW, I.STOP_FREE): Step(S.CANCELLED, (release_slot, order_cancelled)),
    # 停诊: the number has gone back, the money stays until she chooses, or the time for that is over
    (S.SUBSTITUTE_OFFERED, I.REPLACED): Step(S.RESCHEDULED),
    (S.SUBSTITUTE_OFFERED, I.REPLACED_BY_FREE): Step(S.REFUNDING, (refund_payment,)),
    (S.SUBSTITUTE_OFFERED, I.CANCEL): Step(S.REFUNDING, (refund_payment, order_withdrawn)),
    (S.SUBSTITUTE_OFFERED, I.WINDOW_ENDED): Step(S.REFUNDING, (refund_payment, order_withdrawn)),
    (S.REFUNDING, I.REFUND_SUCCEEDED): Step(S.CANCELLED, (order_cancelled,)),
    (S.REFUNDING, I.REFUND_SUCCEEDED_REPLACED): Step(S.RESCHEDULED),
    (S.REFUNDING, I.REFUND_FAILED): Step(S.REFUND_FAILED, (refund_stalled,)),
    # staff repeat it or pay it out; payment-svc tells when the money is back
    (S.REFUND_FAILED, I.REFUND_SUCCEEDED): Step(S.CANCELLED, (order_cancelled,)),
    (S.REFUND_FAILED, I.REFUND_SUCCEEDED_REPLACED): Step(S.RESCHEDULED),
    # the difference to a cheaper order is back
    (S.RESCHEDULED, I.REST_REFUNDED): Step(S.RESCHEDULED),
}

EVENTS = ("placed", *sorted({what.code for _, what in TABLE}))
"""What can stand in an order's history."""

OWED: dict[State, Send] = {
    S.RESERVING: reserve_slot,
    S.CLOSING: close_payment,
    S.MOVING: move_payment,
    S.WITHDRAWING: close_payment,
    S.RETURNING: move_payment,
    S.REFUNDING: refund_payment,
}
"""The command whose answer an order in flight waits for. It is sent again when the answer is overdue: commands are
idempotent by order, so no order is stuck because a message was dropped by hand."""

# Nobody waits for SlotReleased, and an order that is entered or waitlisted, or waits for its patient or the staff, for nobody:
# so they are no inputs and no debts of the saga. Yet usecases.watch asks again for them, seldom: a ReleaseSlot, a SlotReserved, a
# PaymentSucceeded or a RefundSucceeded may vanish with its queue.

if set(OWED) != IN_FLIGHT:
    raise AssertionError("every state in flight must know which command to repeat")
