"""The planner over HTTP: where its base comes from, what it answers, what it refuses."""

import json
from datetime import timedelta

import pytest
from booking_svc import planner
from booking_svc.api import waits
from booking_svc.usecases.clinic.closing import CLOSE
from booking_world import VISIT
from clinic_day import OPENS
from common.testing import assert_bad_input_is_refused, assert_problem, bearer
from waits_day import STAFF, THEIRS, WaitsDay, empty

GIVEN = {
    "segments": [{"starts": 30 * n, "appointments": 6} for n in range(8)],
    "minutes": 240,
    "doctors": 1,
    "service_minutes": 8,
}
FAST = 40


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def ask(day, base, headers=STAFF, **more):
    body = {"base": base, "runs": FAST, **more}
    return day.client.post("/api/v1/planning/what-if", json=body, headers=headers)


def planned(day, base, **more):
    answer = ask(day, base, **more)
    assert answer.status_code == 200, answer.json
    return answer.json


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_one_more_doctor_is_compared_with_the_base(day):
    found = planned(day, {"given": GIVEN}, alternatives=[{"name": "two", "doctors": 2}, {"doctors": 1}])
    two, same = found["alternatives"]
    assert two["name"] == "two"
    assert (found["base"]["doctors"], two["doctors"]) == (1, 2)
    assert two["wait_p90"] < found["base"]["wait_p90"]
    assert two["wait_change"]["high"] < 0
    assert two["overtime_change"]["high"] < 0 < two["idle_change"]["low"]
    assert same["wait_change"] == {"mean": 0.0, "low": 0.0, "high": 0.0}, "the same patients"
    assert planned(day, {"given": GIVEN})["base"] == found["base"]


def test_a_longer_session_stretches_its_segments_and_other_segments_are_taken_as_they_are(day):
    longer = {"minutes": 480}
    at_once = {"segments": [{"starts": 0, "appointments": 48}]}
    found = planned(day, {"given": GIVEN}, alternatives=[longer, at_once])
    stretched, crowd = found["alternatives"]
    assert stretched["wait_mean"] < found["base"]["wait_mean"] < crowd["wait_mean"]
    assert stretched["overtime"] < found["base"]["overtime"]
    assert stretched["idle"] > found["base"]["idle"]


def test_the_fewest_doctors_for_a_target(day):
    found = planned(day, {"given": GIVEN}, target_p90=900)["staffing"]
    by_doctors = {each["doctors"]: each["wait_p90"] for each in found["tried"]}
    assert by_doctors[found["doctors"]] < 900 <= by_doctors[found["doctors"] - 1]


def test_it_is_said_when_no_staffing_does(day):
    found = planned(day, {"given": GIVEN}, target_p90=900, most_doctors=1)["staffing"]
    assert (found["doctors"], found["most_doctors"]) == (None, 1)
    assert found["best_p90"] >= 900


def test_a_day_of_nobody_has_a_plan(day):
    nobody = {**GIVEN, "segments": [], "walk_ins": 0, "priority": 0, "emergencies": 0}
    found = planned(day, {"given": nobody}, target_p90=60, alternatives=[{"doctors": 2}])
    assert found["base"]["wait_p90"] is None
    assert found["alternatives"][0]["wait_change"] is None
    assert found["staffing"]["doctors"] == 1


# --- sessions and departments ----------------------------------------------------------------------------------------


