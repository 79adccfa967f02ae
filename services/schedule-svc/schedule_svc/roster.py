"""A roster as a hospital writes it: its rows, what they must be like, and which of two versions of a row wins.

A row that does not do is refused by itself, with a code; the others are taken in.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from schedule_svc.domain import MOST_NUMBERS, Period, Plan, local_date

_STORABLE = r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=_STORABLE)]
"""The hospital's own code of a thing; unique per hospital and kind."""
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=_STORABLE)]
Words = Annotated[str, Meta(max_length=400, pattern=_STORABLE)]
Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Aware = Annotated[datetime, Meta(tz=True)]
Policy = Literal["first_come"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all rows have. `version` grows with each change of the row."""

    code: Code
    version: Version = 0


class HospitalRow(Row, frozen=True, kw_only=True):
    name: Name
    grade: Words = ""
    address: Words = ""


class DepartmentRow(Row, frozen=True, kw_only=True):
    name: Name


class DoctorRow(Row, frozen=True, kw_only=True):
    """`department` is the code of the doctor's own department."""

    name: Name
    title: Words = ""
    department: Code
    specialty: Words = ""


class Fee(Struct, frozen=True, forbid_unknown_fields=True):
    amount: Annotated[int, Meta(ge=0, le=10_000_000)]
    currency: Literal["CNY"]


class SlotRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    starts_at: Aware
    ends_at: Aware
    capacity: Annotated[int, Meta(ge=1, le=MOST_NUMBERS)]
    blocked: Annotated[int, Meta(ge=0, le=MOST_NUMBERS)] = 0


class SessionRow(Row, frozen=True, kw_only=True):
    """`doctor` and `department` are codes; the department is the doctor's own unless it is said. Dates are Beijing's."""

    doctor: Code
    department: Code | None = None
    date: date
    period: Period
    room: Words = ""
    fee: Fee
    release_at: Aware
    cancel_before: Aware | None = None
    policy: Policy = "first_come"
    slots: Annotated[list[SlotRow], Meta(min_length=1, max_length=200)]

    @property
    def plans(self) -> list[Plan]:
        """In the order of their times."""
        plans = [
            Plan(s.starts_at.astimezone(UTC), s.ends_at.astimezone(UTC), s.capacity, s.blocked) for s in self.slots
        ]
        return sorted(plans, key=lambda plan: plan.starts_at)

    @property
    def times(self) -> tuple[datetime, datetime, datetime, datetime | None]:
        """The session's start and end, the release of its numbers, and until when an order may be cancelled."""
        plans = self.plans
        starts_at, ends_at = plans[0].starts_at, max(plan.ends_at for plan in plans)
        cancel_before = self.cancel_before and self.cancel_before.astimezone(UTC)
        return starts_at, ends_at, self.release_at.astimezone(UTC), cancel_before


R = TypeVar("R", bound=Row)

_REFUSALS = (msgspec.ValidationError, UnicodeEncodeError)
"""The second is msgspec's answer to a lone surrogate."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of one row. An error means that the row was not taken in."""

    path: str
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"
    session_id: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "session_id": self.session_id,
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
        }


def parse(row_type: type[R], raw: Any, path: str) -> R | list[Note]:
    """The row, or everything that is wrong with its form, a note for each bad field."""
    try:
        return msgspec.convert(raw, row_type)
    except _REFUSALS as error:
        faults = list(_faults(row_type, raw, path)) if isinstance(raw, Mapping) else []
        return faults or [Note(path, "invalid", str(error))]


def _faults(row_type: type[Struct], raw: Mapping[str, Any], path: str) -> Iterator[Note]:
    fields = {f.name: f for f in msgspec.structs.fields(row_type)}
    for name in raw:
        if name not in fields:
            yield Note(f"{path}.{name}"[:200], "invalid", "is not a field of this row")
    for name, field in fields.items():
        if name in raw:
            try:
                msgspec.convert(raw[name], field.type)
            except _REFUSALS as error:
                message, _, inner = str(error).partition(" - at `$")
                yield Note(f"{path}.{name}{inner.rstrip('`')}", "invalid", message)
        elif field.required:
            yield Note(f"{path}.{name}", "invalid", "is missing")


def check(row: SessionRow, path: str) -> Note | None:
    """The first thing that makes a well-formed session impossible."""
    slots = sorted(row.slots, key=lambda slot: slot.starts_at)
    times = [row.release_at, *(t for s in slots for t in (s.starts_at, s.ends_at))] + (
        [row.cancel_before] if row.cancel_before else []
    )
    if not all(EARLIEST <= time < LATEST for time in times):
        return Note(path, "bad_times", "a time lies outside of the years 2000 to 2099")
    if any(slot.starts_at >= slot.ends_at for slot in slots):
        return Note(f"{path}.slots", "bad_times", "a slot ends before it starts")
    if any(earlier.ends_at > later.starts_at for earlier, later in itertools.pairwise(slots)):
        return Note(f"{path}.slots", "slots_overlap", "two slots overlap")
    if any(slot.blocked > slot.capacity for slot in slots):
        return Note(f"{path}.slots", "blocked_above_capacity", "more numbers are blocked than there are")
    starts_at, ends_at, release_at, cancel_before = row.times
    if local_date(starts_at) != row.date or local_date(ends_at - timedelta(microseconds=1)) != row.date:
        return Note(f"{path}.date", "wrong_date", "the slots do not lie on the session's date, Beijing time")
    if release_at >= ends_at or (cancel_before is not None and cancel_before > ends_at):
        return Note(path, "bad_times", "numbers are released, or can be cancelled, only after the session's end")
    return None


def digest(row: Row) -> str:
    """Of a row's content, whatever the zone its times are written in."""
    content: Any = row
    if isinstance(row, SessionRow):
        plans = [(p.starts_at, p.ends_at, p.capacity, p.blocked) for p in row.plans]
        content = (row.doctor, row.department, row.date, row.period, row.room, row.fee, row.times, row.policy, plans)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


Verdict = Literal["apply", "unchanged", "stale", "conflict"]


def judge(known: tuple[int, str] | None, version: int, content: str) -> Verdict:
    """What to do with a row, by the (version, digest) that is known of it. Makes every order of arrival end alike."""
    if known is None or version > known[0]:
        return "apply"
    if version < known[0]:
        return "stale"
    return "unchanged" if content == known[1] else "conflict"
