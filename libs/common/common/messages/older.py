"""Versions that nobody sends any more. Queues and parked messages may hold them: each reads as its successor."""

from dataclasses import asdict, dataclass
from typing import Literal

from common.clock import local
from common.messages.booking import (
    OrderCancelled,
    OrderHeld,
    OrderPlaced,
    OrderRejected,
    OrderWithdrawn,
    ReleaseSlot,
    ReserveSlot,
)
from common.messages.catalogue import Count, Fen, Id, Text, Time, message
from common.messages.parts import Period, Policy, SessionFacts, Substitute, Visit
from common.messages.payment import Purpose, RefundSucceeded
from common.messages.schedule import SessionChanged, SessionPublished, SessionStopped, SlotRejected, SlotReserved

_USUAL_HOLD = 900
"""Seconds that a number was held unpaid before hospitals had rules."""


@dataclass(frozen=True, slots=True)
class SessionFactsV1:
    """A session as others knew it when there was one policy."""

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


@dataclass(frozen=True, slots=True)
class SessionFactsV2:
    """A session as others knew it without a name of anything, when nobody walked in."""

    session_id: Id
    revision: Count
    hospital_id: Id
    department_id: Id
    doctor_id: Id
    state: Literal["announced", "open", "stopped"]
    policy: Policy
    fee: Fen
    release_at: Time
    draw_at: Time | None
    drawn: bool
    starts_at: Time
    ends_at: Time
    cancel_before: Time
    sold_out: bool


def _facts_v2(old: SessionFactsV1) -> SessionFactsV2:
    return SessionFactsV2(**asdict(old), policy="first_come", draw_at=None, drawn=False)


def read_facts(old: SessionFactsV2) -> SessionFacts:
    """An older word on a session: without names, its date and period as those of its start."""
    starts = local(old.starts_at) or old.starts_at
    period: Period = "morning" if starts.hour < 12 else "afternoon" if starts.hour < 18 else "evening"
    return SessionFacts(
        **asdict(old),
        hospital_name="",
        department_name="",
        doctor_name="",
        doctor_title="",
        date=starts.date(),
        period=period,
        room="",
    )


def _reserve(old: "ReserveSlotV1") -> ReserveSlot:
    return ReserveSlot(
        order_id=old.order_id,
        session_id=old.session_id,
        slot_id=old.slot_id,
        patient_id=old.patient_id,
        join_waitlist=old.join_waitlist,
        auto_book=True,
        voucher=None,
        replaces=None,
        substitute=False,
        placed_at=old.placed_at,
    )


@message("schedule.reserve_slot", 1, sender="booking-svc", subject="order_id", partition="session_id", newer=_reserve)
@dataclass(frozen=True, slots=True)
class ReserveSlotV1:
    """Take a number for an order; whoever waited was booked without asking again."""

    order_id: Id
    session_id: Id
    slot_id: Id | None
    patient_id: Id
    join_waitlist: bool
    placed_at: Time


def _release(old: "ReleaseSlotV1") -> ReleaseSlot:
    return ReleaseSlot(old.order_id, old.session_id, "expired")


@message("schedule.release_slot", 1, sender="booking-svc", subject="order_id", partition="session_id", newer=_release)
@dataclass(frozen=True, slots=True)
class ReleaseSlotV1:
    """Give the order's number back, without a word on why."""

    order_id: Id
    session_id: Id


def _placed(old: "OrderPlacedV1") -> OrderPlaced:
    return OrderPlaced(old.order_id, old.account_id, "unknown", old.session_id, old.placed_at)


@message("booking.order_placed", 1, sender="booking-svc", subject="order_id", newer=_placed)
@dataclass(frozen=True, slots=True)
class OrderPlacedV1:
    """A number was asked for, without a word on whom for."""

    order_id: Id
    account_id: Id
    session_id: Id
    placed_at: Time


def _held(old: "OrderHeldV1") -> OrderHeld:
    return OrderHeld(
        order_id=old.order_id,
        account_id=old.account_id,
        visit=old.visit,
        queue_number=old.queue_number,
        fee=old.fee,
        due=old.fee,
        pay_before=old.pay_before,
    )


@message("booking.order_held", 1, sender="booking-svc", subject="order_id", newer=_held)
@dataclass(frozen=True, slots=True)
class OrderHeldV1:
    """A number is held for the order, which takes nobody's place."""

    order_id: Id
    account_id: Id
    visit: Visit
    queue_number: Count
    fee: Fen
    pay_before: Time


def _rejected_order(old: "OrderRejectedV1") -> OrderRejected:
    return OrderRejected(old.order_id, old.account_id, old.session_id, old.reason, None, None)


@message("booking.order_rejected", 1, sender="booking-svc", subject="order_id", newer=_rejected_order)
@dataclass(frozen=True, slots=True)
class OrderRejectedV1:
    """No number for this order."""

    order_id: Id
    account_id: Id
    session_id: Id
    reason: Text


def _withdrawn(old: "OrderWithdrawnV1") -> OrderWithdrawn:
    return OrderWithdrawn(
        order_id=old.order_id,
        account_id=old.account_id,
        patient_id="unknown",
        session_id=old.session_id,
        was_confirmed=False,  # so that it is held against nobody
        cause=old.cause,
        amount=old.amount,
        visit=old.visit,
    )


