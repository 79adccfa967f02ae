"""How long it will take: for one patient when she asks, and for all who wait by a timer, so that asking changes nothing.

What is first told of a visit, right after she has checked in, is a promise: when she is called it is noted whether it held, and how
often promises hold is part of every answer. It is made by a timer, so that nobody's check-in waits for it, or fails with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any
from zlib import crc32

from common.clock import SHANGHAI
from common.errors import Conflict
from common.outbox import Database, Timer, Tx
from haoyuan_waiting import service, simulate
from haoyuan_waiting.simulate import Estimate

from booking_svc import store
from booking_svc.clinic import checkin
from booking_svc.clinic.checkin import Timing
from booking_svc.clinic.line import place
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.visits import ClinicVisit, VisitState
from booking_svc.store.waits import Coverage, Told
from booking_svc.usecases.waiting.lines import Live, Seen, model, see
from booking_svc.usecases.waiting.models import Steadily, steadily
from booking_svc.usecases.waiting.reasons import Moved, basis_of, moved

ESTIMATE = "estimate_queue"
"""The kind of the timers that estimate for those who wait; keyed by the queue."""
EVERY = timedelta(minutes=1)
_FRESH = timedelta(seconds=55)
LATEST_PROMISES = 1000
"""Of a department: so many tell how often they hold."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What can be said of a wait. `given`: `here` for one who waits; of one who is expected, `now`: if she checks in now, or
    `in_time`: if she comes when she should. `ahead` wait before her. Of `estimate`, seconds from `at` until she is called.
    """

    visit: ClinicVisit
    at: datetime
    given: str
    ahead: int
    estimate: Estimate
    moved: Moved | None
    coverage: Coverage | None
    steady: Sequence[Steadily]


def somebody_waits(tx: Tx, queue: Queue) -> None:
    """Somebody has entered this line: estimate soon, and from then on every minute."""
    tx.set_timer(ESTIMATE, queue.session_id, tx.now)


def note_called(tx: Tx, visit: ClinicVisit, at: datetime) -> None:
    """She is called: what was promised to her has held, or has not."""
    store.waits.settle_promises(tx, visit.id, at)


def estimate_queue(service: Any, timer: Timer) -> None:
    """Tell everybody who waits in a queue: a promise to those who were told nothing yet. Ends when nobody waits.

    A job: numbers are crunched without any transaction, so that no check-in and no desk waits for them. Whoever changes the line holds
    its queue, and so does the last transaction, for as long as it takes to write some rows.
    """
    database: Database = service.database
    with database.reading() as conn:
        found = _look(conn, timer.key, database.clock())
    told = [] if found is None else _told(found, _simulate(found.live, timer.key))
    with database.transaction() as tx:
        waiting = _lock_waiting(tx, timer.key)
        store.waits.settle_left(tx, timer.key)
        if not waiting:
            tx.cancel_timer(ESTIMATE, timer.key)
            return
        before = store.waits.told_at(tx.conn, waiting)
        seen = {} if found is None else {visit.id: visit.calls for visit in found.seen.waiting}
        # who was called meanwhile, and waits again, is told anew; a promise is made once, though two workers may do this at once
        still = [t for t in told if waiting.get(t.visit_id) == seen[t.visit_id]]
        store.waits.keep_told(tx, [replace(t, promised=t.visit_id not in before) for t in still])
        newcomers = waiting.keys() - before.keys() - seen.keys()
        tx.set_timer(ESTIMATE, timer.key, tx.now if newcomers else tx.now + EVERY)


@dataclass(frozen=True, slots=True)
class _Found:
    """A queue as it was read, and who is to be told."""

    seen: Seen
    live: Live
    stale: Sequence[ClinicVisit]


def _look(conn: store.Connection, queue_id: str, now: datetime) -> _Found | None:
    """None where nobody has to be told anything."""
    queue = store.queues.get_queue(conn, queue_id)
    if queue is None or queue.state == "closed":
        return None
    seen = see(conn, queue, now)
    before = store.waits.told_at(conn, [v.id for v in seen.waiting])
    stale = [v for v in seen.waiting if v.id not in before or before[v.id] <= seen.now - _FRESH]
    return _Found(seen, model(conn, seen), stale) if stale else None


def _lock_waiting(tx: Tx, queue_id: str) -> dict[str, int]:
    """Who waits in a queue, which is locked, and how often each was called. Nobody waits where there is no queue, or a closed one."""
    if store.queues.get_queue(tx.conn, queue_id) is None or store.queues.lock_queue(tx, queue_id).state == "closed":
        return {}
    return store.waits.calls_of_waiting(tx.conn, queue_id)


def _told(found: _Found, waits: simulate.Waits) -> list[Told]:
    seen, pace = found.seen, _pace(found.live)
    estimates = [(visit, waits.of(visit.id)) for visit in found.stale]
    return [
        Told(
            visit.id,
            visit.queue_id,
            visit.department_id,
            seen.now,
            False,
            seen.ahead_of(visit),
            round(estimate.mean),
            floor(estimate.low),
            ceil(estimate.high),
            basis_of(visit, seen, pace),
        )
        for visit, estimate in estimates
        if estimate is not None
    ]


def wait_of(database: Database, visit: ClinicVisit) -> Wait:
    """A visit's wait, from the rows as they are now. Raises Conflict: `not_waiting` (`state`) for one who was called or has ended,
    `too_early` (`from`) before her day, `too_late`, `queue_closed`, `no_desk` while nobody calls.
    """
    now = database.clock()
    with database.reading() as conn:
        queue = store.queues.get_queue(conn, visit.queue_id) or _unopened(visit, now)
        queue.check_open()
        seen, given = _seen_for(conn, queue, visit, now)
        live = model(conn, seen, comes=visit.id)
        if not live.line.servers:
            raise Conflict("nobody calls now", code="no_desk")
        estimate = _simulate(live, queue.session_id).of(visit.id)
        if estimate is None:
            raise Conflict("nobody would call her", code="not_waiting", state=visit.state)
        hers = next((v for v in seen.waiting if v.id == visit.id), visit)
        last = store.waits.last_told(conn, visit.id) if given == "here" else None
        return Wait(
            hers,
            seen.now,
            given,
            seen.ahead_of(hers),
            estimate,
            moved(last, hers, seen, estimate.mean, _pace(live)) if last else None,
            store.waits.coverage(conn, visit.department_id, LATEST_PROMISES, seen.now),
            steadily(conn, seen, live),
        )


def _seen_for(conn: store.Connection, queue: Queue, visit: ClinicVisit, now: datetime) -> tuple[Seen, str]:
    """The queue with her in it as she is, or as she would be."""
    if visit.state == VisitState.WAITING:
        return see(conn, queue, now), "here"
    if visit.state != VisitState.EXPECTED:
        raise Conflict(f"she is {visit.state}", code="not_waiting", state=visit.state)
    day = visit.visit.starts_at.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    if now < day:
        raise Conflict("nothing can be said before the day", code="too_early", **{"from": day})
    seen = see(conn, queue, now)
    match checkin.timing(seen.rules, visit.visit.starts_at, visit.visit.ends_at, seen.now):
        case Timing.EARLY:
            return seen, "in_time"
        case Timing.TOO_LATE:
            raise Conflict("she is too late to check in", code="too_late")
        case timing:
            return see(conn, queue, now, [_if_she_came(visit, seen, late=timing == Timing.LATE)]), "now"


def _if_she_came(visit: ClinicVisit, seen: Seen, *, late: bool) -> ClinicVisit:
    stands = place(
        seen.rules,
        visit.visit_class,
        max(seen.now, seen.queue.clock),
        seen.queue.next_number,
        None if late else visit.visit.starts_at,
    )
    return replace(visit, state=VisitState.WAITING, place=stands, late=late, checked_in_at=seen.now, history=[])


def _unopened(visit: ClinicVisit, now: datetime) -> Queue:
    """A queue that nobody has come to yet."""
    return Queue(visit.queue_id, visit.hospital_id, visit.department_id, visit.visit.doctor_id, now)


def _simulate(live: Live, queue_id: str) -> simulate.Waits:
    """The same rows give the same answer, in every process."""
    return simulate.waits(live.line, seed=crc32(queue_id.encode()))


def _pace(live: Live) -> float:
    """Seconds that a patient takes, on average over the desks."""
    means = [service.mean(each) for each in live.services]
    return sum(means) / len(means)
