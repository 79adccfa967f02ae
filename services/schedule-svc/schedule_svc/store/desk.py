"""The hot path: what a run of orders needs is read, and what it changed is written, in a few statements for all of them.

Whoever changes a session's inventory locks its row first, in the order of the ids; its slots, returned numbers and
reservations are read after that and belong to the holder of the lock.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import WeightPart
from common.outbox import UtcDateTime

from schedule_svc.domain import Entry, Reservation, Segment, Session
from schedule_svc.store.sql import AmongQuery, insert_rows, postgres, update_rows
from schedule_svc.store.tables import (
    departments,
    doctors,
    entries,
    hospitals,
    reservations,
    returned_numbers,
    sessions,
    slots,
)

WAITING_CHUNK = 50

_session_columns = (
    sessions.c.id,
    sessions.c.hospital_id,
    hospitals.c.name.label("hospital_name"),
    sessions.c.department_id,
    departments.c.name.label("department_name"),
    sessions.c.doctor_id,
    doctors.c.name.label("doctor_name"),
    doctors.c.title.label("doctor_title"),
    sessions.c.date,
    sessions.c.period,
    sessions.c.starts_at,
    sessions.c.ends_at,
    sessions.c.room,
    sessions.c.fee,
    sessions.c.policy,
    sessions.c.release_at,
    sessions.c.draw_at,
    sessions.c.cancel_before,
    sessions.c.grade,
    sessions.c.urgent,
    sessions.c.draft,
    sessions.c.released,
    sessions.c.draw_state,
    sessions.c.stopped,
    sessions.c.revision,
    sessions.c.sold_out,
    sessions.c.next_number,
    sessions.c.waiting,
    sessions.c.wait_seq,
    sessions.c.entered,
    sessions.c.entry_seq,
    sessions.c.seen,
)
_lock_sessions = AmongQuery(
    lambda among: (
        sa.select(*_session_columns)
        .join(hospitals, hospitals.c.id == sessions.c.hospital_id)
        .join(departments, departments.c.id == sessions.c.department_id)
        .join(doctors, doctors.c.id == sessions.c.doctor_id)
        .where(among(sessions.c.id))
        .order_by(sessions.c.id)
        .with_for_update(of=sessions)
    )
)
_segment_columns = (
    slots.c.id,
    slots.c.starts_at,
    slots.c.ends_at,
    slots.c.published,
    slots.c.withheld,
    slots.c.first_number,
    slots.c.span,
    slots.c.extra,
    slots.c.roster_extra,
    slots.c.resting,
    slots.c.held,
    slots.c.sold,
    slots.c.issued,
    slots.c.asides,
)
_load_slots = AmongQuery(
    lambda among: (
        sa.select(slots.c.session_id, *_segment_columns).where(among(slots.c.session_id)).order_by(slots.c.starts_at)
    )
)
_load_returned = AmongQuery(
    lambda among: (
        sa.select(returned_numbers.c.slot_id, returned_numbers.c.number)
        .where(among(returned_numbers.c.slot_id))
        .order_by(returned_numbers.c.number)
    )
)
_NAMES = tuple(f.name for f in fields(Reservation))
_reservation_columns = tuple(reservations.c[name] for name in _NAMES)
_waiting_chunk = (
    sa.select(*_reservation_columns)
    .where(
        reservations.c.session_id == sa.bindparam("session_id"),
        reservations.c.state == sa.literal_column("'waiting'"),  # literal, so that the partial index serves
        reservations.c.wait_seq > sa.bindparam("after"),
    )
    .order_by(reservations.c.wait_seq)
    .limit(WAITING_CHUNK)
)
_waiting_for_segment = _waiting_chunk.where(
    sa.or_(reservations.c.wanted.is_(None), reservations.c.wanted == sa.bindparam("segment_id"))
)

_MUTABLE = (
    "draft", "released", "draw_state", "stopped", "revision", "sold_out", "next_number",
    "waiting", "wait_seq", "entered", "entry_seq", "seen",
)  # fmt: skip


class Working:
    """Locked sessions and the reservations in question; remembers how they were, so that `save` writes what changed."""

    def __init__(self, conn: sa.Connection, session_ids: Iterable[str], order_ids: Iterable[str] = ()) -> None:
        self._conn = conn
        self.sessions = _sessions(conn, session_ids)
        self.reservations = find_reservations(conn, order_ids)
        self._session_was = {s.id: _mutable(s) for s in self.sessions.values()}
        self._segment_was = {segment.id: segment.kept for s in self.sessions.values() for segment in s.segments}
        self._returned_was = {
            segment.id: frozenset(segment.returned) for s in self.sessions.values() for segment in s.segments
        }
        self._was = {r.order_id: (r.state, r.seen) for r in self.reservations.values()}
        self.entries = _entries(conn, [r.order_id for r in self.reservations.values() if r.state == "entered"])
        self._entries_were = frozenset(self.entries)
        self._lines: dict[tuple[str, str | None], Iterator[Reservation]] = {}

    def was_waiting(self, session: Session) -> bool:
        """True if somebody waited for the session already when it was loaded."""
        return bool(self._session_was[session.id]["waiting"])

    def next_waiting(self, session_id: str, segment_id: str | None) -> Reservation | None:
        """The desk's NextWaiting, reading the line in chunks."""
        line = self._lines.setdefault((session_id, segment_id), self._line(session_id, segment_id))
        reservation = next(line, None)
        if reservation is not None:
            self._was.setdefault(reservation.order_id, ("waiting", False))
        return reservation

    def _line(self, session_id: str, segment_id: str | None) -> Iterator[Reservation]:
        after = 0
        chunk = _waiting_chunk if segment_id is None else _waiting_for_segment
        while True:
            rows: Sequence[Any] = self._conn.execute(
                chunk, {"session_id": session_id, "segment_id": segment_id, "after": after}
            ).all()
            yield from (Reservation(*row) for row in rows)
            if len(rows) < WAITING_CHUNK:
                return
            after = rows[-1].wait_seq

    def save(self, now: datetime) -> None:
        """Write what changed. What gave its number up goes first, so that the unique index lets it be given again."""
        changed = [r for r in self.reservations.values() if self._was.get(r.order_id) != (r.state, r.seen)]
        gives_up = {r.order_id for r in changed if r.state == "released" and r.order_id in self._was}
        keep_reservations(self._conn, [r for r in changed if r.order_id in gives_up], now)
        keep_reservations(self._conn, [r for r in changed if r.order_id not in gives_up], now)
        self._save_slots()
        self._save_returned()
        self._save_entries()
        moved = [s for s in self.sessions.values() if _mutable(s) != self._session_was[s.id]]
        update_rows(self._conn, sessions, [{"id": s.id, **_mutable(s)} for s in moved])

    def _save_entries(self) -> None:
        """Enter who is new; who has given up takes no part. Those that the draw has answered keep their place in its record."""
        new = [entry for order_id, entry in self.entries.items() if order_id not in self._entries_were]
        insert_rows(
            self._conn,
            entries,
            [{**asdict(e), "parts": msgspec.json.encode(e.parts).decode(), "rank": None} for e in new],
        )
        left = [o for o in self.entries if self.reservations[o].state == "released"]
        if left:
            self._conn.execute(_delete_entry, [{"left": order_id} for order_id in left])

    def _segments(self) -> Iterator[tuple[Session, Segment]]:
        for session in self.sessions.values():
            for segment in session.segments:
                yield session, segment

    def _save_slots(self) -> None:
        new = [slot_row(session.id, s) for session, s in self._segments() if s.id not in self._segment_was]
        insert_rows(self._conn, slots, new)
        changed = [s for _, s in self._segments() if self._segment_was.get(s.id, s.kept) != s.kept]
        update_slots(self._conn, changed)

    def _save_returned(self) -> None:
        gone, come = [], []
        for _, segment in self._segments():
            was, now = self._returned_was.get(segment.id, frozenset()), frozenset(segment.returned)
            if was != now:
                gone += [{"slot": segment.id, "n": number} for number in was - now]
                come += [{"slot_id": segment.id, "number": number} for number in now - was]
        if gone:
            self._conn.execute(_delete_returned, gone)
        insert_rows(self._conn, returned_numbers, come)


