"""What was observed: people who still wait count, and an empty day says None."""

import math
from dataclasses import astuple
from statistics import mean, pvariance, stdev, variance

import numpy as np
import pytest
from haoyuan_waiting.formulas import mmc
from haoyuan_waiting.observed import Durations, Load, Stay, load, waits
from hypothesis import given
from hypothesis import strategies as st

# Weeks of remission under 6-MP: Freireich and others, Blood 21 (1963); its curve in Klein and Moeschberger, Survival Analysis, 4.2.
OVER = [6, 6, 6, 7, 10, 13, 16, 22, 23]
GOING_ON = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
CURVE = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_the_curve_is_that_of_the_textbook():
    found = waits(OVER, GOING_ON)
    assert (found.done, found.still, found.until, found.p50, found.p80, found.p90) == (9, 12, 35, 23, None, None)
    steps = [0, *CURVE, 35]
    area = sum((to - at) * share for at, to, share in zip(steps[:-1], steps[1:], [1, *CURVE.values()], strict=True))
    assert found.mean == pytest.approx(area, abs=0.02)


def test_an_empty_day_says_none():
    assert waits([], []) == Durations(0, 0, None, None, None, None, None)
    assert waits([math.nan], [math.inf]) == Durations(0, 0, None, None, None, None, None)
    assert load([], [], 0, 0) == Load(0, None, None, None, None, None, None, None)
    assert load([], [], 0, 3_600) == Load(0, 0.0, None, None, 0.0, 0.0, None, None)
    assert load([], [(0, None)], 0, 3_600).utilisation == 0.0


def test_nobody_called_yet_is_a_lower_bound():
    assert waits([], [60, 300]) == Durations(0, 2, 300, 300, None, None, None)


times_ = st.lists(st.floats(0, 1e5), max_size=30)


@given(times_.filter(bool))
def test_once_all_are_done_it_is_the_plain_average(done):
    found = waits(done, [])
    assert found.mean == pytest.approx(mean(done), rel=1e-9, abs=1e-9)
    for share, quantile in ((0.5, found.p50), (0.8, found.p80), (0.9, found.p90)):
        assert quantile == sorted(done)[math.ceil(round(share * len(done), 9)) - 1]


@given(st.lists(st.floats(), max_size=12), st.lists(st.floats(), max_size=12))
def test_whatever_was_recorded_nothing_is_nan(done, still):
    found = waits(done, still)
    assert all(value is None or (math.isfinite(value) and value >= 0) for value in astuple(found))
    assert found.done + found.still == sum(math.isfinite(t) for t in done + still)


@given(times_.filter(bool), times_)
def test_one_who_waits_for_longer_than_all_makes_it_longer(done, still):
    before, after = waits(done, still), waits(done, [*still, max(done + still) + 60])
    assert after.mean > before.mean
    assert after.p50 is None or after.p50 >= before.p50


def busy_day(seed: int, utilisation: float = 0.9, people: int = 1_500, doctors: int = 3) -> list[Stay]:
    """People come at random, and wait for one of the doctors in the order in which they came."""
    chance = np.random.default_rng(seed)
    free, stays = [0.0] * doctors, []
    arrivals = np.cumsum(chance.exponential(480 / doctors / utilisation, people))
    for arrived, takes in zip(arrivals.tolist(), chance.exponential(480, people).tolist(), strict=True):
        desk = free.index(min(free))
        called = max(free[desk], arrived)
        free[desk] = called + takes
        stays.append(Stay(arrived, called, free[desk]))
    return stays


def test_to_drop_those_who_still_wait_would_make_the_wait_seem_short():
    # Looked at ten minutes after its patients came: those who were called by then were called soon.
    waited = [s.called - s.arrived for seed in range(6) for s in busy_day(seed)]
    looks = np.random.default_rng(9).uniform(300, 5_400, len(waited))
    done = [w for w, look in zip(waited, looks, strict=True) if w <= look]
    still = [look for w, look in zip(waited, looks, strict=True) if w > look]
    found = waits(done, still)
    true = float(np.minimum(waited, found.until).mean())
    assert found.mean == pytest.approx(true, rel=0.05)
    assert found.p50 == pytest.approx(float(np.median(waited)), rel=0.05)
    assert sum(done) / len(done) < 0.75 * true


