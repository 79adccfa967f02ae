"""How often the intervals hold: clinic days are simulated, waits in them predicted from what would be known then, and compared with what
came. bench.waits_report is the command.

The days are of bench.clinics, one event after the other in plain Python; of their parameters the predictions know nothing but what
earlier days of the same doctors show.
"""

import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from haoyuan_waiting import formulas, service, usual
from haoyuan_waiting.line import EXAMINATION, Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.service import Sample
from haoyuan_waiting.simulate import Estimate, waits

from bench.clinics import (
    EMERGENCY_AHEAD,
    Clinic,
    Day,
    at_desks,
    away,
    consultations,
    day,
    durations,
    examinations,
    in_line,
    waits_again,
)

CERTAIN = 5.0
"""Seconds: where an interval is no wider, she is the first when the doors open, and there is nothing to guess. That does not count."""
DAYS = 150
CHECK_INS = 0.15
"""Such a share of them is looked at."""
MOMENTS = 5
"""So many moments a day are."""
LEVEL = 0.8

Interval = tuple[float, float]
"""Seconds."""


@dataclass(frozen=True)
class Known:
    """What earlier days tell. Rates are per second; `mean`: seconds of a consultation."""

    services: tuple[ServiceTime, ...]
    comes: float
    punctuality: Punctuality
    walk_ins: float
    emergencies: float
    priority: float
    absent: float
    examined: float
    examination: ServiceTime
    second: float
    arrivals: float
    mean: float


@dataclass(frozen=True)
class Moment:
    """A prediction and what came. `share`: the probability that was given to a wait of at most this. Not `called`: she went home
    after `waited`, which was longer than she had been told.

    `steady`: what M/M/c says, the same to everybody; None: it refuses. `counted`: what it says of the line as it is.
    """

    waited: float
    told: Estimate
    share: float
    counted: Interval
    steady: Interval | None = None
    day: object = 0
    checked_in: bool = False
    called: bool = True

    @property
    def simulated(self) -> Interval:
        return self.told.low, self.told.high


def learn(days: Sequence[Day]) -> Known:
    """As booking-svc does, from what its rows say of these days: of so many visits and consultations, with what is usual."""
    clinic, taken, latest = days[0].clinic, durations(days), _latest(days)
    appointments = [one for each in latest for one in each.appointments]
    kinds = [kind for each in latest for kind in each.kinds.values()]
    calls = [call for each in latest for call in each.calls if not call.second]
    seen = sum(call.found for call in calls)
    watched = clinic.length * len(latest) + 3600 * usual.USUAL_HOURS
    rates = {kind: usual.USUAL_RATES[kind] * 3600 * usual.USUAL_HOURS for kind in ("walk_in", "priority", "emergency")}
    came = [one for one in appointments if one.after is not None]
    urgent, others = sum(len(each.priority) for each in latest), len(kinds) - kinds.count("emergency")
    examined = _share(sum(call.sent for call in calls), seen, usual.USUAL_EXAMINED)
    of_all = [Sample(seconds) for _, seconds in taken[-usual.OF_DEPARTMENT :]]
    return Known(
        tuple(
            service.fit([Sample(s) for desk, s in taken if desk == n][-usual.OF_DOCTOR :], of_all)
            for n in range(len(clinic.doctors))
        ),
        1 - _share(len(appointments) - len(came), len(appointments), usual.USUAL_NO_SHOW),
        _punctuality([one.after for one in came if one.after is not None], -clinic.opens),
        (kinds.count("walk_in") + rates["walk_in"] + rates["priority"]) / watched,
        (kinds.count("emergency") + rates["emergency"]) / watched,
        _share(urgent, others, usual.USUAL_RAISED),
        _share(len(calls) - seen, len(calls), usual.USUAL_ABSENT),
        examined if examined >= usual.LEAST_EXAMINED else 0.0,
        service.fit([], [Sample(seconds) for seconds in examinations(latest)], EXAMINATION),
        _second(latest),
        len(kinds) / (clinic.length * len(latest)),
        statistics.fmean(seconds for _, seconds in taken),
    )


def _latest(days: Sequence[Day]) -> list[Day]:
    """The last of them, of as many visits as booking-svc reads."""
    found: list[Day] = []
    visits = 0
    for one in reversed(days):
        if visits >= usual.MOST_VISITS:
            break
        found.append(one)
        visits += len(one.appointments) + sum(kind != "appointment" for kind in one.kinds.values())
    return found


def _share(some: int, of: int, usually: float) -> float:
    return (some + usual.WEIGHT * usually) / (of + usual.WEIGHT)


def _second(days: Sequence[Day]) -> float:
    """How long a second consultation takes of a first one."""
    usually, both = usual.WEIGHT * service.mean(service.PRIOR), consultations(days)
    first, second = sum(one for one, _ in both), sum(two for _, two in both)
    return (second + usually * usual.USUAL_SECOND) / (first + usually)


def _punctuality(after: Sequence[float], earliest: float) -> Punctuality:
    count, what = len(after) + usual.WEIGHT, usual.USUAL
    mean = (sum(after) + usual.WEIGHT * what.mean) / count
    squares = sum((x - mean) ** 2 for x in after) + usual.WEIGHT * (what.sd**2 + (what.mean - mean) ** 2)
    return Punctuality(mean, math.sqrt(squares / count), earliest)


