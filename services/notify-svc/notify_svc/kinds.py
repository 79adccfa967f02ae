"""What each kind of notification is to a person: how it reaches her beside the inbox, how urgent it is, and for how long.

Category: `security` (the account) and `must` (停诊, money, what staff did to her) go to everybody; `orders` and `reminders` may be
switched off, and wait for the end of quiet hours, but for what is told to who waits in the clinic.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, get_args

from common.messages import CodePurpose, SecurityEvent

from notify_svc.channels import Channel

Category = Literal["security", "must", "orders", "reminders"]

OPTIONAL: tuple[Category, ...] = ("orders", "reminders")
"""What people may switch off."""

CHANNELS: tuple[Channel, ...] = ("email", "sms")

URGENT, NORMAL, BULK = LANES = (0, 1, 2)
"""What is due goes out in this order."""

_BOTH = CHANNELS
_EMAIL: tuple[Channel, ...] = ("email",)
_NONE: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """`worth`: how long after it happened it is still worth sending; `until`: the fact of the message that says so better.

    overtaken_by: it tells a state of an order, and is obsolete when one of these has been told of it. state_of: the fact that names
    the order. followed_by: it tells a state of a visit in its line, and is obsolete when one of these was true of that visit later.
    unless: a fact of the message with which it says nothing that others have not said, so that the inbox alone has it.
    at_once: it is for somebody who stands in the clinic, and no quiet hours hold it back.
    """

    category: Category
    lane: int
    channels: tuple[Channel, ...]
    worth: timedelta
    until: str = ""
    overtaken_by: frozenset[str] = frozenset()
    followed_by: frozenset[str] = frozenset()
    state_of: str = "order_id"
    unless: str = ""
    at_once: bool = False

    @property
    def optional(self) -> bool:
        return self.category in OPTIONAL

    @property
    def has_its_end(self) -> bool:
        """It speaks of a time after which it is wrong, and not only stale."""
        return bool(self.until) or self.category == "reminders"


ENDS = frozenset(
    {
        "order_rejected",
        "order_expired",
        "order_withdrawn",
        "order_cancelled",
        "order_rescheduled",
        "replacement_ended",
        "visit_stopped",
        "session_stopped",
        "substitutes_offered",
        "visit_missed",
        "visit_too_late",
        "visit_not_served",
    }
)
"""After these an order is over, or its visit does not take place. They are told whatever follows; only a change to another visit is
not, once that one is over too.
"""

OVER = ENDS | {"visit_completed"}
"""Nothing follows for which the patient would have to come."""

_CONFIRMED = OVER | {"order_confirmed"}
_HELD = _CONFIRMED | {"order_held", "order_offered"}

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_CODE = Kind("security", URGENT, _BOTH, timedelta(minutes=10), "expires_at")
_SECURITY = Kind("security", URGENT, _BOTH, _DAY)
_STOPPED = Kind("must", URGENT, _BOTH, 3 * _DAY)
_MONEY = Kind("must", NORMAL, _BOTH, 3 * _DAY)
_CREDIT = Kind("must", NORMAL, _EMAIL, 3 * _DAY)
_STAFF = Kind("must", NORMAL, _NONE, _DAY)
_NEWS = Kind("orders", NORMAL, _EMAIL, _DAY)
_SEEN = Kind("orders", NORMAL, _NONE, _DAY)  # she has just done it herself, and the inbox says so
_FOR_GOOD = OVER - {"visit_missed"}  # after which the desk may let her in again
_CALLS = frozenset({"visit_near", "visit_called", "visit_passed", "visit_moved", "visit_missed"})
_HERE = Kind("orders", URGENT, _BOTH, 15 * _MINUTE, overtaken_by=_FOR_GOOD, followed_by=_CALLS, at_once=True)

KINDS: dict[str, Kind] = {
    **{f"code_{purpose}": _CODE for purpose in get_args(CodePurpose)},
    **{f"security_{what}": _SECURITY for what in get_args(SecurityEvent)},
    "user_registered": Kind("must", NORMAL, _EMAIL, _DAY),
    "address_dead": Kind("must", NORMAL, _BOTH, 3 * _DAY),
    "order_placed": _SEEN,
    "order_entered": replace(_NEWS, overtaken_by=_HELD | {"order_waitlisted"}),
    "order_held": Kind("orders", URGENT, _BOTH, _HOUR, "pay_before", _CONFIRMED),
    "order_offered": Kind("orders", URGENT, _BOTH, _HOUR, "accept_before", _CONFIRMED),
    "order_waitlisted": replace(_NEWS, overtaken_by=_HELD),
    "order_rejected": _NEWS,
    "order_confirmed": Kind("orders", NORMAL, _BOTH, _DAY, overtaken_by=OVER),
    "order_expired": _NEWS,
    "order_withdrawn": _MONEY,
    "order_cancelled": replace(_MONEY, unless="refunded"),  # order_withdrawn and refund_succeeded say it
    "order_rescheduled": Kind("must", URGENT, _BOTH, _DAY, overtaken_by=OVER, state_of="by_order_id"),
    "replacement_ended": Kind("must", NORMAL, _EMAIL, 3 * _DAY),
    "visit_stopped": _STOPPED,
    "session_stopped": replace(_STOPPED, unless="refunded"),  # visit_stopped and refund_succeeded say it
    "substitutes_offered": Kind("must", URGENT, _BOTH, _DAY, "accept_before"),
    "visit_missed": _MONEY,
    "visit_checked_in": _SEEN,
    "visit_near": replace(_HERE, followed_by=_CALLS | {"visit_called_again"}),
    "visit_called": replace(_HERE, worth=10 * _MINUTE),  # called again, to the same room: it is as true as before
    "visit_called_again": _SEEN,  # who is called again has had a short message, and looks at the screen
    "visit_passed": replace(_HERE, worth=30 * _MINUTE, followed_by=_CALLS - {"visit_near"}),
    "visit_moved": Kind(
        "must",
        URGENT,
        _BOTH,
        2 * _HOUR,
        overtaken_by=_FOR_GOOD,
        followed_by=frozenset({"visit_moved", "visit_missed"}),
    ),
    "visit_too_late": _MONEY,
    "visit_not_served": _MONEY,
    "visit_completed": _SEEN,
    "credit_recorded": _CREDIT,
    "credit_lifted": _CREDIT,
    "credit_upheld": _CREDIT,
    "payment_succeeded": _NEWS,
    "payment_failed": _SEEN,
    "refund_succeeded": _MONEY,
    "surplus_refunded": _MONEY,
    "refund_stalled": _MONEY,
    "refund_failed": _MONEY,
    "refund_stalled_staff": _STAFF,
    "refund_failed_staff": _STAFF,
    "roster_applied": _STAFF,
    "visit_tomorrow": Kind("reminders", BULK, _BOTH, timedelta(hours=5)),
    "visit_soon": Kind("reminders", NORMAL, _BOTH, 2 * _HOUR),
}
"""Every kind that can be told; tests/test_notify_contacts.py holds it and the texts together."""
