"""The main model of waiting times: who is sent to an examination, and comes back."""

import math
from dataclasses import replace

import pytest
from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime
from haoyuan_waiting.simulate import Waits, waits

EXACT = 1e-9


def minutes(count: float) -> ServiceTime:
    return ServiceTime(math.log(60 * count), EXACT)


def here(*keys: str) -> tuple[Customer, ...]:
    return tuple(Customer(key, float(n)) for n, key in enumerate(keys))


def told(found: Waits, keys: str) -> list[int | None]:
    """Minutes until their calls."""
    return [None if (one := found.of(key)) is None else round(one.mean / 60) for key in keys]


def everybody(keys: str, **of_line) -> Line:
    """One desk, consultations of ten minutes, examinations of 25, to which everybody is sent."""
    return replace(Line((Server(minutes(10)),), here(*keys), examined=1.0, examination=minutes(25)), **of_line)


@pytest.mark.parametrize(
    ("places", "second", "calls"),
    [
        (
            2,
            1,
            [0, 10, 20, 30, 40, 50, 120],
        ),  # a is back at 35, behind e and f; b at 45, behind f and a; c at 55, behind a and b
        (0, 1, [0, 10, 20, 30, 80, 90, 100]),  # before all: from 40 on a, b, c, d, who is back at 65
        (50, 1, [0, 10, 20, 30, 40, 50, 60]),  # after all
        (2, 2, [0, 10, 20, 30, 40, 50, 180]),
    ],
)
def test_who_is_sent_away_is_seen_again_behind_so_many(places, second, calls):
    line = everybody("abcdefg", return_places=places, second=float(second))
    assert told(waits(line, 20), "abcdefg") == calls


def test_a_share_is_sent_away_and_each_costs_a_consultation():
    """When the last is called, those who were sent away long before have been seen twice."""
    keys = [f"{n}" for n in range(60)]
    line = Line((Server(minutes(10)),), here(*keys), examined=0.3, examination=minutes(5), return_places=0)
    last = waits(line, 3000).of("59")
    assert last is not None
    assert last.mean == pytest.approx(600 * (59 + 58.5 * 0.3), rel=0.01)


def test_one_who_is_away_comes_back_and_is_told_when_she_is_called():
    away = Customer("x", 0.0, away_for=17 * 60)
    line = everybody("abcd", customers=(*here(*"abcd"), away), examined=0.0)
    assert told(waits(line, 20), "abcdx") == [0, 10, 20, 40, 30], "back after 8 minutes"
    assert told(waits(replace(line, return_places=0), 20), "abcdx") == [0, 20, 30, 40, 10]
    overdue = replace(line, customers=(*here(*"abcd"), replace(away, away_for=1e6)))
    assert waits(overdue, 20).of("x") is not None


def test_one_who_has_come_back_stands_where_she_stands_and_is_not_sent_again():
    back = Customer("x", 1.5, returned=True)
    line = everybody("abcd", customers=(*here(*"abcd"), back), second=2.0, examination=minutes(500))
    assert told(waits(line, 20), "abxcd") == [0, 10, 20, 40, 50]
    assert told(waits(replace(line, absent=1.0, passed=(2,)), 20), "x") == [2], "she is there"


def test_who_came_back_waits_for_her_own_doctor_and_the_other_one_calls_who_is_behind_her():
    line = Line(
        (Server(minutes(60), busy_for=0.0), Server(minutes(10), busy_for=0.0)),
        (Customer("x", -1, returned=True, desk=0), *here("a", "b")),
    )
    assert told(waits(line, 20), "xab") == [60, 10, 20]
    assert told(waits(replace(line, customers=(Customer("x", -1, returned=True), *here("a"))), 20), "xa") == [10, 20]
    gone = replace(line, servers=(replace(line.servers[0], free_in=math.inf), line.servers[1]))
    assert told(waits(gone, 20), "xab") == [10, 20, 30], "her doctor is not there: any desk"


def test_a_desk_with_nobody_else_calls_who_comes_back_as_she_comes():
    away = Customer("x", 0.0, away_for=5 * 60, desk=1)
    line = Line((Server(minutes(10)), Server(minutes(10))), (away,), examination=minutes(25))
    assert told(waits(line, 20), "x") == [20]


def test_who_is_at_a_desk_may_be_sent_away_but_not_twice():
    busy = Line((Server(minutes(10), busy_for=300.0),), here(*"abcdef"), examined=1.0, examination=minutes(5))
    busy = replace(busy, return_places=0)
    assert told(waits(busy, 20), "ab") == [5, 35], (
        "she comes back at 10 and is called at 15, a comes back at 20 and is called at 25"
    )
    again = replace(busy, servers=(replace(busy.servers[0], returned=True),))
    assert told(waits(again, 20), "ab") == [5, 15]
    assert told(waits(replace(again, second=1.5), 20), "a") == [10]


def test_a_call_that_finds_nobody_sends_nobody_away():
    line = everybody("abcdefgh", absent=1.0, absent_for=60.0, passed=())
    assert told(waits(line, 20), "h") == [7]


def test_without_examinations_nothing_is_drawn_for_them():
    line = Line((Server(ServiceTime(6, 0.6, 20)),), here(*"abcdefgh"), absent=0.1)
    other = replace(line, examination=minutes(100), return_places=0, second=3.0)
    assert told(waits(line, 50), "abcdefgh") == told(waits(other, 50), "abcdefgh")
    assert waits(line, 50).of("h") == waits(other, 50).of("h")


def test_the_same_seed_gives_the_same_numbers_on_every_machine():
    line = Line(
        (Server(ServiceTime(6, 0.6, 30), 100.0), Server(ServiceTime(6.2, 0.5, 90))),
        (*here(*(f"{n}" for n in range(20))), Customer("x", 0.0, away_for=600.0, desk=1)),
        absent=0.1,
        examined=0.3,
    )
    found = waits(line, seed=7)
    assert found.of("19") == pytest.approx((6111.086, 4884.796, 7521.283), abs=0.001)
    assert found.of("x") == pytest.approx((1841.103, 884.544, 3092.483), abs=0.001)


# --- what is known of one before -------------------------------------------------------------------------------------------------


def test_who_has_missed_calls_is_called_as_often_again_as_is_left_to_her():
    line = Line((Server(minutes(1)),), here(*"abcdefgh"), absent=1.0, absent_for=60, passed=(2, 4))
    assert told(waits(line, 20), "abcd") == [0, 1, 2, 4]
    once = replace(line, customers=(replace(line.customers[0], passes=1), *line.customers[1:]))
    assert told(waits(once, 20), "abcde") == [0, 1, 2, 3, 5], "her second call is behind four"
    twice = replace(line, customers=tuple(replace(c, passes=2) for c in line.customers))
    assert told(waits(twice, 20), "abcdefgh") == list(range(8))


def test_one_whose_class_is_known_is_not_raised_again():
    due = Customer("due", 100, due_in=1000, raised=True)
    line = Line((Server(minutes(10), free_in=1000),), (due, Customer("here", 50)), raised=1.0, raised_by=60)
    assert told(waits(line, 50), ["here"]) == [17]


def test_one_who_certainly_comes_does_however_late_she_is():
    line = Line((Server(minutes(5)),), (Customer("x", 0, due_in=-86_400.0, comes=1.0),), Punctuality(-600, 60))
    assert waits(line, 20).of("x") is not None


def test_one_who_never_comes_is_no_second_call_of_another():
    line = Line((Server(minutes(1)),), (*here("a"), Customer("never", 5, due_in=100, comes=0.0)), absent=1.0)
    assert waits(line, 20).of("never") is None
