"""What messages are made of."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from common.messages.catalogue import Count, Fen, Id, Text, Time

Policy = Literal["first_come", "lottery", "weighted"]
Period = Literal["morning", "afternoon", "evening"]


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
    period: Period
    starts_at: Time
    """The segment's start: the time to arrive."""
    ends_at: Time
    room: Text


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session as others may know it. `revision` grows by one with each change: an older one never overwrites.

    Names and the room are as in Visit; they are empty where an older version was read, which did not tell them.
    A draw (lottery, weighted) takes entries from `release_at` to `draw_at`; what it leaves over is then first come.
    """

    session_id: Id
    revision: Count
    hospital_id: Id
    hospital_name: Text
    department_id: Id
    department_name: Text
    doctor_id: Id
    doctor_name: Text
    doctor_title: Text
    date: date
    period: Period
    room: Text
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


@dataclass(frozen=True, slots=True)
class Substitute:
    """A session that stands in for a stopped one: same department, same grade. `visit` is its earliest free segment."""

    session_id: Id
    fee: Fen
    visit: Visit


@dataclass(frozen=True, slots=True)
class WeightPart:
    """One part of an entrant's weight in a draw, by the hospital's published rules. `name` is a stable code."""

    name: Text
    points: Count


@dataclass(frozen=True, slots=True)
class CreditMark:
    """A mark against a patient (爽约, 临时退号), with its evidence: the order. `notice_hours`: how long before the visit."""

    id: Id
    kind: Literal["no_show", "late_cancel"]
    hospital_id: Id
    order_id: Id
    at: Time
    expires_at: Time
    notice_hours: Count | None


VisitClass = Literal["emergency", "priority", "appointment", "walk_in"]
"""Of which class a visitor is in the line; `priority` is by law or custom (老人、孕妇、军人、残疾人), never bought."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hospital stands (WGS 84, degrees), and within how many metres of it one may say that one is there."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    within_metres: Annotated[int, Meta(ge=10, le=50_000)]


@dataclass(frozen=True, slots=True)
class ClinicRules:
    """A hospital's rules of the clinic day: what a patient is shown is this record, and it is what is enforced.

    Check-in opens `early_minutes` before a segment begins; `grace_minutes` after it has begun (below 0: before) she is late and goes
    by when she came; `late_minutes` after it, and not before the segment ends, her number is void, and its fee goes back. `ahead_minutes`: by how much earlier each
    class counts as having come. `passed`: how many places back each missed call sends her, 0: to the end of the line; the call
    after the last of them is counted as a visit missed. `return_places`: after how many others she who comes back from an
    examination is called. `near`: she is told when so many are before her. `close_minutes`: how long after the session who never
    came counts as missed.
    """

    discipline: Literal["fifo", "priority"] = "priority"
    early_minutes: Annotated[int, Meta(ge=0, le=1440)] = 30
    grace_minutes: Annotated[int, Meta(ge=-120, le=1440)] = 0
    late_minutes: Annotated[int, Meta(ge=0, le=1440)] = 30
    emergency_ahead_minutes: Annotated[int, Meta(ge=0, le=1440)] = 240
    priority_ahead_minutes: Annotated[int, Meta(ge=0, le=1440)] = 60
    appointment_ahead_minutes: Annotated[int, Meta(ge=0, le=1440)] = 30
    passed: Annotated[list[Annotated[int, Meta(ge=0, le=50)]], Meta(max_length=10)] = field(
        default_factory=lambda: [2, 2]
    )
    return_places: Annotated[int, Meta(ge=0, le=50)] = 2
    near: Annotated[int, Meta(ge=1, le=20)] = 2
    close_minutes: Annotated[int, Meta(ge=0, le=720)] = 120
    place: Place | None = None
