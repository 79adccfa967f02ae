"""Taking in what a hospital publishes: row by row, each by its version, with few statements however long the roster is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from common import ids
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.messages import RosterApplied
from common.outbox import Tx

from schedule_svc import roster as rules
from schedule_svc.roster import DepartmentRow, DoctorRow, HospitalRow, Note, Row, SessionRow
from schedule_svc.store import catalogue
from schedule_svc.usecases import planning

R = TypeVar("R", bound=Row)
_LISTS = ("departments", "doctors", "sessions")


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who sends a roster. `hospital_id` is the only hospital that this account may publish for; None: any."""

    account_id: str
    hospital_id: str | None


def apply_roster(tx: Tx, roster: Mapping[str, Any], by: Publisher) -> dict[str, Any]:
    """Take in a roster {hospital, departments, doctors, sessions}; answers the summary with what is to be said of rows.

    Raises Invalid when the document itself or its hospital does not do, Forbidden when `by` may not publish for it.
    """
    row = _hospital_row(roster)
    hospital = _hospital(tx, row, by)
    intake = Intake(tx, hospital.id)
    intake.hospital(row, hospital)
    intake.departments(roster.get("departments", []))
    intake.doctors(roster.get("doctors", []))
    intake.sessions([(f"sessions[{i}]", raw) for i, raw in enumerate(roster.get("sessions", []))])
    return _conclude(tx, intake, by)


def publish_session(tx: Tx, body: Mapping[str, Any], by: Publisher) -> str:
    """Publish one session of a doctor of ours, named by ids; answers its id.

    Raises NotFound without such a doctor or department, Forbidden for another hospital's, Invalid for an impossible
    session, Conflict when its code is taken by a session that is newer or otherwise.
    """
    doctor = catalogue.doctor_by_id(tx.conn, body["doctor_id"])
    if doctor is None:
        raise NotFound("there is no such doctor", code="doctor_not_found")
    department = catalogue.department_by_id(tx.conn, body.get("department_id") or doctor.department_id)
    if department is None or department.hospital_id != doctor.hospital_id:
        raise NotFound("there is no such department in the doctor's hospital", code="department_not_found")
    _allow(by, doctor.hospital_id)
    hospital = catalogue.hospital_by_id(tx.conn, doctor.hospital_id)
    if hospital is None or catalogue.lock_hospital(tx.conn, hospital.code) is None:
        raise NotFound("there is no such hospital", code="hospital_not_found")
    raw = {name: value for name, value in body.items() if name not in ("doctor_id", "department_id")}
    raw |= {"code": body.get("code") or ids.mint("own"), "doctor": doctor.code, "department": department.code}
    intake = Intake(tx, hospital.id)
    intake.sessions([("", raw)])
    _raise_for(intake.notes)
    return catalogue.sessions_by_code(tx.conn, hospital.id, [raw["code"]])[raw["code"]].id  # type: ignore[no-any-return]


def _raise_for(notes: Sequence[Note]) -> None:
    faults = [note for note in notes if note.severity == "error" or note.code == "stale"]
    if not faults:
        return
    if faults[0].code in ("conflict", "stale"):
        raise Conflict(faults[0].message, code=f"session_{faults[0].code}")
    errors = [{"field": note.path.lstrip(".") or "body", "message": note.message} for note in faults]
    raise Invalid(
        faults[0].message, code="validation_error" if faults[0].code == "invalid" else faults[0].code, errors=errors
    )


def _hospital_row(roster: Mapping[str, Any]) -> HospitalRow:
    errors = [
        {"field": str(name)[:100], "message": "is not part of a roster"}
        for name in roster
        if name not in ("hospital", *_LISTS)
    ]
    errors += [
        {"field": name, "message": "must be a list"} for name in _LISTS if not isinstance(roster.get(name, []), list)
    ]
    row = rules.parse(HospitalRow, roster.get("hospital"), "hospital")
    if isinstance(row, list):
        errors += [{"field": note.path, "message": note.message} for note in row]
        row = HospitalRow(code="?", name="?")
    if errors:
        raise Invalid("this is no roster", errors=errors)
    return row


def _hospital(tx: Tx, row: HospitalRow, by: Publisher) -> Any:
    """The hospital's stored row, locked; made if the publisher may make one."""
    hospital = catalogue.lock_hospital(tx.conn, row.code)
    if hospital is None:
        if by.hospital_id is not None:
            raise Forbidden("this belongs to another hospital", code="other_hospital")
        values = msgspec.structs.asdict(row) | {"id": ids.mint("hos"), "digest": rules.digest(row)}
        catalogue.add_hospital(tx.conn, values)
        hospital = catalogue.lock_hospital(tx.conn, row.code)
    if hospital is None:
        raise LookupError(f"hospital {row.code} has gone")
    _allow(by, hospital.id)
    return hospital


def _allow(by: Publisher, hospital_id: str) -> None:
    if by.hospital_id is not None and by.hospital_id != hospital_id:
        raise Forbidden("this belongs to another hospital", code="other_hospital")


