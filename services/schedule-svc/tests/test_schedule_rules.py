"""A hospital's rules as pure functions: what may stand in a rule set, deadlines by Beijing's calendar, words."""

import json
import os
import re
import time as process_time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from common import messages
from common.testing import HOSTILE_VALUES
from rules_world import HOUR, NOW, at
from schedule_svc import rules as r
from schedule_svc.rules.decide import span
from schedule_svc.rules.ruleset import (
    Clinic,
    CoolDown,
    Deadline,
    Limit,
    Place,
    Rest,
    RuleSet,
    Waitlist,
    Window,
)
from schedule_svc.rules.words import deadline_in_words, in_words
from schedule_svc.rules.workdays import is_workday, workdays_before

# --- the record ------------------------------------------------------------------------------------------------------


def test_an_empty_document_is_the_platforms_own_rules():
    assert r.read_rules({}) == RuleSet()
    assert RuleSet().hold_minutes == 15
    assert RuleSet().limits == (Limit(most=1, of="doctor", per="day"),)


def test_what_is_stored_is_what_is_read():
    rules = RuleSet(hold_minutes=10, cancel=Deadline(workdays=1, at="14:00"), limits=())
    assert r.read_rules(msgspec.json.decode(msgspec.json.encode(rules))) == rules
    assert msgspec.json.decode(msgspec.json.encode(rules), type=RuleSet) == rules


def test_every_fault_is_named_by_its_path():
    document = {
        "limits": [{"most": 0, "of": "town", "per": "day"}, {"of": "doctor", "per": "day", "extra": 1}],
        "cancel": {"hours": 1, "days": 1},
        "hold_minutes": True,
        "window": {"opens_at": "25:00", "closes": {"days": 1}},
        "rest": {"least_seconds": 9, "most_seconds": 8},
        "waitlist": {"offer_least_minutes": 9, "offer_most_minutes": 8},
        "penalties": [{"kind": "late_cancel", "count": 1, "blocked_days": 1}],
        "unheard": 1,
    }
    with pytest.raises(r.BadRules) as refused:
        r.read_rules(document)
    assert sorted(path for path, _ in refused.value.faults) == [
        "cancel",
        "hold_minutes",
        "limits[0].most",
        "limits[0].of",
        "limits[1].extra",
        "limits[1].most",
        "penalties[0]",
        "rest",
        "unheard",
        "waitlist",
        "window.closes",
        "window.opens_at",
    ]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in a document where a value stands."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


def test_a_hostile_value_anywhere_is_refused_or_means_something():
    """None is a legal value where a rule may be left out; whatever is taken can be stored, read again and put in words."""
    stands = Clinic(place=Place(latitude=39.9, longitude=116.4, within_metres=500))
    good = msgspec.json.encode(RuleSet(window=Window(days_ahead=7, closes=Deadline(days=1, at="14:00")), clinic=stands))
    taken: list[Any] = []
    signed = ("grace_minutes", "latitude", "longitude")
    for path in paths(msgspec.json.decode(good)):
        for value in HOSTILE_VALUES:
            document: Any = msgspec.json.decode(good)
            if path:
                inner = document
                for key in path[:-1]:
                    inner = inner[key]
                inner[path[-1]] = value
            else:
                document = value
            try:
                rules = r.read_rules(document)
            except r.BadRules as error:
                faults = error.faults
            else:
                faults = []
                taken.append(path)
                assert value in (None, [], {}) or (value == -1 and path[-1] in signed), (path, value)
                assert msgspec.json.decode(msgspec.json.encode(rules), type=RuleSet) == rules
                assert in_words(rules)
            assert all(where and text for where, text in faults)
    assert ("penalties", 0, "within_days") in taken
    assert ("limits",) in taken
    assert ("limits", 0, "most") not in taken
    assert ("clinic", "place") in taken
    assert ("clinic", "near") not in taken


