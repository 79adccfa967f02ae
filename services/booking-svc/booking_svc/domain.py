"""What an order is, and when it may be placed and cancelled."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from common.errors import Conflict
from common.messages import SessionFacts, Visit


class State(StrEnum):
    """Where an order stands. At rest: waitlisted, confirmed, refund_failed (a human acts) and the final ones."""

    RESERVING = "reserving"
    WAITLISTED = "waitlisted"
    AWAITING_PAYMENT = "awaiting_payment"
    CLOSING = "closing"
    CONFIRMED = "confirmed"
    WITHDRAWING = "withdrawing"
    REFUNDING = "refunding"
    REFUND_FAILED = "refund_failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


FINAL = frozenset({State.CANCELLED, State.EXPIRED, State.REJECTED})
IN_FLIGHT = frozenset({State.RESERVING, State.CLOSING, State.WITHDRAWING, State.REFUNDING})
"""Another service owes an answer."""
GIVEN_BACK = frozenset({State.WITHDRAWING, State.REFUNDING, State.REFUND_FAILED, State.CANCELLED, State.EXPIRED})
"""The number was released on the way here."""


@dataclass(slots=True)
class Order:
    """A patient's registration for one session. Amounts in fen."""

    id: str
    account_id: str
    patient_id: str
    session_id: str
    slot_id: str | None
    join_waitlist: bool
    placed_at: datetime
    state: State = State.RESERVING
    reason: str | None = None
    """Why it was rejected, or why its refund stalled."""
    cause: str | None = None
    """Who ended it: patient or session_stopped."""
    fee: int | None = None
    queue_number: int | None = None
    visit: Visit | None = None
    waitlist_position: int | None = None
    pay_before: datetime | None = None
    cancel_before: datetime | None = None
    paid: int = 0
    refunded: int = 0
    updated_at: datetime | None = None
    history: list[tuple[datetime, State, str]] = field(default_factory=list)
    """What happened in this transaction: (when, new state, input). The store appends it."""


def check_orderable(session: SessionFacts, now: datetime, *, join_waitlist: bool) -> None:
    """Refuse at once what schedule-svc would reject anyway. Raises Conflict; its word, not ours, is final."""
    if session.state == "stopped":
        raise Conflict("this session does not take place", code="session_stopped")
    if now < session.release_at:
        raise Conflict("numbers are not released yet", code="not_released", release_at=session.release_at)
    if now >= session.ends_at:
        raise Conflict("this session is over", code="session_over")
    if session.sold_out and not join_waitlist:
        raise Conflict("all numbers are taken", code="sold_out")


def check_cancellable(order: Order, now: datetime) -> None:
    """Raises Conflict when the patient may no longer cancel: the order has ended, or its deadline (退号) is over."""
    if order.state in FINAL:
        raise Conflict(f"the order is {order.state}", code="order_ended", state=order.state)
    if order.state == State.CONFIRMED and order.cancel_before is not None and now >= order.cancel_before:
        raise Conflict(
            "the deadline for cancelling is over", code="too_late_to_cancel", cancel_before=order.cancel_before
        )
