"""What can be done on the clinic day.

lining        a line, open for changes: its waiting visits in order, its desks; who joins, leaves, is told that she is near
telling       what is told of a visit
following     visits follow their orders: made, withdrawn
checking_in   报到
calling       next, call, start, pass, put back, examine, come back, finish
placing       another class, another line, let in again: who stands elsewhere
walkins       who comes without an order
desks         desks open and close; a queue pauses, resumes, and changes its discipline
closing       the day of a queue ends

Every function opens its transaction, locks the orders that it may move before the queues, and raises NotFound for what is not
there or not the caller's hospital's, Forbidden(`not_your_session`), and Conflict: `not_possible` with `state`, or what it names.
What moves in a line moves by lining.Line, under the lock of its queue, and is written by its `settle`:

    lines = store.visits.lock_lines(tx, visit_ids)           after their orders
    line = lining.open_line(tx, lines.queues[visit.queue_id])
    line.admit(visit, Move.CHECK_IN, by, why)                she joins; `late` was set before
    line.end(visit, Move.WITHDRAW, by, why)                  out of the line, and off her desk
    line.settle()                                            who is near now is told; all is written
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
