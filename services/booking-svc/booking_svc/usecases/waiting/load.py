"""A session's load: what the models say of it, beside what was observed. An empty day has no figures, and no NaN."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from common.errors import NotFound
from common.messages import SessionFacts
from common.outbox import Database
from haoyuan_waiting import observed
from haoyuan_waiting.observed import Durations, Load, Stay

from booking_svc import store
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import ENDED, HERE, Move, VisitState
from booking_svc.store.visits import KeptStep
from booking_svc.store.waits import DayVisit
from booking_svc.usecases.waiting.learning import service_times
from booking_svc.usecases.waiting.models import Steadily, steady_models


@dataclass(frozen=True, slots=True)
class SessionLoad:
    """Of a session between two times. Who comes back from an examination waits, and is seen, once more: another arrival. `waits`: of
    those who came, until their (last) call; `models`: for the arrivals observed, and the service times learnt of the doctors at its
    desks.
    """

    session_id: str
    since: datetime
    until: datetime
    desks: int
    observed: Load
    waits: Durations
    models: Sequence[Steadily]


def load(database: Database, staff: Staff, session_id: str) -> SessionLoad:
    """Raises NotFound(`session_not_found`) for a session that is not of the caller's hospital."""
    now = database.clock()
    with database.reading() as conn:
        queue, session = store.queues.get_queue(conn, session_id), store.get_session(conn, session_id)
        of = queue or session
        if of is None:
            raise NotFound("no such session", code="session_not_found")
        staff.check_hospital(of.hospital_id, "session_not_found")
        came = [v for v in store.waits.visits_of_line(conn, session_id) if v.checked_in_at is not None]
        steps = store.visits.moves_of_queue(conn, session_id)
        desks = store.queues.desks_of(conn, session_id).values()
        doctors = [d.doctor_id for d in desks if d.is_open] or [of.doctor_id]
        services = service_times(conn, of.department_id, doctors, now)
    since, until = _span(queue, session, came, now)
    zero = since.timestamp()
    of_visits: dict[str | None, list[KeptStep]] = {}
    for step in steps:
        of_visits.setdefault(step.visit_id, []).append(step)
    stays = [stay for v in came for stay in stays_of(v, of_visits.get(v.id, []), zero)]
    found = observed.load(stays, _opened(of_visits.get(None, []), zero), 0.0, until.timestamp() - zero)
    rate = found.arrival_rate or None
    return SessionLoad(
        session_id,
        since,
        until,
        len(doctors),
        found,
        waited(stays, until.timestamp() - zero),
        steady_models(rate, [services[doctor] for doctor in doctors], found.arrivals_cv2),
    )


def waited(stays: Sequence[Stay], until: float) -> Durations:
    """Who still waits counts, for as long as she has waited so far."""
    return observed.waits(
        [s.called - s.arrived for s in stays if s.called is not None],
        [(until if s.ended is None else s.ended) - s.arrived for s in stays if s.called is None],
    )


def stays_of(visit: DayVisit, steps: Sequence[KeptStep], zero: float) -> list[Stay]:
    """A visit's passages through line and desk, by what happened in this queue: while she is at an examination she is at neither, and
    from when she is back she waits anew. A call that came to nothing is none. Without a history, by how she stands. Seconds from `zero`.
    """
    found: list[Stay] = []
    going_on: Stay | None = None
    for step in steps:
        at = step.at.timestamp() - zero
        if step.state in {*ENDED, VisitState.AWAY}:
            if going_on is not None:
                found.append(going_on._replace(ended=at))
            going_on = None
        elif going_on is None and step.state in HERE:
            going_on = Stay(at)
        elif going_on is not None and step.move in {Move.CALL, Move.PASS, Move.PUT_BACK}:
            going_on = going_on._replace(called=at if step.move == Move.CALL else None)
    if going_on is not None:
        found.append(going_on)
    return found or [_stay(visit, zero)]


def _stay(visit: DayVisit, zero: float) -> Stay:
    def at(moment: datetime | None) -> float | None:
        return None if moment is None else moment.timestamp() - zero

    called = None if visit.state == VisitState.WAITING else visit.called_at
    return Stay(at(visit.checked_in_at) or 0.0, at(called), at(visit.ended_at))


def _opened(steps: Sequence[KeptStep], zero: float) -> list[tuple[float, float | None]]:
    """When desks were open, from when they were opened until they, or the queue, were closed; None: they still are."""
    found: list[tuple[float, float | None]] = []
    since: dict[str, float] = {}
    for step in steps:
        if step.move not in {"desk_opened", "desk_closed", "close"}:
            continue
        at, room = step.at.timestamp() - zero, str(step.facts.get("room"))
        closed = since.keys() & (set(since) if step.move == "close" else {room})
        found.extend((since.pop(each), at) for each in sorted(closed))
        if step.move == "desk_opened":
            since[room] = at
    return [*found, *((at, None) for at in since.values())]


def _span(
    queue: Queue | None, session: SessionFacts | None, came: Sequence[DayVisit], now: datetime
) -> tuple[datetime, datetime]:
    """From the session's beginning, or when the first came; until it was over and the last had left, or now."""
    begins = [v.checked_in_at for v in came if v.checked_in_at is not None]
    ends = [v.ended_at for v in came if v.ended_at is not None]
    if session is not None:
        begins.append(session.starts_at)
        ends.append(session.ends_at)
    since = min(begins, default=now)
    over = all(v.ended_at is not None for v in came)
    until = min(now, max(ends, default=now)) if over or (queue is not None and queue.state == "closed") else now
    return since, max(until, since)
