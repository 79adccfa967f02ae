"""Sessions as they are planned: new ones are opened, known ones follow the newer version of the roster."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from common import ids
from common.messages import SessionPublished
from common.outbox import Timer, Tx
from haoyuan_roster_format import Note, SessionRow, digest

from schedule_svc import rules as hospital_rules
from schedule_svc.domain import DrawState, Plan, Session
from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.store import rules as rules_store
from schedule_svc.store.desk import add_slots
from schedule_svc.usecases import registers, release
from schedule_svc.usecases.orders import WAITLIST_CLOSES, at_desk, finish

_ONE_DAY = timedelta(days=1)
"""No session is longer."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A sound row with what it refers to. `session_id` is None for a session that is new."""

    path: str
    row: SessionRow
    department_id: str
    doctor_id: str
    title: str
    """The doctor's."""
    session_id: str | None

    @property
    def grade(self) -> str:
        return self.title if self.row.grade is None else self.row.grade


def publish(tx: Tx, hospital_id: str, planned: Sequence[Planned], at: datetime) -> list[Note]:
    """Open and change sessions, which the hospital named at `at`; answers warnings, and errors of rows that are not applied,
    under the path of the row. The caller holds the hospital's lock.
    """
    _open(tx, hospital_id, [p for p in planned if p.session_id is None], at)
    return _change(tx, hospital_id, {p.session_id: p for p in planned if p.session_id is not None})


def plans_of(row: SessionRow) -> list[Plan]:
    """In the order of their times."""
    plans = []
    for slot in row.in_order:
        quotas: dict[str, int] = {channel: numbers for channel, numbers in slot.quotas.items() if numbers}
        times = slot.starts_at.astimezone(UTC), slot.ends_at.astimezone(UTC)
        plans.append(Plan(*times, slot.capacity, slot.blocked, quotas))
    return plans


def _open(tx: Tx, hospital_id: str, planned: Sequence[Planned], at: datetime) -> None:
    if not planned:
        return
    known = registers.by_code(store.registers_of(tx.conn, hospital_id, [p.row.code for p in planned]))
    snapshots = store.complete_snapshots(tx.conn, hospital_id)
    rules = rules_store.rules_in_force(tx.conn, [hospital_id], tx.now)[hospital_id]
    rows, opened = [], []
    for p in planned:
        said = registers.said_of(known.get(p.row.code, ()))
        named_at = max(at, said.named_at)
        stop = registers.roster_stop(said, p.row.date, named_at, snapshots)
        session = _new_session(tx, hospital_id, p, stopped=stop is not None)
        session.cancel_by = session.cancel_before or hospital_rules.cancel_before(rules, session.starts_at)
        session.replan(plans_of(p.row), _mint_slot)
        registers.follow_extras(session, said)
        session.sold_out = session.full
        opened.append(session)
        rows.append(_new_row(session, p, stop, named_at))
    catalogue.add_sessions(tx.conn, rows)
    add_slots(tx.conn, opened)
    store.drop(tx.conn, hospital_id, "named", dict.fromkeys(known, 0))
    release.plan(tx, opened)
    public = {session.id: session for session in opened if not session.draft}
    names = catalogue.names_of(tx.conn, public)
    for session in public.values():
        tx.send(SessionPublished(session.id, replace(session, **names[session.id]).facts()))