_delete_entry = sa.delete(entries).where(entries.c.order_id == sa.bindparam("left"), entries.c.rank.is_(None))
_delete_returned = sa.delete(returned_numbers).where(
    returned_numbers.c.slot_id == sa.bindparam("slot"), returned_numbers.c.number == sa.bindparam("n")
)


def _sessions(conn: sa.Connection, session_ids: Iterable[str]) -> dict[str, Session]:
    found = {row.id: Session(*row) for row in _lock_sessions.rows(conn, session_ids)}
    with_returned: dict[str, Segment] = {}
    for session_id, *values, asides in _load_slots.rows(conn, found):
        segment = Segment(*values)
        if asides != _NONE_ASIDE:
            segment.asides = _decode_asides(asides)
        found[session_id].segments.append(segment)
        if segment.issued > segment.taken + segment.resting:
            with_returned[segment.id] = segment
    for slot_id, number in _load_returned.rows(conn, with_returned):
        with_returned[slot_id].returned.append(number)  # comes sorted, and a sorted list is a heap
    return found


_NONE_ASIDE = "{}"
_decode_asides = msgspec.json.Decoder(dict[str, tuple[int, int]]).decode


def _mutable(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _MUTABLE}


def slot_row(session_id: str, segment: Segment) -> dict[str, Any]:
    """A slot as its table keeps it: what decides, and the counters that follow from it."""
    return {
        "id": segment.id,
        "session_id": session_id,
        "starts_at": segment.starts_at,
        "ends_at": segment.ends_at,
        "first_number": segment.first_number,
        "span": segment.span,
        **_counters(segment),
    }


