"""What staff do to a session besides stopping it: resume it, bind numbers to a patient; who stands in for it; quotas and draws."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from common import ids
from common.messages import ReserveSlot, SessionChanged, SessionStopped
from common.testing import assert_problem, bearer, sent, take_sent
from flask.testing import FlaskClient
from roster_world import Hospital
from schedule_svc.api import schemas
from schedule_svc.usecases import substitutes
from schedule_world import API, OPERATOR, World, check_inventory, get, registrar, session_row, short, slot_row

EIGHT = "2026-12-05T08:00:00+08:00"


def post(client: FlaskClient, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    return client.post(API + path, json=body or {}, headers=OPERATOR, **more)


# --- resuming --------------------------------------------------------------------------------------------------------


def test_staff_take_their_stop_back(client: FlaskClient, world: World) -> None:
    path = f"/sessions/{world.session_id()}"
    post(client, f"{path}/stop", {"reason": "ill"})
    take_sent(world.database)
    shown = post(client, f"{path}/resume").get_json()
    assert (shown["state"], shown["remaining"], "stop_reason" in shown) == ("open", 12, False)
    (told,) = sent(world.database, SessionChanged)
    assert (told.session.state, told.session.revision) == ("open", 3)
    assert post(client, f"{path}/resume").status_code == 200, "done again, it changes nothing"
    assert len(sent(world.database, SessionChanged)) == 1
    assert world.rows("SELECT * FROM timers WHERE kind = 'stop_settles'") == []


def test_a_resumed_session_may_be_stopped_again(client: FlaskClient, world: World) -> None:
    path = f"/sessions/{world.session_id()}"
    for reason in ("ill", "strike"):
        assert post(client, f"{path}/stop", {"reason": reason}).get_json()["stop_reason"] == reason
        post(client, f"{path}/resume")
    assert [m.reason for m in sent(world.database, SessionStopped)] == ["ill", "strike"]


def test_it_resumes_when_everybody_has_given_up(client: FlaskClient, world: World) -> None:
    renai, path = Hospital(world), f"/sessions/{world.session_id()}"
    world.fill(12)
    world.tell(world.reserve("w", wait=True))
    post(client, f"{path}/stop", {"reason": "ill"})
    assert post(client, f"{path}/resume").get_json()["state"] == "stopped"
    world.tell(*(world.release(f"fill-{i}") for i in range(12)))
    renai.later(timedelta(seconds=10))
    assert get(client, path)["state"] == "stopped", "one still waits"
    world.tell(world.release("w"))
    renai.later(timedelta(seconds=20))
    assert get(client, path)["state"] == "open"
    check_inventory(world)


def test_the_staffs_stop_and_the_hospitals_are_two_things(client: FlaskClient, world: World) -> None:
    renai, path = Hospital(world), f"/sessions/{world.session_id()}"
    renai.stop(reason="the hospital's")
    assert_problem(post(client, f"{path}/resume"), 409, "stopped_by_hospital")
    assert post(client, f"{path}/stop", {"reason": "ours"}).get_json()["stop_reason"] == "ours"
    renai.resume()
    assert get(client, path)["stop_reason"] == "ours"
    renai.stop(version=3, reason="again")
    assert post(client, f"{path}/resume").get_json()["stop_reason"] == "again"
    renai.resume(version=4)
    assert get(client, path)["state"] == "open"
    assert len(sent(world.database, SessionStopped)) == 1, "it was stopped all the time"


def test_a_session_that_is_over_stays_stopped(client: FlaskClient, world: World) -> None:
    path = f"/sessions/{world.session_id()}"
    post(client, f"{path}/stop", {"reason": "ill"})
    world.clock.set(world.clock().replace(day=6))
    assert_problem(post(client, f"{path}/resume"), 409, "session_over")


def test_only_staff_of_the_hospital_resume(client: FlaskClient, world: World) -> None:
    path = f"{API}/sessions/{world.session_id()}/resume"
    assert_problem(client.post(path), 401, "unauthenticated")
    other = bearer("acc", "registrar", hospital_id="hos_other")
    assert_problem(client.post(path, headers=other), 403, "other_hospital")
    assert_problem(client.post(path, headers=bearer("acc", "patient")), 403, "wrong_role")
    assert_problem(client.post(f"{API}/sessions/none/resume", headers=OPERATOR), 404, "session_not_found")


# --- 加号 for one patient ---------------------------------------------------------------------------------------------


def test_numbers_bound_to_a_patient_are_hers_alone(client: FlaskClient, world: World) -> None:
    her = ids.mint("pat", "acc_her")
    world.fill(12)
    path, slot = f"/sessions/{world.session_id()}/slots", world.slot_ids()[1]
    shown = post(client, path, {"slot_id": slot, "extra": 1, "patient_id": her}).get_json()
    assert (shown["capacity"], shown["remaining"], shown["state"]) == (13, 0, "sold_out")
    take_sent(world.database)
    assert short(world.tell(world.reserve("x"))) == [("rejected", "x", "sold_out")]
    hers = ReserveSlot("hers", world.session_id(), None, her, False, True, None, None, False, world.clock())
    assert short(world.tell(hers))[0] == ("reserved", "hers", 13)
    check_inventory(world)
    assert post(client, path, {"slot_id": slot, "extra": 2, "patient_id": her}).get_json()["remaining"] == 0


@pytest.mark.parametrize(
    "value", ["", "x", "pat_", "ses_" + "a" * 24, "pat_" + "A" * 24, "pat_" + "a" * 25, 7, None, []]
)
def test_what_is_no_patient_is_refused(client: FlaskClient, world: World, value: Any) -> None:
    body = {"slot_id": world.slot_ids()[0], "extra": 1, "patient_id": value}
    response = post(client, f"/sessions/{world.session_id()}/slots", body)
    assert_problem(response, 422, "validation_error")
    assert [e["field"] for e in response.get_json()["errors"]] == ["patient_id"]


# --- substitutes -----------------------------------------------------------------------------------------------------

PEOPLE = {
    "departments": [{"code": "card", "version": 1, "name": "心内科"}, {"code": "eyes", "version": 1, "name": "眼科"}],
    "doctors": [
        {"code": "D1", "version": 1, "name": "张伟", "title": "主任医师", "department": "card"},
        {"code": "D2", "version": 1, "name": "李娜", "title": "主任医师", "department": "card"},
        {"code": "D3", "version": 1, "name": "王芳", "title": "主治医师", "department": "card"},
        {"code": "D4", "version": 1, "name": "赵敏", "title": "主任医师", "department": "eyes"},
    ],
}  # fmt: skip


def day(number: int, code: str, **changes: Any) -> dict[str, Any]:
    row = session_row(code, date=f"2026-12-{number:02}", doctor="D2", slots=[slot_row(8, day=number)])
    return row | changes


def test_substitutes_are_of_the_same_department_and_grade_and_can_be_had_now(make: Callable[..., World]) -> None:
    world = make(
        sessions=[
            session_row(),
            day(9, "later"), day(6, "soonest"), day(7, "second"), day(8, "third"),
            day(6, "grade", doctor="D3"), day(6, "department", doctor="D4"),
            day(6, "not released", release_at="2026-12-05T08:30:00+08:00"),
            day(6, "draft", draft=True),
            day(6, "draw", policy="lottery", draw_at="2026-12-04T08:00:00+08:00"),
            day(20, "too far"),
            day(6, "full", slots=[slot_row(8, day=6, capacity=1, blocked=1)]),
            day(6, "stopped"),
        ],
        **PEOPLE,
    )  # fmt: skip
    client = world.service.app.test_client()
    post(client, f"/sessions/{world.session_id('stopped')}/stop", {"reason": "x"})
    path = f"/sessions/{world.session_id()}"
    found = get(client, f"{path}/substitutes", schemas.Substitutes)["items"]
    assert [s["code"] for s in found] == ["soonest", "second", "third"]
    take_sent(world.database)
    post(client, f"{path}/stop", {"reason": "ill"})
    (told,) = sent(world.database, SessionStopped)
    assert [s.session_id for s in told.substitutes] == [s["id"] for s in found]
    first = told.substitutes[0]
    assert (first.fee, first.visit.doctor_name, first.visit.starts_at.day) == (5000, "李娜", 6)
    assert client.get(f"{API}/sessions/none/substitutes").status_code == 404


def test_a_substitute_whose_last_number_goes_between_two_looks_is_none(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(sessions=[session_row(), day(6, "full", slots=[slot_row(8, day=6, capacity=1, blocked=1)])], **PEOPLE)
    seen_free = [world.session_id("full")]
    monkeypatch.setattr(substitutes.catalogue, "substitutes", lambda *_: seen_free)
    post(world.service.app.test_client(), f"/sessions/{world.session_id()}/stop", {"reason": "ill"})
    (told,) = sent(world.database, SessionStopped)
    assert not told.substitutes


def test_sessions_that_are_stopped_together_do_not_stand_in_for_each_other(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(), day(6, "s2"), day(7, "s3")], **PEOPLE)
    world.clock.advance(timedelta(hours=1))
    renai = Hospital(world)
    renai.snapshot(day(7, "s3"), as_of=world.clock(), days=("2026-12-05", "2026-12-07"))
    told = sent(world.database, SessionStopped)
    only = world.session_id("s3")
    assert [[s.session_id for s in m.substitutes] for m in told] == [[only], [only]]


# --- quotas and grades -----------------------------------------------------------------------------------------------


def test_quotas_are_blocked_for_everybody_else(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(slots=[slot_row(8) | {"quotas": {"referral": 1, "window": 2}}])])
    assert world.rows("SELECT capacity, free, blocked FROM slots") == [(4, 1, 3)]
    assert world.fill(2) == ["fill-0"]
    world.publish({"hospital": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等"},
                   "sessions": [session_row(version=2, slots=[slot_row(8) | {"quotas": {"window": 1}}])]})  # fmt: skip
    assert world.rows("SELECT free, blocked, held FROM slots") == [(2, 1, 1)]
    check_inventory(world)


def test_a_session_shows_its_grade_policy_and_urgency(client: FlaskClient, world: World) -> None:
    draw = {"policy": "lottery", "draw_at": "2026-12-04T08:00:00+08:00"}
    renai = Hospital(world)
    renai.roster(session_row("s2", grade="专家", urgent=True, **draw))
    shown = get(client, f"/sessions/{world.session_id('s2')}", schemas.Session)
    assert (shown["grade"], shown["urgent"], shown["policy"], shown["draw_at"]) == (
        "专家",
        True,
        "lottery",
        "2026-12-04T08:00:00+08:00",
    )
    own = get(client, f"/sessions/{world.session_id()}", schemas.Session)
    assert (own["grade"], own["urgent"], own["policy"], own["draw_at"]) == ("主任医师", False, "first_come", None)


def test_staff_publish_with_all_that_a_roster_row_has(client: FlaskClient, world: World) -> None:
    body = session_row(
        "new", policy="weighted", draw_at="2026-12-04T08:00:00+08:00", grade="特需", urgent=True, draft=True
    )
    body["slots"] = [slot_row(14) | {"quotas": {"referral": 1}}]
    del body["doctor"], body["version"]
    body["doctor_id"] = world.rows("SELECT id FROM doctors")[0].id
    shown = client.post(f"{API}/sessions", json=body, headers=registrar(world)).get_json()
    assert schemas.Session().validate(shown) == {}
    assert (shown["state"], shown["policy"], shown["grade"], shown["urgent"]) == ("draft", "weighted", "特需", True)
    bad = body | {"code": "b", "draw_at": None, "policy": "lottery"}
    del bad["draw_at"]
    assert_problem(client.post(f"{API}/sessions", json=bad, headers=registrar(world)), 422, "bad_draw")