@message("booking.order_withdrawn", 1, sender="booking-svc", subject="order_id", newer=_withdrawn)
@dataclass(frozen=True, slots=True)
class OrderWithdrawnV1:
    """The visit will not take place and its number has gone back."""

    order_id: Id
    account_id: Id
    session_id: Id
    cause: Literal["patient", "session_stopped"]
    amount: Fen
    visit: Visit


def _cancelled(old: "OrderCancelledV1") -> OrderCancelled:
    return OrderCancelled(old.order_id, old.account_id, old.session_id, old.cause, old.refunded, old.visit)


@message("booking.order_cancelled", 1, sender="booking-svc", subject="order_id", newer=_cancelled)
@dataclass(frozen=True, slots=True)
class OrderCancelledV1:
    """The order has ended, when nobody could come too late for it."""

    order_id: Id
    account_id: Id
    session_id: Id
    cause: Literal["patient", "session_stopped"]
    refunded: Fen
    visit: Visit | None


def _reserved(old: "SlotReservedV1") -> SlotReserved:
    return SlotReserved(
        order_id=old.order_id,
        session_id=old.session_id,
        slot_id=old.slot_id,
        queue_number=old.queue_number,
        fee=old.fee,
        visit=old.visit,
        cancel_before=old.cancel_before,
        hold_seconds=_USUAL_HOLD,
        offered=False,
    )


@message("schedule.slot_reserved", 1, sender="schedule-svc", subject="order_id", newer=_reserved)
@dataclass(frozen=True, slots=True)
class SlotReservedV1:
    """The order holds a number."""

    order_id: Id
    session_id: Id
    slot_id: Id
    queue_number: Count
    fee: Fen
    visit: Visit
    cancel_before: Time


def _rejected(old: "SlotRejectedV1") -> SlotRejected:
    return SlotRejected(old.order_id, old.session_id, old.reason, None, None)


@message("schedule.slot_rejected", 1, sender="schedule-svc", subject="order_id", newer=_rejected)
@dataclass(frozen=True, slots=True)
class SlotRejectedV1:
    """The order gets no number."""

    order_id: Id
    session_id: Id
    reason: Text


def _published_v2(old: "SessionPublishedV1") -> "SessionPublishedV2":
    return SessionPublishedV2(old.session_id, _facts_v2(old.session))


@message("schedule.session_published", 1, sender="schedule-svc", subject="session_id", newer=_published_v2)
@dataclass(frozen=True, slots=True)
class SessionPublishedV1:
    """A new session stands in the roster."""

    session_id: Id
    session: SessionFactsV1


def _published(old: "SessionPublishedV2") -> SessionPublished:
    return SessionPublished(old.session_id, read_facts(old.session))


@message("schedule.session_published", 2, sender="schedule-svc", subject="session_id", newer=_published)
@dataclass(frozen=True, slots=True)
class SessionPublishedV2:
    """A new session stands in the roster."""

    session_id: Id
    session: SessionFactsV2


def _changed_v2(old: "SessionChangedV1") -> "SessionChangedV2":
    return SessionChangedV2(old.session_id, _facts_v2(old.session))


@message("schedule.session_changed", 1, sender="schedule-svc", subject="session_id", newer=_changed_v2)
@dataclass(frozen=True, slots=True)
class SessionChangedV1:
    """A session's facts changed."""

    session_id: Id
    session: SessionFactsV1


def _changed(old: "SessionChangedV2") -> SessionChanged:
    return SessionChanged(old.session_id, read_facts(old.session))


@message("schedule.session_changed", 2, sender="schedule-svc", subject="session_id", newer=_changed)
@dataclass(frozen=True, slots=True)
class SessionChangedV2:
    """A session's facts changed."""

    session_id: Id
    session: SessionFactsV2


def _stopped_v2(old: "SessionStoppedV1") -> "SessionStoppedV2":
    return SessionStoppedV2(old.session_id, _facts_v2(old.session), old.reason, [])


@message("schedule.session_stopped", 1, sender="schedule-svc", subject="session_id", newer=_stopped_v2)
@dataclass(frozen=True, slots=True)
class SessionStoppedV1:
    """停诊, without substitutes."""

    session_id: Id
    session: SessionFactsV1
    reason: Text


def _stopped(old: "SessionStoppedV2") -> SessionStopped:
    return SessionStopped(old.session_id, read_facts(old.session), old.reason, old.substitutes)


@message("schedule.session_stopped", 2, sender="schedule-svc", subject="session_id", newer=_stopped)
@dataclass(frozen=True, slots=True)
class SessionStoppedV2:
    """停诊: the session will not take place."""

    session_id: Id
    session: SessionFactsV2
    reason: Text
    substitutes: list[Substitute]


def _refunded(old: "RefundSucceededV1") -> RefundSucceeded:
    return RefundSucceeded(
        order_id=old.order_id,
        account_id=old.account_id,
        refund_id=old.refund_id,
        amount=old.amount,
        purpose=old.purpose,
        method=old.method,
        cause="cancelled" if old.purpose == "order" else "unsaid",
    )


@message("payment.refund_succeeded", 1, sender="payment-svc", subject="order_id", newer=_refunded)
@dataclass(frozen=True, slots=True)
class RefundSucceededV1:
    """Money went back to its source; of surplus nobody said which it was."""

    order_id: Id
    account_id: Id
    refund_id: Id
    amount: Fen
    purpose: Purpose
    method: Text
