"""What messages are made of."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from common.messages.catalogue import Count, Fen, Id, Text, Time

Policy = Literal["first_come", "lottery", "weighted"]


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
    """A session as others may know it. `revision` grows by one with each change: an older one never overwrites.

    A draw (lottery, weighted) takes entries from `release_at` to `draw_at`; what it leaves over is then first come.
    """

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
