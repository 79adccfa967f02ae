"""The chance that is told is the share of draws that are won: against exact counting, and against 100,000 simulated draws."""

import hashlib
import time
from datetime import timedelta
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_svc import chance, draw
from schedule_svc.chance import Releases, hypergeometric, lottery, waitlist, weighted

DRAWS = 100_000
SURE = 4.5
"""Standard errors; a right answer is further off once in 150,000 runs, and the runs are seeded."""


def close(share: float, probability: float, draws: int = DRAWS) -> bool:
    error = max((probability * (1 - probability) / draws) ** 0.5, 1 / draws)
    return abs(share - probability) <= SURE * error


def simulated(weights: list[int], numbers: int, seed: int) -> np.ndarray:
    """How often each was among the first of that many weighted draws, by their exponential keys."""
    rng = np.random.default_rng(seed)
    keys = rng.exponential(size=(DRAWS, len(weights))) / np.array(weights)
    won = np.argpartition(keys, numbers - 1, axis=1)[:, :numbers]
    return np.bincount(won.ravel(), minlength=len(weights)) / DRAWS


def exactly(numbers: int, others: tuple[int, ...], weight: int) -> Fraction:
    """By following every order in which the others can be drawn."""

    @cache
    def win(left: int, rest: tuple[int, ...]) -> Fraction:
        if left == 0:
            return Fraction(0)
        total = weight + sum(rest)
        lost = sum(
            (Fraction(w, total) * win(left - 1, rest[:i] + rest[i + 1 :]) for i, w in enumerate(rest)), Fraction(0)
        )
        return Fraction(weight, total) + lost

    return win(numbers, others)


def groups(weights: list[int]) -> dict[int, int]:
    return {w: weights.count(w) for w in set(weights)}


# --- lottery ---------------------------------------------------------------------------------------------------------


def test_the_lottery_is_as_often_won_as_told() -> None:
    """With the draw itself, not a model of it."""
    numbers, who = 2, [draw.Entrant(i, f"p{i}", 1) for i in range(1, 6)]
    alone = together = 0
    for i in range(DRAWS):
        won = draw.rank("lottery", hashlib.sha256(b"%d" % i).digest(), who)[:numbers]
        alone += 1 in won
        together += bool({1, 2, 3} & set(won))
    assert close(alone / DRAWS, lottery(numbers, 5).probability)
    assert close(together / DRAWS, lottery(numbers, 5, 3).probability)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 6))
def test_the_hypergeometric_distribution(numbers: int, entrants: int, together: int) -> None:
    if together > entrants:
        with pytest.raises(ValueError, match="entrants"):
            hypergeometric(numbers, entrants, together)
        return
    found = hypergeometric(numbers, entrants, together)
    assert sum(found) == pytest.approx(1, abs=1e-12)
    expected = together * min(numbers, entrants) / entrants
    assert sum(j * p for j, p in enumerate(found)) == pytest.approx(expected, abs=1e-9)
    assert lottery(numbers, entrants).probability == pytest.approx(min(1, numbers / entrants))


def test_a_family_of_four_among_many() -> None:
    assert lottery(1_000, 100_000, 4).probability == pytest.approx(1 - 0.99**4, rel=1e-3)


# --- weighted --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 8), st.lists(st.integers(1, 40), max_size=7), st.integers(1, 40))
@settings(deadline=None)
def test_the_weighted_chance_of_few_is_the_exact_one(numbers: int, others: list[int], weight: int) -> None:
    found = weighted(numbers, groups(others), weight)
    assert found.error is not None
    assert abs(found.probability - float(exactly(numbers, tuple(others), weight))) <= found.error + 1e-12


@pytest.mark.parametrize(
    ("weights", "numbers"),
    [([1, 2, 3, 4, 5], 2), ([1] * 20 + [10] * 3, 5), ([1, 100, 1000], 1), ([1] * 30 + [2] * 20 + [5] * 10, 25)],
)
def test_the_weighted_draw_is_as_often_won_as_told(weights: list[int], numbers: int) -> None:
    shares = simulated(weights, numbers, seed=len(weights))
    for w in set(weights):
        rest = groups(weights)
        rest[w] -= 1
        told = weighted(numbers, rest, w).probability
        mine = [share for share, other in zip(shares, weights, strict=True) if other == w]
        assert all(close(share, told) for share in mine), (w, told, mine)