def test_the_documented_defaults_are_those_of_the_code():
    page = (Path(__file__).parents[3] / "docs/rules.md").read_text(encoding="utf-8")
    documented = {
        path: json.loads(default) for path, default in re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", page, re.MULTILINE)
    }
    defaults = json.loads(msgspec.json.encode(RuleSet()))
    whole = {"limits", "penalties", "cancel", "closes"}

    def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict) and path.rpartition(".")[2] not in whole:
            for name, inner in value.items():
                yield from leaves(inner, f"{path}.{name}" if path else name)
        else:
            yield path, value

    assert documented == dict(leaves(defaults, ""))


def bounds(schema: Any) -> Any:
    """What a JSON schema allows, without words and defaults."""
    said = ("title", "description", "default", "required", "additionalProperties")
    if isinstance(schema, dict):
        return {name: bounds(inner) for name, inner in schema.items() if name not in said}
    return [bounds(inner) for inner in schema] if isinstance(schema, list) else schema


def test_the_clinic_day_is_shown_as_it_is_enforced():
    """booking-svc enforces messages.ClinicRules: both have the same fields, bounds and defaults."""
    _, ours = msgspec.json.schema_components([Clinic, Place], ref_template="{name}")
    _, theirs = msgspec.json.schema_components([messages.ClinicRules, messages.Place], ref_template="{name}")
    assert bounds(ours["Clinic"]) == bounds(theirs["ClinicRules"])
    assert bounds(ours["Place"]) == bounds(theirs["Place"])
    assert msgspec.json.encode(Clinic()) == msgspec.json.encode(messages.ClinicRules())


@pytest.mark.parametrize(
    "clinic",
    [
        {"grace_minutes": 31},
        {"early_minutes": 10, "grace_minutes": -11},
        {"priority_ahead_minutes": 20},
        {"emergency_ahead_minutes": 59},
        {"passed": [2, 51]},
        {"passed": [1] * 11},
        {"place": {"latitude": 91, "longitude": 0, "within_metres": 100}},
    ],
    ids=lambda clinic: "-".join(clinic),
)
def test_a_clinic_day_that_contradicts_itself_is_refused(clinic: dict[str, Any]):
    with pytest.raises(r.BadRules) as refused:
        r.read_rules({"clinic": clinic})
    assert all(path.startswith("clinic") for path, _ in refused.value.faults)


def test_only_departments_of_a_hospital_are_counted():
    with pytest.raises(ValueError, match="hospital only"):
        Limit(most=3, of="doctor", per="day", counting="departments")


# --- the calendar ----------------------------------------------------------------------------------------------------


def test_workdays_know_holidays_and_the_weekends_worked_in_their_place():
    assert is_workday(date(2026, 2, 14)), "a Saturday, worked for the Spring Festival (调休)"
    assert not is_workday(date(2026, 2, 16)), "a Monday, New Year's Eve"
    assert is_workday(date(2026, 10, 10)), "a Saturday, worked for the National Day"
    assert not is_workday(date(2026, 10, 7)), "a Wednesday of the National Day's week"
    assert not is_workday(date(2026, 9, 12)), "a plain Saturday"


def test_beyond_what_the_library_knows_monday_to_friday_are_workdays():
    assert is_workday(date(2060, 10, 1)) is (date(2060, 10, 1).weekday() < 5)
    assert not is_workday(date(2060, 10, 2))


def test_the_workday_before_a_long_holiday_is_the_one_that_is_worked():
    assert workdays_before(date(2026, 10, 8), 1) == date(2026, 9, 30)
    assert workdays_before(date(2026, 10, 12), 1) == date(2026, 10, 10), "a worked Saturday"
    assert workdays_before(date(2026, 10, 8), 3) == date(2026, 9, 28)


