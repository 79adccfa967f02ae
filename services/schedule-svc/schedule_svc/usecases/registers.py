"""What a hospital says of a session besides its plan, each by a version of its own: its status, its extra numbers, and that
it is, or is not, in the newest snapshot. What is said does not depend on the order in which it came.

A snapshot says of each session of its days that it does not name: this one does not take place. It says so as of its time:
a session that the hospital has named since, by whatever event, takes place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
from common.clock import local
from common.outbox import Tx
from haoyuan_roster_format import ExtraRow, Note

from schedule_svc.desk import Desk
from schedule_svc.domain import Session
from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases.orders import at_desk, finish
from schedule_svc.usecases.stops import Stops, stop_reason

BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a register: what was said, and by which row of which input."""

    value: Any
    input: str
    type: str
    path: str


_decode = msgspec.json.Decoder(Kept).decode


def content(value: Any, origin: "Origin", path: str) -> str:
    """A register's content as it is stored."""
    return msgspec.json.encode(Kept(value=value, input=origin.input, type=origin.type, path=path)).decode()


def kept(register: Any) -> Kept:
    return _decode(register.content)


@dataclass(frozen=True, slots=True)
class Origin:
    """The event that says something: its id and type, and when the hospital knew it."""

    input: str
    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """Of one session. `stop`: why its status is stopped, or None."""

    stop: str | None = None
    extras: Mapping[datetime, int] = field(default_factory=dict)
    named_at: datetime = BEGINNING


def said_of(registers: Iterable[Any]) -> Said:
    """What the registers of one session say."""
    stop, extras, named_at = None, {}, BEGINNING
    for register in registers:
        value = kept(register).value
        if register.aspect == "status":
            stop = value
        elif register.aspect == "extra":
            extras = {row.starts_at: row.extra for row in msgspec.convert(value, list[ExtraRow])}
        elif register.aspect == "named":
            named_at = datetime.fromisoformat(value)
    return Said(stop, extras, named_at)


def roster_stop(said: Said, day: date, named_at: datetime, snapshots: Sequence[Any]) -> str | None:
    """Why the hospital has stopped a session, by its status or by a snapshot; None if it has not."""
    if said.stop is not None:
        return said.stop
    for snapshot in snapshots:  # newest first
        if snapshot.first <= day <= snapshot.last:
            return f"not in the roster of {local(snapshot.as_of):%Y-%m-%d %H:%M}" if snapshot.as_of > named_at else None
    return None


def by_code(registers: Iterable[Any]) -> dict[str, list[Any]]:
    """Of sessions, by their codes."""
    found: dict[str, list[Any]] = {}
    for register in registers:
        if register.aspect in ("status", "extra", "named"):
            found.setdefault(register.code, []).append(register)
    return found


def follow_extras(session: Session, said: Said) -> bool:
    """Give the segments the numbers that the hospital has added; True if any has other ones than before."""
    changed = False
    for segment in session.segments:
        extra = said.extras.get(segment.starts_at, 0) if segment.published else 0
        changed = changed or segment.roster_extra != extra
        segment.roster_extra = extra
    return changed


def oversold(session: Session, path: str) -> list[Note]:
    """Warnings for segments in which more numbers are taken than there are, and for all together that are planned no more."""
    notes = [
        Note(
            path,
            "below_taken",
            f"{segment.taken - segment.planned} more numbers are taken than planned; no more are sold, nobody is cancelled",
            "warning",
            session.id,
        )
        for segment in session.segments
        if segment.published and segment.taken > segment.planned
    ]
    if moved := sum(segment.taken for segment in session.segments if not segment.published):
        said = f"{moved} patients hold numbers at times that are no longer planned; they keep them, and are not told"
        notes.append(Note(path, "times_moved", said, "warning", session.id))
    return notes


class Alignment:
    """Brings sessions to what the hospital says of them. For sessions that are locked at the desk, or about to be."""

    def __init__(self, tx: Tx, hospital_id: str, session_ids: Iterable[str]) -> None:
        self.standings = catalogue.standings(tx.conn, session_ids)
        codes = [standing.code for standing in self.standings.values()]
        self._tx = tx
        self._registers = by_code(store.registers_of(tx.conn, hospital_id, codes))
        self._snapshots = store.complete_snapshots(tx.conn, hospital_id)
        self._stops = Stops(tx)
        self._roster_stops: dict[str, str | None] = {}

    def follow(self, desk: Desk, session: Session) -> None:
        """Its extra numbers, and whether it takes place."""
        standing = self.standings[session.id]
        said = said_of(self._registers.get(standing.code, ()))
        if follow_extras(session, said):
            desk.offer_all(session)
        stop = roster_stop(said, session.date, standing.named_at, self._snapshots)
        if stop != standing.roster_stop:
            self._roster_stops[session.id] = stop
        self._stops.follow(session, stop_reason(standing.staff_stop, stop), standing.stop_reason)

    def conclude(self) -> None:
        """After `finish`."""
        rows = [{"id": i, "roster_stop": self._roster_stops[i]} for i in sorted(self._roster_stops)]
        catalogue.update_sessions(self._tx.conn, rows)
        self._stops.conclude()


def align(tx: Tx, hospital_id: str, session_ids: Iterable[str], path: str = "") -> list[Note]:
    """Bring these sessions to what the hospital says of them; answers warnings. The caller holds the hospital's lock."""
    wanted = list(session_ids)
    if not wanted:
        return []
    working, desk = at_desk(tx, wanted)
    alignment = Alignment(tx, hospital_id, wanted)
    for session in working.sessions.values():
        alignment.follow(desk, session)
    notes = [note for session in working.sessions.values() for note in oversold(session, path)]
    finish(tx, desk, working)
    alignment.conclude()
    return notes


def name_known(tx: Tx, hospital_id: str, codes: Iterable[str], at: datetime) -> None:
    """The hospital named these sessions, as far as they are known."""
    session_ids = [row.id for row in catalogue.sessions_by_code(tx.conn, hospital_id, codes).values()]
    catalogue.lock_for_planning(tx.conn, session_ids)  # in the order that everybody keeps; an UPDATE keeps none
    store.name_sessions(tx.conn, session_ids, at)


def name_unknown(tx: Tx, hospital_id: str, codes: Iterable[str], at: datetime) -> None:
    """The hospital named these sessions: those of them that are not known may come to be."""
    named = set(codes)
    unknown = named - catalogue.sessions_by_code(tx.conn, hospital_id, named).keys()
    before = by_code(store.registers_of(tx.conn, hospital_id, unknown))
    origin = Origin("", "", at)
    rows = [
        {
            "hospital_id": hospital_id,
            "aspect": "named",
            "code": code,
            "version": 0,
            "digest": "",
            "content": content(max(at, said_of(before.get(code, ())).named_at).isoformat(), origin, ""),
            "needs": None,
        }
        for code in sorted(unknown)
    ]
    store.keep(tx.conn, rows)
