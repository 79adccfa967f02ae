"""A session's load: observed, and by the models."""

import math

import pytest
from booking_svc.usecases import clinic
from clinic_day import DESK, ROOM
from common.testing import assert_problem, bearer
from waits_day import STAFF, THEIRS, WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def load(day):
    answer = day.get(f"/sessions/{day.session}/load")
    assert answer.status_code == 200, answer.json
    return answer.json


def numbers(found):
    """Every number in an answer, however deep."""
    if isinstance(found, dict):
        return [n for value in found.values() for n in numbers(value)]
    if isinstance(found, list):
        return [n for value in found for n in numbers(value)]
    return [found] if isinstance(found, float) else []


@pytest.mark.parametrize("minutes", [-120, 0, 60, 24 * 60])
def test_an_empty_day_has_no_figures_and_nothing_that_is_no_number(day, minutes):
    day.after(minutes)
    found = load(day)
    observed = found["observed"]
    assert (observed.pop("arrived"), observed.pop("called"), observed.pop("waiting")) == (0, 0, 0)
    assert observed.pop("utilisation") in (None, 0.0)
    assert set(observed.values()) == {None}
    assert {model["refused"] for model in found["models"]} == {"no_arrivals"}
    assert all(math.isfinite(n) for n in numbers(found))


def a_morning(day):
    """Three come at eight; each is seen for ten minutes, one after the other; an hour goes by."""
    day.open()
    ids = [day.come(name) for name in "abc"]
    day.next()
    for visit_id in ids:
        day.after(10)
        day.next(visit_id)
    day.after(30)
    return ids


def test_what_was_observed_of_an_hour(day):
    a_morning(day)
    found = load(day)["observed"]
    assert (found["arrived"], found["called"], found["waiting"]) == (3, 3, 0)
    assert found["Wq"] == pytest.approx((0 + 600 + 1200) / 3)
    assert found["W"] == pytest.approx((600 + 1200 + 1800) / 3)
    assert (found["Wq_p50"], found["Wq_p90"]) == (600, 1200)


def test_littles_law_holds_in_it(day):
    a_morning(day)
    found = load(day)["observed"]
    rate = found["arrival_rate"] / 3600
    assert found["L"] == pytest.approx(rate * found["W"])
    assert found["Lq"] == pytest.approx(rate * found["Wq"])


def test_who_still_waits_counts(day):
    """Fault 18: the average over those who were called says a quarter of an hour, while one has waited for two hours."""
    day.open()
    first, _ = day.come("a"), day.come("b")
    day.after(15)
    day.next()
    day.after(105)
    found = load(day)["observed"]
    assert (found["called"], found["waiting"]) == (1, 1)
    assert found["Wq"] > 3600
    assert found["Wq_p90"] is None, "too few were called to say it"
    assert day.visit(first).state == "called"


def test_the_models_are_asked_for_what_was_observed(day):
    a_morning(day)
    found = load(day)
    models = {model["model"]: model for model in found["models"]}
    assert found["desks"] == 1
    assert models["mm1"]["refused"] is None
    assert models["mm1"]["L"] == pytest.approx(found["observed"]["arrival_rate"] / 3600 * models["mm1"]["W"])


def test_who_is_at_an_examination_is_neither_at_a_desk_nor_in_the_line(day):
    """Called at once, sent away, back half an hour later, called at once again."""
    day.open()
    visit_id = day.come("a")
    day.next()
    day.after(5)
    clinic.send_away(day.database, DESK, visit_id)
    day.after(30)
    away = load(day)["observed"]
    assert (away["arrived"], away["called"], away["waiting"]) == (1, 1, 0)
    assert away["W"] == pytest.approx(300)
    assert away["utilisation"] == pytest.approx(5 / 35)
    clinic.come_back(day.database, DESK, visit_id)
    day.after(1)
    day.next()
    day.after(4)
    clinic.finish_visit(day.database, DESK, visit_id)
    found = load(day)["observed"]
    assert (found["arrived"], found["called"]) == (2, 2), "she passes twice"
    assert found["Wq"] == pytest.approx(30)
    assert found["W"] == pytest.approx(300)
    assert found["utilisation"] == pytest.approx(9 / 40)


def test_who_was_called_in_vain_waits_until_she_is_called_again(day):
    day.open()
    visit_id = day.come("a")
    day.next()
    day.after(2)
    clinic.put_back(day.database, DESK, visit_id, "by mistake")
    day.after(8)
    day.next()
    assert load(day)["observed"]["Wq"] == pytest.approx(600)


def test_a_desk_is_open_until_it_is_closed(day):
    """Taken for ten of sixty minutes, also once it is closed; and it opens again, in another room."""
    day.open()
    visit_id = day.come("a")
    day.next()
    day.after(10)
    clinic.finish_visit(day.database, DESK, visit_id)
    day.after(50)
    assert load(day)["observed"]["utilisation"] == pytest.approx(10 / 60)
    clinic.close_desk(day.database, DESK, day.session, ROOM)
    assert load(day)["observed"]["utilisation"] == pytest.approx(10 / 60)
    day.after(30)
    day.open()
    day.after(40)
    assert load(day)["observed"]["utilisation"] == pytest.approx(10 / 100)


def test_a_session_that_has_overrun_midnight_is_looked_at_until_now(day):
    day.open()
    first, _ = day.come("a"), day.come("b")
    day.next()
    day.after(16 * 60 + 30)
    found = load(day)
    assert found["until"] == "2026-11-25T00:30:00+08:00"
    day.next(first)
    day.after(60)
    clinic.finish_visit(day.database, DESK, _)
    day.after(600)
    assert load(day)["until"] == "2026-11-25T01:30:00+08:00", "and then until it was over"


def test_it_is_for_staff_of_the_hospital(day):
    path = f"/sessions/{day.session}/load"
    assert day.get(path, bearer("acc_op", "operator")).status_code == 200
    assert_problem(day.get(path, THEIRS), 404, "session_not_found")
    assert_problem(day.get(path, bearer("acc_a")), 403, "wrong_role")
    assert_problem(day.get("/sessions/ses_x/load", STAFF), 404, "session_not_found")
