"""When somebody is reminded of what: Beijing's evenings and hours, merged, in order, as visits stand."""

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from common.clock import SHANGHAI
from notify_svc import reminders
from notify_svc.reminders import SOON, TOMORROW, Appointment
from notify_world import VISIT

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """A time of November 2026 in Beijing: "24 09:30"."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-11-{day}T{clock}:00").replace(tzinfo=SHANGHAI)


def visit(order_id: str, starts: str, **changed: Any) -> Appointment:
    starts_at = at(starts).astimezone(UTC)
    told = msgspec.to_builtins(replace(VISIT, starts_at=starts_at, date=at(starts).date()))
    return replace(Appointment(order_id, "acc_1", starts_at, 7, told, LONG_AGO), **changed)


def plan(now: str, *visits: Appointment) -> list[tuple[str, str, list[str]]]:
    """Kind, time in Beijing and orders of what is to be told."""
    return [
        (r.kind, f"{r.due_at.astimezone(SHANGHAI):%d %H:%M}", [a.order_id for a in r.appointments])
        for r in reminders.reminders(visits, at(now))
    ]


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati"])
def host(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs on a host of this zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_evening_before_and_two_hours_before(host: str) -> None:
    assert plan("20 12:00", visit("a", "24 09:30")) == [(TOMORROW, "23 18:00", ["a"]), (SOON, "24 07:30", ["a"])]


@pytest.mark.parametrize(
    ("starts", "evening", "soon"),
    [
        ("24 00:00", "23 18:00", "23 22:00"),
        ("23 23:59", "22 18:00", "23 21:59"),
        ("24 07:59", "23 18:00", "24 05:59"),  # still the 23rd in UTC
        ("24 08:00", "23 18:00", "24 06:00"),
    ],
)
def test_days_are_beijings_around_midnight(starts: str, evening: str, soon: str, host: str) -> None:
    assert plan("20 12:00", visit("a", starts)) == [(TOMORROW, evening, ["a"]), (SOON, soon, ["a"])]


def test_a_day_is_one_reminder_in_the_order_of_times() -> None:
    visits = [visit("c", "24 14:00"), visit("a", "24 08:00"), visit("d", "25 08:00"), visit("b", "24 11:00")]
    for order in itertools.permutations(visits):
        told = [r for r in plan("20 12:00", *order) if r[0] == TOMORROW]
        assert told == [(TOMORROW, "23 18:00", ["a", "b", "c"]), (TOMORROW, "24 18:00", ["d"])]


def test_what_begins_within_two_hours_of_a_visit_is_told_with_it() -> None:
    visits = [visit("a", "24 09:00"), visit("b", "24 10:30"), visit("c", "24 11:00"), visit("d", "24 11:01")]
    soon = [r for r in plan("20 12:00", *visits) if r[0] == SOON]
    assert soon == [(SOON, "24 07:00", ["a", "b", "c"]), (SOON, "24 09:01", ["d"])], "d counts from itself, not from c"


def test_who_confirms_after_the_time_of_a_reminder_gets_none() -> None:
    assert plan("23 18:01", visit("a", "24 09:00", confirmed_at=at("23 18:00"))) == [(SOON, "24 07:00", ["a"])]
    assert plan("24 07:00", visit("a", "24 09:00", confirmed_at=at("24 07:00"))) == []
    assert plan("23 17:59", visit("a", "24 09:00", confirmed_at=at("23 17:59")))[0][0] == TOMORROW


def test_one_confirmed_late_stands_beside_others_but_causes_nothing() -> None:
    early, late = visit("a", "24 09:00"), visit("b", "24 10:00", confirmed_at=at("24 08:30"))
    assert plan("24 06:59", early, late) == [(SOON, "24 07:00", ["a", "b"])]
    told = replace(early, told={SOON: early.starts_at, TOMORROW: early.starts_at})
    assert plan("24 08:31", told, late) == []
    in_time = replace(late, confirmed_at=at("24 07:30"))
    assert plan("24 07:31", told, in_time) == [(SOON, "24 08:00", ["b"])], "the first was told alone"


def test_what_does_not_stand_is_not_told() -> None:
    gone, other = visit("a", "24 09:00", stands=False), visit("b", "24 10:30")
    assert plan("20 12:00", gone, other) == [(TOMORROW, "23 18:00", ["b"]), (SOON, "24 08:30", ["b"])]
    assert plan("20 12:00", gone) == []


def test_what_was_told_is_not_told_again() -> None:
    a = visit("a", "24 09:00")
    told = replace(a, told={TOMORROW: a.starts_at, SOON: a.starts_at})
    assert plan("23 18:00", told) == []
    assert plan("23 18:00", replace(told, stands=False), visit("b", "24 15:00")) == [(SOON, "24 13:00", ["b"])], (
        "one for each account and day, though what it told of is cancelled"
    )


def test_another_time_is_told_of_again() -> None:
    a = visit("a", "24 09:00")
    moved = visit("a", "26 10:00", told={TOMORROW: a.starts_at, SOON: a.starts_at}, confirmed_at=at("24 06:00"))
    assert plan("24 07:00", moved) == [(TOMORROW, "25 18:00", ["a"]), (SOON, "26 08:00", ["a"])]


def test_late_ones_are_told_while_they_are_of_use() -> None:
    a, b = visit("a", "24 09:00"), visit("b", "24 10:30")
    assert [r[0] for r in plan("23 23:59", a)] == [TOMORROW, SOON]
    assert [r[0] for r in plan("24 00:00", a)] == [SOON], "tomorrow is today"
    assert plan("24 08:59", a, b) == [(SOON, "24 07:00", ["a", "b"])]
    assert plan("24 09:00", a, b) == [(SOON, "24 08:30", ["b"])], "the one that was to tell of it has begun"
    assert plan("24 10:30", a, b) == []


def test_when_to_look_first() -> None:
    a = visit("a", "24 09:00")
    assert reminders.first_due(a) == at("23 18:00")
    assert reminders.first_due(replace(a, confirmed_at=at("23 18:00"))) == at("24 07:00")
    assert reminders.first_due(replace(a, confirmed_at=at("24 07:00"))) is None
    assert reminders.first_due(visit("a", "24 00:30")) == at("23 18:00")


def test_ids_follow_from_what_is_told() -> None:
    (tomorrow, soon) = reminders.reminders([visit("a", "24 09:00")], at("20 12:00"))
    assert tomorrow.id == "acc_1:2026-11-24:visit_tomorrow"
    assert soon.id == f"a@{int(at('24 09:00').timestamp() * 1000)}:acc_1:visit_soon"
    assert (tomorrow.expires_at, soon.expires_at) == (at("24 00:00"), at("24 09:00"))
    assert tomorrow.params["account_id"] == "acc_1"
    told = {"order_id": "a", "patient_id": "", "queue_number": 7, "visit": None}
    assert tomorrow.params["visits"][0] | {"visit": None} == told


def test_a_letter_tells_what_still_stands_when_it_is_sent() -> None:
    a, b, c = visit("a", "24 09:00"), visit("b", "24 10:00"), visit("c", "24 15:00")
    params = reminders.reminders([a, b, c], at("20 12:00"))[0].params
    standing = {"a": a, "c": visit("c", "24 16:00")}
    assert reminders.still(params, {"a": a, "b": b, "c": c}) == params
    left = reminders.still(params, standing)
    assert left is not None
    assert [v["order_id"] for v in left["visits"]] == ["a"], "b is cancelled, c has another time"
    assert reminders.still(params, {}) is None


def test_the_rest_of_what_somebody_began_to_tell() -> None:
    a, b = visit("a", "24 09:00"), visit("b", "24 10:30")
    soon = reminders.reminders([a, b], at("24 07:00"))[0]
    starts = {"a": a.starts_at, "b": b.starts_at}
    rest = reminders.rest(soon, starts, [replace(a, stands=False), b], at("24 07:10"))
    assert rest is not None
    assert (rest.id, [x.order_id for x in rest.appointments], rest.expires_at) == (soon.id, ["b"], b.starts_at)
    late = reminders.rest(soon, starts, [a, b], at("24 09:01"))
    assert late is not None
    assert [x.order_id for x in late.appointments] == ["b"]
    assert reminders.rest(soon, starts, [a, b], at("24 10:30")) is None
    tomorrow = reminders.reminders([a, b], at("23 18:00"))[0]
    assert reminders.rest(tomorrow, starts, [a, b], at("24 00:00")) is None
