"""What one more doctor would change, on a session that was, or will be, or might be.

A plan is made of what is known the day before: who is booked, and what the department's days were like until then.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from common.clock import SHANGHAI
from common.errors import Invalid, NotFound
from common.messages import ClinicRules, SessionFacts
from common.outbox import Database
from haoyuan_waiting import planner
from haoyuan_waiting.day import Day, Segment
from haoyuan_waiting.line import Punctuality, ServiceTime
from haoyuan_waiting.planner import Compared, Staffing
from haoyuan_waiting.service import of_mean

from booking_svc import store
from booking_svc.clinic.line import ahead
from booking_svc.clinic.staff import Staff
from booking_svc.usecases.waiting.learning import Manners, manners, service_times

Period = Literal["morning", "afternoon", "evening"]

MOST_PATIENTS = 400
MOST_WORK = 300_000_000
"""Runs, times patients, times patients and doctors as they weigh, summed over all plans: about a second of one processor."""
DOCTOR_WEIGHS = 15
"""So many patients: to look for the desk that is free, and at what each has done, as it was measured."""
SEARCHED = 6
"""So many plans are tried at most to find the fewest doctors of thirty: halving."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A day as it is planned. `more`: how another doctor of the department works; `sessions`: whose patients these are; `visits`:
    from how many of the past its patients' manners are known.
    """

    day: Day
    more: ServiceTime
    sessions: Sequence[str] = ()
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """A plan in numbers: minutes, shares, per hour. `segments`: (minutes from the beginning, appointments)."""

    segments: Sequence[tuple[float, int]]
    minutes: float
    doctors: int
    service_minutes: float
    service_cv: float
    no_show: float
    late_minutes: float
    late_spread_minutes: float
    walk_ins: float
    priority: float
    emergencies: float
    discipline: Literal["fifo", "priority"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """What would be otherwise; None: as in the base. A longer session without `segments` of its own has those of the base, stretched;
    who comes unannounced comes as before.
    """

    name: str
    doctors: int | None = None
    minutes: float | None = None
    segments: Sequence[tuple[float, int]] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """`target`: seconds that P90 should be below, if the fewest doctors for it are wanted, of at most `most`."""

    alternatives: Sequence[Alternative]
    target: float | None
    most: int
    runs: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`compared`: the base, then the alternatives."""

    plan: Plan
    compared: Sequence[Compared]
    staffing: Staffing | None


def what_if(plan: Plan, question: Question) -> Answer:
    """Simulate the base and the alternatives under the same luck. Raises Invalid for what would take too long."""
    days = [altered(plan, alternative) for alternative in question.alternatives]
    check_work(plan, days, question)
    staffing = None
    if question.target is not None:
        staffing = planner.smallest_staffing(
            plan.day, question.target, more=plan.more, most=question.most, runs=question.runs
        )
    return Answer(plan, planner.compare(plan.day, days, runs=question.runs), staffing)


def altered(plan: Plan, alternative: Alternative) -> Day:
    """The base's day, but for what the alternative says."""
    day = plan.day
    if alternative.doctors is not None:
        day = planner.staffed(day, alternative.doctors, plan.more)
    if alternative.minutes is not None:
        length = 60.0 * alternative.minutes
        longer = length / day.length
        stretched = tuple(
            Segment(s.starts * longer, s.appointments, None if s.ends is None else s.ends * longer)
            for s in day.segments
        )
        day = replace(day, length=length, segments=stretched)
    if alternative.segments is not None:
        day = replace(day, segments=_segments(alternative.segments, day.length))
    return day


def check_work(plan: Plan, days: Sequence[Day], question: Question) -> None:
    """Raises Invalid, naming what is too much."""
    if plan.day.patients > MOST_PATIENTS:
        raise _too_much("base", f"has {plan.day.patients:.0f} patients; {MOST_PATIENTS} at most")
    for number, day in enumerate(days):
        if day.patients > MOST_PATIENTS:
            raise _too_much(f"alternatives.{number}", f"has {day.patients:.0f} patients; {MOST_PATIENTS} at most")
    work = sum(_work(day.patients, len(day.doctors)) for day in (plan.day, *days))
    if question.target is not None:
        work += SEARCHED * _work(plan.day.patients, question.most)
    if work * question.runs > MOST_WORK:
        raise _too_much("runs", f"{int(MOST_WORK / work)} at most, for so many patients and plans")


def _work(patients: float, doctors: int) -> float:
    return patients * (patients + DOCTOR_WEIGHS * doctors)


def _too_much(field: str, message: str) -> Invalid:
    return Invalid("that would take too long", errors=[{"field": field, "message": message}])


# --- where plans come from -------------------------------------------------------------------------------------------


