"""The rows of a roster: what a hospital says of itself, its people and its sessions."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Literal

from msgspec import Meta, Struct

MOST_NUMBERS = 10_000
"""In one slot; more is a slip of the keyboard."""
MOST_SLOTS = 200
"""In one session."""
BEIJING = timezone(timedelta(hours=8))
"""Dates are Beijing's. It has had no summer time since 1991, and rosters begin in 2000."""

_STORABLE = r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=_STORABLE)]
"""The hospital's own code of a thing; unique per hospital and kind."""
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=_STORABLE)]
Words = Annotated[str, Meta(max_length=400, pattern=_STORABLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=_STORABLE)]
Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Numbers = Annotated[int, Meta(ge=0, le=MOST_NUMBERS)]
Aware = Annotated[datetime, Meta(tz=True)]
Period = Literal["morning", "afternoon", "evening"]
Policy = Literal["first_come", "lottery", "weighted"]
Channel = Literal["referral", "window", "follow_up"]


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all rows have. `version` grows with each change of the row."""

    code: Code
    version: Version = 0


class HospitalRow(Row, frozen=True, kw_only=True):
    """The hospital itself."""

    name: Name
    grade: Words = ""
    address: Words = ""


class DepartmentRow(Row, frozen=True, kw_only=True):
    """A department (科室)."""

    name: Name


class DoctorRow(Row, frozen=True, kw_only=True):
    """A doctor. `department` is the code of the doctor's own department."""

    name: Name
    title: Words = ""
    department: Code
    specialty: Words = ""


class Fee(Struct, frozen=True, forbid_unknown_fields=True):
    """In fen."""

    amount: Annotated[int, Meta(ge=0, le=10_000_000)]
    currency: Literal["CNY"]


class SlotRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A segment of a session. Of its `capacity` numbers, `blocked` are not for sale here, and those of `quotas` only through
    their channel: by a doctor's referral, at the counter, or for who comes to a follow-up.
    """

    starts_at: Aware
    ends_at: Aware
    capacity: Annotated[int, Meta(ge=1, le=MOST_NUMBERS)]
    blocked: Numbers = 0
    quotas: dict[Channel, Numbers] = {}


class SessionRow(Row, frozen=True, kw_only=True):
    """One doctor, one date, one period (出诊).

    `doctor` and `department` are codes; the department is the doctor's own unless it is said, and so is `grade` (号别) the
    doctor's title. Until `cancel_before` an order may be cancelled; unless it is said, the hospital's rules decide.
    A `draft` is known, but not public. `urgent` (急诊) is exempt from blocks for missed visits. `draw_at` is there exactly when
    the `policy` is a draw: entries are taken from `release_at` to `draw_at`.
    """

    doctor: Code
    department: Code | None = None
    date: date
    period: Period
    room: Words = ""
    grade: Words | None = None
    urgent: bool = False
    draft: bool = False
    fee: Fee
    release_at: Aware
    cancel_before: Aware | None = None
    policy: Policy = "first_come"
    draw_at: Aware | None = None
    slots: Annotated[list[SlotRow], Meta(min_length=1, max_length=MOST_SLOTS)]

    @property
    def in_order(self) -> list[SlotRow]:
        """The slots in the order of their times."""
        return sorted(self.slots, key=lambda slot: slot.starts_at)

    @property
    def starts_at(self) -> datetime:
        return min(slot.starts_at for slot in self.slots).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        return max(slot.ends_at for slot in self.slots).astimezone(UTC)


class ExtraRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """加号: so many numbers in all beyond what is planned of the slot that starts then."""

    starts_at: Aware
    extra: Numbers
