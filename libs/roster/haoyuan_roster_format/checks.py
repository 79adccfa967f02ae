"""What makes a well-formed row impossible, and which of two versions of it wins."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from haoyuan_roster_format.notes import Note
from haoyuan_roster_format.rows import BEIJING, ExtraRow, Row, SessionRow, SlotRow

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
OUT_OF_RANGE = "lies outside of the years 2000 to 2099"


def in_range(time: datetime) -> bool:
    """True for a time of these years. Others may be none of UTC: year 1 begins before it does at +14:00."""
    return EARLIEST <= time < LATEST


def check(row: SessionRow, path: str) -> Note | None:
    """The first thing that makes a well-formed session impossible."""
    return next(_faults(row, path), None)


def _faults(row: SessionRow, path: str) -> Iterator[Note]:
    slots = f"{path}.slots" if path else "slots"
    if not all(map(in_range, _all_times(row))):
        yield Note(path, "bad_times", f"a time {OUT_OF_RANGE}")
        return
    yield from _slot_faults(row.in_order, slots)
    starts_at, ends_at = row.starts_at, row.ends_at
    last = ends_at - timedelta(microseconds=1)
    if any(time.astimezone(BEIJING).date() != row.date for time in (starts_at, last)):
        yield Note(f"{path}.date", "wrong_date", "the slots do not lie on the session's date, Beijing time")
    if row.release_at >= ends_at or (row.cancel_before is not None and row.cancel_before > ends_at):
        yield Note(path, "bad_times", "numbers are released, or can be cancelled, only after the session's end")
    if (row.policy == "first_come") != (row.draw_at is None):
        said = "is there without a draw" if row.draw_at else f"is missing, for policy {row.policy}"
        yield Note(f"{path}.draw_at", "bad_draw", said)
    elif row.draw_at is not None and not row.release_at < row.draw_at < starts_at:
        yield Note(f"{path}.draw_at", "bad_draw", "does not lie between the release and the first slot")


def _all_times(row: SessionRow) -> list[datetime]:
    slots = [time for slot in row.slots for time in (slot.starts_at, slot.ends_at)]
    return [row.release_at, *slots, *(time for time in (row.cancel_before, row.draw_at) if time is not None)]


def _slot_faults(slots: Sequence[SlotRow], path: str) -> Iterator[Note]:
    if any(slot.starts_at >= slot.ends_at for slot in slots):
        yield Note(path, "bad_times", "a slot ends before it starts")
    if any(earlier.ends_at > later.starts_at for earlier, later in itertools.pairwise(slots)):
        yield Note(path, "slots_overlap", "two slots overlap")
    if any(slot.blocked > slot.capacity for slot in slots):
        yield Note(path, "blocked_above_capacity", "more numbers are blocked than there are")
    if any(slot.blocked + sum(slot.quotas.values()) > slot.capacity for slot in slots):
        yield Note(path, "quota_above_capacity", "more numbers are blocked and set aside than there are")


def check_extra(slots: Sequence[ExtraRow], path: str) -> Note | None:
    """The first thing that makes a well-formed list of extra numbers impossible."""
    if not all(in_range(slot.starts_at) for slot in slots):
        return Note(path, "bad_times", f"a time {OUT_OF_RANGE}")
    if len({slot.starts_at for slot in slots}) < len(slots):
        return Note(path, "slots_overlap", "two slots start at the same time")
    return None


def overlaps(row: SessionRow, starts_at: datetime, ends_at: datetime) -> bool:
    """True if the session takes place, in part, while another from `starts_at` to `ends_at` does."""
    return row.starts_at < ends_at and starts_at < row.ends_at


def digest(content: Any) -> str:
    """Of a row's content, whatever the zone its times are written in and the order its slots stand in."""
    if isinstance(content, SessionRow):
        content = _session(content)
    elif isinstance(content, Row):
        content = [getattr(content, name) for name in content.__struct_fields__ if name not in _KEY]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


_KEY = {"code", "version"}
_PLAIN = [
    name
    for name in SessionRow.__struct_fields__
    if name not in _KEY | {"slots", "release_at", "cancel_before", "draw_at"}
]


def _session(row: SessionRow) -> list[Any]:
    times = [time and time.astimezone(UTC) for time in (row.release_at, row.cancel_before, row.draw_at)]
    slots = [
        (
            s.starts_at.astimezone(UTC),
            s.ends_at.astimezone(UTC),
            s.capacity,
            s.blocked,
            sorted((c, n) for c, n in s.quotas.items() if n),
        )
        for s in row.in_order
    ]
    return [[getattr(row, name) for name in _PLAIN], times, slots]


Verdict = Literal["apply", "unchanged", "stale", "conflict"]


def judge(known: tuple[int, str] | None, version: int, content: str) -> Verdict:
    """What to do with a row, by the (version, digest) that is known of it. Makes every order of arrival end alike.

    A known digest of "" is of content that nobody can compare any more; the same version may come again then.
    """
    if known is None or version > known[0]:
        return "apply"
    if version < known[0]:
        return "stale"
    if not known[1]:
        return "apply"
    return "unchanged" if content == known[1] else "conflict"
