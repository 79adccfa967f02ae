"""How long it will take: for one patient when she asks, and for all who wait by a timer, so that asking changes nothing.

What is first told of a visit, right after she has checked in, is a promise: when she is called it is noted whether it held, and how
often promises hold is part of every answer. It is made by a timer, so that nobody's check-in waits for it, or fails with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor
from zlib import crc32

from common.clock import SHANGHAI
from common.errors import Conflict, NotFound
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
RUNS = 400
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


def estimate_queue(tx: Tx, timer: Timer) -> None:
    """Tell everybody who waits in a queue: a promise to those who were told nothing yet. Ends when nobody waits."""
    queue = store.queues.get_queue(tx.conn, timer.key)
    if queue is None or queue.state == "closed":
        return
    seen = see(tx.conn, queue, tx.now)
    if not seen.waiting:
        return
    tx.set_timer(ESTIMATE, timer.key, tx.now + EVERY)
    before = store.waits.told_at(tx.conn, [v.id for v in seen.waiting])
    stale = [v for v in seen.waiting if v.id not in before or before[v.id] <= tx.now - _FRESH]
    if stale:
        live = model(tx.conn, seen)
        waits = _simulate(live, queue.session_id)
        store.waits.keep_told(tx, _told(stale, seen, live, waits, before))


def _told(
    visits: Sequence[ClinicVisit], seen: Seen, live: Live, waits: simulate.Waits, before: Mapping[str, datetime]
) -> list[Told]:
    found = [(visit, waits.of(visit.id)) for visit in visits]
    return [
        Told(
            visit.id,
            visit.queue_id,
            visit.department_id,
            seen.now,
            visit.id not in before,
            seen.ahead_of(visit),
            round(estimate.mean),
            floor(estimate.low),
            ceil(estimate.high),
            basis_of(visit, seen, _pace(live)),
        )
        for visit, estimate in found
        if estimate is not None
    ]


def wait_of(database: Database, visit: ClinicVisit) -> Wait:
    """A visit's wait, from the rows as they are now. Raises Conflict: `not_waiting` (`state`) for one who was called or has ended,
    `too_early` (`from`) before her day, `too_late`, `queue_closed`.
    """
    now = database.clock()
    with database.reading() as conn:
        queue = store.queues.get_queue(conn, visit.queue_id) or _unopened(visit, now)
        queue.check_open()
        seen, given = _seen_for(conn, queue, visit, now)
        live = model(conn, seen, comes=visit.id)
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
            store.waits.coverage(conn, visit.department_id, LATEST_PROMISES),
            steadily(conn, seen, live),
        )


def visit_seen_by(database: Database, visit_id: str, account_id: str, hospital_id: str | None) -> ClinicVisit:
    """One's own visit, or one of the hospital's; `hospital_id` None: of any. Raises NotFound."""
    with database.reading() as conn:
        visit = store.visits.get_visit(conn, visit_id)
    if visit is None or not (visit.account_id == account_id or hospital_id in {None, visit.hospital_id}):
        raise NotFound("no such visit of yours", code="visit_not_found")
    return visit


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
        seen.rules, visit.visit_class, seen.now, seen.queue.next_number, None if late else visit.visit.starts_at
    )
    return replace(visit, state=VisitState.WAITING, place=stands, late=late, checked_in_at=seen.now, history=[])


def _unopened(visit: ClinicVisit, now: datetime) -> Queue:
    """A queue that nobody has come to yet."""
    return Queue(visit.queue_id, visit.hospital_id, visit.department_id, visit.visit.doctor_id, now)


def _simulate(live: Live, queue_id: str) -> simulate.Waits:
    """The same rows give the same answer, in every process."""
    return simulate.waits(live.line, RUNS, crc32(queue_id.encode()))


def _pace(live: Live) -> float:
    """Seconds that a patient takes, on average over the desks."""
    means = [service.mean(server.service) for server in live.line.servers]
    return sum(means) / len(means)
