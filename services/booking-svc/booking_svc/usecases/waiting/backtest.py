"""What the planner would have said of past sessions, beside what happened."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zlib import crc32

import numpy as np
from common.clock import SHANGHAI
from common.messages import SessionFacts
from common.outbox import Database
from haoyuan_waiting import observed
from haoyuan_waiting.day import Luck, simulate
from haoyuan_waiting.planner import Errors, daily_p90, errors, outcome

from booking_svc import store
from booking_svc.clinic.staff import Staff
from booking_svc.store.visits import KeptStep
from booking_svc.store.waits import DayVisit
from booking_svc.usecases.waiting.load import stays_of
from booking_svc.usecases.waiting.planning import MOST_PATIENTS, check_department, read_plan

MOST_DAYS, MOST_SESSIONS = 31, 60
RUNS = 100
KNOWN = ("bookings", "desks")
"""What of a day itself is taken as known before it: who was booked, and whose desks were open, at least for a while."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a session: how many were seen, the 90th percentile of their waits from when they were due, and by how much the last left
    after its end; seconds.
    """

    seen: float
    wait_p90: float
    overtime: float


@dataclass(frozen=True, slots=True)
class Tested:
    """One past session. `band`: within which its P90 was to be expected on four days of five, its bookings and its desks being known."""

    session: SessionFacts
    doctors: int
    said: Figures
    band: tuple[float, float]
    happened: Figures


@dataclass(frozen=True, slots=True)
class BackTest:
    """`sessions`: the earliest first; `more`: there were others in that time, earlier ones. Errors are None without sessions."""

    sessions: Sequence[Tested]
    more: bool
    seen: Errors | None
    wait_p90: Errors | None
    overtime: Errors | None


def back_test(database: Database, staff: Staff, department_id: str, first: date, last: date) -> BackTest:
    """On a department's sessions of these days that are over. Each is planned by what was known before it began, and what is in KNOWN.
    Raises NotFound(`department_not_found`).
    """
    since = datetime.combine(first, time(), SHANGHAI)
    before = min(datetime.combine(last, time(), SHANGHAI) + timedelta(days=1), database.clock())
    with database.reading() as conn:
        check_department(conn, staff, department_id)
        over = store.waits.sessions_seen(conn, department_id, since, before, MOST_SESSIONS + 1)
        tested = [_test(conn, session_id, database.clock()) for session_id in over[:MOST_SESSIONS]]
    sessions = sorted((t for t in tested if t), key=lambda t: (t.session.starts_at, t.session.session_id))
    said, was = [t.said for t in sessions], [t.happened for t in sessions]
    return BackTest(
        sessions,
        len(over) > MOST_SESSIONS,
        errors([s.seen for s in said], [w.seen for w in was]),
        errors([s.wait_p90 for s in said], [w.wait_p90 for w in was], [t.band for t in sessions]),
        errors([s.overtime for s in said], [w.overtime for w in was]),
    )


def _test(conn: store.Connection, session_id: str, now: datetime) -> Tested | None:
    """None for a session that is not over, of which we know too little, or that was too big."""
    session = store.get_session(conn, session_id)
    visits = store.waits.visits_of_line(conn, session_id)
    here = any(v.came and v.ended_at is None for v in visits)
    if session is None or here or now < session.ends_at:
        return None
    plan = read_plan(conn, [session], now)
    steps = store.visits.moves_of_queue(conn, session_id)
    happened = _happened(visits, session, steps, store.waits.ended_by_clock(conn, session_id))
    if happened is None or plan.day.patients > MOST_PATIENTS:
        return None
    # each session its own luck: one for all would put all bands as much too high, or too low
    seed = crc32(session_id.encode())
    days = simulate(plan.day, Luck.draw(plan.day.appointments, plan.day.streams, RUNS, seed))
    p90 = daily_p90(days)
    if not p90.size:
        return None
    low, middle, high = np.quantile(p90, [0.1, 0.5, 0.9], method="weibull").tolist()
    found = outcome(days)
    said = Figures(found.seen, middle, found.overtime)
    return Tested(session, len(plan.day.doctors), said, (low, high), happened)


def _happened(
    visits: Sequence[DayVisit], session: SessionFacts, steps: Sequence[KeptStep], by_clock: Collection[str]
) -> Figures | None:
    """None if nobody was called. A wait ends when she is seen for the first time; who left uncalled counts for as long as she waited.
    Who was ended `by_clock` has left at any time: the day's end is when the last of the others did.
    """
    called: list[float] = []
    left: list[float] = []
    for v in visits:
        if v.checked_in_at is None:
            continue
        due = v.checked_in_at if v.order_id is None else max(v.checked_in_at, v.starts_at)
        first = stays_of(v, [s for s in steps if s.visit_id == v.id], due.timestamp())[0]
        if first.called is not None:
            called.append(first.called)
        elif first.ended is not None:
            left.append(first.ended)
    p90 = observed.waits(called, left).p90
    if not called or p90 is None:
        return None
    ends = [v.ended_at for v in visits if v.called_at and v.ended_at and v.id not in by_clock]
    end = max(ends, default=session.ends_at)
    return Figures(len(called), p90, max((end - session.ends_at).total_seconds(), 0.0))
