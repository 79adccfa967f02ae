"""What is known of a day besides its patients: when the doors open, when a segment ends, how well its doctors are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from haoyuan_waiting.day import Day, Luck, Segment, simulate
from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.planner import daily_p90
from haoyuan_waiting.service import Sample, fit
from haoyuan_waiting.simulate import waits

HOUR = 3600.0
RUNS = 400
DAYS = 120


def test_nobody_comes_unannounced_before_the_doors_open():
    """Asked at eight of a session at six in the evening: ten hours of walk-ins would stand before her."""
    evening = (Server(ServiceTime(math.log(600), 1e-9), free_in=10 * HOUR),)
    her = (Customer("her", 9.5 * HOUR, due_in=10 * HOUR),)
    since_now = Line(evening, her, streams=(Stream(2 / HOUR, 0.0, 13 * HOUR),))
    since_open = Line(evening, her, streams=(Stream(2 / HOUR, 0.0, 13 * HOUR, since=9.5 * HOUR),))
    long, short = waits(since_now).of("her"), waits(since_open).of("her")
    assert long is not None
    assert short is not None
    assert long.mean > 11.5 * HOUR
    assert short.mean < 10.3 * HOUR


@pytest.mark.parametrize(("ends", "seen"), [(None, 0), (1800.0, 0), (4 * HOUR, 5)])
def test_who_may_come_all_morning_is_not_sent_home(ends, seen):
    late = Punctuality(mean=HOUR, sd=1e-6)
    day = Day((Segment(0.0, 5, ends),), (ServiceTime(5.0, 0.1),), 4 * HOUR, punctuality=late, void_after=1800.0)
    days = simulate(day, Luck.draw(5, (), 3, 1))
    assert np.isfinite(days.called).sum(axis=1).tolist() == [seen] * 3


def band(learnt_from: float) -> float:
    """How wide the 80 % band of a day's P90 is where a doctor is known from so many consultations."""
    doctor = ServiceTime(math.log(600), 0.5, learnt_from)
    day = Day(tuple(Segment(n * HOUR, 5) for n in range(4)), (doctor,), 4 * HOUR)
    low, high = np.quantile(daily_p90(simulate(day, Luck.draw(20, (), RUNS, 3))), [0.1, 0.9])
    return float(high - low)


def test_the_band_of_a_day_is_wider_where_its_doctor_is_hardly_known():
    assert band(8) > 1.3 * band(math.inf)
    assert band(1e6) == pytest.approx(band(math.inf), rel=0.02)


def test_the_band_holds_on_four_days_of_five():
    """Of doctors who differ, each known from twelve consultations."""
    chance, held = np.random.default_rng(4), {True: 0, False: 0}
    for n in range(DAYS):
        true = ServiceTime(math.log(420) + 0.2 * float(chance.standard_normal()), 0.55)
        seen = [Sample(float(x)) for x in np.exp(true.mu + true.sigma * chance.standard_normal(12))]
        day = Day(tuple(Segment(k * 1800.0, 4) for k in range(8)), (true,), 4 * HOUR, no_show=0.1)
        (was,) = daily_p90(simulate(day, Luck.draw(32, (), 1, DAYS + n)))
        for drawn in held:
            known = fit(seen, seen) if drawn else replace(fit(seen, seen), learnt_from=math.inf)
            days = simulate(replace(day, doctors=(known,)), Luck.draw(32, (), 100, n))
            low, high = np.quantile(daily_p90(days), [0.1, 0.9], method="weibull")
            held[drawn] += bool(low <= was <= high)
    assert 0.72 < held[True] / DAYS < 0.88
    assert held[False] / DAYS < 0.68


def test_what_is_believed_of_a_doctor_does_not_depend_on_who_else_is_there():
    """Else one doctor more would change the others, and a difference between plans were noise."""
    one, two = ServiceTime(6.0, 0.5, 10), ServiceTime(6.3, 0.5, 10)
    luck = Luck.draw(1, (), 20, 1)
    alone = simulate(Day((Segment(0.0, 1),), (one,), HOUR), luck)
    both = simulate(Day((Segment(0.0, 1),), (one, two), HOUR), luck)
    assert alone.left.tolist() == both.left.tolist()
