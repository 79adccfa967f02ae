"""The day of a queue ends: by the clock some time after its session, or when staff close it.

Who never came has missed it; who is still here is waited for, some hours long; whose turn never came has her fee back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from common.errors import Conflict
from common.outbox import Database, Timer, Tx

from booking_svc import store
from booking_svc.clinic.ending import AGAIN, OPEN, DayEnd, RulesAt, day_end, endings, in_time_until
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import HERE, ClinicVisit, Move
from booking_svc.domain import Order, State, confirmed_too_late
from booking_svc.saga import Missed, Served, Void
from booking_svc.usecases import moving
from booking_svc.usecases.clinic.following import CLINIC
from booking_svc.usecases.clinic.lining import Line, open_line

CLOSE = "close_queue"
"""The job of a queue: its key is the session. Each queue ends in a transaction of its own, its orders locked before it."""
SOON = timedelta(minutes=1)
_BATCH = 50
_WHY = {Move.MISS: "never_came", Move.FINISH: "day_over", Move.VOID: "not_served", Move.LAPSE: "no_queue"}


def watch_queues(tx: Tx) -> None:
    """Set the timers of queues that have none, though the time of somebody in them has come: whatever made her visit."""
    for queue_id in store.days.unwatched(tx.conn, CLOSE, tx.now, _BATCH):
        tx.set_timer(CLOSE, queue_id, tx.now)


def close_by_clock(service: Any, timer: Timer) -> None:
    """End what has to end by now, and be back when the next of it has."""
    database: Database = service.database
    with database.transaction() as tx:
        again = _end_what_is_due(tx, timer.key)
        if again is None:
            tx.cancel_timer(CLOSE, timer.key)
        else:
            tx.set_timer(CLOSE, timer.key, again)


def _end_what_is_due(tx: Tx, queue_id: str) -> datetime | None:
    """When to look again; None when the queue is closed, and nobody in it."""
    seen = store.visits.visits_of_queue(tx.conn, queue_id, OPEN)
    end = _end_of(tx, queue_id, seen)
    if end is None:
        return None
    if tx.now < end.first:
        return end.first
    last = tx.now >= end.last
    if _end(tx, _lock(tx, queue_id, seen), CLINIC, last=last):
        return None
    return tx.now + SOON if last else min(tx.now + AGAIN, end.last)


def close_queue(database: Database, staff: Staff, session_id: str, why: str = "") -> Queue:
    """The clinic is over, say staff. Again: nothing changes.

    Raises NotFound(`session_not_found`), Forbidden, Conflict(`too_early` with `from` while somebody may still come in time,
    `somebody_waits` with how many `visits` are still here).
    """
    with database.transaction() as tx:
        day = _lock(tx, session_id, store.visits.visits_of_queue(tx.conn, session_id, OPEN))
        queue = day.line.queue
        staff.check_hospital(queue.hospital_id, "session_not_found")
        staff.check_may_act(queue, day.line.desks.values())
        if queue.state == "open":
            _check_over(tx, day)
            _end(tx, day, staff.account_id, why)
    return queue


def _end_of(tx: Tx, queue_id: str, visits: Sequence[ClinicVisit]) -> DayEnd | None:
    """None for a queue in which nothing is left to be ended."""
    queue, facts = store.queues.get_queue(tx.conn, queue_id), store.get_session(tx.conn, queue_id)
    if not visits and (queue is None or queue.state == "closed"):
        return None
    known = queue or visits[0]
    # nobody has told us of its session, and nobody is in it: since its last change it has served
    ends_at = facts.ends_at if facts is not None else None if visits or queue is None else queue.clock
    return day_end(_rules_of(tx, known.hospital_id), ends_at, visits)


def _rules_of(tx: Tx, hospital_id: str) -> RulesAt:
    """Many visits are of one segment: its rules are read once."""
    return cache(partial(store.queues.rules_in_force, tx.conn, hospital_id))


@dataclass(frozen=True, slots=True)
class _Day:
    """A queue that may end, locked, with those in it who have not: `newcomers` have come since their orders were locked."""

    line: Line
    visits: list[ClinicVisit]
    newcomers: int
    orders: dict[str, Order]
    stopped: bool


def _lock(tx: Tx, queue_id: str, seen: Sequence[ClinicVisit]) -> _Day:
    orders = store.lock_with_heirs(tx, [visit.order_id for visit in seen if visit.order_id])
    locked = store.visits.lock_lines(tx, [visit.id for visit in seen], also=[queue_id])
    visits = [v for v in locked.visits.values() if v.queue_id == queue_id and v.state in OPEN]
    everybody = {visit.id for visit in store.visits.visits_of_queue(tx.conn, queue_id, OPEN)}
    facts = store.get_session(tx.conn, queue_id)
    return _Day(
        open_line(tx, locked.queues[queue_id]),
        visits,
        len(everybody - {visit.id for visit in visits}),
        orders,
        facts is not None and facts.state == "stopped",
    )


def _check_over(tx: Tx, day: _Day) -> None:
    here = day.newcomers + sum(visit.state in HERE for visit in day.visits)
    if here:
        raise Conflict("somebody is still here", code="somebody_waits", visits=here)
    end = _end_of(tx, day.line.queue.session_id, day.visits)
    if end is not None and tx.now < end.over:
        raise Conflict("somebody may still come in time", code="too_early", **{"from": end.over})


def _end(tx: Tx, day: _Day, by: str, why: str = "", *, last: bool = False) -> bool:
    """End who has to, and the queue when nobody is left in it: then it answers True."""
    line, messages = day.line, []
    rules_at = _rules_of(tx, line.queue.hospital_id)
    called = line.queue.first_called_at is not None
    ended = endings(day.visits, called=called, stopped=day.stopped, last=last)
    for visit, wanted in ended:
        order = day.orders.get(visit.order_id or "")
        move = wanted if order is None else _fair(wanted, visit, order, rules_at)
        line.end(visit, move, by, _WHY[move])
        if order is not None and (message := _message(order, move, by)):
            messages.append((order.id, message, ""))
    over = len(ended) == len(day.visits) and not day.newcomers
    if over:
        _close(line, by, why)
    line.settle()
    moving.move(tx, day.orders, messages, None)
    return over


def _fair(wanted: Move, visit: ClinicVisit, order: Order, rules_at: RulesAt) -> Move:
    if wanted == Move.VOID and order.state == State.NO_SHOW:
        return Move.MISS  # she was let in again, and not called: it stays as it was before
    if wanted == Move.MISS and confirmed_too_late(order, in_time_until(rules_at, visit)):
        return Move.VOID  # nobody can have come for it
    return wanted


def _message(order: Order, move: Move, by: str) -> Missed | Void | Served | None:
    match move:
        case Move.MISS if order.state != State.NO_SHOW:
            return Missed(order.id, by)
        case Move.VOID:
            return Void(order.id, "not_served")
        case Move.FINISH:
            return Served(order.id)
        case _:
            return None


def _close(line: Line, by: str, why: str) -> None:
    for desk in line.desks.values():
        if desk.is_open:
            desk.close()
            line.keep_desk(desk)
    line.queue.state, line.queue.closed_at = "closed", line.now
    line.queue.note("close", by, why)
