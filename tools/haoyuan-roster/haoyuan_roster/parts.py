"""The events that a roster becomes: parts of some hundreds of rows, made one after the other."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

import msgspec
from haoyuan_roster_format import LARGEST_EVENT, SESSIONS_PER_PART, Part, digest, routing_key, seal
from haoyuan_roster_format.events import MOST_PARTS

from haoyuan_roster.faults import Unusable
from haoyuan_roster.ledger import Kind, Ledger
from haoyuan_roster.roster import LISTS, Roster

MOST_BYTES = LARGEST_EVENT // 4
"""Of a part's rows: some 1,000 sessions, so that neither end needs much memory for one."""
_KINDS: tuple[Kind, ...] = ("departments", "doctors", "sessions")


@dataclass(frozen=True, slots=True)
class Letter:
    """An event made ready to be sent. `rows` says how many rows it carries."""

    id: str
    kind: str
    key: str
    body: bytes
    rows: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """How rows get theirs: from the ledger, at least `minute` (Unix minutes), or `fixed`."""

    ledger: Ledger
    minute: int
    fixed: int | None = None

    def give(self, kind: Kind, bodies: Sequence[bytes]) -> list[bytes]:
        """The rows with their versions."""
        rows = [msgspec.json.decode(body, type=LISTS[kind]) for body in bodies]
        digests = {row.code: digest(row) for row in rows}
        found = self.ledger.versions(kind, digests, self.minute, self.fixed)
        return [msgspec.json.encode(msgspec.structs.replace(row, version=found[row.code])) for row in rows]


class _Coded(msgspec.Struct):
    code: str


class Edition:
    """A roster on its way out, part after part.

    `versions` is None when its rows have versions of their own; `time`: when the hospital says all that. With `as_of` it is a
    snapshot of the roster's window. Raises Unusable if there are too many parts.
    """

    def __init__(
        self,
        roster: Roster,
        hospital: str,
        time: datetime,
        *,
        as_of: datetime | None = None,
        versions: Versions | None = None,
        most_rows: int = SESSIONS_PER_PART,
    ) -> None:
        self._roster = roster
        self._hospital = hospital
        self._time = time
        self._as_of = as_of
        self._versions = versions
        self._staff: list[tuple[Kind, bytes]] = [
            *(("departments", msgspec.json.encode(row)) for row in roster.departments.values()),
            *(("doctors", msgspec.json.encode(row)) for row in roster.doctors.values()),
        ]
        self._starts: dict[str, int] = {}
        self._sizes = split([*(len(body) for _, body in self._staff), *roster.sessions.lengths], most_rows)
        if len(self._sizes) > MOST_PARTS:
            raise Unusable(f"{len(self._sizes)} parts are too many; choose a greater --part-size")

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Letter]:
        """Each part is made when it is asked for, and kept by nobody."""
        sessions: Iterable[tuple[Kind, bytes]] = (("sessions", body) for body in self._roster.sessions)
        rows = chain(self._staff, sessions)
        whole = uuid.uuid4().hex
        start = 0
        for number, size in enumerate(self._sizes, 1):
            made = self._letter(list(islice(rows, size)), Part(whole, number, len(self)))
            self._starts[made.id] = start
            start += size
            yield made

    def code(self, event: str, path: str) -> str:
        """The code of the row at a path, such as sessions[3].fee, of the event with this id; "" if it is of no row."""
        match = re.match(r"(departments|doctors|sessions)\[([0-9]{1,6})\]", path)
        if match is None or event not in self._starts:
            return ""
        departments, staff = len(self._roster.departments), len(self._staff)
        first = {"departments": 0, "doctors": departments, "sessions": staff}[match[1]]
        index = max(self._starts[event], first) + int(match[2])
        if index >= staff + len(self._roster.sessions.lengths):
            return ""
        body = self._staff[index][1] if index < staff else self._roster.sessions[index - staff]
        return msgspec.json.decode(body, type=_Coded).code

    def _letter(self, rows: Sequence[tuple[Kind, bytes]], part: Part) -> Letter:
        roster = self._roster
        data: dict[str, Any] = {kind: self._of_kind(kind, rows) for kind in _KINDS}
        if part.number == 1 and roster.hospital is not None:
            data["hospital"] = roster.hospital
        if roster.window is not None:
            data |= {"window": roster.window, "as_of": self._as_of}
        if part.count > 1:
            data["part"] = part
        about = f"part {part.number} of {part.count}" if part.count > 1 else "roster"
        return letter("roster_published", self._hospital, data, self._time, len(rows), about)

    def _of_kind(self, kind: Kind, rows: Sequence[tuple[Kind, bytes]]) -> list[msgspec.Raw]:
        bodies = [body for its_kind, body in rows if its_kind == kind]
        if self._versions is not None and bodies:
            bodies = self._versions.give(kind, bodies)
        return [msgspec.Raw(body) for body in bodies]


def letter(kind: str, hospital: str, data: Any, time: datetime, rows: int = 1, about: str = "") -> Letter:
    """An event under a new id."""
    event_id = uuid.uuid4().hex
    body = seal(kind, hospital, data, id=event_id, time=time)
    return Letter(event_id, kind, routing_key(hospital, kind), body, rows, about)


def split(lengths: Sequence[int], most_rows: int, most_bytes: int = MOST_BYTES) -> list[int]:
    """How many rows go into each part: as many as fit, in order, and at least one. There is at least one part."""
    sizes: list[int] = []
    rows = weight = 0
    for length in lengths:
        if rows and (rows == most_rows or weight + length > most_bytes):
            sizes.append(rows)
            rows = weight = 0
        rows, weight = rows + 1, weight + length
    return [*sizes, rows]
