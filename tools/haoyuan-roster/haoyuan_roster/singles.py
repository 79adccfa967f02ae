"""The events that tell of a single session: stopped, resumed, extra numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from haoyuan_roster_format import DATA, check_extra, digest, parse
from haoyuan_roster_format.rows import ExtraRow

from haoyuan_roster.faults import Unusable
from haoyuan_roster.ledger import Kind


@dataclass(frozen=True, slots=True)
class Single:
    """An event without its version. Events of one `aspect` of a session share their versions."""

    kind: str
    aspect: Kind
    session: str
    data: dict[str, Any]

    @property
    def digest(self) -> str:
        return digest([self.kind, self.data])

    def versioned(self, version: int) -> dict[str, Any]:
        """Its data. Raises Unusable if they do not do."""
        data = {"session": self.session, "version": version, **self.data}
        row = parse(DATA[self.kind], data, "")
        notes = row if isinstance(row, list) else []
        if not notes and "slots" in data:
            fault = check_extra([ExtraRow(**slot) for slot in data["slots"]], "slots")
            notes = [fault] if fault else []
        if notes:
            raise Unusable("; ".join(f"{note.path} {note.message}" for note in notes), notes[0].code)
        return data


def stopped(session: str, reason: str) -> Single:
    return Single("session_stopped", "state", session, {"reason": reason})


def resumed(session: str) -> Single:
    return Single("session_resumed", "state", session, {})


def added(session: str, slots: Sequence[tuple[datetime, int]]) -> Single:
    """All slots of the session that have numbers beyond the plan, by the time of their start."""
    rows = [{"starts_at": time.astimezone(UTC), "extra": extra} for time, extra in sorted(slots)]
    return Single("slots_added", "extras", session, {"slots": rows})
