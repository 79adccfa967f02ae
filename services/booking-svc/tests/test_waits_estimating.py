"""How long it will take: what is told, to whom, why it moved, and whether it held."""

from datetime import datetime, timedelta

import pytest
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic import WalkIn
from clinic_day import DESK
from common.testing import assert_problem, bearer
from waits_day import THEIRS, WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def come(day, *names):
    return [day.come(name) for name in names]


# --- asking ----------------------------------------------------------------------------------------------------------


def test_a_wait_is_told_with_an_interval_and_as_times(day):
    day.known(300)
    day.open()
    _, second, third = come(day, "a", "b", "c")
    day.next()
    for visit_id, ahead in ((second, 0), (third, 1)):
        wait = day.wait(visit_id)
        assert (wait["given"], wait["ahead"], wait["position"]) == ("here", ahead, ahead + 1)
        assert 0 <= wait["low"] <= wait["expected"] <= wait["high"]
        at = datetime.fromisoformat(wait["at"])
        for name in ("low", "expected", "high"):
            assert datetime.fromisoformat(wait[f"{name}_at"]) == at + timedelta(seconds=wait[name])
    # two times five minutes, roughly: the first has just gone in
    assert 400 < wait["expected"] < 800


def test_asking_changes_nothing_and_the_same_rows_give_the_same_answer(day):
    day.open()
    _, second = come(day, "a", "b")
    first_answer = day.wait(second)
    assert day.wait(second) == first_answer
    assert day.estimates() == []


def test_whose_doctor_takes_longer_waits_longer(day):
    day.known(240)
    day.known(900, "doc2")
    day.open()
    day.open("302", session=day.other)
    come(day, "a", "b")
    for name in ("x", "y"):
        day.come(name, session=day.other)
    here, there = [day.come("c"), day.come("z", session=day.other)]
    day.next()
    day.next(room="302", session=day.other)
    quick, slow = day.wait(here), day.wait(there)
    assert quick["ahead"] == slow["ahead"] == 1
    assert slow["expected"] > 2 * quick["expected"]


def test_who_has_been_with_the_doctor_for_long_is_expected_to_stay_for_long(day):
    """Consultations that are not over count: with a patient in the room since half an hour, this doctor is slow today."""
    day.open()
    _, second, third = come(day, "a", "b", "c")
    day.next()
    before = day.wait(third)["expected"] - day.wait(second)["expected"]
    day.after(40)
    after = day.wait(third)["expected"] - day.wait(second)["expected"]
    assert after > 1.05 * before


def test_a_second_desk_shortens_waits(day):
    day.known(600)
    day.open()
    come(day, *"abcdef")
    last = day.come("g")
    alone = day.wait(last)["expected"]
    day.open("302", "doc2")
    assert day.wait(last)["expected"] < 0.7 * alone


def test_before_she_has_checked_in_it_is_told_as_if_she_came(day):
    day.open()
    soon = day.expect("soon", 20)
    later = day.expect("later", 120)
    assert day.wait(soon)["given"] == "now"
    wait = day.wait(later)
    assert (wait["given"], wait["position"], wait["state"]) == ("in_time", None, "expected")
    assert wait["expected"] > 80 * 60, "not before she comes, half an hour early at most"
    assert wait["moved"] is None


def test_before_her_day_and_when_it_is_too_late_nothing_is_told(day):
    tomorrow = day.expect("a", 24 * 60)
    document = assert_problem(day.get(f"/visits/{tomorrow}/wait"), 409, "too_early")
    assert document["from"] == "2026-11-25T00:00:00+08:00"
    late = day.expect("b", 0)
    day.after(31)
    assert_problem(day.get(f"/visits/{late}/wait"), 409, "too_late")


def test_who_is_called_waits_no_more(day):
    day.open()
    first, _ = come(day, "a", "b")
    day.next()
    assert assert_problem(day.get(f"/visits/{first}/wait"), 409, "not_waiting")["state"] == "called"


def test_the_patient_and_her_hospital_may_ask_and_nobody_else(day):
    visit_id = day.come("a")
    assert day.get(f"/visits/{visit_id}/wait", bearer("acc_a")).status_code == 200
    for stranger in (bearer("acc_b"), THEIRS):
        assert_problem(day.get(f"/visits/{visit_id}/wait", stranger), 404, "visit_not_found")
    assert_problem(day.get("/visits/vis_x/wait"), 404, "visit_not_found")


def test_without_any_past_and_any_desk_there_is_an_answer(day):
    """The doctor has not opened her desk, and nobody knows how long she takes."""
    visit_id = day.come("a")
    wait = day.wait(visit_id)
    assert wait["ahead"] == 0
    assert wait["coverage"] == {"department_id": "d", "share": None, "count": 0, "since": None, "left": 0, "meant": 0.8}


def test_a_clock_that_jumped_back_counts_from_what_it_says(day):
    day.open()
    _, second = come(day, "a", "b")
    day.after(30)
    day.next()
    day.after(-60)
    wait = day.wait(second)
    assert wait["at"] == "2026-11-24T07:30:00+08:00"
    assert wait["expected"] > 0


def test_an_overrun_session_past_midnight_is_still_estimated(day):
    day.known(600)
    day.open()
    come(day, *"abc")
    last = day.come("d")
    day.after(16 * 60 + 30)
    wait = day.wait(last)
    assert wait["at"] == "2026-11-25T00:30:00+08:00"
    assert 900 < wait["expected"] < 4000


