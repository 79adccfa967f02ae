"""A hospital's rule set: what may stand in it, its defaults, and every fault of one that cannot be taken.

`RuleSet()` is the platform's own, which holds where a hospital has published none. docs/rules.md tells where each default
comes from.
"""

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta

Whole = Annotated[int, Meta(ge=0, le=100_000)]
Most = Annotated[int, Meta(ge=1, le=1000)]
Days = Annotated[int, Meta(ge=1, le=366)]
Seconds = Annotated[int, Meta(ge=0, le=604_800)]
Minutes = Annotated[int, Meta(ge=1, le=1440)]
Hours = Annotated[int, Meta(ge=0, le=720)]
OfDay = Annotated[int, Meta(ge=0, le=1440)]
"""Minutes."""
Places = Annotated[int, Meta(ge=0, le=50)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
"""HH:MM in Asia/Shanghai."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a rule set."""


class Deadline(Rule, frozen=True, kw_only=True):
    """How long before a visit: `hours`, or `days` or `workdays` before it `at` a time of day (前一日 15:30)."""

    hours: Annotated[float, Meta(ge=0, le=720)] | None = None
    days: Annotated[int, Meta(ge=0, le=60)] | None = None
    workdays: Annotated[int, Meta(ge=1, le=30)] | None = None
    at: TimeOfDay | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.hours, self.days, self.workdays)) != 1:
            raise ValueError("needs exactly one of hours, days, workdays")
        if (self.at is None) != (self.hours is not None):
            raise ValueError("days and workdays need a time of day in at, hours has none")


class Limit(Rule, frozen=True, kw_only=True):
    """At most so many registrations of one patient, or departments that she has any in, by the date of the visit.

    What is active counts: held, sold, waiting, entered in a draw; what was given back does not.
    """

    most: Most
    of: Literal["session", "doctor", "department", "hospital"]
    per: Literal["period", "day", "week", "month", "quarter"]
    counting: Literal["orders", "departments"] = "orders"

    def __post_init__(self) -> None:
        if self.counting == "departments" and self.of != "hospital":
            raise ValueError("departments are counted of a hospital only")


class Window(Rule, frozen=True, kw_only=True):
    """When one may book: from `opens_at` on the day `days_ahead` before the visit's, until `closes`.

    Without `days_ahead` the session's own release decides; without `closes` one may book until the session ends.
    """

    days_ahead: Annotated[int, Meta(ge=0, le=366)] | None = None
    opens_at: TimeOfDay = "00:00"
    closes: Deadline | None = None


class CoolDown(Rule, frozen=True, kw_only=True):
    """How long before the same doctor can be booked again, after an unpaid number was given back or let go, or a paid one
    given back (退号).
    """

    unpaid_seconds: Seconds = 60
    confirmed_seconds: Seconds = 7200


class Rest(Rule, frozen=True, kw_only=True):
    """How long a freed number that nobody waits for rests before it is public again: chosen evenly in between."""

    least_seconds: Seconds = 60
    most_seconds: Seconds = 600

    def __post_init__(self) -> None:
        if self.least_seconds > self.most_seconds:
            raise ValueError("least_seconds lies above most_seconds")


class Waitlist(Rule, frozen=True, kw_only=True):
    """候补. Whoever must be asked has a tenth of the time that is left to take an offer, within these bounds."""

    closes: Deadline = Deadline(days=1, at="23:00")
    offer_least_minutes: Minutes = 5
    offer_most_minutes: Minutes = 30

    def __post_init__(self) -> None:
        if self.offer_least_minutes > self.offer_most_minutes:
            raise ValueError("offer_least_minutes lies above offer_most_minutes")


class Penalty(Rule, frozen=True, kw_only=True):
    """`count` marks or more within a calendar year, or within `within_days`: no booking for `blocked_days` after the last.

    `notice_hours`: only cancellations less than this long before the visit count. `of`: whose marks count.
    """

    kind: Literal["no_show", "late_cancel"]
    count: Most
    within_days: Days | None = None
    notice_hours: Annotated[int, Meta(ge=1, le=72)] | None = None
    blocked_days: Days
    of: Literal["hospital", "platform"] = "platform"

    def __post_init__(self) -> None:
        if (self.kind == "late_cancel") != (self.notice_hours is not None):
            raise ValueError("late_cancel needs notice_hours, no_show has none")


class Referral(Rule, frozen=True, kw_only=True):
    """Points of a doctor's referral, by its urgency."""

    routine: Whole = 2
    soon: Whole = 10
    urgent: Whole = 20


