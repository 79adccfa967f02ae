"""The main model of waiting times: what is so in special cases that are known exactly."""

import math
import statistics
from dataclasses import replace

import ciw
import numpy as np
import pytest
from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.normal import above, log_sf
from haoyuan_waiting.service import mean, of_mean
from haoyuan_waiting.simulate import waits

EXACT = 1e-9
"""A standard deviation that is none: consultations take as long as they do."""


def minutes(count: float) -> ServiceTime:
    return ServiceTime(math.log(60 * count), EXACT)


def here(*keys: str) -> tuple[Customer, ...]:
    return tuple(Customer(key, float(n)) for n, key in enumerate(keys))


def mean_of(line: Line, key: str, runs: int = 400) -> float:
    found = waits(line, runs).of(key)
    assert found is not None
    return found.mean


# --- who is called when ------------------------------------------------------------------------------------------------------


def test_without_chance_everybody_waits_as_long_as_one_can_reckon():
    line = Line((Server(minutes(10), busy_for=240), Server(minutes(4), free_in=60)), here("a", "b", "c", "d"))
    found = waits(line)
    for key, at in {"a": 60, "b": 300, "c": 360, "d": 540}.items():
        assert found.of(key) == pytest.approx((at, at, at), abs=0.01)


def test_the_smaller_place_is_first_whatever_the_order_in_which_they_are_told():
    line = Line((Server(minutes(5)),), (Customer("last", 9), Customer("first", -3), Customer("second", 2)))
    assert [round(mean_of(line, key)) for key in ("first", "second", "last")] == [0, 300, 600]


def test_of_equal_places_the_first_of_the_line_is_first_and_who_is_yet_to_come_last():
    customers = (Customer("due", 0, due_in=1000), Customer("a", 0), Customer("b", 0))
    line = Line((Server(minutes(10)),), customers, Punctuality(-900, 1))
    assert [round(mean_of(line, key)) for key in ("a", "b", "due")] == [0, 600, 1200]


def test_one_with_a_smaller_place_who_comes_in_time_goes_before_her_and_one_who_comes_later_does_not():
    customers = (Customer("here", 5), Customer("next", 6), Customer("due", 1, due_in=900))
    busy = (Server(minutes(10), busy_for=300),)
    before = Line(busy, customers, Punctuality(-800, 1))
    after = Line(busy, customers, Punctuality(-400, 1))
    assert [round(mean_of(before, key)) for key in ("due", "here", "next")] == [300, 900, 1500]
    assert [round(mean_of(after, key)) for key in ("here", "due", "next")] == [300, 900, 1500]


def test_a_desk_that_is_free_calls_whoever_comes_first():
    customers = (Customer("early", 100, due_in=2000), Customer("late", 1, due_in=2300))
    line = Line((Server(minutes(10)),), customers, Punctuality(0, 1))
    assert mean_of(line, "early") == pytest.approx(2000, abs=1)
    assert mean_of(line, "late") == pytest.approx(2600, abs=2)


def test_who_comes_late_goes_by_when_she_came_and_who_comes_too_late_is_not_called():
    due = Customer("due", -5, due_in=0, late_after=0, late_place=-100, void_after=600)
    line = Line((Server(minutes(10), free_in=1000),), (*here("a"), due, Customer("b", 350)), Punctuality(300, 1))
    assert [round(mean_of(line, key) / 600 - 10 / 6) for key in ("a", "due", "b")] == [0, 1, 2]
    assert [
        round(mean_of(replace(line, punctuality=Punctuality(500, 1)), key) / 600 - 10 / 6) for key in ("b", "due")
    ] == [1, 2]
    found = waits(replace(line, punctuality=Punctuality(900, 1)))
    assert found.of("due") is None
    assert found.within("due", 1e6) is None
    assert found.of("b") == pytest.approx((1600, 1600, 1600), abs=0.1)


def test_nobody_is_let_in_before_check_in_opens():
    line = Line((Server(minutes(1)),), (Customer("due", 0, due_in=3600),), Punctuality(-3500, 500, earliest=-1800))
    found = waits(line).of("due")
    assert found is not None
    assert found.low == pytest.approx(1800, abs=1)
    assert found.mean == pytest.approx(1800, abs=5)


def test_those_who_may_stay_away_take_less_time_of_the_others():
    customers = (*(Customer(f"due {n}", n, due_in=1000, comes=0.25) for n in range(8)), Customer("here", 99))
    line = Line((Server(minutes(5), free_in=1000),), customers, Punctuality(-500, 1))
    assert mean_of(line, "here", 4000) == pytest.approx(1000 + 0.25 * 8 * 300, rel=0.02)


def test_who_is_overdue_has_most_likely_stayed_away():
    """Of those who come 84 % would be here by now: P(comes | is not) = 0.9 * 0.16 / (0.9 * 0.16 + 0.1)."""
    overdue = Customer("overdue", 0, due_in=-600, comes=0.9)
    line = Line((Server(minutes(60), free_in=7200),), (overdue, Customer("here", 99)), Punctuality(0, 600))
    left = 0.9 * 0.158655
    assert mean_of(line, "here", 8000) == pytest.approx(7200 + 3600 * left / (left + 0.1), rel=0.02)


