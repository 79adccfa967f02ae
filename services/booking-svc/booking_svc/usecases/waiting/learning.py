"""What a department's past says of its days to come. Where it says little, what is usual counts for as much as `WEIGHT` visits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from common.clock import SHANGHAI
from common.messages import ClinicRules, VisitClass
from haoyuan_waiting.line import EXAMINATION, Punctuality, ServiceTime, Stream
from haoyuan_waiting.service import MOST_SECONDS, PRIOR, Sample, fit, mean
from haoyuan_waiting.usual import (
    LEAST_EXAMINED,
    MOST_VISITS,
    OF_DEPARTMENT,
    OF_DOCTOR,
    USUAL,
    USUAL_ABSENT,
    USUAL_EXAMINED,
    USUAL_HOURS,
    USUAL_NO_SHOW,
    USUAL_RAISED,
    USUAL_RATES,
    USUAL_SECOND,
    WEIGHT,
)

from booking_svc import store
from booking_svc.clinic.line import ahead
from booking_svc.clinic.visits import ENDED, Move, VisitState
from booking_svc.store.waits import DayVisit

LOOK_BACK = timedelta(days=28)
ABSENT_FOR = 60.0
"""Seconds that a call costs to which nobody comes."""
_LATEST = 7200.0
_LEAST_SPREAD = 120.0


@dataclass(frozen=True, slots=True)
class Manners:
    """How a department's patients are: the share that does not come though booked, when they come, the share of calls to which
    nobody answers, the share of those with an appointment who get a higher class when they come, and how many come unannounced,
    by class and per second. `visits`: from how many that is known. `examined`: the share of those seen who are sent to an
    examination and come back, which takes so long, and after which a consultation takes `second` times as long as a first one.
    """

    no_show: float
    punctuality: Punctuality
    absent: float
    raised: float
    rates: Mapping[VisitClass, float]
    visits: int
    examined: float = 0.0
    examination: ServiceTime = EXAMINATION
    second: float = USUAL_SECOND

    def streams(self, rules: ClinicRules, until: float, since: float = 0.0) -> tuple[Stream, ...]:
        """Who may come unannounced, from `since` seconds until `until` seconds from now."""
        if until <= since:
            return ()
        rates = {c: rate for c, rate in self.rates.items() if rate > 0}
        return tuple(Stream(rate, ahead(rules, c).total_seconds(), until, since) for c, rate in rates.items())


def manners(conn: store.Connection, department_id: str, rules: ClinicRules, now: datetime) -> Manners:
    """As they were in the days before that of `now`: of those who are booked for today it is not known yet who stays away."""
    today = datetime.combine(now.astimezone(SHANGHAI), time(), SHANGHAI)
    visits = store.waits.visits_of_days(conn, department_id, today - LOOK_BACK, today, MOST_VISITS)
    examined = store.waits.examinations(conn, department_id, today - LOOK_BACK, today, MOST_VISITS)
    going_on = {v.queue_id for v in visits if v.state not in ENDED}  # past midnight
    return manners_of([v for v in visits if v.queue_id not in going_on], examined, rules)


def manners_of(
    visits: Sequence[DayVisit], examined: Mapping[str, Sequence[tuple[Move, datetime]]], rules: ClinicRules
) -> Manners:
    """From these visits, from what happened to those of them who were examined, and what is usual."""
    # who does not come back has been seen, and is done
    sent = [examined[v.id] for v in visits if v.id in examined]
    back = [moves for moves in sent if any(move == Move.COME_BACK for move, _ in moves)]
    seen = sum(v.state == VisitState.DONE for v in visits)
    away, second = _again(back)
    booked = [v for v in visits if v.order_id is not None and (v.came or v.state == VisitState.MISSED)]
    missed = sum(not v.came for v in booked)
    raised = sum(v.came and v.visit_class != "appointment" for v in booked)
    calls, passes = sum(v.calls for v in visits), sum(min(v.passes, v.calls) for v in visits)
    return Manners(
        no_show=(missed + WEIGHT * USUAL_NO_SHOW) / (len(booked) + WEIGHT),
        punctuality=_punctuality(booked, rules),
        absent=(passes + WEIGHT * USUAL_ABSENT) / (calls + WEIGHT),
        raised=(raised + WEIGHT * USUAL_RAISED) / (len(booked) - missed + WEIGHT),
        rates=_rates(visits),
        visits=len(visits),
        examined=_share_examined(len(back), seen),
        examination=fit([], [Sample(seconds) for seconds in away], EXAMINATION),
        second=second,
    )


def _share_examined(examined: int, seen: int) -> float:
    share = min((examined + WEIGHT * USUAL_EXAMINED) / (seen + WEIGHT), 1.0)
    return share if share >= LEAST_EXAMINED else 0.0


def _again(back: Iterable[Sequence[tuple[Move, datetime]]]) -> tuple[list[float], float]:
    """How long they were away, and how long a second consultation takes of a first one. What took hours, nobody has ended."""
    away: list[float] = []
    first = WEIGHT * mean(PRIOR)
    second = first * USUAL_SECOND
    for moves in back:
        took: dict[tuple[Move, Move], float] = {}
        for (before, since), (move, at) in pairwise(moves):
            took.setdefault((before, move), (at - since).total_seconds())
        away.append(took[Move.SEND_AWAY, Move.COME_BACK])
        sent, done = took.get((Move.CALL, Move.SEND_AWAY)), took.get((Move.CALL, Move.FINISH))
        if sent is not None and done is not None and max(sent, done) < MOST_SECONDS:
            first, second = first + sent, second + done
    return away, second / first


def _punctuality(booked: Iterable[DayVisit], rules: ClinicRules) -> Punctuality:
    earliest = -60.0 * rules.early_minutes
    late = [(v.checked_in_at - v.starts_at).total_seconds() for v in booked if v.checked_in_at is not None]
    late = [min(max(seconds, earliest), _LATEST) for seconds in late]
    count = len(late) + WEIGHT
    mean = (sum(late) + WEIGHT * USUAL.mean) / count
    spread = sum((x - mean) ** 2 for x in late) + WEIGHT * (USUAL.sd**2 + (USUAL.mean - mean) ** 2)
    return Punctuality(mean, max((spread / count) ** 0.5, _LEAST_SPREAD), earliest)


def _rates(visits: Sequence[DayVisit]) -> dict[VisitClass, float]:
    """How long each line was looked at: from its first segment until its last call. (Who never came is ended by the clock, hours
    later.)
    """
    spans: dict[str, tuple[datetime, datetime]] = {}
    for v in visits:
        begin, end = spans.get(v.queue_id, (v.starts_at, v.starts_at))
        spans[v.queue_id] = min(begin, v.starts_at), max(end, v.called_at or v.starts_at)
    seconds = sum((end - begin).total_seconds() for begin, end in spans.values()) + 3600 * USUAL_HOURS
    came = [v.visit_class for v in visits if v.order_id is None]
    return {c: (came.count(c) + rate * 3600 * USUAL_HOURS) / seconds for c, rate in USUAL_RATES.items()}


def service_times(
    conn: store.Connection,
    department_id: str,
    doctor_ids: Iterable[str],
    now: datetime,
    going_on: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, ServiceTime]:
    """By doctors, and under "" what is to be expected of another one of the department. `going_on`: for how long those have been
    at the desks of each doctor who are there now.
    """
    of_all = [Sample(s) for s in store.waits.consultations_of_department(conn, department_id, now, OF_DEPARTMENT)]
    found = {"": fit([], of_all)}
    for doctor_id in sorted(set(doctor_ids)):
        own = [Sample(s) for s in store.waits.consultations_of_doctor(conn, doctor_id, now, OF_DOCTOR)]
        still = [Sample(s, over=False) for s in (going_on or {}).get(doctor_id, ())]
        found[doctor_id] = fit([*own, *still], of_all)
    return found
