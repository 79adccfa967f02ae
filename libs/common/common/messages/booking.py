"""What booking-svc sends: the saga's commands, and the events of an order."""

from dataclasses import dataclass
from typing import Literal

from common.messages.catalogue import Count, Fen, Id, Text, Time, message
from common.messages.parts import Substitute, Visit

# --- booking-svc: commands of the saga -------------------------------------------------------------------------------


@message("schedule.reserve_slot", 2, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class ReserveSlot:
    """Take a number for an order. Answered by SlotReserved, SlotEntered, SlotWaitlisted or SlotRejected.

    `auto_book`: a number freed for one who waits is booked for her without asking again. `voucher`: opens a number that is
    set aside, or adds weight. `replaces`: the order that this one takes the place of, which no limit counts beside it;
    `substitute`: because that one's session was stopped, so that neither credit nor the booking window stands against it.
    """

    order_id: Id
    session_id: Id
    slot_id: Id | None
    patient_id: Id
    join_waitlist: bool
    auto_book: bool
    voucher: Text | None
    replaces: Id | None
    substitute: bool
    placed_at: Time


@message("schedule.release_slot", 2, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    """Give the order's number back, or make sure that it never gets one. Answered by SlotReleased."""

    order_id: Id
    session_id: Id
    cause: Literal["patient", "expired", "session_stopped", "rescheduled"]


@message("payment.request_payment", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RequestPayment:
    """Open an intent for an order whose slot is held."""

    order_id: Id
    account_id: Id
    hospital_id: Id
    amount: Fen
    description: Text
    pay_before: Time


@message("payment.close_payment", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class ClosePayment:
    """Make sure that the order can no longer be paid. Answered by PaymentClosed, or by PaymentSucceeded if it was."""

    order_id: Id


@message("payment.refund_payment", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Give back in full what was paid for the order. Answered by RefundSucceeded or RefundFailed."""

    order_id: Id
    reason: Text


@message("payment.move_payment", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class MovePayment:
    """The order takes the place of `from_order_id`: `amount` of what was paid for that one now pays for this one.

    What remains there goes back to its payer. Answered by PaymentMoved, again and again alike.
    """

    order_id: Id
    from_order_id: Id
    account_id: Id
    hospital_id: Id
    amount: Fen
    description: Text


# --- booking-svc: events of an order ---------------------------------------------------------------------------------


@message("booking.order_placed", 2, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A patient asked for a number; schedule-svc is deciding."""

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    placed_at: Time


@message("booking.order_held", 2, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderHeld:
    """A number is held for the order until `pay_before`.

    `due` is to be paid by then: the `fee`, less what comes from the order whose place this one takes.
    """

    order_id: Id
    account_id: Id
    visit: Visit
    queue_number: Count
    fee: Fen
    due: Fen
    pay_before: Time


@message("booking.order_waitlisted", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderWaitlisted:
    """The session is full; the order waits for a freed number."""

    order_id: Id
    account_id: Id
    session_id: Id
    position: Count


@message("booking.order_rejected", 2, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderRejected:
    """No number for this order; nothing was or will be charged. `reason` is a stable code.

    A rule that refused it is named by `rule`, and until when it does by `until`.
    """

    order_id: Id
    account_id: Id
    session_id: Id
    reason: Text
    rule: Text | None
    until: Time | None


@message("booking.order_confirmed", 1, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """Paid (or free): the number is sold to this patient. schedule-svc turns held into sold."""

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    visit: Visit
    queue_number: Count
    fee: Fen


@message("booking.order_expired", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderExpired:
    """The payment window passed unpaid; the number went back."""

    order_id: Id
    account_id: Id
    session_id: Id
    visit: Visit


@message("booking.order_withdrawn", 2, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderWithdrawn:
    """The visit will not take place and its number has gone back; `amount` is on its way back, OrderCancelled follows.

    `was_confirmed`: she had the number for good, and not only held unpaid. `replacement_ended`: it was to take the place and the
    money of another order, which ended first.
    """

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    was_confirmed: bool
    cause: Literal["patient", "session_stopped", "replacement_ended"]
    amount: Fen
    visit: Visit


@message("booking.order_cancelled", 2, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order has ended and its money, if any, is back. `visit` is absent when no number had been given yet.

    `too_late` and `not_served`: VisitVoided has said that there is no visit, and why.
    """

    order_id: Id
    account_id: Id
    session_id: Id
    cause: Literal["patient", "session_stopped", "too_late", "not_served"]
    refunded: Fen
    visit: Visit | None


@message("booking.refund_stalled", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundStalled:
    """A cancelled order's refund was refused by the provider: staff must act, the patient is told that we do."""

    order_id: Id
    account_id: Id
    amount: Fen
    reason: Text


@message("booking.order_entered", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderEntered:
    """The order takes part in the session's draw. `weight` is the sum of its published parts; 1 in a lottery."""

    order_id: Id
    account_id: Id
    session_id: Id
    draw_at: Time
    weight: Count


@message("booking.order_offered", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderOffered:
    """A freed number is hers if she takes it before `accept_before`; then it goes to the next who waits."""

    order_id: Id
    account_id: Id
    visit: Visit
    queue_number: Count
    fee: Fen
    accept_before: Time


@message("booking.substitutes_offered", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SubstitutesOffered:
    """停诊: the session of a paid order does not take place. She may take a substitute at no extra charge until
    `accept_before`, then `amount` goes back in full. `visit` is the one that is lost.
    """

    order_id: Id
    account_id: Id
    visit: Visit
    amount: Fen
    substitutes: list[Substitute]
    accept_before: Time


@message("booking.order_rescheduled", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderRescheduled:
    """The order ended because `by_order_id` took its place, number and money. `visit` is the new one."""

    order_id: Id
    account_id: Id
    by_order_id: Id
    visit: Visit


@message("booking.visit_missed", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class VisitMissed:
    """爽约: the patient did not come. `marked_by` is the account of the member of staff who says so."""

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    visit: Visit
    marked_by: Id
