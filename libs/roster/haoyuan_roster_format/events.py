"""Roster events on the wire: CloudEvents 1.0, structured JSON (https://github.com/cloudevents/spec).

`subject` is the hospital's code, and stands in the routing key too. `time` is when the hospital knew what the event says.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from haoyuan_roster_format.checks import OUT_OF_RANGE, in_range
from haoyuan_roster_format.notes import Note, parse
from haoyuan_roster_format.rows import (
    MOST_SLOTS,
    Aware,
    Code,
    DepartmentRow,
    DoctorRow,
    ExtraRow,
    HospitalRow,
    Reason,
    SessionRow,
    Version,
)

SESSIONS_PER_PART = 500
LARGEST_EVENT = 4 * 1024 * 1024
"""In bytes. A longer roster comes in parts."""
MOST_PARTS = 10_000
MOST_ROWS = 200
"""A result names no more rows than this, so that it stays far below what a message may weigh; `more` counts the others."""


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """Dates, Beijing's, both ends included."""

    first: date = field(name="from")
    last: date = field(name="to")


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """`number` of `count`, from 1; `of` names the whole."""

    of: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
    number: Annotated[int, Meta(ge=1, le=MOST_PARTS)]
    count: Annotated[int, Meta(ge=1, le=MOST_PARTS)]


class RosterPublished(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a hospital plans. With `window` and `as_of` it is a snapshot: all that the hospital plans in these days, as it
    knew it then; sessions that it does not name do not take place.
    """

    hospital: HospitalRow | None = None
    departments: list[DepartmentRow] = []
    doctors: list[DoctorRow] = []
    sessions: list[SessionRow] = []
    window: Window | None = None
    as_of: Aware | None = None
    part: Part | None = None


class SessionStopped(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """停诊: the session, named by its code, does not take place."""

    session: Code
    version: Version
    reason: Reason


class SessionResumed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The session takes place after all."""

    session: Code
    version: Version


class SlotsAdded(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """加号: the slots that have numbers beyond the plan. A slot that is not named has none."""

    session: Code
    version: Version
    slots: Annotated[list[ExtraRow], Meta(max_length=MOST_SLOTS)]


class StaffUpserted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Departments and doctors."""

    departments: list[DepartmentRow] = []
    doctors: list[DoctorRow] = []


DATA: dict[str, type[Struct]] = {
    "roster_published": RosterPublished,
    "session_stopped": SessionStopped,
    "session_resumed": SessionResumed,
    "slots_added": SlotsAdded,
    "staff_upserted": StaffUpserted,
}
"""What each type of event carries."""
RESULT_TYPE = "haoyuan.roster.result.v1"


def event_type(kind: str) -> str:
    """The CloudEvents type of a kind: "session_stopped", say."""
    return f"haoyuan.roster.{kind}.v1"


def kind_of(type_: str) -> str | None:
    """The kind of event that a CloudEvents type names; None for one that we do not know."""
    return next((kind for kind in DATA if event_type(kind) == type_), None)


def routing_key(hospital: str, kind: str) -> str:
    """Where a hospital publishes an event of this kind on the exchange `roster.in`."""
    return f"{hospital}.roster.{kind}.v1"


def result_key(hospital: str) -> str:
    """Under which its results come on the exchange `roster.out`."""
    return f"res.{hospital}"


@dataclass(frozen=True, slots=True)
class Event:
    """A roster event whose envelope is right. `data` is looked at row by row; `time` is None when it was not said."""

    id: str
    kind: str
    hospital: str
    time: datetime | None
    data: dict[str, Any]


class _Envelope(Struct, frozen=True, kw_only=True):
    """Unknown extensions are let through."""

    specversion: str
    id: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
    source: Annotated[str, Meta(min_length=1, max_length=400)]
    type: Annotated[str, Meta(min_length=1, max_length=255)]
    subject: Code
    time: Aware | None = None
    data: dict[str, Any]


def seal(kind: str, hospital: str, data: Any, *, id: str, time: datetime) -> bytes:  # noqa: A002  the attribute's name
    """An event as it goes onto the wire."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": id,
            "source": f"/hospitals/{hospital}",
            "type": event_type(kind),
            "subject": hospital,
            "time": time,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def decode(body: bytes) -> tuple[Any, list[Note]]:
    """A JSON document, or why it is none. Strings may hold lone surrogates: so one bad row does not cost the others."""
    if (fault := _encoding_fault(body)) is not None:
        return None, [Note("", "bad_encoding", fault)]
    try:
        return msgspec.json.decode(body), []
    except (msgspec.DecodeError, RecursionError):
        pass
    try:  # the standard library takes lone surrogates, which msgspec does not
        return json.loads(body, parse_constant=_refuse_constant), []
    except (ValueError, RecursionError) as error:
        return None, [Note("", "invalid", f"is no JSON: {error}")]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


_MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def _encoding_fault(body: bytes) -> str | None:
    for mark, name in _MARKS.items():
        if body.startswith(mark):
            return f"is {name}; it must be UTF-8 without a mark"
    try:
        body.decode()
    except UnicodeDecodeError as error:
        try:
            body.decode("gb18030")
        except UnicodeDecodeError:
            return f"is not UTF-8, at byte {error.start}"
        return f"is not UTF-8, at byte {error.start}; it looks like GBK (GB 18030)"
    return None


def read(document: Any) -> Event | list[Note]:
    """The event that a document is, or what is wrong with its envelope."""
    envelope = parse(_Envelope, document, "")
    if isinstance(envelope, list):
        return envelope
    if envelope.specversion != "1.0":
        return [Note("specversion", "invalid", "is not 1.0")]
    kind = kind_of(envelope.type)
    if kind is None:
        return [Note("type", "unknown_type", f"is none of {', '.join(map(event_type, DATA))}")]
    if envelope.time is not None and not in_range(envelope.time):
        return [Note("time", "bad_times", OUT_OF_RANGE)]
    time = envelope.time and envelope.time.astimezone(UTC)
    return Event(envelope.id, kind, envelope.subject, time, envelope.data)
