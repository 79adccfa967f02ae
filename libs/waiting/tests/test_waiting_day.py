"""Simulated days, each looked at as a whole: Little's law, the order of the line, idle desks, and a plain loop beside them."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from haoyuan_waiting.day import Day, Days, Luck, Segment, simulate
from haoyuan_waiting.line import Punctuality, ServiceTime, Stream

DOCTOR, SLOW = ServiceTime(math.log(480.0), 0.5), ServiceTime(math.log(720.0), 0.3)
HOUR = 3600.0
SEEDS = range(30)
RUNS = 20


def a_day(chance: np.random.Generator) -> Day:
    """Some day, from an idle one to one with twice the patients that its doctors can see."""
    doctors = int(chance.integers(1, 5))
    booked = chance.integers(0, 5 * doctors, int(chance.integers(0, 8))).tolist()
    return Day(
        tuple(Segment(i * 1800.0, n) for i, n in enumerate(booked)),
        tuple((DOCTOR, SLOW)[i % 2] for i in range(doctors)),
        4 * HOUR,
        no_show=float(chance.uniform(0, 0.3)),
        punctuality=Punctuality(-300.0, 900.0, -1800.0),
        streams=(
            Stream(float(chance.uniform(0, 3)) / HOUR, 0.0, 3 * HOUR),
            Stream(float(chance.uniform(0, 1)) / HOUR, 7200.0, 4 * HOUR),
        ),
        by_segment=bool(chance.integers(2)),
        void_after=1800.0 if chance.integers(2) else None,
    )


def some(seed: int) -> tuple[Day, Luck, Days]:
    day = a_day(np.random.default_rng(seed))
    luck = Luck.draw(day.appointments, day.streams, RUNS, seed)
    return day, luck, simulate(day, luck)


def of_day(days: Days, row: int) -> list[tuple[float, float, float, int]]:
    """(came, called, left, desk) of those who came, by when they were called."""
    columns = (days.came[row], days.called[row], days.left[row], days.desk[row])
    each = zip(*(column.tolist() for column in columns), strict=True)
    return sorted((visit for visit in each if visit[3] >= 0), key=lambda visit: visit[1])


def area_under_the_number_waiting(visits: list[tuple[float, float, float, int]]) -> float:
    """Watching the waiting room: a sum over time, that knows nobody's wait."""
    changes = sorted([(came, 1) for came, *_ in visits] + [(called, -1) for _, called, *_ in visits])
    area, waiting = 0.0, 0
    for (at, change), (until, _) in pairwise(changes):
        waiting += change
        area += waiting * (until - at)
    return area