def plan_of_numbers(numbers: Numbers) -> Plan:
    """A day that nobody has planned yet, by the usual rules of the clinic day."""
    rules = ClinicRules(discipline=numbers.discipline)
    service = of_mean(60 * numbers.service_minutes, numbers.service_cv)
    known = Manners(
        numbers.no_show,
        Punctuality(60 * numbers.late_minutes, 60 * numbers.late_spread_minutes, -60.0 * rules.early_minutes),
        0.0,
        0.0,
        {
            "walk_in": numbers.walk_ins / 3600,
            "priority": numbers.priority / 3600,
            "emergency": numbers.emergencies / 3600,
        },
        0,
    )
    length = 60 * numbers.minutes
    day = _day(_segments(numbers.segments, length), [service] * numbers.doctors, length, known, rules)
    return Plan(day, service)


def plan_of_session(database: Database, staff: Staff, session_id: str) -> Plan:
    """A past or coming session. Raises NotFound(`session_not_found`) for what is not there or not of the caller's hospital."""
    with database.reading() as conn:
        session = store.get_session(conn, session_id)
        if session is None:
            raise NotFound("no such session", code="session_not_found")
        staff.check_hospital(session.hospital_id, "session_not_found")
        return read_plan(conn, [session], database.clock())


def plan_of_department(database: Database, staff: Staff, department_id: str, day: date, period: Period) -> Plan:
    """All sessions of a department in a period, as one line: what sharing it would be. Raises NotFound(`department_not_found`,
    `nothing_planned`).
    """
    begins = datetime.combine(day, time(), SHANGHAI)
    with database.reading() as conn:
        check_department(conn, staff, department_id)
        visits = store.waits.visits_of_days(conn, department_id, begins, begins + timedelta(days=1), MOST_PATIENTS * 4)
        known = [store.get_session(conn, session_id) for session_id in sorted({v.session_id for v in visits})]
        sessions = [s for s in known if s is not None and s.period == period]
        if not sessions:
            raise NotFound("nobody is booked there then", code="nothing_planned")
        return read_plan(conn, sessions, database.clock())


def check_department(conn: store.Connection, staff: Staff, department_id: str) -> None:
    """Raises NotFound(`department_not_found`) for one that nobody was booked for, and for another hospital's."""
    hospital_id = store.waits.hospital_of(conn, department_id)
    if hospital_id is None:
        raise NotFound("no such department", code="department_not_found")
    staff.check_hospital(hospital_id, "department_not_found")


def read_plan(conn: store.Connection, sessions: Sequence[SessionFacts], now: datetime) -> Plan:
    """Sessions as they were planned: by who was booked, and by what was known before they began."""
    first = sessions[0]
    begins, ends = min(s.starts_at for s in sessions), max(s.ends_at for s in sessions)
    known_at = min(begins, now)
    rules = store.queues.rules_in_force(conn, first.hospital_id, begins)
    learnt = manners(conn, first.department_id, rules, known_at)
    doctors = [doctor for s in sessions for doctor in _doctors(conn, s)]
    services = service_times(conn, first.department_id, doctors, known_at)
    booked = [segment for s in sessions for segment in store.waits.segments_booked(conn, s.session_id)]
    length = (ends - begins).total_seconds()
    # each session has its own walk-ins; together they come to one line
    together = replace(learnt, rates={c: rate * len(sessions) for c, rate in learnt.rates.items()})
    day = _day(_by_segment(booked, begins), [services[d] for d in doctors], length, together, rules)
    return Plan(day, services[""], [s.session_id for s in sessions], learnt.visits)


def _doctors(conn: store.Connection, session: SessionFacts) -> list[str]:
    """Who had a desk, or else whose session it is."""
    desks = store.queues.desks_of(conn, session.session_id).values()
    return sorted({desk.doctor_id for desk in desks}) or [session.doctor_id]


def _by_segment(booked: Iterable[tuple[datetime, datetime]], begins: datetime) -> tuple[Segment, ...]:
    return tuple(
        Segment((starts_at - begins).total_seconds(), count, (ends_at - begins).total_seconds())
        for (starts_at, ends_at), count in sorted(Counter(booked).items())
    )


def _segments(given: Sequence[tuple[float, int]], length: float) -> tuple[Segment, ...]:
    """Each ends where the next one begins, the last with the session."""
    begin = sorted({60.0 * minutes for minutes, _ in given})
    ends = dict(zip(begin, [*begin, max([length, *begin])][1:], strict=True))
    return tuple(Segment(60.0 * minutes, appointments, ends[60.0 * minutes]) for minutes, appointments in given)


def _day(
    segments: tuple[Segment, ...], doctors: Sequence[ServiceTime], length: float, known: Manners, rules: ClinicRules
) -> Day:
    return Day(
        segments,
        tuple(doctors),
        length,
        known.no_show,
        known.punctuality,
        known.streams(rules, length),
        ahead(rules, "appointment").total_seconds(),
        60.0 * rules.grace_minutes,
        rules.discipline == "priority",
        60.0 * rules.late_minutes,
    )
