"""A whole event looked at without knowing what is stored: what its sender can find out alone."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from haoyuan_roster_format.checks import OUT_OF_RANGE, check, check_extra, in_range
from haoyuan_roster_format.events import DATA, Part, SlotsAdded, Window
from haoyuan_roster_format.notes import Note, parse
from haoyuan_roster_format.rows import Aware, DepartmentRow, DoctorRow, HospitalRow, Row, SessionRow

R = TypeVar("R", bound=Row)

LISTS: dict[str, type[Row]] = {"departments": DepartmentRow, "doctors": DoctorRow, "sessions": SessionRow}
"""The lists of rows in an event's data."""


class Head(Struct, frozen=True, kw_only=True):
    """What a roster says of itself. `window` and `as_of` stand together: then it is a snapshot."""

    window: Window | None = None
    as_of: Aware | None = None
    part: Part | None = None


def rows_of(row_type: type[R], raws: Iterable[tuple[str, Any]]) -> tuple[list[tuple[str, R]], list[list[Note]]]:
    """The sound rows with their paths, each code once, and what is wrong with each of the others."""
    seen: set[str] = set()
    sound: list[tuple[str, R]] = []
    refused: list[list[Note]] = []
    for path, raw in raws:
        row = parse(row_type, raw, path)
        if isinstance(row, list):
            refused.append(row)
        elif row.code in seen:
            refused.append([Note(path, "duplicate", f"code {row.code} stands in this roster before")])
        elif isinstance(row, SessionRow) and (fault := check(row, path)) is not None:
            refused.append([fault])
        else:
            seen.add(row.code)
            sound.append((path, row))
    return sound, refused


def numbered(name: str, raws: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Each with its path."""
    return ((f"{name}[{i}]", raw) for i, raw in enumerate(raws))


def head_of(data: Mapping[str, Any]) -> Head | list[Note]:
    """A roster's window, time and part, or what is wrong with the document itself: then no row of it is looked at."""
    fields = {field.encode_name for field in msgspec.structs.fields(DATA["roster_published"])}
    notes = [Note(name, "invalid", "is not a field of a roster") for name in data if name not in fields]
    notes += not_lists(data)
    head = parse(Head, {name: data[name] for name in Head.__struct_fields__ if name in data}, "")
    if isinstance(head, list):
        return notes + head
    if (head.window is None) != (head.as_of is None):
        notes.append(Note("window", "bad_window", "window and as_of stand together, or neither does"))
    elif head.window is not None and head.window.first > head.window.last:
        notes.append(Note("window", "bad_window", "ends before it starts"))
    if head.as_of is not None and not in_range(head.as_of):
        notes.append(Note("as_of", "bad_times", OUT_OF_RANGE))
    if head.part is not None and head.part.number > head.part.count:
        notes.append(Note("part", "bad_part", "its number is greater than the count"))
    return notes or head


def not_lists(data: Mapping[str, Any]) -> list[Note]:
    """What should be a list of rows, and is none."""
    return [
        Note(name, "invalid", "is not a list") for name in LISTS if name in data and not isinstance(data[name], list)
    ]


def overlapping(sessions: Sequence[tuple[str, SessionRow]]) -> list[Note]:
    """A warning for each session during which its doctor has another one of the same roster. Both are taken in."""
    notes = []
    by_doctor = sorted(
        ((row.doctor, row.starts_at, row.code, path, row) for path, row in sessions if not row.draft),
        key=lambda item: item[:3],
    )
    for _, group in itertools.groupby(by_doctor, key=lambda item: item[0]):
        longest: SessionRow | None = None
        for *_, path, row in group:
            if longest is not None and row.starts_at < longest.ends_at:
                notes.append(overlap(path, row.doctor, longest.code))
            if longest is None or row.ends_at > longest.ends_at:
                longest = row
    return notes


def overlap(path: str, doctor: str, other: str) -> Note:
    """A doctor's session lies, in part, at the time of another one."""
    return Note(path, "doctor_overlap", f"doctor {doctor} has session {other} at that time", "warning")


def examine(kind: str, data: Mapping[str, Any]) -> list[Note]:
    """All that is wrong with an event of this kind, as far as the event itself tells."""
    if kind in ("roster_published", "staff_upserted"):
        return _examine_lists(kind, data)
    event = parse(DATA[kind], data, "")
    if isinstance(event, list):
        return event
    fault = check_extra(event.slots, "slots") if isinstance(event, SlotsAdded) else None
    return [fault] if fault else []


def _examine_lists(kind: str, data: Mapping[str, Any]) -> list[Note]:
    notes: list[Note] = []
    if kind == "roster_published":
        head = head_of(data)
        if isinstance(head, list):
            return head
        if (hospital := data.get("hospital")) is not None and isinstance(
            found := parse(HospitalRow, hospital, "hospital"), list
        ):
            notes += found
    else:
        notes += [
            Note(name, "invalid", "is not a field of this event")
            for name in data
            if name not in ("departments", "doctors")
        ]
        if faults := notes + not_lists(data):
            return faults
    for name, row_type in LISTS.items():
        sound, refused = rows_of(row_type, numbered(name, data.get(name, ())))
        notes += itertools.chain(*refused)
        if row_type is SessionRow:
            notes += overlapping([(path, row) for path, row in sound if isinstance(row, SessionRow)])
    return notes