class Weights(Rule, frozen=True, kw_only=True):
    """Parts of an entrant's weight in a weighted draw. Twice the weight is like two entries."""

    base: Annotated[int, Meta(ge=1, le=100_000)] = 10
    clean_credit: Whole = 2
    follow_up: Whole = 5
    referral: Referral = Referral()


class Place(Rule, frozen=True, kw_only=True):
    """Where the hospital stands (WGS 84, degrees), and within how many metres of it one may say that one is there."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    within_metres: Annotated[int, Meta(ge=10, le=50_000)]


class Clinic(Rule, frozen=True, kw_only=True):
    """The clinic day. booking-svc enforces it: messages.ClinicRules has these very fields, and says what they mean."""

    discipline: Literal["fifo", "priority"] = "priority"
    early_minutes: OfDay = 30
    grace_minutes: Annotated[int, Meta(ge=-120, le=1440)] = 0
    late_minutes: OfDay = 30
    emergency_ahead_minutes: OfDay = 240
    priority_ahead_minutes: OfDay = 60
    appointment_ahead_minutes: OfDay = 30
    passed: Annotated[tuple[Places, ...], Meta(max_length=10)] = (2, 2)
    return_places: Places = 2
    near: Annotated[int, Meta(ge=1, le=20)] = 2
    close_minutes: Annotated[int, Meta(ge=0, le=720)] = 120
    place: Place | None = None

    def __post_init__(self) -> None:
        if not -self.early_minutes <= self.grace_minutes <= self.late_minutes:
            raise ValueError("grace_minutes lies before check-in opens or after the number is void")
        if not self.emergency_ahead_minutes >= self.priority_ahead_minutes >= self.appointment_ahead_minutes:
            raise ValueError("of emergencies, priority and appointments, each must be ahead of the next")


class RuleSet(Rule, frozen=True, kw_only=True):
    """All rules of one hospital."""

    limits: Annotated[tuple[Limit, ...], Meta(max_length=20)] = (Limit(most=1, of="doctor", per="day"),)
    window: Window = Window()
    cancel: Deadline = Deadline(hours=12)
    hold_minutes: Minutes = 15
    cool_down: CoolDown = CoolDown()
    rest: Rest = Rest()
    waitlist: Waitlist = Waitlist()
    penalties: Annotated[tuple[Penalty, ...], Meta(max_length=20)] = (
        Penalty(kind="no_show", count=3, blocked_days=90),
        Penalty(kind="no_show", count=6, blocked_days=180),
        Penalty(kind="late_cancel", count=3, within_days=30, notice_hours=24, blocked_days=30),
    )
    weights: Weights = Weights()
    follow_up_days: Days = 90
    asides_end_hours: Hours = 24
    clinic: Clinic = Clinic()


class BadRules(Exception):
    """No rule set. `faults` are all faults of it, as (path, what is wrong): ("limits[0].most", "...")."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {text}" for path, text in faults))
        self.faults = faults


def read_rules(document: Any) -> RuleSet:
    """The rule set that a JSON document (as Python values) describes. Raises BadRules with every fault of it."""
    faults = list(_faults(RuleSet, document, ""))
    if faults:
        raise BadRules(faults)
    return msgspec.convert(document, RuleSet)


def _faults(kind: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    """A conversion stops at the first fault; here each part is tried by itself."""
    kind = _meant(kind, value)
    plain = typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind
    inner: Iterator[tuple[str, str]] = iter(())
    if isinstance(plain, type) and issubclass(plain, Rule) and isinstance(value, dict):
        inner = _faults_of_members(plain, value, path)
    elif typing.get_origin(plain) is tuple and isinstance(value, list):
        element = typing.get_args(plain)[0]
        inner = (fault for i, item in enumerate(value) for fault in _faults(element, item, f"{path}[{i}]"))
    found = list(inner)
    yield from found
    if not found:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield path or "rules", str(error).partition(" - at `")[0]
        except UnicodeEncodeError:
            yield path or "rules", "has characters that are none"


def _faults_of_members(kind: type[Rule], value: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    hints = typing.get_type_hints(kind, include_extras=True)

    def below(name: str) -> str:
        return f"{path}.{name}" if path else name

    yield from ((below(name), "is no rule that we know") for name in value if name not in fields)
    for name, field in fields.items():
        if name in value:
            yield from _faults(hints[name], value[name], below(name))
        elif field.required:
            yield below(name), "is missing"


def _meant(kind: Any, value: Any) -> Any:
    """Of `X | None`, X, unless it is None."""
    if typing.get_origin(kind) in (Union, types.UnionType) and value is not None:
        return next(option for option in typing.get_args(kind) if option is not type(None))
    return kind
