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

from haoyuan_waiting import formulas, service
from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.service import Sample
from haoyuan_waiting.simulate import Estimate, waits

from bench.clinics import EMERGENCY_AHEAD, Clinic, Day, at_desks, day, durations, in_line

CERTAIN = 5.0
"""Seconds: where an interval is no wider, she is the first when the doors open, and there is nothing to guess. That does not count."""
DAYS = 150
DAYS_OF_A_WEEK = 5
"""After so many, other doctors come, and other earlier days."""
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
    arrivals: float
    mean: float


@dataclass(frozen=True)
class Moment:
    """A prediction and what came. `share`: the probability that was given to a wait of at most this.

    `steady`: what M/M/c says, the same to everybody; None: it refuses. `counted`: what it says of the line as it is.
    """

    waited: float
    told: Estimate
    share: float
    counted: Interval
    steady: Interval | None = None
    day: object = 0
    checked_in: bool = False

    @property
    def simulated(self) -> Interval:
        return self.told.low, self.told.high


def learn(days: Sequence[Day]) -> Known:
    """As booking-svc does, from what its rows say of these days."""
    clinic = days[0].clinic
    taken = durations(days)
    samples = [[Sample(seconds) for seconds in of_one] for of_one in taken]
    appointments = [one for each in days for one in each.appointments]
    after = [one.after for one in appointments if one.after is not None]
    kinds = [kind for each in days for kind in each.kinds.values()]
    urgent = [each.priority for each in days]
    calls = [call for each in days for call in each.calls]
    seconds = clinic.length * len(days)
    return Known(
        tuple(service.fit(own, [s for of_one in samples for s in of_one]) for own in samples),
        (len(after) + 1) / (len(appointments) + 2),
        Punctuality(statistics.fmean(after), statistics.stdev(after), -clinic.opens),
        kinds.count("walk_in") / seconds,
        kinds.count("emergency") / seconds,
        sum(map(len, urgent)) / max(len(kinds) - kinds.count("emergency"), 1),
        sum(not call.found for call in calls) / len(calls),
        len(kinds) / seconds,
        statistics.fmean(one for of_one in taken for one in of_one),
    )


def line_at(day: Day, known: Known, now: float) -> Line:
    """The queue at that moment, as booking-svc would see it."""
    clinic = day.clinic
    here = [Customer(key, place.at - now) for place, key in in_line(day, now)]
    came = {one.key for one in day.arrivals if one.came <= now}
    fifo = clinic.discipline == "fifo"
    ahead, urgent = clinic.ahead(priority=False), clinic.ahead(priority=True)
    expected = [
        Customer(
            one.key,
            one.segment - now - ahead,
            due_in=one.segment - now,
            comes=known.comes,
            late_after=-float("inf") if fifo else 0.0,
            late_place=-ahead,
            void_after=clinic.void_after,
        )
        for one in day.appointments
        if one.key not in came and now <= one.segment + clinic.void_after
    ]
    left = clinic.length - now
    return Line(
        tuple(
            Server(learnt, busy, free_in=max(-now, 0.0))
            for learnt, busy in zip(known.services, at_desks(day, now), strict=True)
        ),
        (*here, *expected),
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
    )


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
        if number % DAYS_OF_A_WEEK == 0:
            known = learn([day(clinic, luck) for _ in range(clinic.earlier)])
            interval = steady(known)
        today = day(clinic, luck)
        for now, key, checked_in in _moments(today, luck):
            moment = _moment(today, known, now, key, seed=len(found))
            moment = replace(moment, day=number, checked_in=checked_in, steady=interval)
            if moment.told.high - moment.told.low > CERTAIN:
                found.append(moment)
    return found


def _moments(day: Day, luck: random.Random) -> Iterator[tuple[float, str, bool]]:
    """When somebody checks in who cannot go in at once, and moments of the day at which somebody waits: some of both.

    What comes after a moment must not decide whether it is looked at: the ends of waits would be, more often than they happen.
    """
    for one in day.arrivals:
        if luck.random() < CHECK_INS and day.first[one.key] > one.came:
            yield one.came, one.key, True
    for _ in range(MOMENTS):
        now = luck.uniform(-day.clinic.opens, 1.5 * day.clinic.length)
        waiting = [key for _, key in in_line(day, now) if day.first[key] > now]
        if waiting:
            yield now, luck.choice(waiting), False


def _moment(day: Day, known: Known, now: float, key: str, seed: int) -> Moment:
    line = line_at(day, known, now)
    found = waits(line, seed=seed)
    told, waited = found.of(key), day.first[key] - now
    share = found.within(key, waited)
    if told is None or share is None:
        raise AssertionError(f"{key} waits, and is not in the line")
    return Moment(waited, told, share, counted(line, key, known.mean))


def holds(moment: Moment, interval: Interval | None) -> bool:
    return interval is not None and interval[0] <= moment.waited <= interval[1]


def coverage(moments: Sequence[Moment], held: Sequence[bool]) -> tuple[float, float]:
    """The share that held, and its standard error: whole days are drawn, since waits of one day go together."""
    share = sum(held) / len(held)
    by_day: dict[object, float] = {}
    for moment, one in zip(moments, held, strict=True):
        by_day[moment.day] = by_day.get(moment.day, 0.0) + one - share
    return share, math.sqrt(sum(off**2 for off in by_day.values())) / len(held)
