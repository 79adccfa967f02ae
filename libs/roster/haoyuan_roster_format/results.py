"""What became of an event: one result for each input, and another when a part of it takes effect later."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from haoyuan_roster_format.events import MOST_ROWS
from haoyuan_roster_format.notes import LONGEST_MESSAGE, LONGEST_PATH, Note

Count = Annotated[int, Meta(ge=0)]
Status = Literal["applied", "partial", "rejected"]


class Counts(Struct, frozen=True, kw_only=True):
    """Of rows. `kept` are those of the rejected that take effect by themselves as soon as what they refer to is known."""

    applied: Count = 0
    unchanged: Count = 0
    rejected: Count = 0
    kept: Count = 0


class ResultRow(Struct, frozen=True, kw_only=True):
    """What is said of one row. `path` is where it stands in the event's data, such as sessions[3].slots."""

    path: Annotated[str, Meta(max_length=LONGEST_PATH)]
    session_id: str | None
    code: str
    severity: Literal["error", "warning"]
    message: Annotated[str, Meta(max_length=LONGEST_MESSAGE)]


class Result(Struct, frozen=True, kw_only=True):
    """What became of an event. `input` and `type` are its id and type, as far as they could be read; `more`: how many rows
    are left out here, and stand in the log at GET /rosters/{roster_id}.
    """

    input: str
    type: str
    roster_id: str
    status: Status
    counts: Counts
    rows: list[ResultRow]
    more: Count = 0


def status_of(counts: Counts, notes: Sequence[Note]) -> Status:
    """Rejected when nothing of it stands and something is wrong."""
    if not counts.rejected and not any(note.severity == "error" for note in notes):
        return "applied"
    return "partial" if counts.applied or counts.unchanged else "rejected"


def shown_rows(notes: Sequence[Note], most: int = MOST_ROWS) -> tuple[list[Mapping[str, Any]], int]:
    """The rows that a result shows, and how many more there are. If there are too many, errors come first."""
    in_order = sorted(notes, key=lambda note: note.severity) if len(notes) > most else notes
    return [note.shown() for note in in_order[:most]], max(0, len(notes) - most)
