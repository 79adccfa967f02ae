"""The demo's rosters and rules are what a hospital could publish, whatever the day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from haoyuan_roster_format import examine
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_svc.rules import RuleSet, read_rules

from demo.hospitals import HOSPITALS
from demo.roster import IN_A_WEEK, SOON, drawn_clinic, rosters

patiently = settings(deadline=None, max_examples=40)
DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))


@patiently
@given(DAYS)
def test_no_roster_has_a_fault_or_two_sessions_of_a_doctor_at_once(today: date):
    for roster in rosters(today):
        assert examine("roster_published", roster) == []


@patiently
@given(DAYS)
def test_what_was_published_yesterday_stays_as_it_is(today: date):
    """Else the same version of a row would have other content."""
    for yesterdays, todays in zip(rosters(today - timedelta(days=1)), rosters(today), strict=True):
        known = {row["code"]: row for row in yesterdays["sessions"]}
        for row in todays["sessions"]:
            assert known.get(row["code"], row) == row


@patiently
@given(DAYS, st.times())
def test_at_any_time_somebody_may_enter_a_draw_of_the_next_two_days(today: date, time):
    now = datetime.combine(today, time, UTC)
    for roster in rosters((now + timedelta(hours=8)).date()):
        closing = [
            datetime.fromisoformat(row["draw_at"])
            for row in roster["sessions"]
            if "draw_at" in row and datetime.fromisoformat(row["release_at"]) <= now
        ]
        assert any(now < draw_at < now + timedelta(days=2) for draw_at in closing)


@patiently
@given(DAYS)
def test_the_walk_through_finds_what_it_looks_for_on_any_day(today: date):
    days = {(today + SOON + timedelta(days=n)).isoformat() for n in range((IN_A_WEEK - SOON).days + 1)}
    first = next(rosters(today))
    found = [
        (row.get("policy", "first_come"), row["fee"]["amount"]) for row in first["sessions"] if row["date"] in days
    ]
    assert found.count(("first_come", 5000)) >= 2
    assert ("lottery", 10000) in found


def test_there_is_one_of_each_kind():
    found = [row for roster in rosters(date(2026, 11, 22)) for row in roster["sessions"]]
    assert {row.get("policy", "first_come") for row in found} == {"first_come", "lottery", "weighted"}
    assert any(row.get("urgent") for row in found)
    assert any(slot.get("quotas") for row in found for slot in row["slots"])


@patiently
@given(DAYS, st.times())
def test_the_draw_that_is_held_at_once_could_be_published_too(today: date, time):
    now = datetime.combine(today, time, UTC)
    assert examine("roster_published", drawn_clinic(now, now + timedelta(seconds=6))) == []


@pytest.mark.parametrize("hospital", HOSPITALS, ids=lambda hospital: hospital.code)
def test_the_hospitals_rules_do(hospital):
    rules = read_rules(hospital.rules)
    assert rules != RuleSet()


def test_the_hospitals_rules_differ_and_one_has_a_short_rest():
    first, second = (read_rules(hospital.rules) for hospital in HOSPITALS)
    assert first != second
    assert second.rest.most_seconds < first.rest.least_seconds
