"""What can be done on the clinic day.

lining     a line, open for changes: its waiting visits in order, its desks; who joins, leaves, is told that she is near
telling    what is told of a visit
calling    next, call, start, pass, put back, examine, come back, finish
placing    another class, another line, let in again: who stands elsewhere
walkins    who comes without an order
desks      desks open and close; a queue pauses, resumes, and changes its discipline

Every function opens its transaction, locks the orders that it may move before the queues, and raises NotFound for what is not
there or not the caller's hospital's, Forbidden(`not_your_session`), Conflict(`not_possible` with `state`, and what is named).
`staff` is a clinic.staff.Staff. What answers a ClinicVisit may be asked again without harm where it says so.

    next_visit(database, staff, session_id, room, after, outcome="done", call=None) -> Called(visit, desk, repeated)
        desk_moved_on (`current`, `current_call`), desk_closed, queue_paused (`why`, `paused_until`), queue_closed
    call_visit(database, staff, visit_id, room, why) -> ClinicVisit       out of turn, or again; desk_busy (`current`), ...
    start_visit(database, staff, visit_id) -> ClinicVisit                 again: the same
    pass_visit(database, staff, visit_id) -> ClinicVisit                  waiting again, or missed
    put_back(database, staff, visit_id, why) -> ClinicVisit
    send_away(database, staff, visit_id) -> ClinicVisit                   again: the same
    come_back(database, staff, visit_id) -> ClinicVisit
    finish_visit(database, staff, visit_id) -> ClinicVisit                again: the same

    transfer_visit(database, staff, visit_id, to_session_id, why) -> ClinicVisit
    transfer_all(database, staff, session_id, to_session_id, why) -> list[ClinicVisit]
        nothing_to_change, other_hospital, other_day, session_stopped, queue_closed
    reclass(database, staff, visit_id, visit_class, reason) -> ClinicVisit    Invalid(`reason`, `visit_class`)
    readmit(database, staff, visit_id, why) -> ClinicVisit                    queue_closed
    add_walk_in(database, staff, session_id, WalkIn(name, patient_id, visit_class, reason)) -> ClinicVisit
        patient_not_found, session_stopped, too_early, queue_closed

    open_desk(database, staff, session_id, room, doctor_id=None) -> Desk      again: the same; desk_busy, queue_closed
    close_desk(database, staff, session_id, room) -> Desk                     again: the same; desk_busy
    pause(database, staff, session_id, why, minutes=None) -> Queue
    resume(database, staff, session_id) -> Queue                              again: the same
    set_discipline(database, staff, session_id, discipline, why) -> Queue     None: the hospital's rule again

Of other use cases (check-in, the saga's wiring, closing), inside of a transaction that holds the orders already:

    lines.visits, lines.queues = store.visits.lock_lines(tx, visit_ids, also=())
    line = lining.open_line(tx, lines.queues[visit.queue_id])
    line.admit(visit, Move.CHECK_IN, by, why)      she joins: place, VisitCheckedIn; set visit.late before
    line.end(visit, Move.WITHDRAW, by, why)        out of the line, and off her desk: MISS, VOID, LAPSE, FINISH too
    line.settle()                                  who is near now is told; all is written
"""

from booking_svc.usecases.clinic.calling import (
    Called,
    call_visit,
    come_back,
    finish_visit,
    next_visit,
    pass_visit,
    put_back,
    send_away,
    start_visit,
)
from booking_svc.usecases.clinic.desks import close_desk, open_desk, pause, resume, set_discipline
from booking_svc.usecases.clinic.placing import readmit, reclass, transfer_all, transfer_visit
from booking_svc.usecases.clinic.walkins import WalkIn, add_walk_in

__all__ = [
    "Called",
    "WalkIn",
    "add_walk_in",
    "call_visit",
    "close_desk",
    "come_back",
    "finish_visit",
    "next_visit",
    "open_desk",
    "pass_visit",
    "pause",
    "put_back",
    "readmit",
    "reclass",
    "resume",
    "send_away",
    "set_discipline",
    "start_visit",
    "transfer_all",
    "transfer_visit",
]