def _counters(segment: Segment) -> dict[str, Any]:
    return {
        "published": segment.published,
        "withheld": segment.withheld,
        "extra": segment.extra,
        "roster_extra": segment.roster_extra,
        "resting": segment.resting,
        "asides": msgspec.json.encode(segment.asides, order="sorted").decode() if segment.asides else _NONE_ASIDE,
        "capacity": segment.capacity,
        "free": segment.free,
        "held": segment.held,
        "sold": segment.sold,
        "blocked": segment.blocked,
        "issued": segment.issued,
    }


def add_slots(conn: sa.Connection, opened: Iterable[Session]) -> None:
    """Write the segments of new sessions."""
    insert_rows(conn, slots, [slot_row(session.id, segment) for session in opened for segment in session.segments])


def update_slots(conn: sa.Connection, segments: Sequence[Segment]) -> None:
    """Write the counters, and the end, which a roster may move."""
    update_rows(conn, slots, [{"id": s.id, "ends_at": s.ends_at, **_counters(s)} for s in segments])


_KINDS = {
    "queue_number": "int", "wait_seq": "int", "position": "int", "hold_seconds": "int", "date": "date",
    "join_waitlist": "bool", "auto_book": "bool", "offered": "bool", "was_sold": "bool", "seen": "bool", "cancel_before": "timestamptz", "until": "timestamptz",
}  # fmt: skip
_LIST = ", ".join(_NAMES)
_CHANGING = (
    "state", "slot_id", "queue_number", "reason", "wait_seq", "position", "channel", "hold_seconds", "offered",
    "cancel_before", "released_by", "was_sold", "seen", "updated_at",
)  # fmt: skip
_ON_CONFLICT = "ON CONFLICT (order_id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)
# One JSON document in place of an array per column: psycopg takes longer to write ten arrays than PostgreSQL to read this.
_KEEP = (
    f"INSERT INTO reservations ({_LIST}, created_at, updated_at) SELECT u.*, %s, %s FROM json_to_recordset(%s::json)"  # noqa: S608  names of ours
    f" AS u ({', '.join(name + ' ' + _KINDS.get(name, 'text') for name in _NAMES)}) {_ON_CONFLICT}"
)
_keep_one = sa.text(
    f"INSERT INTO reservations ({_LIST}, created_at, updated_at)"  # noqa: S608  names of ours
    f" VALUES ({', '.join(f':{name}' for name in _NAMES)}, :now, :now) {_ON_CONFLICT}"
).bindparams(
    *(sa.bindparam(name, type_=UtcDateTime) for name in ("now", "cancel_before", "until")),
    sa.bindparam("date", type_=sa.Date),
)

# LATERAL with a LIMIT makes PostgreSQL look up each id in the index. Asked with "= ANY", it plans a scan while the table is
# new and small, and keeps to that plan until the table is next analysed, however large it has become by then.
_FIND = (
    f"SELECT r.* FROM unnest(%s::text[]) AS wanted (id)"  # noqa: S608  names of ours
    f" CROSS JOIN LATERAL (SELECT {_LIST} FROM reservations WHERE order_id = wanted.id LIMIT 1) AS r"
)
_find = AmongQuery(lambda among: sa.select(*_reservation_columns).where(among(reservations.c.order_id)))


def find_reservations(conn: sa.Connection, order_ids: Iterable[str]) -> dict[str, Reservation]:
    """Those that exist, by order."""
    wanted = list(order_ids)
    rows: Sequence[Any] = ()
    if wanted:
        rows = conn.exec_driver_sql(_FIND, (wanted,)).all() if postgres(conn) else _find.rows(conn, wanted)
    return {row.order_id: Reservation(*row) for row in rows}


_find_entries = AmongQuery(lambda among: sa.select(entries).where(among(entries.c.order_id)))
_decode_parts = msgspec.json.Decoder(tuple[WeightPart, ...]).decode


def _entries(conn: sa.Connection, order_ids: Sequence[str]) -> dict[str, Entry]:
    """What was told to those who take part in a draw."""
    return {
        row.order_id: Entry(row.order_id, row.session_id, row.seq, row.pseudonym, row.weight, _decode_parts(row.parts))
        for row in _find_entries.rows(conn, order_ids)
    }


def keep_reservations(conn: sa.Connection, kept: Sequence[Reservation], now: datetime) -> None:
    """Insert or change; of one that exists, only state, number and reason ever change. One statement on PostgreSQL."""
    if not kept:
        return
    if postgres(conn):
        conn.exec_driver_sql(_KEEP, (now, now, msgspec.json.encode(kept).decode()))
    else:
        conn.execute(_keep_one, [{**asdict(reservation), "now": now} for reservation in kept])
