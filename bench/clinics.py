"""Clinics of the study of waits, and their days as they truly are: what bench.waits_study knows of them it learns from earlier days.

Times are seconds from the session's start.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from haoyuan_waiting.line import ServiceTime

from bench.plain import Arrival, Call, Place, Return, Rules, play

Kind = Literal["appointment", "walk_in", "emergency"]


X_RAY = ServiceTime(math.log(1500) - 0.045, 0.3)
"""25 minutes on average, until she is back."""


@dataclass(frozen=True)
class Clinic:
    """A session of so many `segments` with `a_segment` appointments each. People come `early` before their segment (mean, deviation), but
    a share of `late` comes up to an hour after it; `no_show` never comes. Rates are per hour. `ahead`: in a priority line, by how much
    earlier who is urgent by law, and who has an appointment, count as having come; `priority`: the share of the former.

    `leaves`: the share that goes home if not called within a time, up to an hour, of which nobody knows. `examined`: the share that is sent
    to an examination, which takes as long as `examination`. `earlier`: how many days there are to learn from;
    after a `week` of days other doctors come, and other earlier days.
    """

    key: str
    name: str
    doctors: tuple[ServiceTime, ...]
    segments: int
    a_segment: int
    no_show: float
    early: tuple[float, float] = (720.0, 480.0)
    late: float = 0.1
    priority: float = 0.05
    walk_ins: float = 2.0
    emergencies: float = 0.3
    absent: float = 0.04
    passed: tuple[int, ...] = (2, 2)
    discipline: Literal["fifo", "priority"] = "priority"
    segment: float = 1800.0
    opens: float = 1800.0
    void_after: float = 1800.0
    absent_for: float = 60.0
    leaves: float = 0.02
    examined: float = 0.0
    examination: ServiceTime = X_RAY
    return_places: int = 2
    second: float = 1.0
    earlier: int = 20
    week: int = 5

    @property
    def length(self) -> float:
        return self.segments * self.segment

    def ahead(self, *, priority: bool) -> float:
        if self.discipline == "fifo":
            return 0.0
        return 3600.0 if priority else 1800.0


EMERGENCY_AHEAD = 4 * 3600.0

CLINICS = (
    Clinic(
        "general",
        "Internal medicine: 2 doctors",
        (ServiceTime(5.75, 0.6), ServiceTime(5.9, 0.5)),
        7,
        8,
        0.1,
        walk_ins=3,
    ),
    Clinic(
        "children",
        "Paediatrics: 3 doctors, emergencies, many walk-ins",
        (ServiceTime(5.8, 0.7), ServiceTime(5.9, 0.55), ServiceTime(6.0, 0.6)),
        8,
        9,
        0.08,
        walk_ins=6,
        emergencies=1.0,
        priority=0.1,
    ),
    Clinic(
        "expert",
        "A well-known expert: 1 doctor, overbooked",
        (ServiceTime(6.05, 0.55),),
        8,
        4,
        0.03,
        early=(1200.0, 600.0),
        late=0.04,
        walk_ins=0.5,
        emergencies=0.1,
    ),
    Clinic(
        "bones",
        "Orthopaedics: 1 doctor, first come first served, many stay away, are late or not there when called",
        (ServiceTime(5.9, 0.65),),
        7,
        4,
        0.2,
        late=0.2,
        absent=0.1,
        walk_ins=1.5,
        emergencies=0.2,
        discipline="fifo",
        passed=(2, 5, 0),
    ),
    Clinic(
        "new",
        "Women's health: 2 doctors in their second day, a third with priority",
        (ServiceTime(5.75, 0.5), ServiceTime(6.1, 0.65)),
        7,
        7,
        0.12,
        priority=0.33,
        walk_ins=2,
        earlier=1,
        week=1,
    ),
    Clinic(
        "chest",
        "Chest medicine: 3 doctors, who send a fifth to an X-ray of 25 minutes",
        (ServiceTime(5.8, 0.55), ServiceTime(5.95, 0.5), ServiceTime(5.9, 0.6)),
        8,
        8,
        0.1,
        walk_ins=3,
        examined=0.2,
        second=0.7,
    ),
)


@dataclass(frozen=True)
class Coming:
    """One with an appointment. `after` her segment's start; None: she never came."""

    key: str
    segment: float
    after: float | None


@dataclass(frozen=True)
class Day:
    """What happened. `kinds`: of everybody who was let in."""

    clinic: Clinic
    appointments: tuple[Coming, ...]
    arrivals: tuple[Arrival, ...]
    kinds: dict[str, Kind]
    calls: tuple[Call, ...]
    returns: tuple[Return, ...]
    priority: frozenset[str]
    """Who was urgent by law."""
    first: dict[str, float]
    """When each was first called."""


