"""What an order is, and when it may be placed, cancelled, taken up, moved or marked as missed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from common.errors import Conflict
from common.messages import SessionFacts, SlotEntered, Substitute, Visit


class State(StrEnum):
    """Where an order stands. At rest: entered, waitlisted, confirmed, refund_failed (a human acts), what waits for its
    patient (offered, awaiting_payment, substitute_offered), and the final ones.
    """

    RESERVING = "reserving"
    ENTERED = "entered"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"
    AWAITING_PAYMENT = "awaiting_payment"
    CLOSING = "closing"
    MOVING = "moving"
    CONFIRMED = "confirmed"
    SUBSTITUTE_OFFERED = "substitute_offered"
    WITHDRAWING = "withdrawing"
    RETURNING = "returning"
    REFUNDING = "refunding"
    REFUND_FAILED = "refund_failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    RESCHEDULED = "rescheduled"
    NO_SHOW = "no_show"
    FULFILLED = "fulfilled"


FINAL = frozenset({State.CANCELLED, State.EXPIRED, State.REJECTED, State.RESCHEDULED, State.FULFILLED})
OVER = FINAL | {State.NO_SHOW}
"""The patient can do nothing more about it. A visit missed is undone when its session is stopped after all, or she is seen."""
IN_FLIGHT = frozenset(
    {State.RESERVING, State.CLOSING, State.MOVING, State.WITHDRAWING, State.RETURNING, State.REFUNDING}
)
"""Another service owes an answer."""
WINDOWED = frozenset({State.OFFERED, State.AWAITING_PAYMENT, State.SUBSTITUTE_OFFERED})
"""It waits for its patient, until a timer ends that."""


class WaitsFor(StrEnum):
    """Whose turn it is with an order that is not settled."""

    SCHEDULE = "schedule"
    PAYMENT = "payment"
    PROVIDER = "provider"
    PAYER = "payer"
    PATIENT = "patient"
    SUBSTITUTE = "substitute"
    DRAW = "draw"
    WAITLIST = "waitlist"
    STAFF = "staff"


WAITS_FOR = {
    State.RESERVING: WaitsFor.SCHEDULE,
    State.ENTERED: WaitsFor.DRAW,
    State.WAITLISTED: WaitsFor.WAITLIST,
    State.OFFERED: WaitsFor.PATIENT,
    State.AWAITING_PAYMENT: WaitsFor.PAYER,
    State.CLOSING: WaitsFor.PAYMENT,
    State.MOVING: WaitsFor.PAYMENT,
    State.WITHDRAWING: WaitsFor.PAYMENT,
    State.RETURNING: WaitsFor.PAYMENT,
    State.REFUNDING: WaitsFor.PROVIDER,  # payment-svc has been asked; the provider, or the cashier, gives the money back
    State.SUBSTITUTE_OFFERED: WaitsFor.SUBSTITUTE,  # her choice of one
    State.REFUND_FAILED: WaitsFor.STAFF,
}
"""Every state in which an order is not settled."""
GIVEN_BACK = frozenset(
    {
        State.SUBSTITUTE_OFFERED,
        State.WITHDRAWING,
        State.RETURNING,
        State.REFUNDING,
        State.REFUND_FAILED,
        State.CANCELLED,
        State.EXPIRED,
        State.RESCHEDULED,
    }
)
"""The number was released on the way here."""
UNDECIDED = frozenset({State.RESERVING, State.ENTERED, State.WAITLISTED})
"""No number yet."""
SUCCEEDING = UNDECIDED | {State.OFFERED, State.AWAITING_PAYMENT, State.CLOSING}
"""An order that is to take another's place may still do so. Of these, one order has one successor at most."""
REPLACEABLE = frozenset({State.CONFIRMED, State.SUBSTITUTE_OFFERED})
"""Its money, if any, is with us and promised to nobody else."""
UNPAID = frozenset({State.AWAITING_PAYMENT, State.CLOSING})
"""It may still be paid, or has just been."""
REPLACEMENT_ENDED: Final = "replacement_ended"
"""Why an order ended that was to take the place, and with it the money, of one that ended first."""
REFUND_REFUSED: Final = "refund_refused"
"""Why a refund stalled, as its patient sees it; the provider's own words are for the staff."""
VOID_REASONS: Final = ("too_late", "not_served")
"""Why there was no visit though the session took place: she came too late, or it ended before her turn."""
REFUSALS: Final = (
    "sold_out",
    "not_released",
    "session_stopped",
    "session_over",
    "session_not_found",
    "slot_not_found",
    "slot_not_choosable",
    "released",
    "not_drawn",
    "entries_closed",
    "limit_reached",
    "cool_down",
    "credit_blocked",
    "too_early",
    "too_late",
    "voucher_invalid",
)
"""Why an order gets no number: the reasons of SlotRejected."""


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
    """Why it was rejected, why its refund stalled, or that the order whose place it was to take had ended."""
    rule: str | None = None
    """The hospital's rule that rejected it, until when it does: `until`."""
    until: datetime | None = None
    cause: str | None = None
    """Who ended it: patient, session_stopped, rescheduled (an order that takes its place), replacement_ended; or on the day of the
    visit too_late, not_served.
    """
    fee: int | None = None
    due: int | None = None
    """What is to be paid for it by itself: the fee, less what is to be moved from the order that it replaces."""
    queue_number: int | None = None
    visit: Visit | None = None
    waitlist_position: int | None = None
    hold_seconds: int | None = None
    pay_before: datetime | None = None
    accept_before: datetime | None = None
    cancel_before: datetime | None = None
    confirmed_at: datetime | None = None
    """Since when the number is hers for good, and not only held unpaid."""
    paid: int = 0
    """What was paid for it, and what was moved to it."""
    moved: int = 0
    """What of that pays for the order that took its place."""
    refunded: int = 0
    """What of that is back."""
    auto_book: bool = True
    voucher: str | None = None
    replaces: str | None = None
    """The order whose place it takes, or was to take."""
    substitute: bool = False
    """It stands in for an order whose session was stopped: it costs no more than that one did."""
    replaced_by: str | None = None
    draw_at: datetime | None = None
    entry: SlotEntered | None = None
    substitutes: Sequence[Substitute] = ()
    marked_by: str | None = None
    """Who says that the patient did not come."""
    updated_at: datetime | None = None
    history: list[tuple[datetime, State, str]] = field(default_factory=list)
    """What happened in this transaction: (when, new state, code). The store appends it."""


