"""Clinics of the study of waits, and their days as they truly are: what bench.waits_study knows of them it learns from earlier days.

Times are seconds from the session's start.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from haoyuan_waiting.line import ServiceTime

from bench.plain import Arrival, Call, Place, Rules, play

Kind = Literal["appointment", "walk_in", "emergency"]


@dataclass(frozen=True)
class Clinic:
    """A session of so many `segments` with `a_segment` appointments each. People come `early` before their segment (mean, deviation), but
    a share of `late` comes up to an hour after it; `no_show` never comes. Rates are per hour. `ahead`: in a priority line, by how much
    earlier who is urgent by law, and who has an appointment, count as having come; `priority`: the share of the former.

    `earlier`: how many days there are to learn from.
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
    earlier: int = 20

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
        Arrival(key, came, Place(_at(clinic, kind, came, since, priority=key in priority), came, number))
        for number, (came, kind, key, since) in enumerate(sorted(let_in))
    ]
    rules = Rules(
        lambda desk: luck.lognormvariate(clinic.doctors[desk].mu, clinic.doctors[desk].sigma),
        lambda: luck.random() < clinic.absent,
        clinic.absent_for,
        clinic.passed,
    )
    calls = play(arrivals, [0.0] * len(clinic.doctors), rules)
    first: dict[str, float] = {}
    for call in calls:
        first.setdefault(call.key, call.at)
    kinds = {key: kind for _, kind, key, _ in let_in}
    return Day(clinic, tuple(appointments), tuple(arrivals), kinds, tuple(calls), priority, first)


def _appointment(clinic: Clinic, key: str, segment: float, luck: random.Random) -> Coming:
    if luck.random() < clinic.no_show:
        return Coming(key, segment, None)
    after = luck.uniform(0, 3600) if luck.random() < clinic.late else luck.gauss(-clinic.early[0], clinic.early[1])
    return Coming(key, segment, max(after, -clinic.opens))


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
    line = {one.key: one.place for one in day.arrivals if one.came <= now}
    for call in day.calls:
        if call.at > now:
            break
        line.pop(call.key, None)
        if call.put is not None and call.until <= now:
            line[call.key] = call.put
    return sorted((place, key) for key, place in line.items())


def at_desks(day: Day, now: float) -> list[float | None]:
    """Since how long each desk has been busy; None: it is free."""
    busy: list[float | None] = [None] * len(day.clinic.doctors)
    for call in day.calls:
        if call.at <= now < call.until:
            busy[call.desk] = now - call.at
    return busy


def durations(days: Sequence[Day]) -> list[list[float]]:
    """Seconds of all consultations, by doctor."""
    taken: list[list[float]] = [[] for _ in days[0].clinic.doctors]
    for one in days:
        for call in one.calls:
            if call.found:
                taken[call.desk].append(call.until - call.at)
    return taken
