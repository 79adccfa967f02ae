"""What booking-svc tells of the clinic day. A walk-in has no order and may have no account: then these are None.

`visit` is, of who waits, where she does: the doctor and the room of queue `queue_id`, at the time that was agreed. `at` is the time of
that queue, which never goes back: of two words about one visit the later one is true.
"""

from dataclasses import dataclass
from typing import Literal

from common.messages.catalogue import Count, Id, Text, Time, message
from common.messages.parts import Visit, VisitClass


@message("booking.visit_checked_in", 1, sender="booking-svc", subject="visit_id", partition="queue_id")
@dataclass(frozen=True, slots=True)
class VisitCheckedIn:
    """报到: she is here and in the line of session `queue_id`; `ahead` were before her then. `late`: she goes by when she came."""

    visit_id: Id
    order_id: Id | None
    account_id: Id | None
    queue_id: Id
    ticket: Text
    visit_class: VisitClass
    ahead: Count
    late: bool
    visit: Visit


@message("booking.visit_near", 1, sender="booking-svc", subject="visit_id", partition="queue_id")
@dataclass(frozen=True, slots=True)
class VisitNear:
    """Few are before her now. Told once in each line, again only after many have come before her, and three times at most."""

    visit_id: Id
    order_id: Id | None
    account_id: Id | None
    queue_id: Id
    ticket: Text
    ahead: Count
    at: Time
    visit: Visit


@message("booking.visit_called", 1, sender="booking-svc", subject="visit_id", partition="queue_id")
@dataclass(frozen=True, slots=True)
class VisitCalled:
    """叫号: it is her turn, in `room`. `call` counts her calls. `again`: she is being called there already, and this only repeats it."""

    visit_id: Id
    order_id: Id | None
    account_id: Id | None
    queue_id: Id
    ticket: Text
    room: Text
    call: Count
    again: bool
    called_at: Time
    visit: Visit


@message("booking.visit_passed", 1, sender="booking-svc", subject="visit_id", partition="queue_id")
@dataclass(frozen=True, slots=True)
class VisitPassed:
    """过号: she did not come when called and stands further back, with `ahead` before her; after `left` more it counts as missed."""

    visit_id: Id
    order_id: Id | None
    account_id: Id | None
    queue_id: Id
    ticket: Text
    ahead: Count
    left: Count
    at: Time
    visit: Visit


@message("booking.visit_moved", 1, sender="booking-svc", subject="visit_id", partition="queue_id")
@dataclass(frozen=True, slots=True)
class VisitMoved:
    """She waits for another doctor, or in another line, now, and has lost no time. `visit` is what was agreed, `to` what is now."""

    visit_id: Id
    order_id: Id | None
    account_id: Id | None
    queue_id: Id
    ticket: Text
    why: Text
    at: Time
    visit: Visit
    to: Visit


@message("booking.visit_completed", 1, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class VisitCompleted:
    """She was seen: the order is fulfilled. A mark for having missed this visit was a mistake."""

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    completed_at: Time
    visit: Visit


@message("booking.visit_voided", 1, sender="booking-svc", subject="order_id", partition="session_id")
@dataclass(frozen=True, slots=True)
class VisitVoided:
    """The order ends without a visit, her money is on its way back: she came `too_late`, or the clinic ended before her turn
    (`not_served`).
    """

    order_id: Id
    account_id: Id
    patient_id: Id
    session_id: Id
    cause: Literal["too_late", "not_served"]
    visit: Visit