def test_a_session_to_come_is_planned_by_who_is_booked_and_what_is_known(day):
    day.known(900)
    for n in range(6):
        day.expect(f"p{n}", 60 + 30 * (n // 2))
    used = planned(day, {"session_id": day.session})["used"]
    assert used["sessions"] == [day.session]
    assert used["segments"] == [{"starts": 60.0 + 30 * n, "appointments": 2} for n in range(3)]
    assert used["minutes"] == 240
    assert used["doctors"][0]["minutes"] == pytest.approx(15, rel=0.15)
    assert used["no_show"] < 0.1, "everybody has come so far"
    assert used["learnt_from"] == 60


def test_what_happened_later_is_not_known_to_a_plan(day):
    """A past session is planned by what was known before it began."""
    day.expect("a", 60)
    day.known(900)
    day.after(2 * 24 * 60)
    day.past([3000.0] * 30, days_ago=-1)
    day.past([3000.0] * 30, days_ago=0)
    used = planned(day, {"session_id": day.session})["used"]
    assert used["doctors"][0]["minutes"] == pytest.approx(15, rel=0.15)


def test_a_departments_sessions_of_a_period_are_one_line(day):
    for n in range(4):
        day.expect(f"p{n}", 30)
        day.expect(f"q{n}", 30, session=day.other)
    base = {"department_id": "d", "date": "2026-11-24", "period": "morning"}
    used = planned(day, base)["used"]
    assert used["sessions"] == sorted([day.session, day.other])
    assert used["segments"] == [{"starts": 30.0, "appointments": 8}]
    assert len(used["doctors"]) == 2
    assert_problem(ask(day, {**base, "period": "evening"}), 404, "nothing_planned")
    assert_problem(ask(day, {**base, "date": "2026-11-25"}), 404, "nothing_planned")


def test_another_hospitals_days_are_not_there(day):
    day.expect("a", 30)
    department = {"department_id": "d", "date": "2026-11-24", "period": "morning"}
    for base, code in (({"session_id": day.session}, "session_not_found"), (department, "department_not_found")):
        assert ask(day, base, bearer("acc_op", "operator")).status_code == 200
        assert_problem(ask(day, base, THEIRS), 404, code)
    assert_problem(ask(day, {"session_id": "ses_x"}), 404, "session_not_found")
    assert_problem(ask(day, {**department, "department_id": "x"}), 404, "department_not_found")
    back = "/planning/back-test?department_id=d&date_from=2026-11-20&date_to=2026-11-24"
    assert_problem(day.get(back, THEIRS), 404, "department_not_found")


# --- what is refused -------------------------------------------------------------------------------------------------


def test_bad_input_is_refused(day):
    good = {"base": {"given": GIVEN}, "alternatives": [], "target_p90": 900, "most_doctors": 2, "runs": 20}
    optional = ("alternatives", "target_p90", "most_doctors", "runs")
    assert_bad_input_is_refused(day.client, "/api/v1/planning/what-if", good, STAFF, optional)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"minutes": 1}, "base.given.minutes"),
        ({"doctors": 0}, "base.given.doctors"),
        ({"doctors": 31}, "base.given.doctors"),
        ({"service_minutes": 0}, "base.given.service_minutes"),
        ({"no_show": 1.01}, "base.given.no_show"),
        ({"walk_ins": 1e9}, "base.given.walk_ins"),
        ({"segments": [{"starts": 0, "appointments": 1e9}]}, "base.given.segments.0.appointments"),
        ({"segments": [{"starts": 0, "appointments": 1}] * 97}, "base.given.segments"),
        ({"segments": [{"starts": 0, "appointments": 400}, {"starts": 0, "appointments": 1}]}, "base"),
        ({"discipline": "lottery"}, "base.given.discipline"),
    ],
)
def test_each_fault_of_the_numbers_is_named(day, change, field):
    assert_problem(ask(day, {"given": {**GIVEN, **change}}), 422, "validation_error", field)


@pytest.mark.parametrize(
    ("base", "field"),
    [
        ({}, "base.session_id"),
        ({"session_id": "s", "given": GIVEN}, "base.session_id"),
        ({"department_id": "d", "period": "morning"}, "base.date"),
        ({"department_id": "d", "date": "2026-11-24"}, "base.period"),
        ({"session_id": "s", "period": "morning"}, "base.period"),
        ({"department_id": "d", "date": "2026-11-24", "period": "night"}, "base.period"),
    ],
)
def test_a_base_is_one_thing(day, base, field):
    assert_problem(ask(day, base), 422, "validation_error", field)


def test_nobody_burns_the_processor(day):
    """Each limit by itself, and all of them together."""
    given = {"given": {**GIVEN, "segments": [{"starts": 0, "appointments": 300}]}}
    many = [{"doctors": n} for n in range(1, 9)]
    assert_problem(ask(day, given, runs=1001), 422, field="runs")
    assert_problem(ask(day, given, alternatives=[*many, {"doctors": 9}]), 422, field="alternatives")
    crowd = [{"segments": [{"starts": 0, "appointments": 400}] * 2}]
    assert_problem(ask(day, given, alternatives=crowd), 422, field="alternatives.0")
    refused = assert_problem(ask(day, given, alternatives=many, target_p90=60, runs=1000), 422, field="runs")
    assert "at most" in refused["errors"][0]["message"]


def test_one_plan_at_a_time(day):
    with waits._one_at_a_time():
        assert_problem(ask(day, {"given": GIVEN}), 429, "planner_busy")
    assert ask(day, {"given": GIVEN}).status_code == 200
    assert_problem(ask(day, {"session_id": "ses_x"}), 404)
    assert ask(day, {"given": GIVEN}).status_code == 200, "a refusal frees it too"


@pytest.mark.parametrize("role", ["patient", "doctor", "registrar", "cashier"])
def test_it_is_for_administrators(day, role):
    headers = bearer("acc", role, hospital_id=VISIT.hospital_id)
    assert_problem(ask(day, {"given": GIVEN}, headers), 403, "wrong_role")
    assert_problem(day.get("/planning/back-test", headers), 403, "wrong_role")


