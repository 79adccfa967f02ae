"""Rows on their way in: each by its version, with few statements however many there are."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from common import ids
from common.outbox import Tx
from haoyuan_roster_format import (
    SESSIONS_PER_PART,
    DepartmentRow,
    DoctorRow,
    HospitalRow,
    Note,
    Row,
    SessionRow,
    Verdict,
    digest,
    judge,
    rows_of,
)
from haoyuan_roster_format.rows import Code

from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases import planning, registers
from schedule_svc.usecases.registers import Origin

R = TypeVar("R", bound=Row)


@dataclass
class Reception:
    """One input on its way in. A stale row counts as unchanged: what is known is newer.

    A row that refers to what is not known yet is refused and kept; `known_now` gathers what others may have waited for. `tx` is
    the transaction of the part that is being taken in.
    """

    tx: Tx
    hospital_id: str
    origin: Origin
    notes: list[Note] = field(default_factory=list)
    applied: int = 0
    unchanged: int = 0
    rejected: int = 0
    kept: int = 0
    nameless: bool = False
    """A session's row has no code that could be read."""
    known_now: set[str] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)
    """Kinds and codes of what has come so far, in this part or an earlier one."""

    def hospital(self, row: HospitalRow, known: Any) -> None:
        """The hospital's own row is not counted, unless it is refused."""
        if self._judge("hospital", row, known) == "apply":
            catalogue.update_hospital(self.tx.conn, {"id": known.id, **_values(row)})

    def departments(self, raws: Iterable[tuple[str, Any]]) -> None:
        known = catalogue.departments_of(self.tx.conn, self.hospital_id)
        new, changed = [], []
        for _, row, stored in self._judged(self._once("department", self._sound(DepartmentRow, raws)), known):
            if stored is None:
                new.append({"id": ids.mint("dep"), "hospital_id": self.hospital_id, **_values(row)})
                self.known_now.add(f"department:{row.code}")
            else:
                changed.append({"id": stored.id, **_values(row)})
        catalogue.save_departments(self.tx.conn, new, changed)

    def doctors(self, raws: Iterable[tuple[str, Any]]) -> None:
        rows = self._agreeing("doctor", self._once("doctor", self._sound(DoctorRow, raws)))
        if not rows:
            return
        departments = catalogue.departments_of(self.tx.conn, self.hospital_id)
        known = catalogue.doctors_of(self.tx.conn, self.hospital_id)
        sound = [(path, row) for path, row in rows if self._has(path, "doctor", row, "department", departments, known)]
        new, changed, versions = [], [], {}
        for _, row, stored in self._judged(sound, known):
            values = _values(row) | {"department_id": departments[row.department].id}
            del values["department"]
            versions[row.code] = row.version
            if stored is None:
                new.append({"id": ids.mint("doc"), "hospital_id": self.hospital_id, **values})
                self.known_now.add(f"doctor:{row.code}")
            else:
                changed.append({"id": stored.id, **values})
        catalogue.save_doctors(self.tx.conn, new, changed)
        self._forget("doctor", versions)
        if changed:
            ours = catalogue.doctors_of(self.tx.conn, self.hospital_id).values()
            planning.follow_doctors(self.tx, [d for d in ours if d.code in versions])

    def sessions(self, raws: Iterable[tuple[str, Any]]) -> None:
        """Some hundreds at a time, so that no more of a long roster is in memory as rows."""
        departments = catalogue.departments_of(self.tx.conn, self.hospital_id)
        doctors = catalogue.doctors_of(self.tx.conn, self.hospital_id)
        rest = iter(raws)
        while chunk := list(itertools.islice(rest, SESSIONS_PER_PART)):
            codes, fresh = set(), []
            for path, raw in chunk:
                code = _code_of(raw)
                if code is not None and self._is_repeated(path, "session", code):
                    continue
                if code is None:
                    self.nameless = True
                else:
                    codes.add(code)
                fresh.append((path, raw))
            registers.name_known(self.tx, self.hospital_id, codes, self.origin.at)
            self._plan(self._sound(SessionRow, fresh), departments, doctors)
            registers.name_unknown(self.tx, self.hospital_id, codes, self.origin.at)

    def _plan(
        self, rows: Sequence[tuple[str, SessionRow]], departments: Mapping[str, Any], doctors: Mapping[str, Any]
    ) -> None:
        known = catalogue.sessions_by_code(self.tx.conn, self.hospital_id, [row.code for _, row in rows])
        rows = self._agreeing("plan", rows)
        sound = [
            (path, row)
            for path, row in rows
            if self._has(path, "plan", row, "doctor", doctors, known)
            and (row.department is None or self._has(path, "plan", row, "department", departments, known))
        ]
        planned = []
        for path, row, stored in self._judged(sound, known):
            doctor = doctors[row.doctor]
            department_id = departments[row.department].id if row.department else doctor.department_id
            session_id = stored.id if stored else None
            planned.append(planning.Planned(path, row, department_id, doctor.id, doctor.title, session_id))
            if stored is None:
                self.known_now.add(f"session:{row.code}")
        said = planning.publish(self.tx, self.hospital_id, planned, self.origin.at)
        impossible = {note.path for note in said if note.severity == "error"}
        self.notes += said
        self.applied -= len(impossible)
        self.rejected += len(impossible)
        planned = [p for p in planned if p.path not in impossible]
        self.notes += planning.overlaps(self.tx, planned)
        changed = {p.row.code for p in planned}
        self._forget("plan", {p.row.code: p.row.version for p in planned})
        # those that a snapshot had withdrawn, and that are named again
        stopped = [row.id for code, row in known.items() if row.roster_stop is not None and code not in changed]
        self.notes += registers.align(self.tx, self.hospital_id, stopped)

    def refuse(self, *notes: Note) -> None:
        """One row is not taken in."""
        self.rejected += 1
        self.notes += notes

    def _sound(self, row_type: type[R], raws: Iterable[tuple[str, Any]]) -> list[tuple[str, R]]:
        sound, refused = rows_of(row_type, raws)
        for notes in refused:
            self.refuse(*notes)
        return sound

    def _once(self, kind: str, rows: Iterable[tuple[str, R]]) -> list[tuple[str, R]]:
        return [(path, row) for path, row in rows if not self._is_repeated(path, kind, row.code)]

    def _is_repeated(self, path: str, kind: str, code: str) -> bool:
        """True, and said, if this input has named it before; now it has."""
        if (kind, code) in self.named:
            self.refuse(Note(path, "duplicate", f"code {code} stands in this roster before"))
            return True
        self.named.add((kind, code))
        return False

    def _agreeing(self, aspect: str, rows: Sequence[tuple[str, R]]) -> list[tuple[str, R]]:
        """Those that do not contradict what waits under the same version: that came first, and stays."""
        registers = store.registers_of(self.tx.conn, self.hospital_id, [row.code for _, row in rows])
        waiting = {(r.code, r.version): r.digest for r in registers if r.aspect == aspect}
        agreeing = []
        for path, row in rows:
            if waiting.get((row.code, row.version), digest(row)) == digest(row):
                agreeing.append((path, row))
            else:
                self._refuse_conflict(path, row.version)
        return agreeing

    def _judged(self, rows: Iterable[tuple[str, R]], known: Mapping[str, Any]) -> Iterator[tuple[str, R, Any]]:
        """The rows to be applied, each with what is stored of it, or None."""
        for path, row in rows:
            stored = known.get(row.code)
            verdict = self._judge(path, row, stored)
            if verdict == "apply":
                self.applied += 1
                yield path, row, stored
            elif verdict != "conflict":
                self.unchanged += 1

    def _judge(self, path: str, row: Row, stored: Any) -> Verdict:
        return self.judge(path, row.version, digest(row), stored)

    def judge(self, path: str, version: int, content: str, stored: Any) -> Verdict:
        """What to do with what has this version and content; says what its sender should know."""
        verdict = judge((stored.version, stored.digest) if stored else None, version, content)
        if verdict == "conflict":
            self._refuse_conflict(path, version)
        elif verdict == "stale":
            self.notes.append(Note(path, "stale", f"version {stored.version} is known already", "warning"))
        return verdict

    def _refuse_conflict(self, path: str, version: int) -> None:
        self.refuse(Note(path, "conflict", f"version {version} is known with other content; send a greater one"))

    def _has(
        self, path: str, aspect: str, row: Any, kind: str, there: Mapping[str, Any], known: Mapping[str, Any]
    ) -> bool:
        """True if what the row refers to is there; else the row is kept until it is, unless a newer one is known."""
        wanted = getattr(row, kind)
        if wanted in there:
            return True
        said = f"the hospital has no {kind} {wanted} yet; the row is kept, and taken in when it has"
        self.refuse(Note(f"{path}.{kind}", f"unknown_{kind}", said))
        if row.code not in known or row.version > known[row.code].version:
            self.keep(aspect, row.code, row.version, digest(row), row, path, f"{kind}:{wanted}")
            self.kept += 1
        return False

    def _forget(self, aspect: str, versions: Mapping[str, int]) -> None:
        """What waited up to these versions waits no more."""
        kept = {r.code for r in store.registers_of(self.tx.conn, self.hospital_id, versions) if r.aspect == aspect}
        store.drop(self.tx.conn, self.hospital_id, aspect, {code: versions[code] for code in kept})

    def keep(self, aspect: str, code: str, version: int, digest: str, value: Any, path: str, needs: str | None) -> None:
        """Enter what is said into a register. What `needs` something is taken in later."""
        row = {
            "hospital_id": self.hospital_id,
            "aspect": aspect,
            "code": code,
            "version": version,
            "digest": digest,
            "content": registers.content(value, self.origin, path),
            "needs": needs,
        }
        store.keep(self.tx.conn, [row])


def _code_of(raw: Any) -> str | None:
    """The code of a row, as far as it is one."""
    code = raw.get("code") if isinstance(raw, Mapping) else None
    try:
        return msgspec.convert(code, Code)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None


def _values(row: Row) -> dict[str, Any]:
    return msgspec.structs.asdict(row) | {"digest": digest(row)}
