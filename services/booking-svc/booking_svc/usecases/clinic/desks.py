"""Desks open and close; a queue pauses, goes on, and changes its discipline."""

from datetime import timedelta

from common.errors import Conflict
from common.outbox import Database

from booking_svc import store
from booking_svc.clinic.line import place_of, placed_anew
from booking_svc.clinic.queue import Desk, Discipline, Queue
from booking_svc.clinic.staff import Staff
from booking_svc.usecases.clinic.lining import Line, line_for


def open_desk(database: Database, staff: Staff, session_id: str, room: str, doctor_id: str | None = None) -> Desk:
    """`doctor_id` serves this queue in `room` from now on; by default the one who asks, else the session's own. Again: nothing
    changes. Raises Conflict(`queue_closed`, `desk_busy` for another doctor's while somebody is there).
    """
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        line.queue.check_open()
        doctor = doctor_id or staff.doctor_id or line.queue.doctor_id
        desk = line.desks.get(room)
        if desk is not None and desk.is_open and desk.doctor_id == doctor:
            return desk
        if desk is not None:
            _check_empty(desk)
        desk = Desk(session_id, room, doctor, line.now, free_since=line.now)
        line.keep_desk(desk)
        line.queue.note("desk_opened", staff.account_id, room=room, doctor_id=doctor)
        line.settle()
    return desk


def close_desk(database: Database, staff: Staff, session_id: str, room: str) -> Desk | None:
    """Nobody is called to `room` any more. Again: nothing changes; None: there never was a desk. Raises Conflict(`desk_busy`)
    while somebody is there: she is finished, or put back, first.
    """
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        desk = line.desks.get(room)
        if desk is None or not desk.is_open:
            return desk
        _check_empty(desk)
        desk.close()
        line.keep_desk(desk)
        line.queue.note("desk_closed", staff.account_id, room=room, doctor_id=desk.doctor_id)
        line.settle()
    return desk


def _check_empty(desk: Desk) -> None:
    if desk.visit_id is not None:
        raise Conflict("somebody is at this desk", code="desk_busy", current=desk.visit_id)


def pause(database: Database, staff: Staff, session_id: str, why: str, minutes: int | None = None) -> Queue:
    """Nobody is called, for so many minutes, or until somebody resumes it. Pausing again says so anew. Raises Conflict."""
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        queue = line.queue
        queue.check_open()
        if not queue.is_paused(tx.now):
            queue.paused_at = tx.now
        queue.paused_why = why
        queue.paused_until = None if minutes is None else tx.now + timedelta(minutes=minutes)
        queue.note("pause", staff.account_id, why, minutes=minutes)
        line.settle()
    return queue


def resume(database: Database, staff: Staff, session_id: str) -> Queue:
    """It goes on. Again: nothing changes."""
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        queue = line.queue
        if queue.paused_at is not None:
            queue.paused_at = queue.paused_why = queue.paused_until = None
            queue.note("resume", staff.account_id)
            line.settle()
    return queue


def set_discipline(database: Database, staff: Staff, session_id: str, discipline: Discipline | None, why: str) -> Queue:
    """Who is before whom goes by other rules from now on, for those who wait too; None: by the hospital's again."""
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        line.queue.check_open()
        if discipline != line.queue.discipline:
            before = line.rules.discipline
            line.queue.discipline = discipline
            hospital = store.queues.rules_in_force(tx.conn, line.queue.hospital_id, tx.now)
            line.rules = line.queue.rules(hospital)
            if line.rules.discipline != before:
                _place_anew(line)
            line.queue.note("discipline", staff.account_id, why, discipline=line.rules.discipline)
            line.settle()
    return line.queue


def _place_anew(line: Line) -> None:
    for visit, at in placed_anew(line.waiting, line.fresh_place):
        visit.place = at
        line.keep(visit)
    line.waiting.sort(key=place_of)