def day(clinic: Clinic, luck: random.Random) -> Day:
    """One, by the rule of places that booking-svc keeps."""
    appointments = [
        _appointment(clinic, f"{n}.{m}", n * clinic.segment, luck)
        for n in range(clinic.segments)
        for m in range(clinic.a_segment)
    ]
    let_in: list[tuple[float, Kind, str, float]] = [
        (one.segment + one.after, "appointment", one.key, one.segment)
        for one in appointments
        if one.after is not None and one.after <= clinic.void_after
    ]
    for kind, rate in (("walk_in", clinic.walk_ins), ("emergency", clinic.emergencies)):
        came = luck.expovariate(rate / 3600)
        while came < clinic.length:
            let_in.append((came, "walk_in" if kind == "walk_in" else "emergency", f"{kind} {len(let_in)}", came))
            came += luck.expovariate(rate / 3600)
    priority = frozenset(key for _, kind, key, _ in let_in if kind != "emergency" and luck.random() < clinic.priority)
    arrivals = [
        Arrival(
            key,
            came,
            Place(_at(clinic, kind, came, since, priority=key in priority), came, number),
            came + luck.uniform(0, 3600) if luck.random() < clinic.leaves else math.inf,
        )
        for number, (came, kind, key, since) in enumerate(sorted(let_in))
    ]
    calls, returns = play(arrivals, [0.0] * len(clinic.doctors), _rules(clinic, luck))
    first: dict[str, float] = {}
    for call in calls:
        first.setdefault(call.key, call.at)
    kinds = {key: kind for _, kind, key, _ in let_in}
    return Day(clinic, tuple(appointments), tuple(arrivals), kinds, tuple(calls), tuple(returns), priority, first)


def _rules(clinic: Clinic, luck: random.Random) -> Rules:
    return Rules(
        lambda desk: luck.lognormvariate(clinic.doctors[desk].mu, clinic.doctors[desk].sigma),
        lambda: luck.random() < clinic.absent,
        clinic.absent_for,
        clinic.passed,
        lambda: _examination(clinic, luck),
        clinic.return_places,
        clinic.second,
    )


def _appointment(clinic: Clinic, key: str, segment: float, luck: random.Random) -> Coming:
    if luck.random() < clinic.no_show:
        return Coming(key, segment, None)
    after = luck.uniform(0, 3600) if luck.random() < clinic.late else luck.gauss(-clinic.early[0], clinic.early[1])
    return Coming(key, segment, max(after, -clinic.opens))


def _examination(clinic: Clinic, luck: random.Random) -> float:
    """Seconds; 0: none."""
    if not clinic.examined or luck.random() >= clinic.examined:
        return 0.0
    return luck.lognormvariate(clinic.examination.mu, clinic.examination.sigma)


def _at(clinic: Clinic, kind: Kind, came: float, segment: float, *, priority: bool) -> float:
    """From when she counts as waiting: appointments that are in time from their segment, everybody else from when she came."""
    if kind == "emergency":
        return came - (0.0 if clinic.discipline == "fifo" else EMERGENCY_AHEAD)
    if kind == "walk_in":
        return came - (clinic.ahead(priority=True) if priority else 0.0)
    in_time = clinic.discipline == "priority" and came <= segment
    return (segment if in_time else came) - clinic.ahead(priority=priority)


def in_line(day: Day, now: float) -> list[tuple[Place, str]]:
    """Who waits at that moment, in order."""
    line = {one.key: one.place for one in day.arrivals if one.came <= now < one.leaves}
    for call in day.calls:
        if call.at > now:
            break
        line.pop(call.key, None)
        if call.put is not None and call.until <= now:
            line[call.key] = call.put
    line |= {one.key: one.place for one in _returned(day, now).values()}
    return sorted((place, key) for key, place in line.items())


def _returned(day: Day, now: float) -> dict[str, Return]:
    """Who has come back and waits."""
    seen = {call.key for call in day.calls if call.second and call.at <= now}
    return {one.key: one for one in day.returns if one.at <= now and one.key not in seen}


def waits_again(day: Day, now: float) -> dict[str, int]:
    """Who has come back from an examination and waits, and for which desk."""
    return {key: one.desk for key, one in _returned(day, now).items()}


def away(day: Day, now: float) -> dict[str, Call]:
    """Who is at an examination, and the call after which she was sent there."""
    back = {one.key for one in day.returns if one.at <= now}
    return {call.key: call for call in day.calls if call.sent and call.until <= now and call.key not in back}


def at_desks(day: Day, now: float) -> list[tuple[float | None, bool]]:
    """Since how long each desk has been busy (None: it is free), and whether who is there has come back."""
    busy: list[tuple[float | None, bool]] = [(None, False)] * len(day.clinic.doctors)
    for call in day.calls:
        if call.at <= now < call.until:
            busy[call.desk] = now - call.at, call.second
    return busy


def durations(days: Sequence[Day]) -> list[tuple[int, float]]:
    """The doctor, and the seconds, of all first consultations, the oldest first."""
    found = [call for one in days for call in one.calls if call.found and not call.second]
    return [(call.desk, call.until - call.at) for call in found]


def consultations(days: Sequence[Day]) -> list[tuple[float, float]]:
    """Seconds of the first and of the second one, of all who came back."""
    took: dict[tuple[int, str], dict[bool, float]] = {}
    for n, one in enumerate(days):
        back = {each.key for each in one.returns}
        for call in one.calls:
            if call.found and call.key in back:
                took.setdefault((n, call.key), {})[call.second] = call.until - call.at
    return [(both[False], both[True]) for both in took.values()]


def examinations(days: Sequence[Day]) -> list[float]:
    """Seconds of all."""
    ends = [{call.key: call.until for call in one.calls if call.sent} for one in days]
    return [one.at - until[one.key] for day, until in zip(days, ends, strict=True) for one in day.returns]
