"""Taking in what a hospital says, whichever way it comes: a roster, a stop, extra numbers, its people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, cast

from common import ids
from common.clock import SHANGHAI
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.outbox import Tx
from haoyuan_roster_format import (
    DATA,
    Event,
    Head,
    HospitalRow,
    Note,
    check_extra,
    digest,
    event_type,
    head_of,
    not_lists,
    numbered,
    parse,
    read,
)
from haoyuan_roster_format.events import SessionResumed, SessionStopped, SlotsAdded

from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases import registers, results, waiting
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import Origin

Statement = SessionStopped | SessionResumed | SlotsAdded
"""What an event says of one session besides its plan."""
AHEAD = timedelta(minutes=10)
"""Clocks differ. What is later than this was not known at the time that it says."""


class Refused(Exception):
    """An input is refused as a whole."""

    def __init__(self, notes: Sequence[Note]) -> None:
        super().__init__(notes[0].message)
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who uploads. `hospital_id` is the only hospital that this account may publish for; None: any."""

    account_id: str
    hospital_id: str | None


def apply_roster(tx: Tx, document: Mapping[str, Any], by: Publisher) -> dict[str, Any]:
    """Take in an uploaded document: a roster {hospital, departments, doctors, sessions}, or any roster event in its envelope.
    Answers the summary with what is to be said of rows.

    Raises Invalid when the document itself or its hospital does not do, Forbidden when `by` may not publish for it.
    """
    try:
        event = _event(document)
        hospital = _hospital(tx, event, by)
        reception = receive(tx, hospital, event)
    except Refused as refused:
        raise _invalid(refused.notes) from refused
    summary = results.conclude(tx, reception, by.account_id)
    waiting.catch_up(tx, hospital, reception.known_now)
    return summary


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


def receive(tx: Tx, hospital: Any, event: Event) -> Reception:
    """Take in an event of this hospital, whose row is locked. Raises Refused when nothing of it can be looked at."""
    head = _head(event)
    at = (head.as_of or event.time or tx.now).astimezone(UTC)
    if at > tx.now + AHEAD:
        said = "lies in the future; nobody knew then what this event says"
        raise Refused([Note("time" if head.as_of is None else "as_of", "in_future", said)])
    reception = Reception(tx, hospital.id, Origin(event.id, event_type(event.kind), at))
    if event.kind in ("roster_published", "staff_upserted"):
        _take_lists(reception, hospital, event.data, head)
    else:
        _take_statement(reception, event)
    return reception


def _head(event: Event) -> Head:
    if event.kind != "roster_published":
        return Head()
    head = head_of(event.data)
    if isinstance(head, list):
        raise Refused(head)
    return head


def _take_lists(reception: Reception, hospital: Any, data: Mapping[str, Any], head: Head) -> None:
    allowed = {"departments", "doctors"} if reception.origin.type == event_type("staff_upserted") else data.keys()
    faults = [Note(name, "invalid", "is not a field of this event") for name in data if name not in allowed]
    if faults := [*faults, *not_lists(data)]:
        raise Refused(faults)
    if data.get("hospital") is not None:
        row = parse(HospitalRow, data["hospital"], "hospital")
        if isinstance(row, list):
            raise Refused(row)
        reception.hospital(row, hospital)
    for name, take_in in (
        ("departments", reception.departments),
        ("doctors", reception.doctors),
        ("sessions", reception.sessions),
    ):
        take_in(numbered(name, data.get(name, ())))
    if head.window is not None and head.as_of is not None:
        _take_snapshot(reception, head)


def _take_snapshot(reception: Reception, head: Head) -> None:
    """Note the part; when it is the last one, the sessions that none of them names do not take place."""
    assert head.window is not None  # noqa: S101  the head says both or neither
    assert head.as_of is not None  # noqa: S101
    tx, hospital_id = reception.tx, reception.hospital_id
    of, number, count = (
        (head.part.of, head.part.number, head.part.count) if head.part else (reception.origin.input, 1, 1)
    )
    row: dict[str, Any] = {"hospital_id": hospital_id, "id": of, "first": head.window.first, "last": head.window.last}
    row |= {"as_of": head.as_of.astimezone(UTC), "count": count}
    known = store.snapshot(tx.conn, hospital_id, of)
    fault = "a row has no code, so nobody knows what the snapshot names" if reception.nameless else ""
    if known is not None and any(getattr(known, name) != value for name, value in row.items()):
        fault = f"another part of {of} names other days, another time or count"
    if fault:
        reception.notes.append(Note("part", "bad_part", f"{fault}; the snapshot stops nothing"))
        return
    parts = sorted({number, *store.parts_of(known)})
    row |= {"parts": parts, "complete": len(parts) == count}
    store.save_snapshot(tx.conn, row)
    if row["complete"]:
        today = tx.now.astimezone(SHANGHAI).date()
        gone = store.not_named_since(tx.conn, hospital_id, row["first"], row["last"], row["as_of"], tx.now)
        store.forget_snapshots(tx.conn, hospital_id, today, row)
        reception.notes += registers.align(tx, hospital_id, gone)


def _take_statement(reception: Reception, event: Event) -> None:
    """A status or extra numbers of one session: a register that the greatest version fills."""
    tx, hospital_id = reception.tx, reception.hospital_id
    said = cast("Statement | list[Note]", parse(DATA[event.kind], event.data, ""))
    if isinstance(said, list):
        raise Refused(said)
    aspect: str = "status"
    value: Any = said.reason if isinstance(said, SessionStopped) else None
    if isinstance(said, SlotsAdded):
        if (fault := check_extra(said.slots, "slots")) is not None:
            raise Refused([fault])
        aspect, value = "extra", sorted((s for s in said.slots if s.extra), key=lambda slot: slot.starts_at)
    code, version = said.session, said.version
    registers.name_known(tx, hospital_id, [code], reception.origin.at)
    registers.name_unknown(tx, hospital_id, [code], reception.origin.at)
    content = digest([(slot.starts_at.astimezone(UTC), slot.extra) for slot in value] if aspect == "extra" else value)
    known = [r for r in store.registers_of(tx.conn, hospital_id, [code]) if r.aspect == aspect]
    verdict = reception.judge("version", version, content, known[0] if known else None)
    session = catalogue.sessions_by_code(tx.conn, hospital_id, [code]).get(code)
    if verdict == "apply":
        store.drop(tx.conn, hospital_id, aspect, {code: version})
        reception.keep(aspect, code, version, content, value, "session", None if session else f"session:{code}")
    if session is None and verdict in ("apply", "unchanged"):
        message = f"the hospital has no session {code} yet; this is kept, and takes effect when it has"
        reception.refuse(Note("session", "unknown_session", message))
        reception.kept += 1
    elif verdict == "apply":
        reception.applied += 1
    elif verdict != "conflict":
        reception.unchanged += 1
    if session is not None:
        reception.notes += registers.align(tx, hospital_id, [session.id], "session")


# --- uploads ---------------------------------------------------------------------------------------------------------


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
