"""Who is told what of which message. Pure rules."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common import messages as m

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

INBOX = "inbox"
"""The channel of the in-app inbox."""

ROLE = "role:"
"""What recipients begin with that are no account."""

OPERATORS = f"{ROLE}operator"


def staff_of(role: str, hospital_id: str) -> str:
    """The recipient that stands for a hospital's staff of one role: they share an inbox."""
    return f"role:{role}@{hospital_id}"


def recipients_of(account_id: str, roles: Iterable[str], hospital_id: str) -> list[str]:
    """Whose notifications a caller may read: their own, and those for their role."""
    own = [account_id]
    for role in sorted(roles):
        if role == "operator":
            own.append(OPERATORS)
        elif role != "patient" and hospital_id:
            own.append(staff_of(role, hospital_id))
    return own


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing told to one recipient. `params` is the message that caused it, as plain JSON values; the text is made
    from it when somebody reads. `version` is that of the template it was written for.
    """

    id: str
    recipient: str
    kind: str
    version: int
    params: Mapping[str, Any]
    order_id: str | None
    hospital_id: str | None
    created_at: datetime
    rank: str
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about money that staff must look at: `count` things, of which `about` names some by their ids.

    `at` is when it was last heard of. It is open until what it is about is gone, or a member of staff has settled it.
    """

    id: str
    kind: str
    count: int
    about: tuple[str, ...]
    raised_at: datetime
    at: datetime
    cleared_at: datetime | None = None

    @property
    def state(self) -> str:
        return "open" if self.cleared_at is None else "cleared"

    @property
    def rank(self) -> str:
        """What alarms are sorted by."""
        return rank(self.raised_at, self.id)


def milliseconds(time: datetime) -> int:
    """Since 1970, never below zero; a time without a zone counts as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0, (aware - _EPOCH) // timedelta(milliseconds=1))


def rank(at: datetime, notification_id: str) -> str:
    """What notifications are sorted by: when it happened, and what tells two of one moment apart."""
    return f"{milliseconds(at):015d}:{notification_id}"


Kinds = list[tuple[str, str]]
"""Recipients, and the kind of notification that each gets."""


def _owner(kind: str) -> Callable[[Any, str | None], Kinds]:
    return lambda message, _hospital_id: [(message.account_id, kind)]


def _in_clinic(kind: str) -> Callable[[Any, str | None], Kinds]:
    """Who walked in may have no account: then the screens and the staff tell her."""
    return lambda message, _hospital_id: [(message.account_id, kind)] if message.account_id else []


def _called(message: m.VisitCalled, hospital_id: str | None) -> Kinds:
    return _in_clinic("visit_called_again" if message.again else "visit_called")(message, hospital_id)


def _voided(message: m.VisitVoided, _hospital_id: str | None) -> Kinds:
    return [(message.account_id, f"visit_{message.cause}")]


def _cancelled(message: m.OrderCancelled, _hospital_id: str | None) -> Kinds:
    if message.cause in {"too_late", "not_served"}:
        return []  # VisitVoided has said it, and RefundSucceeded says that the money is back
    return [(message.account_id, "session_stopped" if message.cause == "session_stopped" else "order_cancelled")]


_WITHDRAWN = {
    "patient": "order_withdrawn",
    "session_stopped": "visit_stopped",
    "replacement_ended": "replacement_ended",
}


def _withdrawn(message: m.OrderWithdrawn, _hospital_id: str | None) -> Kinds:
    if message.was_confirmed and not message.amount:
        return []  # it cost nothing: OrderCancelled says all
    return [(message.account_id, _WITHDRAWN[message.cause])]


def _refunded(message: m.RefundSucceeded, _hospital_id: str | None) -> Kinds:
    return [(message.account_id, "surplus_refunded" if message.purpose == "surplus" else "refund_succeeded")]


def _credit(message: m.CreditChanged, _hospital_id: str | None) -> Kinds:
    if message.change == "recorded" and any(k.id == message.mark_id and k.kind == "no_show" for k in message.marks):
        return []  # VisitMissed says it, with the visit
    return [(message.account_id, f"credit_{message.change}")]


def _desk(kind: str, hospital_id: str | None) -> Kinds:
    """The operators, and the cashiers of the hospital as far as we know which."""
    cashiers = [(staff_of("cashier", hospital_id), kind)] if hospital_id else []
    return [(OPERATORS, kind), *cashiers]


def _refund_failed(message: m.RefundFailed, hospital_id: str | None) -> Kinds:
    """The patient hears of a cancelled order's refund by RefundStalled, which follows; of a surplus only here."""
    owner = [(message.account_id, "refund_failed")] if message.purpose == "surplus" else []
    return owner + _desk("refund_failed_staff", hospital_id)


