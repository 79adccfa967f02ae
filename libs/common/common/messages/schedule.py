"""What schedule-svc sends: answers about numbers, and what happens to sessions."""

from dataclasses import dataclass

from common.messages.catalogue import Count, Fen, Id, Text, Time, message
from common.messages.parts import ClinicRules, SessionFacts, Substitute, Visit, WeightPart

# --- schedule-svc ----------------------------------------------------------------------------------------------------


@message("schedule.slot_reserved", 2, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotReserved:
    """The order holds a number. Sent when it is taken, and again with the same content when asked again.

    `hold_seconds`: how long it is held unpaid, by the hospital's rules. `offered`: it was freed for one who waits and did not
    ask to be booked without asking; she has `hold_seconds` to take it.
    """

    order_id: Id
    session_id: Id
    slot_id: Id
    queue_number: Count
    fee: Fen
    visit: Visit
    cancel_before: Time
    hold_seconds: Count
    offered: bool


@message("schedule.slot_rejected", 2, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotRejected:
    """The order gets no number. `reason`: sold_out, not_released, session_stopped, session_over, session_not_found,
    slot_not_found, slot_not_choosable, released, not_drawn, entries_closed, limit_reached, cool_down, credit_blocked,
    too_early, too_late, voucher_invalid. A rule of the hospital that refused it is named by `rule`, until when by `until`.
    """

    order_id: Id
    session_id: Id
    reason: Text
    rule: Text | None
    until: Time | None


@message("schedule.slot_entered", 1, sender="schedule-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class SlotEntered:
    """The order takes part in the session's draw; SlotReserved, SlotWaitlisted or SlotRejected follow it.

    `pseudonym` is its name in the public record.
    """

    order_id: Id
    session_id: Id
    draw_at: Time
    pseudonym: Text
    weight: Count
    parts: list[WeightPart]


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


@message("schedule.session_published", 3, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionPublished:
    """A new session stands in the roster."""

    session_id: Id
    session: SessionFacts


@message("schedule.session_changed", 3, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session's facts changed: details, released, drawn, sold out, numbers to be had again, or resumed after a stop."""

    session_id: Id
    session: SessionFacts


@message("schedule.session_stopped", 3, sender="schedule-svc", subject="session_id")
@dataclass(frozen=True, slots=True)
class SessionStopped:
    """停诊: the session will not take place. Every order of it ends, with its money back in full, or moved to a substitute."""

    session_id: Id
    session: SessionFacts
    reason: Text
    substitutes: list[Substitute]


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


@message("schedule.clinic_rules_set", 1, sender="schedule-svc", subject="hospital_id")
@dataclass(frozen=True, slots=True)
class ClinicRulesSet:
    """A version of a hospital's rules was published; from `effective_at` on, these are its rules of the clinic day."""

    hospital_id: Id
    version: Count
    effective_at: Time
    rules: ClinicRules
