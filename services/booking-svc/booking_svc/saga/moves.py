"""Moves an order by one message, and with it the order whose place it takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.messages import (
    Message,
    PaymentMoved,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    SlotEntered,
    SlotRejected,
    SlotReserved,
    SlotWaitlisted,
)

from booking_svc.domain import REPLACEABLE, REPLACEMENT_ENDED, Order, State
from booking_svc.saga import table
from booking_svc.saga.ignored import IGNORED_PAIRS
from booking_svc.saga.inputs import (
    Cancel,
    Input,
    Missed,
    Replaced,
    ReplacementEnded,
    Stop,
    Void,
    awaits_difference,
    covering,
    fee_of,
    input_of,
)

SUBSTITUTES_OFFERED_FOR = timedelta(hours=24)
"""停诊: how long she has to choose; not beyond the last substitute's start."""
_WINDOWED = {State.AWAITING_PAYMENT, State.OFFERED, State.SUBSTITUTE_OFFERED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message did: what to send, in order; `moved`: the orders that changed; `left_window`: those among them that
    waited for their patients and do no longer.
    """

    sends: tuple[Message, ...]
    moved: tuple[Order, ...]
    left_window: tuple[Order, ...]


def window_of(order: Order) -> datetime | None:
    """Until when an order waits for its patient; None if it does not."""
    if order.state == State.AWAITING_PAYMENT:
        return order.pay_before
    return order.accept_before if order.state in _WINDOWED else None


def advance(
    order: Order,
    message: object,
    now: datetime,
    window: timedelta | None = None,
    old: Order | None = None,
    heir: Order | None = None,
) -> Outcome | None:
    """Move `order` by one message, in place; None when it changes nothing.

    `window`: how long a number is held unpaid or offered, if it is not to be the hospital's rule. `old`: the order that this one
    is to replace, `heir`: the one that is to replace it, locked too. Raises KeyError for a pair that neither table knows, which
    the completeness test excludes.
    """
    what = input_of(order, message, old)
    if (order.state, what) in IGNORED_PAIRS:
        return None
    step = table.TABLE[order.state, what]
    _learn(order, message, old)
    if isinstance(message, Stop) and what == Input.STOP_SUBSTITUTED:
        order.substitutes = message.substitutes
    if what in {Input.PAYMENT_SUCCEEDED_SHORT, Input.REPLACEMENT_ENDED}:
        order.cause, order.reason = order.cause or REPLACEMENT_ENDED, REPLACEMENT_ENDED
    before, order.state = order.state, step.next
    _open_window(order, now, window)
    if step.next in {State.CONFIRMED, State.MOVING} and order.confirmed_at is None:
        order.confirmed_at = now
    order.updated_at = now
    order.history.append((now, step.next, what.code))
    sends = tuple(send(order) for send in step.sends)
    left = (order,) if before in _WINDOWED and step.next not in _WINDOWED else ()
    beside = _replace(order, old, now) if step.replaces else None
    if before in REPLACEABLE and step.next not in REPLACEABLE | {State.RESCHEDULED}:
        beside = _disappoint(heir, now)
    if beside is not None:
        return Outcome(sends + beside.sends, (order, *beside.moved), left + beside.left_window)
    return Outcome(sends, (order,), left)


def _replace(order: Order, old: Order | None, now: datetime) -> Outcome:
    """`order` has taken the place of `old`. Its money follows as far as the new fee needs it."""
    amount = (order.fee or 0) - order.paid if order.state == State.MOVING else 0
    replaced = None if old is None else advance(old, Replaced(old.id, order.id, amount), now)
    if replaced is None:
        raise ValueError(f"order {order.id} takes the place of one that cannot be replaced")
    return replaced


def _disappoint(heir: Order | None, now: datetime) -> Outcome | None:
    """What `heir` was to replace has ended. She must not pay a difference to nothing; who pays in full goes on alone."""
    if heir is None or not awaits_difference(heir):
        return None
    return advance(heir, ReplacementEnded(heir.id), now)


def _open_window(order: Order, now: datetime, window: timedelta | None) -> None:
    if order.visit is None:
        return
    until = min(now + (window or timedelta(seconds=order.hold_seconds or 0)), order.visit.ends_at)
    match order.state:
        case State.AWAITING_PAYMENT:
            order.pay_before = until
        case State.OFFERED:
            order.accept_before = until
        case State.SUBSTITUTE_OFFERED:
            last = max(s.visit.starts_at for s in order.substitutes)
            order.accept_before = min(now + SUBSTITUTES_OFFERED_FOR, last)


def _learn(order: Order, message: object, old: Order | None) -> None:
    """Take over what a message tells about the order."""
    match message:
        case SlotReserved():
            _learn_number(order, message, old)
        case SlotEntered():
            order.entry, order.draw_at = message, message.draw_at
        case SlotWaitlisted():
            order.waitlist_position = message.position
        case SlotRejected():
            order.reason, order.rule, order.until = message.reason, message.rule, message.until
        case PaymentSucceeded() | PaymentMoved():
            order.paid += message.amount
        case RefundSucceeded(purpose="surplus"):
            order.refunded += message.amount
        case RefundSucceeded():
            order.refunded = message.amount
        case RefundFailed():
            order.reason = message.reason
        case Cancel():
            order.cause = order.cause or "patient"
        case Stop():
            order.cause = "session_stopped"
        case Void():
            order.cause = message.cause
        case Replaced():
            order.replaced_by, order.moved = message.by, message.amount
            order.cause = order.cause or "rescheduled"
        case Missed():
            order.marked_by = message.marked_by


def _learn_number(order: Order, message: SlotReserved, old: Order | None) -> None:
    replaced = covering(order, old)
    order.fee = fee_of(order, message, old)
    order.due = max(order.fee - (replaced.paid if replaced is not None else 0), 0)
    order.slot_id, order.queue_number = message.slot_id, message.queue_number
    order.visit, order.cancel_before = message.visit, message.cancel_before
    order.hold_seconds = message.hold_seconds
