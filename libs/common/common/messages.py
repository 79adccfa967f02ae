"""The catalogue of messages: every command and event that crosses a service's border.

A message is a frozen dataclass with an explicit wire name and version, apart from the class name, so that renaming code
never changes the wire. Fields are validated on the way in and out. A published version never changes: a new version is a
new class, and golden files keep the old ones readable. docs/messages.md and docs/asyncapi.yaml are generated from here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=500)]
Fen = Annotated[int, Meta(ge=0, le=10_000_000_000)]
Count = Annotated[int, Meta(ge=0)]
Time = Annotated[datetime, Meta(tz=True)]

Message = Any
"""An instance of one of the classes in CATALOGUE."""


@dataclass(frozen=True)
class Spec:
    """How a message travels. `subject` and `partition` name fields; messages of one partition keep their order."""

    name: str
    version: int
    sender: str
    subject: str
    partition: str

    @property
    def type(self) -> str:
        """The CloudEvents type, which is the routing key too."""
        return f"{self.name}.v{self.version}"


SPECS: dict[type, Spec] = {}
CATALOGUE: dict[str, type] = {}


def message(name: str, version: int, *, sender: str, subject: str, partition: str = "") -> Callable[[type], type]:
    """Enter a class into the catalogue."""

    def enter(cls: type) -> type:
        spec = Spec(name, version, sender, subject, partition or subject)
        SPECS[cls] = spec
        CATALOGUE[spec.type] = cls
        return cls

    return enter


@dataclass(frozen=True, slots=True)
class Visit:
    """What a patient must know of an appointment; travels with an order so that nobody has to look it up."""

    hospital_id: Id
    hospital_name: Text
    department_id: Id
    department_name: Text
    doctor_id: Id
    doctor_name: Text
    doctor_title: Text
    date: date
    period: Literal["morning", "afternoon", "evening"]
    starts_at: Time
    """The segment's start: the time to arrive."""
    ends_at: Time
    room: Text


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session as others may know it. `revision` grows by one with each change: an older one never overwrites."""

    session_id: Id
    revision: Count
    hospital_id: Id
    department_id: Id
    doctor_id: Id
    state: Literal["open", "stopped"]
    fee: Fen
    release_at: Time
    starts_at: Time
    ends_at: Time
    cancel_before: Time
    sold_out: bool


# --- booking-svc: commands of the saga -------------------------------------------------------------------------------


@message("schedule.reserve_slot", 1, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class ReserveSlot:
    """Take a number for an order. Sent when an order is placed; answered by SlotReserved, -Waitlisted or -Rejected."""

    order_id: Id
    session_id: Id
    slot_id: Id | None
    patient_id: Id
    join_waitlist: bool
    placed_at: Time


@message("schedule.release_slot", 1, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    """Give the order's number back, or make sure that it never gets one. Answered by SlotReleased."""

    order_id: Id
    session_id: Id


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


# --- booking-svc: events of an order ---------------------------------------------------------------------------------


