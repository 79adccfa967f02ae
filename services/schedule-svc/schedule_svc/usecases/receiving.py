"""An event of a hospital on its way in: a roster row by row, in parts that may be transactions of their own; a statement of one
session; a snapshot when its last part has come.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, cast

from common.clock import SHANGHAI
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
)
from haoyuan_roster_format.events import SessionResumed, SessionStopped, SlotsAdded

from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases import locking, registers
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import Origin

Statement = SessionStopped | SessionResumed | SlotsAdded
"""What an event says of one session besides its plan."""
Part = Mapping[str, Sequence[tuple[str, Any]]]
"""Rows with their paths, by the name of their list."""
AHEAD = timedelta(minutes=10)
"""Clocks differ. What is later than this was not known at the time that it says."""
OF_LISTS = ("roster_published", "staff_upserted")
AT_ONCE = {"departments": 200, "doctors": 20, "sessions": 200}
"""Rows of a part. A doctor who changes may take some dozens of sessions with him."""


class Refused(Exception):
    """An input is refused as a whole."""

    def __init__(self, notes: Sequence[Note]) -> None:
        super().__init__(notes[0].message)
        self.notes = notes


def receive(tx: Tx, hospital: Any, event: Event) -> Reception:
    """Take in all of an event of this hospital, whose row is locked. Raises Refused when nothing of it can be looked at."""
    reception = begin(tx, hospital, event)
    everything = {name: rows_of_list(event, name) for name in AT_ONCE}
    take_part(reception, event, everything, last=True)
    return reception


def begin(tx: Tx, hospital: Any, event: Event) -> Reception:
    """The reception of an event, with the hospital's own row. Raises Refused when nothing of the event can be looked at."""
    head = _head(event)
    at = (head.as_of or event.time or tx.now).astimezone(UTC)
    if at > tx.now + AHEAD:
        said = "lies in the future; nobody knew then what this event says"
        raise Refused([Note("time" if head.as_of is None else "as_of", "in_future", said)])
    reception = Reception(tx, hospital.id, Origin(event.id, event_type(event.kind), at))
    if event.kind in OF_LISTS:
        _begin_lists(reception, hospital, event)
    return reception


def parts_of(event: Event) -> list[Part]:
    """The event's rows, as many together as may be locked together; at least one part, though it may be of no rows."""
    parts: list[dict[str, list[tuple[str, Any]]]] = [{}]
    share = 0.0
    for name, most in AT_ONCE.items():
        for row in rows_of_list(event, name):
            if share >= 1:
                parts.append({})
                share = 0.0
            parts[-1].setdefault(name, []).append(row)
            share += 1 / most
    return list(parts)


def rows_of_list(event: Event, name: str) -> list[tuple[str, Any]]:
    """The rows of one of the event's lists, with their paths; none if it has no such list."""
    raws = event.data.get(name) if event.kind in OF_LISTS else None
    return list(numbered(name, raws)) if isinstance(raws, list) else []


def take_part(reception: Reception, event: Event, part: Part, *, last: bool) -> None:
    """Take in some rows of an event; or all that it says, if it is of one session. The caller holds the hospital's lock."""
    if event.kind not in OF_LISTS:
        _take_statement(reception, event)
        return
    head = _head(event)
    ends = last and head.window is not None
    rows = {name: part.get(name, ()) for name in AT_ONCE}
    locking.lock(reception.tx, reception.hospital_id, rows, _gone(reception, head) if ends else ())
    reception.departments(rows["departments"])
    reception.doctors(rows["doctors"])
    reception.sessions(rows["sessions"])
    if ends:
        _take_snapshot(reception, head)


def _head(event: Event) -> Head:
    if event.kind != "roster_published":
        return Head()
    head = head_of(event.data)
    if isinstance(head, list):
        raise Refused(head)
    return head


def _begin_lists(reception: Reception, hospital: Any, event: Event) -> None:
    allowed = {"departments", "doctors"} if event.kind == "staff_upserted" else event.data.keys()
    faults = [Note(name, "invalid", "is not a field of this event") for name in event.data if name not in allowed]
    if faults := [*faults, *not_lists(event.data)]:
        raise Refused(faults)
    if event.data.get("hospital") is not None:
        row = parse(HospitalRow, event.data["hospital"], "hospital")
        if isinstance(row, list):
            raise Refused(row)
        reception.hospital(row, hospital)


def _part(reception: Reception, head: Head) -> tuple[str, int, int]:
    """Of which whole it is a part, its number, and how many there are."""
    return (head.part.of, head.part.number, head.part.count) if head.part else (reception.origin.input, 1, 1)


def _snapshot_row(reception: Reception, head: Head) -> dict[str, Any]:
    assert head.window is not None  # noqa: S101  the head says both or neither
    assert head.as_of is not None  # noqa: S101
    of, _, count = _part(reception, head)
    row = {"hospital_id": reception.hospital_id, "id": of, "first": head.window.first, "last": head.window.last}
    return row | {"as_of": head.as_of.astimezone(UTC), "count": count}


def _gone(reception: Reception, head: Head) -> list[str]:
    """Sessions that may not take place when this part has been taken in: none, as long as others are to come."""
    of, number, count = _part(reception, head)
    conn, row = reception.tx.conn, _snapshot_row(reception, head)
    known = store.parts_of(store.snapshot(conn, reception.hospital_id, of))
    if len({number, *known}) < count:
        return []
    return store.not_named_since(conn, reception.hospital_id, row["first"], row["last"], row["as_of"], reception.tx.now)


def _take_snapshot(reception: Reception, head: Head) -> None:
    """Note the part; when it is the last one, the sessions that none of them names do not take place."""
    tx, hospital_id = reception.tx, reception.hospital_id
    of, number, count = _part(reception, head)
    row = _snapshot_row(reception, head)
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