# --- why it moved ----------------------------------------------------------------------------------------------------


def told_then(day, visit_id, happens, minutes=1.0):
    """What is said of a wait after something has happened since the last estimate."""
    day.fire()
    before = day.wait(visit_id)
    happens()
    day.after(minutes)
    moved = day.wait(visit_id)["moved"]
    assert moved["since"] == before["at"]
    return {reason["code"]: reason["count"] for reason in moved["reasons"]}, moved["seconds"]


def test_an_emergency_before_her_is_a_reason(day):
    day.known(600)
    day.open()
    come(day, "a")
    visit_id = day.come("b")
    emergency = WalkIn("王五", None, "emergency", "critical")
    reasons, seconds = told_then(
        day, visit_id, lambda: (day.after(0.1), clinic.add_walk_in(day.database, DESK, day.session, emergency))
    )
    assert reasons["somebody_before"] == 1
    assert seconds > 60


def test_that_others_have_gone_in_is_a_reason(day):
    day.known(600)
    day.open()
    first, *_ = come(day, "a", "b", "c")
    visit_id = day.come("d")

    def two_go_in():
        day.next()
        day.after(0.5)
        day.next(first)

    reasons, seconds = told_then(day, visit_id, two_go_in)
    assert reasons["ahead_left"] == 2
    assert seconds < 0, "sooner than was expected of them"


def test_a_second_desk_is_a_reason_and_so_is_that_it_closes(day):
    day.known(600)
    day.open()
    come(day, *"abcd")
    visit_id = day.come("e")
    reasons, seconds = told_then(day, visit_id, lambda: day.open("302", "doc2"))
    assert (reasons["desk_opened"], seconds < 0) == (1, True)
    reasons, seconds = told_then(day, visit_id, lambda: clinic.close_desk(day.database, DESK, day.session, "302"))
    assert (reasons["desk_closed"], seconds > 0) == (1, True)


def test_a_pause_is_a_reason_and_so_is_its_end(day):
    day.known(600)
    day.open()
    come(day, "a")
    visit_id = day.come("b")
    reasons, seconds = told_then(day, visit_id, lambda: clinic.pause(day.database, DESK, day.session, "ward", 30))
    assert (set(reasons), seconds > 600) == ({"paused"}, True)
    reasons, seconds = told_then(day, visit_id, lambda: clinic.resume(day.database, DESK, day.session))
    assert (set(reasons), seconds < -600) == ({"resumed"}, True)


def test_another_line_is_a_reason(day):
    day.open()
    day.open("302", "doc2", day.other)
    visit_id = come(day, "a", "b")[1]
    reasons, _ = told_then(
        day, visit_id, lambda: clinic.transfer_visit(day.database, DESK, visit_id, day.other, "the doctor leaves")
    )
    assert set(reasons) == {"moved_line"}


def test_a_missed_call_is_a_reason(day):
    """She is told anew after each: what was told of her before the first went with it, but for the promise."""
    day.rules(passed=[1, 1, 1])
    day.open()
    first = come(day, "a", "b", "c")[0]
    day.fire()
    day.next()
    day.after(1)
    clinic.pass_visit(day.database, DESK, first)
    reasons = {reason["code"] for reason in day.wait(first)["moved"]["reasons"]}
    assert "passed" in reasons


def test_time_alone_is_no_reason_and_a_long_consultation_is_one(day):
    day.known(600)
    day.open()
    _, second = come(day, "a", "b")
    day.next()
    reasons, seconds = told_then(day, second, lambda: None, 0.2)
    assert (set(reasons), abs(seconds) < 90) == ({"time"}, True)
    day.after(1)
    reasons, seconds = told_then(day, second, lambda: None, 40)
    assert (set(reasons), seconds > 600) == ({"slower"}, True)


# --- the closed forms beside it --------------------------------------------------------------------------------------


def models(day, visit_id):
    return {model["model"]: model for model in day.wait(visit_id)["models"]}


def test_all_models_are_shown_with_what_they_assume(day):
    day.known(600)
    day.open()
    for n in range(12):
        day.expect(f"p{n}", 60 + 15 * n)
    visit_id = day.come("a")
    shown = models(day, visit_id)
    assert list(shown) == ["simulation", "mm1", "mmc", "mgc"]
    assert all(model["assumes"] for model in shown.values())
    one, many, general = shown["mm1"], shown["mmc"], shown["mgc"]
    assert one["refused"] is many["refused"] is general["refused"] is None
    assert one["Wq"] == pytest.approx(many["Wq"])
    assert general["Wq"] < many["Wq"], "consultations vary less than exponential ones"
    assert one["Lq"] < one["L"]
    assert one["low"] <= one["expected"] <= one["high"]


def test_a_line_that_would_grow_without_end_is_refused_with_the_reason(day):
    day.known(900)
    day.open()
    for n in range(30):
        day.expect(f"p{n}", 60 + 5 * n)
    shown = models(day, day.come("a"))
    for name in ("mm1", "mmc", "mgc"):
        assert (shown[name]["refused"], shown[name]["Wq"]) == ("overloaded", None)
        assert shown[name]["utilisation"] >= 1
    assert shown["simulation"]["refused"] is None


def test_one_desk_is_no_model_of_two(day):
    day.open()
    day.open("302", "doc2")
    shown = models(day, day.come("a"))
    assert (shown["mm1"]["refused"], shown["mmc"]["refused"]) == ("several_desks", None)