def test_who_may_be_given_a_higher_class_stands_before_her_with_that_probability():
    due = Customer("due", 100, due_in=1000)
    line = Line(
        (Server(minutes(10), free_in=1000),),
        (due, Customer("here", 50)),
        Punctuality(-500, 1),
        raised=0.3,
        raised_by=60,
    )
    assert mean_of(line, "here", 4000) == pytest.approx(1000 + 0.3 * 600, rel=0.02)
    assert mean_of(replace(line, raised_by=40), "here") == pytest.approx(1000, abs=0.1)


def test_emergencies_go_before_her_and_walk_ins_do_not():
    line = Line((Server(minutes(10), free_in=3600),), here("a", "b"), streams=(Stream(3 / 3600, 7200, 3600),))
    assert mean_of(line, "a", 4000) > 3600 + 600 * 3
    walk_ins = replace(line, streams=(Stream(3 / 3600, 0, 3600),))
    assert [round(mean_of(walk_ins, key)) for key in "ab"] == [3600, 4200]


def test_calls_that_find_nobody_cost_their_time_and_no_more():
    line = Line((Server(minutes(10)),), here(*(f"{n}" for n in range(20))), absent=1.0, absent_for=60, passed=())
    assert [round(mean_of(line, key)) for key in ("0", "1", "19")] == [0, 60, 1140]


@pytest.mark.parametrize(("passed", "second"), [((2,), 2), ((5,), 5), ((0,), 8)])
def test_who_was_not_there_is_called_again_after_so_many_others(passed, second):
    """Everybody misses every call: between the two of the first one, so many others are called for the first time."""
    line = Line((Server(minutes(1)),), here(*"abcdefghi"), absent=1.0, absent_for=60, passed=passed)
    found = waits(line)
    firsts = [found.of(key).mean / 60 for key in "abcdefghi"]
    assert firsts[second] == pytest.approx(second)
    if second < 8:
        assert firsts[second + 1] == pytest.approx(second + 2), "the first one's second call is between"


# --- nothing, and what comes of a seed -----------------------------------------------------------------------------------------


def test_an_empty_line_no_server_and_a_pause_without_end_are_no_errors():
    assert waits(Line((Server(minutes(5)),), ())).of is not None
    for servers in ((), (Server(minutes(5), free_in=math.inf),)):
        found = waits(Line(servers, here("a")))
        assert found.of("a") is None
        assert found.within("a", 60) is None
    with pytest.raises(KeyError):
        waits(Line((), ())).of("a")


def test_one_who_comes_in_no_run_is_told_nothing():
    line = Line((Server(minutes(5)),), (*here("a"), Customer("never", 5, due_in=100, comes=0.0)))
    assert waits(line).of("never") is None
    assert waits(line).of("a") == (0, 0, 0)


def rich_line() -> Line:
    customers = (
        *here(*(f"{n}" for n in range(12))),
        *(Customer(f"due {n}", -500, due_in=n * 300, comes=0.8) for n in range(9)),
    )
    servers = (
        Server(ServiceTime(6, 0.6, 30), 100),
        Server(ServiceTime(6.2, 0.5, 90)),
        Server(ServiceTime(5, 1), free_in=600),
    )
    return Line(servers, customers, streams=(Stream(0.001, 600, 7200),), absent=0.1)


def test_the_same_seed_gives_the_same_answer_and_another_one_another():
    keys = [customer.key for customer in rich_line().customers]
    first, again, other = (waits(rich_line(), seed=seed) for seed in (1, 1, 2))
    assert [first.of(key) for key in keys] == [again.of(key) for key in keys]
    assert [first.of(key) for key in keys] != [other.of(key) for key in keys]


def test_a_seed_gives_these_numbers_on_every_machine():
    found = waits(rich_line(), seed=7)
    assert found.of("11") == pytest.approx((2369.002, 1712.162, 3104.864), abs=0.001)
    assert found.of("due 8") == pytest.approx((1905.25, 1172.236, 2688.218), abs=0.001)


def test_an_interval_grows_with_the_line_and_holds_its_mean():
    found = waits(Line((Server(ServiceTime(6, 0.6), busy_for=60),), here(*(f"{n}" for n in range(30)))))
    widths = [found.of(f"{n}").high - found.of(f"{n}").low for n in (0, 5, 15, 29)]
    assert widths == sorted(widths)
    assert all(found.of(f"{n}").low <= found.of(f"{n}").mean <= found.of(f"{n}").high for n in range(30))


def test_what_is_learnt_from_few_makes_intervals_wider():
    few, many = (
        waits(Line((Server(ServiceTime(6, 0.6, count)),), here(*(f"{n}" for n in range(20))))).of("19")
        for count in (5, 5000)
    )
    assert few.high - few.low > 2 * (many.high - many.low)


