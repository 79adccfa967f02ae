"""Consultation times are learnt: from few data, from data that are not over, and from data with nonsense in them."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from haoyuan_waiting import service
from haoyuan_waiting.line import ServiceTime
from haoyuan_waiting.service import DEPARTMENT_WEIGHT, OWN_WEIGHT, PRIOR, Sample, fit, residual
from hypothesis import given
from hypothesis import strategies as st

NORMAL = NormalDist()
TRUE = ServiceTime(6.2, 0.5)
ERRORS = 4.0
"""So many standard errors are allowed: of a right estimate, one in 16,000 is further off. Seeds are fixed besides."""


def drawn(count: int, true: ServiceTime = TRUE, seed: int = 1) -> list[Sample]:
    logs = true.mu + true.sigma * np.random.default_rng(seed).standard_normal(count)
    return [Sample(seconds) for seconds in np.exp(logs).tolist()]


def known(true: ServiceTime) -> list[Sample]:
    """Many data which say exactly this."""
    quantiles = [(n + 0.5) / 20_000 for n in range(20_000)]
    return [Sample(math.exp(true.mu + true.sigma * NORMAL.inv_cdf(q))) for q in quantiles]


def test_nothing_known_is_the_prior_and_says_so():
    found = fit([], [])
    assert (found.mu, found.sigma) == (PRIOR.mu, PRIOR.sigma)
    assert found.learnt_from == pytest.approx(1 / (1 / OWN_WEIGHT + 1 / DEPARTMENT_WEIGHT))
    assert service.mean(PRIOR) == pytest.approx(480)
    assert service.cv2(PRIOR) == pytest.approx(0.36)


def test_known_parameters_are_found_again():
    found = fit(drawn(4_000), [])
    assert abs(found.mu - TRUE.mu) < ERRORS * TRUE.sigma / math.sqrt(4_000)
    assert abs(found.sigma - TRUE.sigma) < ERRORS * TRUE.sigma / math.sqrt(2 * 4_000)
    assert found.learnt_from == pytest.approx(4_000, rel=0.001)


def at_ten_past(desks: int, look: float = 1_200.0) -> list[Sample]:
    """What is seen of desks that began at 0 and called one after the other, when one looks `look` seconds later."""
    chance = np.random.default_rng(7)
    seen = []
    for _ in range(desks):
        began = 0.0
        while began < look:
            ends = began + math.exp(TRUE.mu + TRUE.sigma * chance.standard_normal())
            seen.append(Sample(min(ends, look) - began, over=ends < look))
            began = ends
    return seen


def test_those_that_go_on_count_and_to_drop_them_would_make_consultations_seem_short():
    seen = [s for s in at_ten_past(2_000) if s.seconds >= service.LEAST_SECONDS]
    assert 0.2 < sum(not s.over for s in seen) / len(seen) < 0.5
    found, biased = fit(seen, []), fit([s for s in seen if s.over], [])
    error = TRUE.sigma / math.sqrt(found.learnt_from)
    assert abs(found.mu - TRUE.mu) < ERRORS * error
    assert abs(found.sigma - TRUE.sigma) < ERRORS * error
    # Dropped, they make the mean a seventh too short: the long ones are those which one meets there.
    assert TRUE.mu - biased.mu > 2 * ERRORS * error
    assert service.mean(biased) < 0.88 * service.mean(TRUE)
    assert sum(s.over for s in seen) < found.learnt_from < len(seen)


def test_few_data_are_shrunk_to_the_department_and_many_are_not():
    department = known(TRUE)
    hers = ServiceTime(6.8, 0.4)
    found = [fit(drawn(count, hers), department) for count in (0, 4, 40, 4_000)]
    assert (found[0].mu, found[0].sigma) == pytest.approx((TRUE.mu, TRUE.sigma), abs=1e-3)
    assert found[0].mu < found[1].mu < found[2].mu < found[3].mu
    assert (found[3].mu, found[3].sigma) == pytest.approx((hers.mu, hers.sigma), abs=0.03)


def test_so_many_data_as_the_weight_stand_in_the_middle():
    found = fit([Sample(math.exp(6.6))] * int(OWN_WEIGHT), known(TRUE))
    assert found.mu == pytest.approx((TRUE.mu + 6.6) / 2, abs=1e-3)
    assert found.learnt_from == pytest.approx(2 * OWN_WEIGHT, rel=1e-3)
    alone = fit([], [Sample(math.exp(6.6))] * int(DEPARTMENT_WEIGHT))
    assert alone.mu == pytest.approx((PRIOR.mu + 6.6) / 2)


def test_a_department_of_which_little_is_known_weighs_little():
    hers = [Sample(math.exp(6.6))] * 4
    assert fit(hers, []).mu > fit(hers, [Sample(service.mean(PRIOR))] * 100).mu


NONSENSE = [0.0, -3.0, -86_400.0, 3.0, math.nan, math.inf, -math.inf, 9 * 3_600.0]


@pytest.mark.parametrize("over", [True, False])
def test_nonsense_changes_nothing(over):
    samples = drawn(30)
    assert fit(samples + [Sample(seconds, over) for seconds in NONSENSE], samples) == fit(samples, samples)
    assert fit([Sample(seconds, over) for seconds in NONSENSE], []) == fit([], [])


@pytest.mark.parametrize("over", [True, False])
def test_a_visit_that_nobody_closed_before_lunch_changes_nothing_and_a_long_one_counts(over):
    department = [Sample(480.0)] * 31
    plain = fit([Sample(500.0)], department)
    assert fit([Sample(500.0), Sample(4_801.0, over)], department) == plain
    assert fit([Sample(500.0), Sample(4_799.0, over)], department).mu > plain.mu


seconds_ = st.one_of(st.floats(), st.floats(10, 8_000), st.sampled_from(NONSENSE))
samples_ = st.lists(st.builds(Sample, seconds_, st.booleans()), max_size=12)


@given(samples_, samples_)
def test_whatever_was_recorded_there_is_an_answer(own, department):
    found = fit(own, department)
    assert math.isfinite(found.mu)
    assert 0 < found.sigma < math.inf
    assert 0 < found.learnt_from <= len(own) + OWN_WEIGHT


@given(st.lists(st.floats(60, 3_000), min_size=1, max_size=40), st.floats(5, 7))
def test_the_mean_lies_between_her_own_and_the_departments(own, mu):
    behind = ServiceTime(mu, 0.5)
    found = service._likeliest([Sample(seconds) for seconds in own], behind, OWN_WEIGHT)
    hers = float(np.mean(np.log(own)))
    assert min(hers, mu) - 1e-9 <= found.mu <= max(hers, mu) + 1e-9


def log_likelihood(samples: list[Sample], mu: float, sigma: float) -> float:
    """Of data and pseudo-observations of the prior's, whose weight is what fit gives it."""
    weight = 1 / (1 / OWN_WEIGHT + 1 / fit([], []).learnt_from)
    total = -weight * (math.log(sigma) + (PRIOR.sigma**2 + (PRIOR.mu - mu) ** 2) / (2 * sigma**2))
    for sample in samples:
        z = (math.log(sample.seconds) - mu) / sigma
        total += -math.log(sigma) - z**2 / 2 if sample.over else math.log(math.erfc(z / math.sqrt(2)))
    return total