def line_at(day: Day, known: Known, now: float) -> Line:
    """The queue at that moment, as booking-svc would see it."""
    clinic = day.clinic
    again = waits_again(day, now)
    here = [
        Customer(key, place.at - now, passes=_passes(day, now, key), returned=key in again, desk=again.get(key))
        for place, key in in_line(day, now)
    ]
    gone = [Customer(key, 0, away_for=now - call.until, desk=call.desk) for key, call in away(day, now).items()]
    fifo = clinic.discipline == "fifo"
    ahead, urgent = clinic.ahead(priority=False), clinic.ahead(priority=True)
    left = clinic.length - now
    return Line(
        tuple(
            Server(learnt, busy, max(-now, 0.0), returned)
            for learnt, (busy, returned) in zip(known.services, at_desks(day, now), strict=True)
        ),
        (*here, *gone, *_expected(day, known, now)),
        known.punctuality,
        (
            Stream(known.walk_ins * (1 - known.priority), 0.0, left),
            Stream(known.walk_ins * known.priority, urgent, left),
            Stream(known.emergencies, 0.0 if fifo else EMERGENCY_AHEAD, left),
        ),
        known.absent,
        clinic.absent_for,
        clinic.passed,
        known.priority,
        urgent - ahead,
        known.examined,
        known.examination,
        clinic.return_places,
        known.second,
    )


def _expected(day: Day, known: Known, now: float) -> list[Customer]:
    clinic = day.clinic
    came = {one.key for one in day.arrivals if one.came <= now}
    ahead = clinic.ahead(priority=False)
    return [
        Customer(
            one.key,
            one.segment - now - ahead,
            due_in=one.segment - now,
            comes=known.comes,
            late_after=-float("inf") if clinic.discipline == "fifo" else 0.0,
            late_place=-ahead,
            void_after=clinic.void_after,
        )
        for one in day.appointments
        if one.key not in came and now <= one.segment + clinic.void_after
    ]


def _passes(day: Day, now: float, key: str) -> int:
    return sum(call.key == key and not call.found for call in day.calls if call.until <= now)


def steady(known: Known) -> Interval | None:
    """The interval of M/M/c; None where it refuses: more come than can be seen."""
    try:
        queue = formulas.mmc(known.arrivals, 1 / known.mean, len(known.services))
    except formulas.Unstable:
        return None
    return queue.quantile((1 - LEVEL) / 2), queue.quantile((1 + LEVEL) / 2)


def counted(line: Line, key: str, mean: float) -> Interval:
    """The interval of M/M/c if all desks are busy and so many are before her: one call more than these, at the rate of all desks."""
    before = [customer.key for customer in line.customers if customer.due_in is None].index(key)
    opens = line.servers[0].free_in
    pace = mean / len(line.servers)
    low, high = (opens + pace * _erlang_quantile(before + 1, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return low, high


@cache
def _erlang_quantile(phases: int, share: float) -> float:
    """Of the sum of so many exponential times of mean 1. It exceeds x if fewer than that many Poisson events are in x."""
    low, high = 0.0, phases + 10 * phases**0.5 + 10
    while high - low > 1e-6:
        x = (low + high) / 2
        more = sum(math.exp(n * math.log(x) - x - math.lgamma(n + 1)) for n in range(phases))
        low, high = (x, high) if 1 - more < share else (low, x)
    return low


def study(clinic: Clinic, days: int, seed: int = 0) -> list[Moment]:
    """So many days of a clinic."""
    luck = random.Random(f"{clinic.key} {seed}")  # noqa: S311 - simulated patients need no secret
    found: list[Moment] = []
    for number in range(days):
        if number % clinic.week == 0:
            known = learn([day(clinic, luck) for _ in range(clinic.earlier)])
            interval = steady(known)
        today = day(clinic, luck)
        for now, key, checked_in in _moments(today, luck):
            moment = _moment(today, known, now, key, seed=len(found))
            if moment is not None and moment.told.high - moment.told.low > CERTAIN:
                found.append(replace(moment, day=number // clinic.week, checked_in=checked_in, steady=interval))
    return found


def _moments(day: Day, luck: random.Random) -> Iterator[tuple[float, str, bool]]:
    """When somebody checks in who cannot go in at once, and moments of the day at which somebody waits: some of both.

    What comes after a moment must not decide whether it is looked at: the ends of waits would be, more often than they happen.
    """
    for one in day.arrivals:
        if luck.random() < CHECK_INS and day.first.get(one.key, math.inf) > one.came:
            yield one.came, one.key, True
    for _ in range(MOMENTS):
        now = luck.uniform(-day.clinic.opens, 1.5 * day.clinic.length)
        waiting = [key for _, key in in_line(day, now) if day.first.get(key, math.inf) > now]
        if waiting:
            yield now, luck.choice(waiting), False


def _moment(day: Day, known: Known, now: float, key: str, seed: int) -> Moment | None:
    """None if she went home before her interval was over: nobody knows whether it would have held."""
    line = line_at(day, known, now)
    found = waits(line, seed=seed)
    told, called = found.of(key), key in day.first
    waited = (day.first[key] if called else next(one.leaves for one in day.arrivals if one.key == key)) - now
    share = found.within(key, waited)
    if told is None or share is None:
        raise AssertionError(f"{key} waits, and is not in the line")
    if not called and waited <= told.high:
        return None
    return Moment(waited, told, share, counted(line, key, known.mean), called=called)


def holds(moment: Moment, interval: Interval | None) -> bool:
    return interval is not None and interval[0] <= moment.waited <= interval[1]


def coverage(moments: Sequence[Moment], held: Sequence[bool]) -> tuple[float, float]:
    """The share that held, and its standard error: whole weeks are drawn, since waits that were learnt of the same days go together."""
    share = sum(held) / len(held)
    by_day: dict[object, float] = {}
    for moment, one in zip(moments, held, strict=True):
        by_day[moment.day] = by_day.get(moment.day, 0.0) + one - share
    return share, math.sqrt(sum(off**2 for off in by_day.values())) / len(held)
