"""What plans are made of, and what of the past they are tested by: segments, examinations, dates, the bound of their work."""

import pytest
from booking_svc import planner
from booking_svc.usecases import clinic
from booking_svc.usecases.waiting.planning import (
    Alternative,
    Numbers,
    Question,
    altered,
    check_work,
    plan_of_numbers,
    plan_of_session,
)
from clinic_day import DESK
from common.errors import Invalid
from common.testing import assert_problem
from waits_day import STAFF, WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def numbers(**changes):
    given = {
        "segments": [(0.0, 4), (30.0, 4), (120.0, 4)], "minutes": 240.0, "doctors": 1, "service_minutes": 8.0,
        "service_cv": 0.6, "no_show": 0.0, "late_minutes": 0.0, "late_spread_minutes": 10.0, "walk_ins": 0.0,
        "priority": 0.0, "emergencies": 0.0, "discipline": "priority",
    }  # fmt: skip
    return Numbers(**(given | changes))


# --- who is too late -------------------------------------------------------------------------------------------------


def test_nobody_is_too_late_for_her_segment_before_it_ends(day):
    """As at check-in: 30 minutes after its start, and not before its end."""
    day.expect("a", 60)
    plan = plan_of_session(day.database, DESK, day.session)
    (segment,) = plan.day.segments
    assert (segment.starts, segment.ends, plan.day.void_after) == (3600.0, 5400.0, 1800.0)


def test_segments_that_are_given_end_where_the_next_begins():
    plan = plan_of_numbers(numbers())
    assert [s.ends for s in plan.day.segments] == [1800.0, 7200.0, 14_400.0]
    longer = altered(plan, Alternative("longer", minutes=480.0))
    assert [s.ends for s in longer.segments] == [3600.0, 14_400.0, 28_800.0]
    others = altered(plan, Alternative("others", segments=[(0.0, 3), (60.0, 3)]))
    assert [s.ends for s in others.segments] == [3600.0, 14_400.0]


# --- what is tested --------------------------------------------------------------------------------------------------


def back_test(day, date="2026-11-24"):
    answer = day.get(f"/planning/back-test?department_id=d&date_from={date}&date_to={date}")
    assert answer.status_code == 200, answer.json
    return answer.json


def test_an_examination_is_no_wait_for_the_doctor(day):
    """Called at once; the second call comes an hour later, and is another matter."""
    day.known(300)
    day.open()
    visit_id = day.come("a")
    day.next()
    day.after(5)
    clinic.send_away(day.database, DESK, visit_id)
    day.after(60)
    clinic.come_back(day.database, DESK, visit_id)
    day.next()
    day.after(5)
    clinic.finish_visit(day.database, DESK, visit_id)
    day.after(24 * 60)
    found = back_test(day)
    assert [tested["happened"]["wait_p90"] for tested in found["sessions"]] == [0.0]
    assert found["known"] == ["bookings", "desks"], "it says what of the day it is told"


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("date", ["0001-01-01", "1999-12-31", "2100-01-01", "9999-12-31"])
def test_far_dates_are_refused_by_name(day, date, monkeypatch, capsys):
    day.expect("a", 30)
    query = f"/planning/back-test?department_id=d&date_from={date}&date_to={date}"
    problem = assert_problem(day.get(query), 422, "validation_error")
    assert {error["field"] for error in problem["errors"]} == {"date_from", "date_to"}
    base = {"department_id": "d", "date": date, "period": "morning"}
    asked = day.client.post("/api/v1/planning/what-if", json={"base": base}, headers=STAFF)
    assert_problem(asked, 422, "validation_error", "base.date")
    monkeypatch.setattr(planner, "load", lambda _name: day.service)
    assert planner.main(["back-test", "d", date, date]) == 1
    assert "date_from" in capsys.readouterr().err


@pytest.mark.parametrize("date", ["2000-01-01", "2099-12-31"])
def test_the_first_and_the_last_date_are_answered(day, date):
    day.expect("a", 30)
    assert back_test(day, date)["sessions"] == []


def most_runs(doctors, target=None, most=1):
    """How many runs a plan of 200 patients may have."""
    plan = plan_of_numbers(numbers(segments=[(0.0, 200)], doctors=doctors))
    asked = Question([], target, most, 10**9)
    with pytest.raises(Invalid) as refused:
        check_work(plan, [], asked)
    return int(refused.value.extra["errors"][0]["message"].split()[0])


def test_doctors_count_too_in_what_a_plan_may_cost():
    assert most_runs(doctors=30) < most_runs(doctors=1) / 2
    assert most_runs(1, target=60.0, most=30) < most_runs(1, target=60.0, most=1) / 2