def check_orderable(
    session: SessionFacts, now: datetime, *, join_waitlist: bool, slot_id: str | None = None, entitled: bool = False
) -> None:
    """Refuse at once what schedule-svc would reject anyway. Raises Conflict; its word, not ours, is final.

    `entitled`: she may have a claim to a number that is not for everybody, so that "sold out" says nothing.
    """
    if session.state == "stopped":
        raise Conflict("this session does not take place", code="session_stopped")
    if now < session.release_at:
        raise Conflict("numbers are not released yet", code="not_released", release_at=session.release_at)
    if now >= session.ends_at:
        raise Conflict("this session is over", code="session_over")
    if to_be_drawn(session):
        if session.draw_at is not None and now >= session.draw_at:
            raise Conflict("entries are closed, the draw is under way", code="entries_closed", draw_at=session.draw_at)
        if slot_id is not None:
            raise Conflict("in a draw, the time is drawn too", code="slot_not_choosable", draw_at=session.draw_at)
    elif session.sold_out and not join_waitlist and not entitled:
        raise Conflict("all numbers are taken", code="sold_out")


def to_be_drawn(session: SessionFacts) -> bool:
    """Its numbers go by a draw that has not been made: until then "sold out" means nothing."""
    return session.policy != "first_come" and not session.drawn


def check_cancellable(order: Order, now: datetime) -> None:
    """Raises Conflict when the patient may no longer cancel: the order has ended, or its deadline (退号) is over."""
    if order.state in OVER:
        raise Conflict(f"the order is {order.state}", code="order_ended", state=order.state)
    hers = order.state in {State.CONFIRMED, State.MOVING}
    if hers and order.cancel_before is not None and now >= order.cancel_before:
        raise Conflict(
            "the deadline for cancelling is over", code="too_late_to_cancel", cancel_before=order.cancel_before
        )


def check_acceptable(order: Order, now: datetime) -> None:
    """Raises Conflict unless a freed number is offered to this order now."""
    if order.state in OVER:
        raise Conflict(f"the order is {order.state}", code="order_ended", state=order.state)
    if order.state != State.OFFERED:
        raise Conflict("no number is offered", code="not_offered", state=order.state)
    _check_offer_stands(order, now)


def check_reschedulable(order: Order, now: datetime, session: SessionFacts, slot_id: str | None) -> None:
    """Raises Conflict unless this order may be moved to `session`: it is confirmed and might be cancelled, and the other
    session is of the same hospital, another time, and sold now.
    """
    check_cancellable(order, now)
    if order.state != State.CONFIRMED or order.visit is None:
        raise Conflict(f"the order is {order.state}", code="not_confirmed", state=order.state)
    if session.hospital_id != order.visit.hospital_id:
        raise Conflict("an order moves within its hospital only", code="other_hospital")
    if session.session_id == order.session_id and slot_id in {None, order.slot_id}:
        raise Conflict("that is what this order has", code="nothing_to_change")
    check_movable_to(session, now, slot_id)


def check_movable_to(session: SessionFacts, now: datetime, slot_id: str | None) -> None:
    """Raises Conflict for a session that an order cannot be moved to: as for any order, and it decides at once."""
    check_orderable(session, now, join_waitlist=False, slot_id=slot_id)
    if to_be_drawn(session):
        raise Conflict("one enters a draw by an order of its own", code="not_drawn_yet", draw_at=session.draw_at)


def check_substitutable(order: Order, now: datetime, session_id: str) -> None:
    """Raises Conflict unless `session_id` is offered now in place of this order's stopped session."""
    if order.state in OVER:
        raise Conflict(f"the order is {order.state}", code="order_ended", state=order.state)
    if order.state != State.SUBSTITUTE_OFFERED:
        raise Conflict("no substitute is offered", code="not_offered", state=order.state)
    _check_offer_stands(order, now)
    if session_id not in {s.session_id for s in order.substitutes}:
        raise Conflict("this session is not among those that are offered", code="not_a_substitute")


def _check_offer_stands(order: Order, now: datetime) -> None:
    if order.accept_before is not None and now >= order.accept_before:
        raise Conflict("the offer is over", code="offer_over", accept_before=order.accept_before)


def confirmed_too_late(order: Order, in_time_until: datetime) -> bool:
    """It was confirmed when nobody could come for it any more. What rests as confirmed was moved last when it became so;
    `confirmed_at` of an order that took another's place is before its money followed.
    """
    hers_since = max((at for at in (order.confirmed_at, order.updated_at) if at is not None), default=None)
    return order.state == State.CONFIRMED and hers_since is not None and hers_since > in_time_until


def check_missable(order: Order, now: datetime) -> None:
    """Raises Conflict unless the patient of this order can have missed it: it is hers, and its time has come."""
    if order.state != State.CONFIRMED or order.visit is None:
        raise Conflict(f"the order is {order.state}", code="not_confirmed", state=order.state)
    if now < order.visit.starts_at:
        raise Conflict("the visit has not begun", code="visit_not_begun", starts_at=order.visit.starts_at)