def _change(tx: Tx, hospital_id: str, planned: dict[str, Planned]) -> list[Note]:
    if not planned:
        return []
    notes: list[Note] = []
    announced: list[Session] = []
    before = catalogue.lock_for_planning(tx.conn, planned)
    details = {session_id: _details(planned[session_id]) for session_id in sorted(planned)}
    for session_id, row in list(details.items()):
        notes += _respect(before[session_id], planned[session_id], row)
        if notes and notes[-1].severity == "error":
            del details[session_id], planned[session_id]
    if not planned:
        return notes
    catalogue.update_sessions(tx.conn, [{"id": session_id, **row} for session_id, row in details.items()])
    # read after that, so that the names are the new ones
    working, desk = at_desk(tx, planned)
    alignment = registers.Alignment(tx, hospital_id, planned)
    for session in working.sessions.values():
        p, was = planned[session.id], before[session.id]
        session.draft = p.row.draft and was.draft
        session.draw_state = _draw_state(session, was.draw_state)
        session.replan(plans_of(p.row), _mint_slot)
        alignment.follow(desk, session)
        notes += registers.oversold(session, p.path)
        desk.offer_all(session)
        session.released = tx.now >= session.release_at
        if was.draft and not session.draft:
            session.revision, session.sold_out, session.changed = session.revision + 1, session.full, False
            announced.append(session)
        else:
            session.changed = True
        if session.waiting:
            tx.set_timer(WAITLIST_CLOSES, session.id, desk.waitlist_closes(session))
    release.plan(tx, working.sessions.values())
    finish(tx, desk, working)
    for session in announced:
        tx.send(SessionPublished(session.id, session.facts()))
    alignment.conclude()
    return notes


def follow_doctors(tx: Tx, doctors: Iterable[Any]) -> None:
    """Doctors have changed: sessions to come that say no department or grade of their own follow."""
    by_id = {doctor.id: doctor for doctor in doctors}
    moved = []
    for row in catalogue.followers(tx.conn, by_id, tx.now):
        doctor = by_id[row.doctor_id]
        wanted = (
            doctor.department_id if row.follows_department else row.department_id,
            doctor.title if row.follows_title else row.grade,
        )
        if wanted != (row.department_id, row.grade):
            moved.append({"id": row.id, "department_id": wanted[0], "grade": wanted[1]})
    if not moved:
        return
    catalogue.update_sessions(tx.conn, moved)
    working, desk = at_desk(tx, [row["id"] for row in moved])
    for session in working.sessions.values():
        session.changed = True
    finish(tx, desk, working)


TELL_SESSIONS = "tell_sessions"
"""The kind of the timer that a migration sets once; it has no key. Its payload: `after`, how far it is."""
_TOLD_AT_ONCE = 50


def tell_sessions(tx: Tx, timer: Timer) -> None:
    """Tell all sessions to come as they are now, some at a time: what older releases told of them lacks what this one tells."""
    page = catalogue.coming(tx.conn, timer.payload.get("after", ""), tx.now, _TOLD_AT_ONCE)
    working, desk = at_desk(tx, page)
    for session in working.sessions.values():
        session.changed = True
    finish(tx, desk, working)
    if len(page) == _TOLD_AT_ONCE:
        tx.set_timer(TELL_SESSIONS, timer.key, tx.now, {"after": page[-1]})


def overlaps(tx: Tx, planned: Sequence[Planned]) -> list[Note]:
    """A warning for each of these sessions during which its doctor has another one. Both take place, so that it does not matter
    which came first: two rooms, or a substitute's name not yet entered, are for the hospital to know.
    """
    rows = [p for p in planned if not p.row.draft]
    if not rows:
        return []
    first, last = min(p.row.starts_at for p in rows), max(p.row.ends_at for p in rows)
    others: dict[tuple[str, Any], list[Any]] = {}
    for row in catalogue.sessions_of_doctors(tx.conn, {p.doctor_id for p in rows}, first - _ONE_DAY, last):
        others.setdefault((row.doctor_id, row.date), []).append(row)
    return [note for p in rows for note in _overlap(p, others.get((p.doctor_id, p.row.date), ()))]


def _overlap(p: Planned, sessions: Sequence[Any]) -> list[Note]:
    own = next((s.id for s in sessions if s.code == p.row.code), None)
    at_that_time = [
        s.code for s in sessions if s.code != p.row.code and p.row.starts_at < s.ends_at and s.starts_at < p.row.ends_at
    ]
    if own is None or not at_that_time:  # it is stopped, or alone
        return []
    said = f"doctor {p.row.doctor} has session {min(at_that_time)} at that time"
    return [Note(p.path, "doctor_overlap", said, "warning", own)]