# --- back-tests ------------------------------------------------------------------------------------------------------

BACK = "/planning/back-test?department_id=d&date_from={}&date_to={}"


def a_past_morning(day, patients=8, minutes=12.0):
    """Everybody comes at eight and is seen for so long; the session of the fixture, over since hours."""
    day.open()
    ids = [day.come(f"m{n}") for n in range(patients)]
    day.next()
    for visit_id in ids:
        day.after(minutes)
        day.next(visit_id)
    day.after(24 * 60)


def test_a_past_session_is_told_beside_what_happened(day):
    day.known(720)
    a_past_morning(day)
    found = day.get(BACK.format("2026-11-24", "2026-11-24")).json
    (tested,) = found["sessions"]
    assert (tested["session_id"], tested["date"], tested["doctors"]) == (day.session, "2026-11-24", 1)
    assert tested["happened"] == {"seen": 8.0, "wait_p90": 7 * 720.0, "overtime": 0.0}
    assert tested["low"] <= tested["said"]["wait_p90"] <= tested["high"]
    assert found["wait_p90"]["sessions"] == 1
    assert found["wait_p90"]["bias"] == pytest.approx(tested["said"]["wait_p90"] - 7 * 720, abs=0.1)
    assert found["wait_p90"]["mean_absolute"] == abs(found["wait_p90"]["bias"])
    assert found["more"] is False


def test_who_was_ended_by_the_clock_is_no_overtime(day):
    """Called in the last hour, and forgotten: the clock ended her six hours after the session."""
    day.known(720)
    day.open()
    forgotten = day.come("a")
    day.after(3 * 60 + 30)
    day.next()
    with day.database.transaction() as tx:
        tx.set_timer(CLOSE, day.session, tx.now)
    day.after(6 * 60 + 31)
    day.fire()
    day.after(24 * 60)
    assert day.visit(forgotten).state == "done"
    (tested,) = day.get(BACK.format("2026-11-24", "2026-11-24")).json["sessions"]
    assert tested["happened"] == {"seen": 1.0, "wait_p90": 3.5 * 3600, "overtime": 0.0}


def test_without_a_session_that_is_over_there_are_no_errors(day):
    day.known(720)  # sessions of which nobody has told us
    day.open()
    first = day.come("a")
    day.come("b")
    day.next()
    day.after(10)
    day.next(first)
    found = day.get(BACK.format("2026-11-01", "2026-11-24")).json
    assert found["sessions"] == []
    assert found["seen"] is found["wait_p90"] is found["overtime"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("date_from=2026-11-24&date_to=2026-11-24", "department_id"),
        ("department_id=d&date_to=2026-11-24", "date_from"),
        ("department_id=d&date_from=2026-11-24&date_to=2026-11-23", "date_to"),
        ("department_id=d&date_from=2026-10-01&date_to=2026-11-24", "date_to"),
        ("department_id=d&date_from=x&date_to=2026-11-24", "date_from"),
    ],
)
def test_bad_days_are_refused(day, query, field):
    assert_problem(day.get(f"/planning/back-test?{query}"), 422, "validation_error", field)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(day, monkeypatch):
    monkeypatch.setattr(planner, "load", lambda _name: day.service)
    return planner.main


def test_the_command_answers_a_question_from_a_file(day, command, tmp_path, capsys):
    question = tmp_path / "question.json"
    question.write_text(json.dumps({"base": {"given": GIVEN}, "alternatives": [{"name": "two", "doctors": 2}],
                                    "target_p90": 900, "runs": FAST}))  # fmt: skip
    assert command(["what-if", str(question)]) == 0
    told = capsys.readouterr().out
    assert "base" in told
    assert "two" in told
    assert "fewest doctors" in told
    assert command(["what-if", str(question), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["base"]["doctors"] == 1


def test_the_command_names_what_is_wrong(command, tmp_path, capsys):
    question = tmp_path / "question.json"
    question.write_text('{"base": {}}')
    assert command(["what-if", str(question)]) == 1
    assert "session_id" in capsys.readouterr().err
    question.write_text("{")
    assert command(["what-if", str(question)]) == 1
    question.write_text('{"base": {"session_id": "ses_x"}}')
    assert command(["what-if", str(question)]) == 1
    assert "session_not_found" in capsys.readouterr().err


def test_the_command_tests_past_days(day, command, capsys):
    day.known(720)
    a_past_morning(day)
    assert command(["back-test", "d", "2026-11-24", "2026-11-24"]) == 0
    told = capsys.readouterr().out
    assert day.session in told
    assert "bias" in told
    assert OPENS + timedelta(days=1) < day.clock()