@pytest.mark.parametrize("seed", SEEDS)
def test_littles_law_holds_in_every_simulated_day(seed):
    _, _, days = some(seed)
    for row in range(RUNS):
        visits = of_day(days, row)
        if not visits:
            continue
        begin, end = min(v[0] for v in visits), max(v[2] for v in visits)
        rate = len(visits) / (end - begin)
        mean_wait = sum(called - came for came, called, *_ in visits) / len(visits)
        mean_waiting = area_under_the_number_waiting(visits) / (end - begin)
        assert mean_waiting == pytest.approx(rate * mean_wait, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_comes_is_seen_once_and_no_desk_has_two_patients(seed):
    _, _, days = some(seed)
    assert (np.isfinite(days.came) == np.isfinite(days.called)).all()
    assert (np.isfinite(days.came) == (days.desk >= 0)).all()
    for row in range(RUNS):
        visits = of_day(days, row)
        for desk in {visit[3] for visit in visits}:
            mine = [visit for visit in visits if visit[3] == desk]
            assert all(before[2] <= after[1] for before, after in pairwise(mine))


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_waits_while_a_desk_is_free(seed):
    day, _, days = some(seed)
    for row in range(RUNS):
        visits = of_day(days, row)
        for came, called, *_ in visits:
            if called > max(came, 0.0):
                moment = (max(came, 0.0) + called) / 2
                assert sum(start <= moment < end for _, start, end, _ in visits) == len(day.doctors)


def plainly(day: Day, luck: Luck, row: int) -> list[float]:
    """The same day, written down as one would explain it; answers when each was called."""
    line: list[tuple[float, int, float, float]] = []  # place, who, came, effort
    who = 0
    for segment in day.segments:
        for _ in range(segment.appointments):
            late = max(day.punctuality.mean + day.punctuality.sd * luck.lateness[row, who], day.punctuality.earliest)
            sent_home = day.void_after is not None and late > day.void_after
            if luck.shows[row, who] >= day.no_show and not sent_home:
                came = segment.starts + late
                counted = segment.starts if day.by_segment and late <= day.grace else came
                line.append((counted - day.ahead, who, came, luck.effort[row, who]))
            who += 1
    for stream, (when, effort) in zip(day.streams, luck.streams, strict=True):
        for came, much in zip(when[row], effort[row], strict=True):
            if math.isfinite(came):
                line.append((came - stream.ahead, who, came, much))
            who += 1
    called = [math.inf] * who
    free = [0.0] * len(day.doctors)
    while line:
        desk = free.index(min(free))
        now = max(free[desk], min(came for _, _, came, _ in line))
        following = min(each for each in line if each[2] <= now)
        line.remove(following)
        called[following[1]] = now
        doctor = day.doctors[desk]
        free[desk] = now + math.exp(doctor.mu + doctor.sigma * following[3])
    return called


@pytest.mark.parametrize("seed", SEEDS)
def test_many_days_at_once_are_as_each_by_itself(seed):
    day, luck, days = some(seed)
    for row in range(0, RUNS, 5):
        assert days.called[row].tolist() == pytest.approx(plainly(day, luck, row))


def test_the_mean_wait_of_one_doctor_is_pollaczeks_and_khinchines():
    """M/G/1: Wq = rate * E[S^2] / (2 (1 - utilisation)). Long days, the first hours of which are not counted."""
    rate, service = 0.6 / math.exp(DOCTOR.mu + DOCTOR.sigma**2 / 2), DOCTOR
    second_moment = math.exp(2 * service.mu + 2 * service.sigma**2)
    day = Day((), (service,), 400 * HOUR, streams=(Stream(rate, 0.0, 400 * HOUR),))
    days = simulate(day, Luck.draw(0, day.streams, 60, 7))
    counted = np.isfinite(days.came) & (days.came > 20 * HOUR)
    waited = (days.called[counted] - days.came[counted]).mean()
    assert waited == pytest.approx(rate * second_moment / (2 * (1 - 0.6)), rel=0.03)


def test_an_emergency_passes_those_who_came_before_her_and_a_walk_in_does_not():
    one = ServiceTime(math.log(600.0), 0.0)
    day = Day((Segment(0.0, 5),), (one,), HOUR, streams=(Stream(1.0, 4 * HOUR, 1.0), Stream(1.0, 0.0, 1.0)))
    nothing = np.zeros((1, 5))
    luck = Luck(
        nothing + 0.5, nothing, nothing, tuple((np.array([[moment]]), np.zeros((1, 1))) for moment in (1.0, 0.5))
    )
    called = simulate(replace(day, punctuality=Punctuality(-60.0, 0.0)), luck).called[0].tolist()
    emergency, walk_in = called[5:]
    assert emergency == pytest.approx(600.0), "behind her who is with the doctor, before all others"
    assert walk_in == pytest.approx(6 * 600.0), "behind everybody"


def test_who_is_late_goes_by_when_she_came_and_who_is_too_late_goes_home():
    one = ServiceTime(math.log(600.0), 0.0)
    day = Day((Segment(0.0, 1), Segment(600.0, 5)), (one,), HOUR, punctuality=Punctuality(0.0, 1.0))
    on_time = np.zeros((1, 6))
    late = on_time.copy()
    late[0, 0] = 900.0
    luck = Luck(on_time + 0.5, late, on_time, ())
    assert simulate(day, luck).called[0, 0] == pytest.approx(600.0 + 5 * 600.0)
    assert simulate(replace(day, grace=901.0), luck).called[0, 0] == pytest.approx(1200.0), "not late by this rule"
    assert simulate(replace(day, void_after=800.0), luck).desk[0, 0] == -1


def test_nobody_is_let_in_before_the_doors_open():
    day = Day((Segment(HOUR, 8),), (DOCTOR,), HOUR, punctuality=Punctuality(-7200.0, 600.0, -1800.0))
    came = simulate(day, Luck.draw(8, (), RUNS, 1)).came
    assert came.min() == HOUR - 1800.0


@pytest.mark.parametrize("no_show", [0.0, 1.0])
def test_a_day_without_patients_is_a_day(no_show):
    segments = (Segment(0.0, 3),) if no_show else ()
    days = simulate(Day(segments, (DOCTOR,), HOUR, no_show=no_show), Luck.draw(len(segments) * 3, (), RUNS, 1))
    assert not np.isfinite(days.called).any()


def test_what_cannot_be_simulated_is_refused():
    day = Day((Segment(0.0, 3),), (), HOUR)
    with pytest.raises(ValueError, match="without a doctor"):
        simulate(day, Luck.draw(3, (), 1, 1))
    with pytest.raises(ValueError, match="another day"):
        simulate(replace(day, doctors=(DOCTOR,)), Luck.draw(2, (), 1, 1))