def _respect(was: Any, p: Planned, row: dict[str, Any]) -> list[Note]:
    """Keep in `row` what a session that is known keeps, whatever its newer plan says: it is public, and a draw that somebody has
    entered is held as it was said. Answers warnings; or at last an error, if that draw could not be any more.
    """
    notes = []
    if p.row.draft and not was.draft:
        said = "the session is public already and stays so; stop it if it does not take place"
        notes.append(Note(p.path, "already_public", said, "warning", was.id))
    if not _draw_is_fixed(was, row):
        return notes
    row |= {"policy": was.policy, "draw_at": was.draw_at}
    if was.draw_state == "open" and not row["release_at"] < was.draw_at < row["starts_at"]:
        said = "the draw has entrants, so its time stays; it does not lie between the release and the first slot"
        return [*notes, Note(p.path, "bad_draw", said, session_id=was.id)]
    said = "the draw has entrants, so its policy and time stay"
    return [*notes, Note(p.path, "draw_fixed", said, "warning", was.id)]


def _draw_is_fixed(was: Any, row: dict[str, Any]) -> bool:
    """True if the plan would change a draw that somebody has entered, or that is over."""
    if (was.policy, was.draw_at) == (row["policy"], row["draw_at"]):
        return False
    return was.draw_state in ("drawing", "drawn") or (was.entry_seq > 0 and was.policy != row["policy"])


def _draw_state(session: Session, was: DrawState) -> DrawState:
    if was in ("drawing", "drawn"):
        return was
    return "none" if session.policy == "first_come" else "open"


def _mint_slot() -> str:
    return ids.mint("slt")


def _new_session(tx: Tx, hospital_id: str, p: Planned, *, stopped: bool) -> Session:
    """Without the names, which stand in other tables and are read when they are told."""
    row = p.row
    release_at = row.release_at.astimezone(UTC)
    return Session(
        id=ids.mint("ses"),
        hospital_id=hospital_id,
        hospital_name="",
        department_id=p.department_id,
        department_name="",
        doctor_id=p.doctor_id,
        doctor_name="",
        doctor_title="",
        date=row.date,
        period=row.period,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        room=row.room,
        fee=row.fee.amount,
        policy=row.policy,
        release_at=release_at,
        draw_at=row.draw_at and row.draw_at.astimezone(UTC),
        cancel_before=row.cancel_before and row.cancel_before.astimezone(UTC),
        grade=p.grade,
        urgent=row.urgent,
        draft=row.draft,
        released=tx.now >= release_at,
        draw_state="none" if row.policy == "first_come" else "open",
        stopped=stopped and tx.now < row.ends_at,
        revision=1,
        sold_out=False,
        next_number=1,
    )


def _new_row(session: Session, p: Planned, stop: str | None, named_at: datetime) -> dict[str, Any]:
    return {
        "id": session.id,
        "hospital_id": session.hospital_id,
        **_details(p),
        "draft": session.draft,
        "released": session.released,
        "draw_state": session.draw_state,
        "entered": 0,
        "entry_seq": 0,
        "stopped": session.stopped,
        "stop_reason": (stop or "") if session.stopped else "",
        "staff_stop": None,
        "roster_stop": stop,
        "named_at": named_at,
        "revision": session.revision,
        "sold_out": session.sold_out,
        "next_number": session.next_number,
        "waiting": 0,
        "wait_seq": 0,
        "seen": 0,
    }


def _details(p: Planned) -> dict[str, Any]:
    """The columns of a session that its roster row decides."""
    row = p.row
    return {
        "department_id": p.department_id,
        "doctor_id": p.doctor_id,
        "code": row.code,
        "version": row.version,
        "digest": digest(row),
        "date": row.date,
        "period": row.period,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "room": row.room,
        "fee": row.fee.amount,
        "policy": row.policy,
        "release_at": row.release_at.astimezone(UTC),
        "draw_at": row.draw_at and row.draw_at.astimezone(UTC),
        "cancel_before": row.cancel_before and row.cancel_before.astimezone(UTC),
        "grade": p.grade,
        "urgent": row.urgent,
        "follows_department": row.department is None,
        "follows_title": row.grade is None,
    }