def _refund_stalled(message: m.RefundStalled, hospital_id: str | None) -> Kinds:
    return [(message.account_id, "refund_stalled"), *_desk("refund_stalled_staff", hospital_id)]


def _security(message: m.SecurityNoted, _hospital_id: str | None) -> Kinds:
    """The end of an account is told at its former address: there is no inbox any more."""
    return [] if message.what == "account_deleted" else [(message.account_id, f"security_{message.what}")]


TOLD: dict[type, Callable[[Any, str | None], Kinds]] = {
    m.UserRegistered: _owner("user_registered"),
    m.OrderPlaced: _owner("order_placed"),
    m.OrderHeld: _owner("order_held"),
    m.OrderWaitlisted: _owner("order_waitlisted"),
    m.OrderRejected: _owner("order_rejected"),
    m.OrderEntered: _owner("order_entered"),
    m.OrderOffered: _owner("order_offered"),
    m.OrderConfirmed: _owner("order_confirmed"),
    m.OrderExpired: _owner("order_expired"),
    m.OrderWithdrawn: _withdrawn,
    m.OrderCancelled: _cancelled,
    m.OrderRescheduled: _owner("order_rescheduled"),
    m.SubstitutesOffered: _owner("substitutes_offered"),
    m.VisitMissed: _owner("visit_missed"),
    m.VisitCheckedIn: _in_clinic("visit_checked_in"),
    m.VisitNear: _in_clinic("visit_near"),
    m.VisitCalled: _called,
    m.VisitPassed: _in_clinic("visit_passed"),
    m.VisitMoved: _in_clinic("visit_moved"),
    m.VisitCompleted: _owner("visit_completed"),
    m.VisitVoided: _voided,
    m.CreditChanged: _credit,
    m.RefundStalled: _refund_stalled,
    m.PaymentSucceeded: _owner("payment_succeeded"),
    m.PaymentFailed: _owner("payment_failed"),
    m.RefundSucceeded: _refunded,
    m.RefundFailed: _refund_failed,
    m.RosterApplied: _owner("roster_applied"),
    m.SecurityNoted: _security,
}
"""Message -> who is told, and how; the second argument is the hospital's id where that had to be looked up."""

FOR_STAFF_TOO = frozenset({m.RefundStalled, m.RefundFailed})
"""Messages that say nothing of the hospital whose cashiers must know."""


def kinds_of(message: Any, hospital_id: str | None = None) -> Kinds:
    """Who is told of this message, and by which kind of notification."""
    return TOLD[type(message)](message, hospital_id)


UNTOLD = frozenset({"marked_by", "former"})
"""Fields of messages that are not kept with what is told: who of the staff it was is not the patient's to know, and an address
is kept for as long only as something is to be sent there.
"""


def known_by(message: Any, message_id: str) -> str:
    """What tells a piece of news from others: its message, or the payment or refund that ended.

    payment-svc says how they stand whenever it is asked again, each time by a new message: that is no news.
    """
    match message:
        case m.RefundSucceeded() | m.RefundFailed():
            return message.refund_id
        case m.PaymentSucceeded():
            return message.payment_id
        case m.SecurityNoted():
            return message.note_id
        case _:
            return message_id


def order_of(message: Any) -> str | None:
    """The order that a message is about. Of credit: the mark's evidence."""
    if isinstance(message, m.CreditChanged):
        return next((mark.order_id for mark in message.marks if mark.id == message.mark_id), None)
    return getattr(message, "order_id", None)