def test_the_weighted_draw_itself_agrees() -> None:
    weights, numbers, draws = [1, 2, 3, 6], 2, 3_000
    who = [draw.Entrant(i, f"p{i}", w) for i, w in enumerate(weights)]
    won = np.zeros(len(who))
    for i in range(draws):
        won[draw.rank("weighted", hashlib.sha256(b"%d" % i).digest(), who)[:numbers]] += 1
    for i, w in enumerate(weights):
        rest = groups(weights[:i] + weights[i + 1 :])
        assert close(won[i] / draws, weighted(numbers, rest, w).probability, draws)


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 3_000), min_size=1, max_size=8),
    st.floats(0.001, 0.999),
)
@settings(deadline=None, max_examples=50)
def test_all_chances_add_up_to_the_numbers(crowd: dict[int, int], part: float) -> None:
    """The sum of everybody's chances is how many win; an error anywhere would show."""
    numbers = max(1, int(part * sum(crowd.values())))
    total = sum(n * weighted(numbers, {**crowd, w: n - 1}, w).probability for w, n in crowd.items())
    assert total == pytest.approx(min(numbers, sum(crowd.values())), abs=1e-7 * sum(crowd.values()))


def test_equal_weights_are_a_lottery() -> None:
    for weight in (1, 7):
        found = weighted(1_000, {weight: 99_999}, weight)
        assert found.probability == pytest.approx(0.01, abs=1e-9)


def test_too_many_different_weights_are_bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = dict.fromkeys(range(1, 61), 20)
    exact = weighted(100, crowd, 30)
    monkeypatch.setattr(chance, "MOST_CLASSES", 8)
    found = weighted(100, crowd, 30)
    assert (exact.method, found.method) == ("integral", "bracketed")
    assert found.error is not None
    assert 0 < abs(found.probability - exact.probability) <= found.error


def test_a_thousand_times_the_entrants_do_not_take_longer() -> None:
    def cost(crowd: dict[int, int], capacity: int) -> float:
        weighted(capacity, crowd, 2)  # what is computed once for all
        started = time.process_time()
        for _ in range(20):
            weighted(capacity, crowd, 2)
        return time.process_time() - started

    few = {1: 60, 2: 20, 3: 15, 5: 4, 8: 1}
    many = {weight: count * 1_000 for weight, count in few.items()}
    assert cost(many, 1_000) < 20 * cost(few, 10), "by the thousand would be 1,000 times as long"


def test_nothing_to_win_and_enough_for_all() -> None:
    assert weighted(0, {1: 5}, 1).probability == 0
    assert weighted(6, {1: 5}, 1).probability == 1
    assert weighted(1, {}, 3).probability == 1
    assert weighted(1, {2: 0}, 3).probability == 1


# --- waitlist --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("position", "past"), [(1, Releases(0, 0)), (4, Releases(30, 200)), (12, Releases(300, 3000))])
def test_the_waitlist_is_served_as_often_as_told(position: int, past: Releases) -> None:
    """A hundred thousand sessions: a rate from what is known, then releases at that rate."""
    taken, left, rng = 80, timedelta(days=2), np.random.default_rng(position)
    expected = chance.PRIOR_RATE * (left / chance.PRIOR_SPAN)
    rates = rng.gamma(
        chance.PRIOR_NUMBERS * expected + past.freed, 1 / (chance.PRIOR_NUMBERS + past.numbers), size=DRAWS
    )
    served = (rng.poisson(rates * taken) >= position).mean()
    assert close(float(served), waitlist(position, taken, past, left).probability)


def test_the_past_outweighs_the_prior_when_there_is_much_of_it() -> None:
    left = timedelta(days=1)
    nothing, little, much = (waitlist(3, 60, Releases(n // 10, n), left).probability for n in (0, 20, 20_000))
    rng = np.random.default_rng(5)
    known = (rng.poisson(0.1 * 60, DRAWS) >= 3).mean()
    assert nothing < little < much
    assert much == pytest.approx(float(known), abs=0.01)


@given(st.integers(1, 500), st.integers(0, 2_000), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(-9, 900))
def test_the_waitlists_chance_is_one_and_falls_with_the_position(
    position: int, taken: int, freed: int, numbers: int, hours: int
) -> None:
    told = [
        waitlist(p, taken, Releases(freed, numbers), timedelta(hours=hours)).probability
        for p in (position, position + 1)
    ]
    assert 1 >= told[0] >= told[1] >= 0
    if taken == 0 or hours <= 0:
        assert told == [0, 0]
