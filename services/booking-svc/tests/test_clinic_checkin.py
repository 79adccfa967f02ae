"""When one may check in, where, and what the door shows."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from booking_svc import store
from booking_svc.app import Settings
from booking_svc.clinic.checkin import (
    ACCURACY,
    CODE_STANDS,
    EARTH,
    TRIES,
    Code,
    Door,
    Position,
    Timing,
    check_proof,
    metres_between,
    opens_at,
    proofs,
    timing,
)
from common.clock import SHANGHAI
from common.errors import Conflict
from common.messages import ClinicRules, ClinicRulesSet, Place
from common.settings import BadSettings
from common.testing import deliver
from hypothesis import given
from hypothesis import strategies as st

NINE = datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI)
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
HALF_PAST = NINE + 30 * MINUTE
RULES = ClinicRules(early_minutes=30, grace_minutes=10, late_minutes=40)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NINE - 30 * MINUTE - TICK, Timing.EARLY),
        (NINE - 30 * MINUTE, Timing.IN_TIME),
        (NINE + 10 * MINUTE, Timing.IN_TIME),
        (NINE + 10 * MINUTE + TICK, Timing.LATE),
        (NINE + 40 * MINUTE, Timing.LATE),
        (NINE + 40 * MINUTE + TICK, Timing.TOO_LATE),
        (NINE - timedelta(days=1), Timing.EARLY),
        (NINE + timedelta(days=1), Timing.TOO_LATE),
    ],
)
def test_early_in_time_late_and_void(at, expected):
    assert timing(RULES, NINE, HALF_PAST, at) == expected
    assert timing(RULES, NINE.astimezone(UTC), HALF_PAST, at.astimezone(UTC)) == expected, "wherever the clock hangs"


def test_who_must_be_there_ten_minutes_before_is_late_on_the_hour():
    rules = ClinicRules(grace_minutes=-10)
    assert timing(rules, NINE, HALF_PAST, NINE - 10 * MINUTE) == Timing.IN_TIME
    assert timing(rules, NINE, HALF_PAST, NINE) == Timing.LATE


def test_who_may_come_all_morning_is_late_then_and_void_only_when_it_is_over():
    noon = NINE + 180 * MINUTE
    assert timing(RULES, NINE, noon, NINE + 41 * MINUTE) == Timing.LATE
    assert timing(RULES, NINE, noon, noon) == Timing.LATE
    assert timing(RULES, NINE, noon, noon + TICK) == Timing.TOO_LATE


def test_a_late_evening_is_not_over_at_midnight():
    evening = datetime(2026, 11, 24, 23, 50, tzinfo=SHANGHAI)
    assert timing(RULES, evening, evening, evening + 20 * MINUTE) == Timing.LATE
    early = datetime(2026, 11, 25, 0, 10, tzinfo=SHANGHAI)
    assert opens_at(RULES, early).date() == date(2026, 11, 24)
    assert timing(RULES, early, early, early - 20 * MINUTE) == Timing.IN_TIME


@given(st.builds(timedelta, minutes=st.integers(-3000, 3000)), st.integers(-120, 1440), st.integers(0, 1440))
def test_time_passes_through_the_timings_in_one_direction(offset, grace, late):
    rules = ClinicRules(grace_minutes=grace, late_minutes=late)
    order = list(Timing)
    now, then = (order.index(timing(rules, NINE, HALF_PAST, NINE + offset + d)) for d in (timedelta(0), MINUTE))
    assert now <= then


HERE = Place(39.9, 116.4, 300)


def test_a_degree_is_as_long_as_it_is_on_a_sphere():
    degree = math.pi * EARTH / 180
    assert metres_between(Position(40.9, 116.4), HERE) == pytest.approx(degree)
    assert metres_between(Position(39.9, 116.401), HERE) == pytest.approx(degree / 1000 * math.cos(math.radians(39.9)))
    assert metres_between(Position(39.9, 116.4), HERE) == 0
    assert metres_between(Position(-39.9, -63.6), HERE) == pytest.approx(math.pi * EARTH), "the other side of the world"
    assert metres_between(Position(0, 180), Place(0, -179.999, 10)) == pytest.approx(degree / 1000), (
        "over the date line"
    )


def north(metres):
    return 39.9 + math.degrees(metres / EARTH)


@pytest.mark.parametrize(
    ("metres", "accuracy", "here"),
    [(299, 0, True), (301, 0, False), (340, 50, True), (360, 50, False), (399, 5_000, True), (401, 5_000, False)],
)
def test_a_position_may_be_as_wrong_as_the_phone_says_within_limits(metres, accuracy, here):
    assert ACCURACY == 100
    rules = ClinicRules(place=HERE)
    proof = Position(north(metres), 116.4, accuracy)
    if here:
        check_proof(rules, 0, proof)
    else:
        with pytest.raises(Conflict) as refused:
            check_proof(rules, 0, proof)
        assert (refused.value.code, refused.value.extra) == ("not_here", {"metres": metres})


def test_an_accuracy_below_nothing_narrows_nothing():
    check_proof(ClinicRules(place=HERE), 0, Position(north(299), 116.4, -1e9))


@pytest.mark.parametrize(
    ("place", "tries", "proof", "possible"),
    [
        (HERE, 0, None, ["code", "position"]),
        (None, 0, None, ["code"]),
        (None, 0, Position(39.9, 116.4), ["code"]),
        (HERE, TRIES, Code("123456"), []),
        (HERE, TRIES, Position(39.9, 116.4), []),
    ],
)
def test_what_is_no_proof_is_told_what_would_be(place, tries, proof, possible):
    rules = ClinicRules(place=place)
    with pytest.raises(Conflict) as refused:
        check_proof(rules, tries, proof)
    assert (refused.value.code, refused.value.extra) == ("proof_needed", {"possible": possible})
    assert proofs(rules, tries) == possible


def test_a_code_may_be_tried():
    check_proof(ClinicRules(), TRIES - 1, Code("000000"))


DOOR = Door("a key of tests")
WINDOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def test_the_door_shows_six_digits_for_five_minutes():
    code, until = DOOR.code("h", WINDOW)
    assert (len(code), code.isdigit(), until) == (6, True, WINDOW + CODE_STANDS)
    assert DOOR.code("h", until - TICK) == (code, until)
    assert DOOR.code("h", until)[0] != code
    assert DOOR.code("h", WINDOW.astimezone(SHANGHAI)) == (code, until)


def test_the_code_of_now_and_the_one_before_open_and_no_other():
    code, until = DOOR.code("h", WINDOW)
    opens = [
        DOOR.shows("h", code, at)
        for at in (WINDOW - TICK, WINDOW, until, until + CODE_STANDS - TICK, until + CODE_STANDS)
    ]
    assert opens == [False, True, True, True, False]
    assert DOOR.shows("h", f" {code} ", WINDOW)
    assert not DOOR.shows("h2", code, WINDOW), "of another hospital"
    assert not Door("another key").shows("h", code, WINDOW)
    for nonsense in ("", "１２３４５６", "x" * 10_000, code[:5], code + "0", "\x00"):
        assert not DOOR.shows("h", nonsense, WINDOW)


def test_production_refuses_the_key_that_is_published():
    environ = {"APP_ENV": "production", "DATABASE_URL": "sqlite://"}
    with pytest.raises(BadSettings, match="DOOR_KEY: the development default"):
        Settings.load(environ)
    with pytest.raises(BadSettings) as refused:
        Settings.load({**environ, "DOOR_KEY": "of our own"})
    assert "DOOR_KEY" not in str(refused.value)


def test_codes_are_spread_over_all_that_there_are():
    codes = {DOOR.code("h", WINDOW + n * CODE_STANDS)[0] for n in range(2000)}
    assert len(codes) > 1950
    assert any(code.startswith("0") for code in codes)


def test_the_newest_rules_that_have_taken_effect_are_in_force(service):
    def rules(version, at, early, hospital="h"):
        return ClinicRulesSet(hospital, version, at, ClinicRules(early_minutes=early))

    first, second, third = rules(1, WINDOW, 10), rules(2, WINDOW + MINUTE, 20), rules(3, WINDOW + 9 * MINUTE, 30)
    deliver(service, second, rules(1, WINDOW, 99, "h2"))
    deliver(service, first, third, rules(2, WINDOW, 77))
    with service.database.reading() as conn:
        found = [store.queues.rules_in_force(conn, "h", WINDOW + at * MINUTE).early_minutes for at in (-1, 0, 1, 5, 9)]
    assert found == [ClinicRules().early_minutes, 10, 20, 20, 30]
