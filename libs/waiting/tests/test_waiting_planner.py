"""What one more doctor would change."""

import math
from dataclasses import replace

import numpy as np
import pytest
from haoyuan_waiting.day import Day, Luck, Segment, simulate
from haoyuan_waiting.line import ServiceTime, Stream
from haoyuan_waiting.planner import (
    Outcome,
    compare,
    daily_p90,
    errors,
    outcome,
    smallest_staffing,
    staffed,
    waits,
)

DOCTOR = ServiceTime(math.log(480.0), 0.5)
HOUR = 3600.0
BUSY = Day(
    tuple(Segment(i * 1800.0, 6) for i in range(8)),
    (DOCTOR, DOCTOR),
    4 * HOUR,
    no_show=0.1,
    streams=(Stream(4 / HOUR, 0.0, 4 * HOUR), Stream(0.5 / HOUR, 4 * HOUR, 4 * HOUR)),
)
FAST = 60
"""Runs: these tests are about what is compared, not about its last digit."""


def test_the_base_differs_from_itself_by_nothing():
    _, same = compare(BUSY, [BUSY], runs=FAST)
    assert same.wait is not None
    assert (same.wait.mean, same.wait.low, same.wait.high) == (0.0, 0.0, 0.0)
    assert same.overtime.mean == same.idle.mean == 0.0


def test_one_more_doctor_shortens_waits_and_overtime_and_idles_more():
    base, more = compare(BUSY, [staffed(BUSY, 3, DOCTOR)], runs=FAST)
    assert more.wait is not None
    assert more.wait.high < 0 < more.idle.low
    assert more.overtime.high < 0
    assert more.outcome.wait_p90 < base.outcome.wait_p90
    assert more.outcome.utilisation < base.outcome.utilisation
    assert more.outcome.seen == base.outcome.seen, "the same patients"


def test_a_difference_under_one_luck_is_known_better_than_under_two():
    """What common random numbers are for: as many days, and an interval that is several times as narrow."""
    slightly = replace(BUSY, doctors=(DOCTOR, ServiceTime(DOCTOR.mu - 0.02, DOCTOR.sigma)))
    together = compare(BUSY, [slightly], runs=FAST)[1].wait
    assert together is not None
    means = [
        np.nanmean(waits(simulate(day, Luck.draw(day.appointments, day.streams, FAST, seed))), axis=1)
        for day, seed in ((BUSY, 1), (slightly, 2))
    ]
    apart = 1.96 * math.sqrt(sum(mean.var(ddof=1) / FAST for mean in means))
    assert 3 * (together.high - together.low) < 2 * apart


def test_the_figures_of_a_day_that_can_be_done_by_hand():
    """Two come at 0 and one at 50 min, ten minutes each; the session is one of an hour. Nobody is early, nothing is left to chance."""
    sure = ServiceTime(math.log(600.0), 0.0)
    day = Day((Segment(0.0, 2), Segment(3300.0, 1)), (sure,), HOUR)
    zero = np.zeros((2, 3))
    luck = Luck(zero + 0.5, zero + 1.0, zero, ())  # mean -600, deviation 600: 1.0 is in time
    found = outcome(simulate(day, luck))
    assert found == Outcome(
        doctors=1,
        seen=3.0,
        wait_mean=pytest.approx(200.0),
        wait_p50=pytest.approx(0.0),
        wait_p90=pytest.approx(600.0),
        overtime=pytest.approx(300.0),
        overtime_p90=pytest.approx(300.0),
        idle=pytest.approx(3900.0 - 1800.0),
        utilisation=pytest.approx(1800.0 / 3900.0),
    )


def test_the_smallest_staffing_keeps_the_target_and_one_less_does_not():
    found = smallest_staffing(BUSY, 900.0, more=DOCTOR, most=12, runs=FAST)
    by_doctors = {tried.doctors: tried.wait_p90 for tried in found.tried}
    assert found.doctors is not None
    assert 1 < found.doctors < 12
    assert by_doctors[found.doctors] < 900.0 <= by_doctors[found.doctors - 1]
    assert [tried.doctors for tried in found.tried] == sorted(by_doctors)
    assert found.best.doctors == 12


def test_the_target_itself_is_not_below_the_target():
    fewest = smallest_staffing(BUSY, 900.0, more=DOCTOR, most=12, runs=FAST)
    reached = next(tried.wait_p90 for tried in fewest.tried if tried.doctors == fewest.doctors)
    assert reached is not None
    assert smallest_staffing(BUSY, reached, more=DOCTOR, most=12, runs=FAST).doctors == (fewest.doctors or 0) + 1
    assert smallest_staffing(BUSY, reached + 1e-6, more=DOCTOR, most=12, runs=FAST).doctors == fewest.doctors


def test_it_is_said_plainly_when_no_staffing_does():
    found = smallest_staffing(BUSY, 900.0, more=DOCTOR, most=2, runs=FAST)
    assert found.doctors is None
    assert (found.most, found.best.doctors) == (2, 2)
    assert found.best.wait_p90 is not None
    assert found.best.wait_p90 >= 900.0


@pytest.mark.parametrize("most", [1, 4])
def test_one_doctor_is_enough_for_nobody(most):
    nobody = Day((), (DOCTOR,), HOUR)
    found = smallest_staffing(nobody, 1.0, more=DOCTOR, most=most, runs=FAST)
    assert found.doctors == 1
    assert (found.best.wait_p90, found.best.wait_mean, found.best.utilisation) == (None, None, 0.0)


def test_an_empty_day_has_no_figures_that_are_no_numbers():
    nobody = Day((), (DOCTOR,), HOUR)
    base, other = compare(nobody, [staffed(nobody, 2, DOCTOR)], runs=FAST)
    assert base.wait is None
    assert other.wait is None
    assert other.overtime.mean == 0.0
    assert base.outcome.idle == HOUR
    assert daily_p90(simulate(nobody, Luck.draw(0, (), FAST, 1))).size == 0
    assert compare(nobody, [], runs=1)[0].overtime.low == 0.0


def test_more_doctors_never_lengthen_a_line_of_first_come_first_served():
    first_come = replace(BUSY, by_segment=False, ahead=0.0, streams=(Stream(4 / HOUR, 0.0, 4 * HOUR),))
    plans = compare(first_come, [staffed(first_come, n, DOCTOR) for n in range(1, 7)], runs=FAST)
    p90 = [plan.outcome.wait_p90 for plan in plans[1:]]
    assert p90 == sorted(p90, reverse=True)


def test_other_segments_under_the_same_patients():
    """All at once is worse than spread; an alternative may have more patients than the base."""
    at_once = replace(BUSY, segments=(Segment(0.0, 48),))
    more = replace(BUSY, segments=(*BUSY.segments, Segment(4 * HOUR, 20)))
    base, crowd, crowded = compare(BUSY, [at_once, more], runs=FAST)
    assert crowd.wait is not None
    assert crowd.wait.low > 0
    assert crowd.outcome.seen == base.outcome.seen < crowded.outcome.seen


def test_each_days_p90_is_that_of_its_own_waits():
    days = simulate(BUSY, Luck.draw(BUSY.appointments, BUSY.streams, 20, 3))
    each = [np.quantile(row[np.isfinite(row)], 0.9) for row in waits(days)]
    assert daily_p90(days).tolist() == pytest.approx(each)


def test_errors_of_forecasts():
    found = errors([10.0, 20.0], [8.0, 25.0], [(5.0, 9.0), (10.0, 24.0)])
    assert found is not None
    assert (found.days, found.bias, found.mean_absolute, found.within) == (2, -1.5, 3.5, 0.5)
    assert errors([], []) is None
