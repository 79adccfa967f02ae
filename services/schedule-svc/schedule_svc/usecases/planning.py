"""Sessions as they are planned: new ones are opened, known ones follow the newer version of the roster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common import ids
from common.messages import SessionPublished
from common.outbox import Tx

from schedule_svc import roster as rules
from schedule_svc.domain import Session
from schedule_svc.roster import Note, SessionRow
from schedule_svc.store import catalogue
from schedule_svc.store.desk import add_slots
from schedule_svc.usecases import release
from schedule_svc.usecases.orders import WAITLIST_CLOSES, at_desk, finish


@dataclass(frozen=True, slots=True)
class Planned:
    """A sound row with what it refers to. `session_id` is None for a session that is new."""

    path: str
    row: SessionRow
    department_id: str
    doctor_id: str
    session_id: str | None


def publish(tx: Tx, hospital_id: str, planned: Sequence[Planned]) -> list[Note]:
    """Open and change sessions; answers warnings. The caller holds the hospital's lock."""
    _open(tx, hospital_id, [p for p in planned if p.session_id is None])
    return _change(tx, {p.session_id: p for p in planned if p.session_id is not None})


def _open(tx: Tx, hospital_id: str, planned: Sequence[Planned]) -> None:
    rows, opened = [], []
    for p in planned:
        session = _new_session(hospital_id, p)
        session.released = tx.now >= session.release_at
        session.replan(p.row.plans, _mint_slot)
        session.sold_out = session.full
        opened.append(session)
        rows.append(
            {
                "id": session.id,
                "hospital_id": hospital_id,
                **_details(p),
                "draft": session.draft,
                "released": session.released,
                "draw_state": session.draw_state,
                "entered": 0,
                "entry_seq": 0,
                "stopped": False,
                "stop_reason": "",
                "revision": session.revision,
                "sold_out": session.sold_out,
                "next_number": session.next_number,
                "waiting": 0,
                "wait_seq": 0,
            }
        )
    catalogue.add_sessions(tx.conn, rows)
    add_slots(tx.conn, opened)
    release.plan(tx, opened)
    for session in opened:
        tx.send(SessionPublished(session.id, session.facts()))


def _change(tx: Tx, planned: dict[str, Planned]) -> list[Note]:
    if not planned:
        return []
    notes: list[Note] = []
    # in the order of the ids, as everybody locks sessions; read after that, so that the names are the new ones
    catalogue.update_sessions(
        tx.conn, [{"id": session_id, **_details(planned[session_id])} for session_id in sorted(planned)]
    )
    working, desk = at_desk(tx, planned)
    for session in working.sessions.values():
        p = planned[session.id]
        for segment in session.replan(p.row.plans, _mint_slot):
            beyond = segment.taken - segment.published
            notes.append(
                Note(
                    p.path,
                    "below_taken",
                    f"{beyond} more numbers are taken than planned; no more are sold",
                    "warning",
                    session.id,
                )
            )
        desk.offer_all(session)
        session.released = tx.now >= session.release_at
        session.changed = True
        if session.waiting:
            tx.set_timer(WAITLIST_CLOSES, session.id, desk.waitlist_closes(session))
    release.plan(tx, working.sessions.values())
    finish(tx, desk, working)
    return notes


def _mint_slot() -> str:
    return ids.mint("slt")


def _new_session(hospital_id: str, p: Planned) -> Session:
    """Without the names, which stand in other tables and are read again when a number is given."""
    starts_at, ends_at, release_at, cancel_before = p.row.times
    return Session(
        id=ids.mint("ses"),
        hospital_id=hospital_id,
        hospital_name="",
        department_id=p.department_id,
        department_name="",
        doctor_id=p.doctor_id,
        doctor_name="",
        doctor_title="",
        date=p.row.date,
        period=p.row.period,
        starts_at=starts_at,
        ends_at=ends_at,
        room=p.row.room,
        fee=p.row.fee.amount,
        policy=p.row.policy,
        release_at=release_at,
        draw_at=None,
        cancel_before=cancel_before,
        grade="",
        urgent=False,
        draft=False,
        released=False,
        draw_state="none",
        stopped=False,
        revision=1,
        sold_out=False,
        next_number=1,
    )


def _details(p: Planned) -> dict[str, Any]:
    """The columns of a session that its roster row decides."""
    starts_at, ends_at, release_at, cancel_before = p.row.times
    return {
        "department_id": p.department_id,
        "doctor_id": p.doctor_id,
        "code": p.row.code,
        "version": p.row.version,
        "digest": rules.digest(p.row),
        "date": p.row.date,
        "period": p.row.period,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "room": p.row.room,
        "fee": p.row.fee.amount,
        "policy": p.row.policy,
        "release_at": release_at,
        "draw_at": None,
        "cancel_before": cancel_before,
        "grade": "",
        "urgent": False,
    }