DEADLINES = [
    (Deadline(hours=12), "2026-12-05T08:00", "2026-12-04T20:00"),
    (Deadline(hours=0.5), "2026-12-05T08:00", "2026-12-05T07:30"),
    (Deadline(days=1, at="15:30"), "2026-12-05T08:00", "2026-12-04T15:30"),
    (Deadline(days=1, at="15:30"), "2026-12-05T00:00", "2026-12-04T15:30"),
    (Deadline(days=1, at="00:00"), "2026-12-05T23:59", "2026-12-04T00:00"),
    (Deadline(days=0, at="07:00"), "2026-12-05T08:00", "2026-12-05T07:00"),
    (Deadline(days=0, at="09:00"), "2026-12-05T08:00", "2026-12-05T08:00"),
    (Deadline(days=1, at="17:00"), "2027-01-01T07:30", "2026-12-31T17:00"),
    (Deadline(workdays=1, at="14:00"), "2026-12-07T08:00", "2026-12-04T14:00"),
    (Deadline(workdays=1, at="14:00"), "2026-10-08T08:00", "2026-09-30T14:00"),
    (Deadline(workdays=1, at="14:00"), "2026-02-15T08:00", "2026-02-14T14:00"),
    (Deadline(workdays=2, at="14:00"), "2026-02-24T08:00", "2026-02-13T14:00"),
]


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Shanghai"])
def host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's own zone is of no account; New York's has a change of the clocks."""
    monkeypatch.setenv("TZ", request.param)
    process_time.tzset()
    yield
    monkeypatch.undo()
    process_time.tzset()


@pytest.mark.usefixtures("host_zone")
@pytest.mark.parametrize(("deadline", "starts", "ends"), DEADLINES)
def test_deadlines_are_beijings_on_any_host(deadline: Deadline, starts: str, ends: str):
    assert os.environ["TZ"]
    starts_at = at(starts).astimezone(UTC)
    rules = RuleSet(cancel=deadline, waitlist=Waitlist(closes=deadline))
    assert r.cancel_before(rules, starts_at) == at(ends)
    assert r.waitlist_closes(rules, starts_at) == at(ends)
    assert r.cancel_before(rules, starts_at).tzinfo is UTC or deadline.hours is not None


def test_a_visit_in_the_hours_when_utc_is_a_day_behind():
    """07:30 in Beijing is 23:30 of the day before in UTC: "the day before" is Beijing's."""
    starts_at = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)
    assert r.cancel_before(RuleSet(cancel=Deadline(days=1, at="15:30")), starts_at) == at("2026-12-04T15:30")


