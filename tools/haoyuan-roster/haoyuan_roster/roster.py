"""A file looked at: its sound rows, and what is wrong with the others.

Sessions go to a temporary file as they are read, so that memory holds of each no more than its code and its time. What is published
afterwards is what was looked at, even if somebody saves the file meanwhile.
"""

import tempfile
from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
from haoyuan_roster_format import DepartmentRow, DoctorRow, HospitalRow, Note, Row, SessionRow, Window, check, parse
from haoyuan_roster_format.rows import Aware

from haoyuan_roster import jsonfile, plan
from haoyuan_roster.csvfile import CsvFile, Line
from haoyuan_roster.encoding import GB18030
from haoyuan_roster.faults import Refused, Unusable
from haoyuan_roster.findings import Findings

LISTS: dict[str, type[Row]] = {"departments": DepartmentRow, "doctors": DoctorRow, "sessions": SessionRow}


class Spool:
    """Rows as JSON, in a file that goes with us."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the roster
        self.lengths = array("I")
        self._offsets: array[int] = array("Q")

    def add(self, row: SessionRow) -> None:
        body = msgspec.json.encode(row)
        self._file.write(body)
        self.lengths.append(len(body))

    def __iter__(self) -> Iterator[bytes]:
        """In the order in which they came."""
        self._file.seek(0)
        return (self._file.read(length) for length in self.lengths)

    def __getitem__(self, index: int) -> bytes:
        """One row, when all are there."""
        if not self._offsets:
            self._offsets = array("Q", accumulate(self.lengths, initial=0))
        self._file.seek(self._offsets[index])
        return self._file.read(self.lengths[index])

    def close(self) -> None:
        self._file.close()


@dataclass
class Roster:
    """The sound rows of a file. `versioned`: they have versions of their own."""

    sessions: Spool
    changed_at: datetime
    """The file's last change, before it was read."""
    versioned: bool
    encoding: str = "utf-8"
    hospital: HospitalRow | None = None
    departments: dict[str, DepartmentRow] = field(default_factory=dict)
    doctors: dict[str, DoctorRow] = field(default_factory=dict)
    window: Window | None = None
    as_of: datetime | None = None
    findings: Findings = field(default_factory=Findings)
    refused: int = 0
    """Rows that are left out; of CSV, lines of which something is."""
    outside: int = 0
    """Sessions of other days than the window's."""

    @property
    def kind(self) -> str:
        return "JSON" if self.versioned else f"CSV, {'GB18030' if self.encoding == GB18030 else 'UTF-8'}"


@contextmanager
def examined(path: Path, window: Window | None = None) -> Iterator[Roster]:
    """Look at a file, as CSV or JSON by its name and its first sign. With a `window`, sessions of other days are left out.

    Raises Unusable if it is neither at all, or cannot be read.
    """
    with closing(Spool()) as spool:
        try:
            roster = _read(path, window, spool)
        except OSError as error:
            raise Unusable(f"{path}: {error.strerror or error}") from error
        yield roster


def _read(path: Path, window: Window | None, spool: Spool) -> Roster:
    if path.exists() and not path.is_file():  # a pipe can be read once, and a CSV file is read twice
        raise Unusable(f"{path} is no file")
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if _is_json(path):
        roster = Roster(spool, changed_at, versioned=True)
        _read_json(path, _Sessions(roster, window))
    else:
        file = CsvFile(path)
        roster = Roster(spool, changed_at, versioned=False, encoding=file.encoding)
        _read_csv(file, _Sessions(roster, window))
    if window is not None:
        roster.window = window
    if roster.as_of is not None and roster.window is None:
        roster.findings.add(Note("as_of", "bad_window", "stands there without a window"))
    if roster.window is not None and roster.window.first > roster.window.last:
        roster.findings.add(Note("window", "bad_window", "ends before it begins"))
    return roster


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return path.suffix.lower() == ".json" or head.startswith((b"{", b"["))


class _Sessions:
    """Takes in sessions: each is looked at by itself, and beside the others of its doctor's day."""

    def __init__(self, roster: Roster, only: Window | None) -> None:
        self.roster = roster
        self._only = only
        self._codes: set[str] = set()
        self._days: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def take(self, raw: Any, path: str, *, once: bool) -> bool:
        """False if it is refused."""
        roster = self.roster
        row = parse(SessionRow, raw, path)
        faults = row if isinstance(row, list) else list(self._faults(row, path))
        roster.findings.add(*(_of_line(note, path) for note in faults) if once else faults, once=once)
        if isinstance(row, list) or any(note.severity == "error" for note in faults):
            return False
        self._codes.add(row.code)
        if self._only is not None and not self._only.first <= row.date <= self._only.last:
            roster.outside += 1
        else:
            roster.sessions.add(row)
        return True

    def _faults(self, row: SessionRow, path: str) -> Iterator[Note]:
        if row.code in self._codes:
            hint = "" if self.roster.versioned else "; a tag makes it another session"
            yield Note(path, "duplicate", f"code {row.code} stands in this file before{hint}")
        elif (fault := check(row, path)) is not None:
            yield fault
        else:
            yield from self._overlaps(row, path)

    def _overlaps(self, row: SessionRow, path: str) -> Iterator[Note]:
        starts, ends = int(row.starts_at.timestamp()), int(row.ends_at.timestamp())
        others = self._days.setdefault((row.doctor, row.date.toordinal()), [])
        if any(starts < end and start < ends for start, end in others):
            said = f"doctor {row.doctor} has another session at that time, on {row.date}"
            yield Note(path, "doctor_overlap", said, "warning")
        others.append((starts, ends))