def _conclude(tx: Tx, intake: "Intake", by: Publisher) -> dict[str, Any]:
    """Log the intake, tell its publisher, and sum it up."""
    roster_id = ids.mint("ros")
    rows = [note.shown() for note in intake.notes]
    counts = {"applied": intake.applied, "unchanged": intake.unchanged, "rejected": intake.rejected}
    catalogue.log_roster(
        tx.conn,
        {
            "id": roster_id,
            "hospital_id": intake.hospital_id,
            "account_id": by.account_id,
            "received_at": tx.now,
            "rows": json.dumps(rows, ensure_ascii=False),
            **counts,
        },
    )
    tx.send(RosterApplied(roster_id=roster_id, hospital_id=intake.hospital_id, account_id=by.account_id, **counts))
    status = "applied" if not intake.rejected else "partial" if intake.applied or intake.unchanged else "rejected"
    return {"roster_id": roster_id, "hospital_id": intake.hospital_id, "status": status, **counts, "rows": rows}


@dataclass
class Intake:
    """One roster on its way in. A stale row counts as unchanged: what is known is newer."""

    tx: Tx
    hospital_id: str
    notes: list[Note] = field(default_factory=list)
    applied: int = 0
    unchanged: int = 0
    rejected: int = 0

    def hospital(self, row: HospitalRow, known: Any) -> None:
        """The hospital's own row is not counted, unless it is refused."""
        if self._judge("hospital", row, known) == "apply":
            catalogue.update_hospital(self.tx.conn, {"id": known.id, **_values(row)})

    def departments(self, raws: Sequence[Any]) -> None:
        known = catalogue.departments_of(self.tx.conn, self.hospital_id)
        new, changed = [], []
        for _, row, stored in self._judged(self._parsed(DepartmentRow, _numbered("departments", raws)), known):
            if stored is None:
                new.append({"id": ids.mint("dep"), "hospital_id": self.hospital_id, **_values(row)})
            else:
                changed.append({"id": stored.id, **_values(row)})
        catalogue.save_departments(self.tx.conn, new, changed)

    def doctors(self, raws: Sequence[Any]) -> None:
        departments = catalogue.departments_of(self.tx.conn, self.hospital_id)
        known = catalogue.doctors_of(self.tx.conn, self.hospital_id)
        parsed = self._parsed(DoctorRow, _numbered("doctors", raws))
        sound = [(path, row) for path, row in parsed if self._has(path, "department", row.department, departments)]
        new, changed = [], []
        for _, row, stored in self._judged(sound, known):
            values = _values(row) | {"department_id": departments[row.department].id}
            del values["department"]
            if stored is None:
                new.append({"id": ids.mint("doc"), "hospital_id": self.hospital_id, **values})
            else:
                changed.append({"id": stored.id, **values})
        catalogue.save_doctors(self.tx.conn, new, changed)

    def sessions(self, raws: Sequence[tuple[str, Any]]) -> None:
        departments = catalogue.departments_of(self.tx.conn, self.hospital_id)
        doctors = catalogue.doctors_of(self.tx.conn, self.hospital_id)
        sound: list[tuple[str, SessionRow]] = []
        for path, row in self._parsed(SessionRow, raws):
            if not self._has(path, "doctor", row.doctor, doctors):
                continue
            if row.department is not None and not self._has(path, "department", row.department, departments):
                continue
            if (fault := rules.check(row, path)) is not None:
                self._refuse(fault)
                continue
            sound.append((path, row))
        known = catalogue.sessions_by_code(self.tx.conn, self.hospital_id, {row.code for _, row in sound})
        planned = []
        for path, row, stored in self._judged(sound, known):
            doctor = doctors[row.doctor]
            department_id = departments[row.department].id if row.department else doctor.department_id
            planned.append(planning.Planned(path, row, department_id, doctor.id, stored.id if stored else None))
        self.notes += planning.publish(self.tx, self.hospital_id, planned)

    def _parsed(self, row_type: type[R], raws: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, R]]:
        """The well-formed rows, each code once."""
        seen: set[str] = set()
        for path, raw in raws:
            row = rules.parse(row_type, raw, path)
            if isinstance(row, list):
                self._refuse(*row)
            elif row.code in seen:
                self._refuse(Note(path, "duplicate", f"code {row.code} stands in this roster before"))
            else:
                seen.add(row.code)
                yield path, row

    def _judged(
        self, rows: Sequence[tuple[str, R]] | Iterator[tuple[str, R]], known: Mapping[str, Any]
    ) -> Iterator[tuple[str, R, Any]]:
        """The rows to be applied, each with what is stored of it, or None."""
        for path, row in rows:
            stored = known.get(row.code)
            verdict = self._judge(path, row, stored)
            if verdict == "apply":
                self.applied += 1
                yield path, row, stored
            elif verdict != "conflict":
                self.unchanged += 1

    def _judge(self, path: str, row: Row, stored: Any) -> rules.Verdict:
        verdict = rules.judge((stored.version, stored.digest) if stored else None, row.version, rules.digest(row))
        if verdict == "conflict":
            self._refuse(
                Note(path, "conflict", f"version {row.version} is known with other content; send a greater one")
            )
        elif verdict == "stale":
            self.notes.append(Note(path, "stale", f"version {stored.version} is known already", "warning"))
        return verdict

    def _has(self, path: str, kind: str, code: str, known: Mapping[str, Any]) -> bool:
        if code not in known:
            self._refuse(Note(f"{path}.{kind}", f"unknown_{kind}", f"the hospital has no {kind} {code}"))
        return code in known

    def _refuse(self, *notes: Note) -> None:
        self.rejected += 1
        self.notes += notes


def _numbered(kind: str, raws: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(f"{kind}[{i}]", raw) for i, raw in enumerate(raws)]


def _values(row: Row) -> dict[str, Any]:
    return msgspec.structs.asdict(row) | {"digest": rules.digest(row)}