def test_the_probability_of_being_called_within_a_time_is_that_of_the_runs():
    found = waits(Line((Server(ServiceTime(6, 0.6), busy_for=60),), here("a", "b")))
    told = found.of("b")
    assert found.within("b", told.low) == pytest.approx(0.1, abs=0.005)
    assert found.within("b", told.high) == pytest.approx(0.9, abs=0.005)
    assert found.within("b", -1) < 0.01
    assert found.within("b", 1e6) > 0.99


# --- against theory --------------------------------------------------------------------------------------------------------------


def test_who_is_being_served_stays_as_long_as_one_who_has_stayed_so_long():
    """Half of the log-normals that exceed two medians do so by what its quantiles say."""
    service = ServiceTime(6, 0.5)
    since = 2 * math.exp(6)
    found = waits(Line((Server(service, busy_for=since),), here("a")), runs=20_000)
    normal = statistics.NormalDist(6, 0.5)
    beyond = 1 - normal.cdf(math.log(since))
    for share in (0.1, 0.5, 0.9):
        rest = math.exp(normal.inv_cdf(1 - beyond * (1 - share))) - since
        assert found.within("a", rest) == pytest.approx(share, abs=0.015), share


def last_of(rate: float, servers: int, service: ServiceTime, after: float) -> Line:
    """One who comes after so long, when a line of walk-ins has settled."""
    one = Customer("she", 0, due_in=after, late_after=-math.inf, late_place=0)
    return Line((Server(service),) * servers, (one,), Punctuality(0, 0), (Stream(rate, 0, after),))


def test_the_long_run_of_one_doctor_is_that_of_pollaczek_and_khinchine():
    service = of_mean(300, 0.8)
    rate = 0.75 / 300
    expected = 0.75 / (1 - 0.75) * (1 + 0.8**2) / 2 * 300
    found = waits(last_of(rate, 1, service, 60 * 300), runs=4000)
    assert found.of("she").mean - 60 * 300 == pytest.approx(expected, rel=0.08)


def test_the_long_run_of_two_doctors_is_that_of_ciw():
    """Waits of those who come once the line has settled; four standard errors of both."""
    service, rate, after = of_mean(300, 0.8), 1.6 / 300, 30 * 300
    mine = waits(last_of(rate, 2, service, after), runs=3000).of("she").mean - after
    ciws = []
    for seed in range(12):
        ciw.seed(seed)
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Exponential(rate)],
            service_distributions=[ciw.dists.Lognormal(service.mu, service.sigma)],
            number_of_servers=[2],
        )
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_time(300 * 400)
        records = [r for r in simulation.get_all_records() if r.arrival_date > after]
        ciws.append(statistics.fmean(r.waiting_time for r in records))
    error = statistics.stdev(ciws) / math.sqrt(len(ciws))
    assert abs(mine - statistics.fmean(ciws)) < 4 * math.hypot(error, 1.3 * mine / math.sqrt(3000))


# --- the normal's tail ---------------------------------------------------------------------------------------------------------


def test_the_tail_is_that_of_the_standard_library():
    normal = statistics.NormalDist()
    z = np.linspace(-6, 6, 101)
    assert np.exp(log_sf(z)) == pytest.approx([1 - normal.cdf(each) for each in z], rel=1e-3, abs=1e-9)
    shares = np.linspace(0.001, 1, 100)
    none = np.full(100, -np.inf)
    assert above(none, shares)[:-1] == pytest.approx([normal.inv_cdf(1 - s) for s in shares[:-1]], abs=1e-4)


@pytest.mark.parametrize("least", [-2.0, 0.0, 3.0, 8.0, 30.0, 60.0])
def test_what_is_drawn_above_a_bound_is_above_it(least):
    drawn = above(np.full(1000, least), np.linspace(0.001, 1, 1000))
    assert (drawn >= min(least, 37.5)).all()
    assert np.isfinite(drawn).all()
    assert (np.diff(drawn) <= 0).all()


def test_the_mean_of_a_service_time_is_that_of_its_draws():
    service = ServiceTime(6, 0.6)
    line = Line((Server(service),), here("a", "b"))
    assert mean_of(line, "b", 20_000) == pytest.approx(mean(service), rel=0.02)


# --- where hardly anything is known ------------------------------------------------------------------------------------------


@pytest.mark.timeout(20)
def test_a_line_of_more_days_than_there_are_ticks_has_an_end():
    keys = [f"c{n}" for n in range(200)]
    found = waits(Line((Server(ServiceTime(math.log(1e9), EXACT)),), here(*keys)), 3)
    first, last = found.of("c1"), found.of("c199")
    assert first is not None
    assert last is not None
    assert first.mean == 7200.0, "a consultation is believed to be two hours at most"
    assert 11 * 86_400 < last.mean < 13 * 86_400


@pytest.mark.timeout(20)
def test_the_mean_is_not_that_of_absurd_consultations():
    """A department of which nothing is known: what the few that the prior counts for leave open has a tail without a mean."""
    line = Line((Server(ServiceTime(math.log(400), 0.55, 2.0)),), here(*"abcdef"))
    means = [estimate.mean for seed in range(12) if (estimate := waits(line, seed=seed).of("b")) is not None]
    assert len(means) == 12
    assert max(means) < 1.5 * min(means)