def test_what_is_found_is_the_likeliest():
    samples = [Sample(4 * s.seconds, s.over) for s in at_ten_past(3)]  # few, and far from the prior
    department = ServiceTime(PRIOR.mu, PRIOR.sigma, fit([], []).learnt_from)
    found = service._likeliest(samples, department, OWN_WEIGHT)
    best = log_likelihood(samples, found.mu, found.sigma)
    for way in range(12):
        mu = found.mu + 0.001 * math.cos(way * math.pi / 6)
        sigma = found.sigma + 0.001 * math.sin(way * math.pi / 6)
        assert log_likelihood(samples, mu, sigma) < best


def test_the_hazard_is_right_at_zero_and_goes_over_into_its_series():
    assert service._hazard(0.0) == pytest.approx(math.sqrt(2 / math.pi))
    assert service._hazard(math.nextafter(service.FAR, 99)) == pytest.approx(service._hazard(service.FAR), rel=1e-8)
    assert service._hazard(-50.0) == 0.0
    assert service._hazard(1e6) == pytest.approx(1e6)


SHARES = np.array([1.0, 0.9, 0.5, 0.1, 0.001])


def test_one_who_has_just_come_stays_as_long_as_anybody():
    expected = [math.exp(TRUE.mu + TRUE.sigma * NORMAL.inv_cdf(1 - share)) for share in SHARES[1:]]
    assert residual(TRUE.mu, TRUE.sigma, 0.0, SHARES[1:]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("since", [30.0, 500.0, 2_000.0, 20_000.0])
def test_the_rest_is_what_is_left_of_those_who_are_still_there(since):
    def stays_longer(seconds: float) -> float:
        return math.erfc((math.log(seconds) - TRUE.mu) / TRUE.sigma / math.sqrt(2))

    rest = residual(TRUE.mu, TRUE.sigma, since, SHARES)
    assert [stays_longer(since + r) / stays_longer(since) for r in rest] == pytest.approx(SHARES, rel=2e-3)


def test_the_mean_rest_is_that_of_simulated_ones():
    since = 600.0
    times = np.array([s.seconds for s in drawn(200_000)])
    rests = times[times > since] - since
    shares = 1 - np.random.default_rng(5).random(100_000)
    found = residual(TRUE.mu, TRUE.sigma, since, shares)
    error = math.hypot(rests.std() / math.sqrt(len(rests)), found.std() / math.sqrt(len(found)))
    assert abs(found.mean() - rests.mean()) < ERRORS * error


@given(st.floats(3, 8), st.floats(0.05, 1.5), st.floats(0, 1e9))
def test_the_rest_is_finite_and_in_order_however_far_out(mu, sigma, since):
    rest = residual(mu, sigma, since, SHARES)
    assert np.isfinite(rest).all()
    assert (np.diff(rest) >= 0).all()
    if since > math.exp(mu - 9 * sigma):
        assert rest[0] <= 1e-6 * since
    assert rest[-1] > 0


def test_where_the_table_ends_the_rest_goes_on_smoothly():
    edge = math.exp(TRUE.mu + TRUE.sigma * service.FAR)
    before, after = (residual(TRUE.mu, TRUE.sigma, edge * near, SHARES[1:]) for near in (1 - 1e-9, 1 + 1e-9))
    assert before == pytest.approx(after, rel=5e-3)


def test_desks_and_runs_may_be_arrays():
    rest = residual(np.array([[6.0], [7.0]]), np.array([[0.5], [0.4]]), np.array([[60.0], [300.0]]), SHARES)
    assert rest.shape == (2, len(SHARES))
    assert rest[1] == pytest.approx(residual(7.0, 0.4, 300.0, SHARES))