def _of_line(note: Note, path: str) -> Note:
    """What is said of a session that a line stands for, said of the line."""
    inside = note.path.removeprefix(path).lstrip(".")
    return replace(note, path=path, message=f"{inside}: {note.message}" if inside else note.message)


def _read_json(path: Path, sessions: _Sessions) -> None:
    roster = sessions.roster
    for name, place, raw in jsonfile.items(path):
        notes: list[Note] | None = None
        if name == "sessions" and place != name:
            roster.refused += not sessions.take(raw, place, once=False)
        elif name in LISTS:
            notes = _staff(roster, name, raw, place) if place != name else [Note(name, "invalid", "must be a list")]
        elif name == "hospital":
            hospital = parse(HospitalRow, raw, place)
            roster.hospital, notes = (None, hospital) if isinstance(hospital, list) else (hospital, None)
        elif name == "window":
            window = parse(Window, raw, place)
            roster.window, notes = (None, window) if isinstance(window, list) else (window, None)
        elif name == "as_of":
            roster.as_of, notes = _time(raw, place)
        else:
            plain = place.encode("utf-8", "replace").decode()  # a name may hold half a character, as an escape
            notes = [Note(plain, "invalid", "is not a field of a roster")]
        roster.findings.add(*notes or ())
        roster.refused += bool(notes)


def _staff(roster: Roster, name: str, raw: Any, path: str) -> list[Note] | None:
    row = parse(LISTS[name], raw, path)
    if isinstance(row, list):
        return row
    known: dict[str, Any] = roster.departments if name == "departments" else roster.doctors
    if row.code in known:
        return [Note(path, "duplicate", f"code {row.code} stands in this file before")]
    known[row.code] = row
    return None


def _time(raw: Any, path: str) -> tuple[datetime | None, list[Note] | None]:
    try:
        return msgspec.convert(raw, Aware), None
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the second: a lone surrogate
        return None, [Note(path, "bad_time", str(error))]


def _read_csv(file: CsvFile, sessions: _Sessions) -> None:
    roster = sessions.roster
    for line in file.lines():
        if isinstance(line, list):
            roster.findings.add(*line)
            roster.refused += any(note.severity == "error" for note in line)
            continue
        if (conflict := _people(roster, line)) is not None:
            roster.findings.add(conflict)
        try:
            rows = plan.sessions(line)
        except Refused as fault:
            roster.findings.add(Note(f"{line.path}, {fault.column}", fault.code, str(fault)))
            roster.refused += 1
            continue
        taken = [sessions.take(row, line.path, once=True) for row in rows]
        roster.refused += not all(taken)
        if not taken:
            roster.findings.add(Note(line.path, "no_sessions", "no day of its time is one of its weekdays", "warning"))


def _people(roster: Roster, line: Line) -> Note | None:
    """The department and the doctor that a line names; the first line about a doctor names the doctor's own department."""
    values: Mapping[str, Any] = line.values
    if (name := values["department_name"]) is not None:
        department = DepartmentRow(code=values["department"], name=name)
        if roster.departments.setdefault(department.code, department) != department:
            return Note(
                f"{line.path}, department_name", "conflict", f"department {department.code} has another name above"
            )
    if (name := values["doctor_name"]) is not None:
        own = roster.doctors.get(values["doctor"])
        doctor = DoctorRow(
            code=values["doctor"],
            name=name,
            title=values["title"],
            specialty=values["specialty"],
            department=own.department if own else values["department"],
        )
        if roster.doctors.setdefault(doctor.code, doctor) != doctor:
            return Note(f"{line.path}, doctor_name", "conflict", f"doctor {doctor.code} is written otherwise above")
    return None


def parse_window(text: str) -> Window:
    """FROM..TO, dates with both ends included. Raises Refused."""
    first, _, last = text.partition("..")
    days = [_day(first), _day(last)]
    if days[0] > days[1]:
        raise Refused("bad_date", f"{text}: the end lies before the beginning")
    return Window(*days)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("bad_date", f"“{text}” is no date such as 2026-12-01") from None