@message("booking.order_placed", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A patient asked for a number; schedule-svc is deciding."""

    order_id: Id
    account_id: Id
    session_id: Id
    placed_at: Time


@message("booking.order_held", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderHeld:
    """A number is held for the order until `pay_before`."""

    order_id: Id
    account_id: Id
    visit: Visit
    queue_number: Count
    fee: Fen
    pay_before: Time


@message("booking.order_waitlisted", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderWaitlisted:
    """The session is full; the order waits for a freed number."""

    order_id: Id
    account_id: Id
    session_id: Id
    position: Count


@message("booking.order_rejected", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderRejected:
    """No number for this order; nothing was or will be charged. `reason` is a stable code."""

    order_id: Id
    account_id: Id
    session_id: Id
    reason: Text


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


@message("booking.order_withdrawn", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderWithdrawn:
    """The visit will not take place and its number has gone back; `amount` is on its way back, OrderCancelled follows."""

    order_id: Id
    account_id: Id
    session_id: Id
    cause: Literal["patient", "session_stopped"]
    amount: Fen
    visit: Visit


@message("booking.order_cancelled", 1, sender="booking-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order has ended and its money, if any, is back. `visit` is absent when no number had been given yet."""

    order_id: Id
    account_id: Id
    session_id: Id
    cause: Literal["patient", "session_stopped"]
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


# --- schedule-svc ----------------------------------------------------------------------------------------------------


@message("schedule.slot_reserved", 1, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotReserved:
    """The order holds a number. Sent when it is taken, and again with the same content when asked again."""

    order_id: Id
    session_id: Id
    slot_id: Id
    queue_number: Count
    fee: Fen
    visit: Visit
    cancel_before: Time


@message("schedule.slot_rejected", 1, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotRejected:
    """The order gets no number. `reason`: sold_out, not_released, session_stopped, session_over, session_not_found,
    slot_not_found, released.
    """

    order_id: Id
    session_id: Id
    reason: Text


@message("schedule.slot_waitlisted", 1, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotWaitlisted:
    """The session is full and the order asked to wait."""

    order_id: Id
    session_id: Id
    position: Count


@message("schedule.slot_released", 1, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotReleased:
    """The order holds no number (any more), and never will."""

    order_id: Id
    session_id: Id


@message("schedule.session_published", 1, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionPublished:
    """A new session stands in the roster."""

    session_id: Id
    session: SessionFacts


@message("schedule.session_changed", 1, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session's facts changed: details, sold out, or numbers to be had again."""

    session_id: Id
    session: SessionFacts


@message("schedule.session_stopped", 1, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionStopped:
    """停诊: the session will not take place. Every order of it ends, with its money back in full."""

    session_id: Id
    session: SessionFacts
    reason: Text


@message("schedule.roster_applied", 1, sender="schedule-svc", subject="roster_id")
@dataclass(frozen=True, slots=True)
class RosterApplied:
    """A hospital's roster was taken in; told to the one who published it."""

    roster_id: Id
    hospital_id: Id
    account_id: Id
    applied: Count
    unchanged: Count
    rejected: Count


# --- payment-svc -----------------------------------------------------------------------------------------------------

Purpose = Literal["order", "surplus"]
"""Why money went back: the order was cancelled, or it came late or twice."""


@message("payment.payment_succeeded", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """The order is paid: exactly one success counts for an intent, whatever arrives after it is surplus."""

    order_id: Id
    account_id: Id
    payment_id: Id
    amount: Fen
    method: Text
    paid_at: Time


@message("payment.payment_failed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """One attempt failed; the order can still be paid by another."""

    order_id: Id
    account_id: Id
    payment_id: Id
    method: Text
    reason: Text


@message("payment.payment_closed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentClosed:
    """The order can no longer be paid; money that arrives nevertheless is refunded by payment-svc itself."""

    order_id: Id


@message("payment.refund_succeeded", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """Money went back to its source."""

    order_id: Id
    account_id: Id
    refund_id: Id
    amount: Fen
    purpose: Purpose
    method: Text


@message("payment.refund_failed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The provider refused a refund; it waits for staff, who repeat it or pay it out."""

    order_id: Id
    account_id: Id
    refund_id: Id
    amount: Fen
    purpose: Purpose
    reason: Text


# --- user-svc --------------------------------------------------------------------------------------------------------


@message("user.user_registered", 1, sender="user-svc", subject="account_id")
@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A new account. `locale` is the language of what we tell its owner: zh-CN or en."""

    account_id: Id
    username: Text
    locale: Literal["zh-CN", "en"]


@message("user.patient_saved", 1, sender="user-svc", subject="patient_id")
@dataclass(frozen=True, slots=True)
class PatientSaved:
    """A person to book for was added, changed or removed. `masked_name` is 张*; nothing else of the person leaves."""

    patient_id: Id
    account_id: Id
    revision: Count
    masked_name: Text
    removed: bool
