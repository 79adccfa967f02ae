"""Taking in what is uploaded over HTTP: a roster or any other event of a hospital, or one session by our staff."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from common import ids
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.outbox import Tx
from haoyuan_roster_format import Event, HospitalRow, Note, digest, head_of, parse, read

from schedule_svc.store import catalogue
from schedule_svc.usecases import results, waiting
from schedule_svc.usecases.receiving import Part, Refused, begin, parts_of, take_part
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import Origin

Transactions = Callable[[], AbstractContextManager[Tx]]
"""Opens one after the other."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who uploads. `hospital_id` is the only hospital that this account may publish for; None: any."""

    account_id: str
    hospital_id: str | None


def apply_roster(transaction: Transactions, document: Mapping[str, Any], by: Publisher) -> dict[str, Any]:
    """Take in an uploaded document: a roster {hospital, departments, doctors, sessions}, or any roster event in its envelope.
    Answers the summary with what is to be said of rows.

    A long document takes several transactions of some hundreds of rows, so that orders wait for one of them and not for all. If a
    later one fails, what is committed stays; the same document again does the rest, since rows go by their versions.

    Raises Invalid when the document itself or its hospital does not do, Forbidden when `by` may not publish for it.
    """
    try:
        event = _event(document)
        *parts, last = parts_of(event)
        reception: Reception | None = None
        for part in parts:
            with transaction() as tx:
                reception = _take(tx, event, by, part, reception)
        with transaction() as tx:
            reception = _take(tx, event, by, last, reception, last=True)
            return results.conclude(tx, reception, by.account_id)
    except Refused as refused:
        raise _invalid(refused.notes) from refused


def _take(
    tx: Tx, event: Event, by: Publisher, part: Part, reception: Reception | None, *, last: bool = False
) -> Reception:
    """The next part, and what waited for it."""
    hospital = _hospital(tx, event, by)
    if reception is None:
        reception = begin(tx, hospital, event)
    reception.tx = tx
    take_part(reception, event, part, last=last)
    waiting.catch_up(tx, hospital, reception.known_now)
    reception.known_now.clear()
    return reception


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
    raw |= {"code": body.get("code") or ids.mint("own"), "doctor": doctor.code}
    if body.get("department_id"):
        raw["department"] = department.code
    reception = Reception(tx, hospital.id, Origin("", "", tx.now))
    reception.sessions([("", raw)])
    _raise_for(reception.notes)
    waiting.catch_up(tx, hospital, reception.known_now)
    return catalogue.sessions_by_code(tx.conn, hospital.id, [raw["code"]])[raw["code"]].id  # type: ignore[no-any-return]


def _event(document: Mapping[str, Any]) -> Event:
    if "specversion" not in document:
        row = parse(HospitalRow, document.get("hospital", {}), "hospital")
        head = head_of(document)
        faults = [*(row if isinstance(row, list) else ()), *(head if isinstance(head, list) else ())]
        if "hospital" not in document:
            faults = [Note("hospital", "invalid", "is missing"), *(head if isinstance(head, list) else ())]
        if faults or isinstance(row, list):
            raise Refused(faults)
        return Event(ids.mint("upl"), "roster_published", row.code, None, dict(document))
    event = read(document)
    if isinstance(event, list):
        raise Refused(event)
    if (fault := wrong_hospital(event.data, event.hospital)) is not None:
        raise Refused([fault])
    return event


def wrong_hospital(data: Mapping[str, Any], hospital: str) -> Note | None:
    """The hospital's row, if there is one, is of the hospital that the event names."""
    row = data.get("hospital")
    if isinstance(row, Mapping) and row.get("code") != hospital:
        return Note("hospital.code", "wrong_hospital", f"is not {hospital}, which the event names")
    return None


def _invalid(notes: Sequence[Note]) -> Invalid:
    errors = [{"field": note.path or "body", "message": note.message} for note in notes]
    code = notes[0].code
    return Invalid(notes[0].message, code="validation_error" if code == "invalid" else code, errors=errors)


def _hospital(tx: Tx, event: Event, by: Publisher) -> Any:
    """The hospital, locked; a roster with its row makes it."""
    hospital = catalogue.lock_hospital(tx.conn, event.hospital)
    if hospital is None:
        if by.hospital_id is not None:
            raise Forbidden("this belongs to another hospital", code="other_hospital")
        row = parse(HospitalRow, event.data.get("hospital"), "hospital")
        if isinstance(row, list):
            raise NotFound("there is no such hospital", code="hospital_not_found")
        hospital = new_hospital(tx, row)
    _allow(by, hospital.id)
    return hospital


def new_hospital(tx: Tx, row: HospitalRow, version: int | None = None) -> Any:
    """Make the hospital, unless another roster has just made it; answers it, locked."""
    values = {name: getattr(row, name) for name in HospitalRow.__struct_fields__} | {
        "id": ids.mint("hos"),
        "digest": digest(row),
    }
    catalogue.add_hospital(tx.conn, values if version is None else values | {"version": version, "digest": ""})
    hospital = catalogue.lock_hospital(tx.conn, row.code)
    if hospital is None:
        raise LookupError(f"hospital {row.code} has gone")
    return hospital


def _allow(by: Publisher, hospital_id: str) -> None:
    if by.hospital_id is not None and by.hospital_id != hospital_id:
        raise Forbidden("this belongs to another hospital", code="other_hospital")


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