@given(st.data())
def test_little_holds_exactly_on_days_that_are_over(data):
    moments = st.integers(0, 30_000)
    stays = []
    for _ in range(data.draw(st.integers(1, 25))):
        arrived, called, ended = sorted(data.draw(st.tuples(moments, moments, moments)))
        stays.append(Stay(arrived, called if data.draw(st.integers(0, 9)) else None, ended))
    found = load(stays, [(0, None)], 0, 30_000)
    assert pytest.approx(found.arrival_rate * found.W, rel=1e-9) == found.L
    assert found.Lq == pytest.approx(found.arrival_rate * found.Wq, rel=1e-9)
    # By the clock: the average over time of how many are there.
    there = sum(((np.arange(30_000) >= s.arrived) & (np.arange(30_000) < s.ended)).astype(float) for s in stays)
    assert pytest.approx(there.mean()) == found.L


def test_long_days_are_what_their_model_says():
    # M/M/3 at 0.7: the means over 12 days, within four standard errors of them.
    days = [busy_day(seed, utilisation=0.7) for seed in range(12)]
    found = [load(day, [(0, None)] * 3, 0, day[-1].arrived) for day in days]
    steady = mmc(3 * 0.7 / 480, 1 / 480, 3)
    for name in ("utilisation", "L", "Lq", "W", "Wq"):
        observed = [getattr(day, name) for day in found]
        assert abs(mean(observed) - getattr(steady, name)) < 4 * stdev(observed) / math.sqrt(12)
    # The variance of the estimate of a Poisson process's 1 is 4 / n, by the delta method.
    assert abs(mean(day.arrivals_cv2 for day in found) - 1) < 4 * 2 / math.sqrt(12 * 1_500)


def test_a_day_that_is_not_over():
    stays = [
        Stay(0, 0, 600),
        Stay(100, 600, None),  # at the desk
        Stay(300),  # waits
        Stay(400, None, 700),  # left
        Stay(900, 2_000, 2_500),  # told of later than now
        Stay(1_500),  # not here yet
        Stay(-50, 0, 10),  # of before
    ]
    found = load(stays, [(0, None), (500, 800), (2_000, None)], 0, 1_000)
    assert found.arrived == 5
    assert found.arrival_rate == pytest.approx(5 / 1_000)
    assert found.utilisation == pytest.approx((600 + 400) / (1_000 + 300))
    assert pytest.approx((600 + 900 + 700 + 300 + 100) / 1_000) == found.L
    assert found.Lq == pytest.approx((0 + 500 + 700 + 300 + 100) / 1_000)
    assert found.Wq == pytest.approx(waits([0, 500, 300], [700, 100]).mean)
    assert pytest.approx(waits([600, 300], [900, 700, 100]).mean) == found.W


def test_a_clock_that_jumped_back_ends_nothing_before_it_began():
    found = load([Stay(500, 400, 300), Stay(100, 50, 700)], [], 0, 1_000)
    assert (found.Wq, found.W, found.utilisation) == (0, 300, 1)
    assert pytest.approx((0.6, 0)) == (found.L, found.Lq)


def test_a_desk_at_which_somebody_sits_is_open():
    assert load([Stay(0, 0, 900)], [(0, 300)], 0, 1_000).utilisation == 1


def test_the_variation_of_arrivals():
    even = load([Stay(at) for at in (0, 480, 960, 1_440, 1_920)], [], 0, 2_000)
    assert even.arrivals_cv2 == 0
    assert load([Stay(at) for at in (960, 0, 480)], [], 0, 2_000).arrivals_cv2 is None
    assert load([Stay(7)] * 9, [], 0, 2_000).arrivals_cv2 is None
    gaps = [10, 50, 400, 20]
    uneven = load([Stay(at) for at in np.cumsum([0, *gaps]).tolist()], [], 0, 2_000)
    assert uneven.arrivals_cv2 == pytest.approx(variance(gaps) / mean(gaps) ** 2)
    assert uneven.arrivals_cv2 != pytest.approx(pvariance(gaps) / mean(gaps) ** 2)