@pytest.mark.parametrize(
    ("per", "day", "first", "after"),
    [
        ("day", "2026-12-31", "2026-12-31", "2027-01-01"),
        ("week", "2026-12-31", "2026-12-28", "2027-01-04"),
        ("week", "2027-01-03", "2026-12-28", "2027-01-04"),
        ("week", "2027-01-04", "2027-01-04", "2027-01-11"),
        ("month", "2026-12-31", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29", "2028-02-01", "2028-03-01"),
        ("quarter", "2026-12-31", "2026-10-01", "2027-01-01"),
        ("quarter", "2026-02-28", "2026-01-01", "2026-04-01"),
        ("quarter", "2026-07-01", "2026-07-01", "2026-10-01"),
    ],
)
def test_spans(per: str, day: str, first: str, after: str):
    assert span(date.fromisoformat(day), per) == (date.fromisoformat(first), date.fromisoformat(after))


# --- times ---------------------------------------------------------------------------------------------------------


def test_a_number_is_held_as_the_rules_say_and_never_beyond_the_visit():
    rules = RuleSet(hold_minutes=30)
    assert r.hold_seconds(rules, NOW, NOW + 2 * HOUR) == 1800
    assert r.hold_seconds(rules, NOW, NOW + timedelta(seconds=90)) == 90
    assert r.hold_seconds(rules, NOW, NOW - HOUR / 2) == 0


def test_an_offer_is_the_shorter_the_nearer_the_session():
    rules = RuleSet(waitlist=Waitlist(offer_least_minutes=5, offer_most_minutes=30))
    left = [timedelta(days=3), 4 * HOUR, 2 * HOUR, HOUR / 2, HOUR / 20, timedelta(0), -HOUR]
    assert [r.offer_seconds(rules, NOW, NOW + t) for t in left] == [1800, 1440, 720, 300, 180, 0, 0]


def test_a_freed_number_rests_evenly_between_the_bounds():
    rules = RuleSet(rest=Rest(least_seconds=60, most_seconds=600))
    rests = [r.rest(rules, Random(1).uniform)] + [r.rest(rules, Random(seed).uniform) for seed in range(200)]
    assert all(timedelta(seconds=60) <= rest <= timedelta(seconds=600) for rest in rests)
    assert 250 < sum(rest.total_seconds() for rest in rests) / len(rests) < 410
    assert r.rest(RuleSet(rest=Rest(least_seconds=0, most_seconds=0)), Random(1).uniform) == timedelta(0)


def test_what_is_set_aside_is_public_before_the_session():
    assert r.asides_end(RuleSet(asides_end_hours=6), NOW) == NOW - 6 * HOUR


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_words_say_what_is_enforced():
    rules = RuleSet(
        limits=(Limit(most=3, of="hospital", per="day", counting="departments"),),
        cancel=Deadline(workdays=1, at="14:00"),
        hold_minutes=10,
        cool_down=CoolDown(unpaid_seconds=0, confirmed_seconds=90),
        penalties=(),
    )
    words = {sentence.rule: sentence for sentence in in_words(rules)}
    assert "最多 3 个科室" in words["limits[0]"].zh
    assert "at most 3 departments in this hospital" in words["limits[0]"].en
    assert words["cancel"].zh.startswith("退号截止时间：就诊前一个工作日 14:00")
    assert "at 14:00 on the workday before the visit" in words["cancel"].en
    assert "10 分钟" in words["hold_minutes"].zh
    assert "90 seconds" in words["cool_down.confirmed_seconds"].en
    assert "cool_down.unpaid_seconds" not in words
    assert not any(rule.startswith("penalties") for rule in words)


@pytest.mark.parametrize(
    ("deadline", "zh", "en"),
    [
        (Deadline(hours=12), "开诊前 12 小时", "12 hours before the session"),
        (Deadline(hours=0.5), "开诊前 30 分钟", "30 minutes before the session"),
        (Deadline(days=1, at="15:30"), "就诊前一日 15:30", "at 15:30 on the day before the visit"),
        (Deadline(days=0, at="07:00"), "就诊当日 07:00", "at 07:00 on the day of the visit"),
        (Deadline(days=2, at="17:00"), "就诊前第 2 日 17:00", "at 17:00, 2 days before the visit"),
        (Deadline(workdays=2, at="14:00"), "就诊前第 2 个工作日 14:00", "at 14:00, 2 workdays before the visit"),
    ],
)
def test_deadlines_in_words(deadline: Deadline, zh: str, en: str):
    assert deadline_in_words(deadline) == (zh, en)


def test_the_clinic_day_in_words():
    stands = Place(latitude=39.9, longitude=116.4, within_metres=500)
    clinic = Clinic(early_minutes=20, grace_minutes=-10, passed=(5, 5, 0), place=stands, near=1)
    words = {sentence.rule: sentence for sentence in in_words(RuleSet(clinic=clinic))}
    assert {rule.partition(".")[2] for rule in words if rule.startswith("clinic.")} == set(Clinic.__struct_fields__) - {
        "emergency_ahead_minutes",
        "priority_ahead_minutes",
        "appointment_ahead_minutes",
    }, "those three stand in the discipline's sentence"
    assert words["clinic.early_minutes"].zh == "自预约时段开始前 20 分钟起可以报到。"
    assert words["clinic.grace_minutes"].en.startswith(
        "Who checks in later than 10 minutes before the appointment is late"
    )
    assert "500 米" in words["clinic.place"].zh
    assert "急危重症 4 小时，老人、孕妇、军人、残疾人等优先 1 小时，预约 30 分钟" in words["clinic.discipline"].zh
    assert words["clinic.passed"].en == (
        "Who does not come when called goes back 5 places, then back 5 places, then to the end of the line; "
        "the next time counts as a missed visit."
    )
    assert not [s for s in words.values() if "原路" in s.zh and "窗口" not in s.zh], "cash is fetched at the counter"
    plain = {sentence.rule: sentence for sentence in in_words(RuleSet(clinic=Clinic(discipline="fifo", passed=())))}
    assert plain["clinic.discipline"].en == "Patients are called in the order in which they checked in."
    assert plain["clinic.passed"].zh == "叫号未到的，按爽约处理。"
    assert "500" not in plain["clinic.place"].zh
    assert plain["clinic.grace_minutes"].en.startswith("Who checks in later than the time of the appointment is late")
