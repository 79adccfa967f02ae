"""Visits over HTTP: checking in, looking, and what staff do with one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from booking_patient import fire
from booking_svc.api.clinic_schemas import ClinicVisitSchema
from booking_svc.usecases import start_watching
from clinic_day import ROOM
from clinic_web import ACTORS, STRANGERS, Web, clinic_web
from common.messages import Place
from common.testing import assert_problem


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with clinic_web(f"sqlite:///{tmp_path}/booking.db") as web:
        yield web


def door(web: Web) -> str:
    return web.get("board", "{queue}/door").get_json()["code"]


# --- checking in -----------------------------------------------------------------------------------------------------


def test_the_code_of_the_door_checks_in_and_again_answers_the_same(web):
    visit_id = web.day.expect("7")
    order = web.get("7", f"/orders/{web.order_of(visit_id)}").get_json()
    assert order["visit_id"] == visit_id, "her order says where to look"
    before = web.get("7", f"/visits/{visit_id}").get_json()
    assert (before["state"], before["ahead"]) == ("expected", None)
    assert before["check_in"] == {
        "opens_at": "2026-11-24T07:30:00+08:00",
        "late_after": "2026-11-24T08:00:00+08:00",
        "void_after": "2026-11-24T08:30:00+08:00",
        "proofs": ["code"],
    }
    first = web.good("7", f"/orders/{order['id']}/check-in", {"code": door(web)})
    assert (first["id"], first["state"], first["ticket"], first["ahead"]) == (visit_id, "waiting", "7", 0)
    assert (first["check_in"], first["late"]) == (None, False)
    assert web.good("7", f"/orders/{order['id']}/check-in", {"code": "000000"}) == first
    assert web.day.line() == ["7"]


def test_a_position_checks_in_who_is_there(web):
    web.day.rules(place=Place(39.9, 116.4, 300))
    path = f"/orders/{web.order_of(web.day.expect('7'))}/check-in"
    away = assert_problem(web.post("7", path, {"latitude": 40.9, "longitude": 116.4}), 409, "not_here")
    assert 110_000 < away["metres"] < 112_000
    assert web.good("7", path, {"latitude": 39.901, "longitude": 116.4, "accuracy": 20.5})["state"] == "waiting"


def test_without_proof_the_patient_is_told_what_would_be_one(web):
    path = f"/orders/{web.order_of(web.day.expect('7'))}/check-in"
    assert assert_problem(web.post("7", path), 409, "proof_needed")["possible"] == ["code"]
    wrong = f"{(int(door(web)) + 1) % 1_000_000:06}"
    left = [assert_problem(web.post("7", path, {"code": wrong}), 409, "wrong_code")["tries_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0], "what was tried is counted, although it was refused"
    assert assert_problem(web.post("7", path, {"code": door(web)}), 409, "proof_needed")["possible"] == []
    assert web.good("registrar", path)["state"] == "waiting", "the desk sees her"


def test_too_early_and_too_late(web):
    early = web.order_of(web.day.expect("1", at=60))
    late = web.day.expect("2")
    answer = assert_problem(web.post("registrar", f"/orders/{early}/check-in"), 409, "too_early")
    assert answer["from"] == "2026-11-24T08:30:00+08:00"
    web.day.after(31)
    path = f"/orders/{web.order_of(late)}/check-in"
    for _ in range(2):
        assert_problem(web.post("2", path, {"code": door(web)}), 409, "too_late")
    assert web.day.visit(late).state == "void"
    assert web.day.order_state(late) == "refunding", "her fee goes back, although she was refused"


def test_why_a_number_is_void_is_told(web):
    late, called, waiting = web.day.expect("2"), web.day.come("8"), web.day.come("9")
    web.day.open()
    assert web.day.next() == called

    def told(name: str, visit_id: str) -> list[tuple[str, str | None]]:
        visit = web.get(name, f"/visits/{visit_id}").get_json()
        listed = web.get(name, "/visits").get_json()["items"]
        order = web.get(name, f"/orders/{visit['order_id']}").get_json()
        assert [v["void_reason"] for v in listed] == [visit["void_reason"]]
        return [(visit["state"], visit["void_reason"]), (order["state"], order["void_reason"])]

    assert told("2", late) == [("expected", None), ("confirmed", None)]
    web.day.after(31)
    path = f"/orders/{web.order_of(late)}/check-in"
    assert_problem(web.post("2", path, {"code": door(web)}), 409, "too_late")
    web.day.after(11 * 60)
    with web.day.database.transaction() as tx:
        start_watching(tx)
    for _ in range(2):  # the queue is found, and its end has come
        fire(web.service)
    assert told("2", late) == [("void", "too_late"), ("refunding", "too_late")]
    assert told("9", waiting) == [("void", "not_served"), ("refunding", "not_served")]
    assert told("8", called) == [("done", None), ("fulfilled", None)]


@pytest.mark.parametrize("who", ACTORS)
def test_staff_check_in_at_the_desk(web, who):
    visit_id = web.day.expect("7")
    path = f"/orders/{web.order_of(visit_id)}/check-in"
    assert web.good(who, path)["state"] == "waiting"
    assert web.day.moves(visit_id)[-1][2] == {"admin": "acc_admin", "registrar": "acc_desk"}.get(who, f"acc_{who}")


def test_who_may_not_check_others_in(web):
    path = f"/orders/{web.order_of(web.day.expect('7'))}/check-in"
    for who in ("8", "cashier", *STRANGERS):
        mine = assert_problem(web.post(who, path, {"code": door(web)}), 404, "order_not_found")
        assert mine == web.post(who, "/orders/ord_nothing/check-in").get_json(), "as if it were not there"
    assert_problem(web.post("board", path), 403, "wrong_role")
    assert_problem(web.post("colleague", path), 403, "not_your_session")
    assert web.day.line() == []


def test_a_doctor_has_her_own_appointment_like_everybody(web):
    """At another hospital she is a patient; what she shows is looked at."""
    path = f"/orders/{web.order_of(web.day.expect('there'))}/check-in"
    assert_problem(web.post("elsewhere", path), 409, "proof_needed")
    assert web.good("elsewhere", path, {"code": door(web)})["state"] == "waiting"


# --- looking ---------------------------------------------------------------------------------------------------------


def test_visits_are_listed_page_by_page_and_by_day(web):
    ids = [web.day.expect("7", at) for at in (0, 60, 24 * 60, 120)]
    web.day.expect("8")
    by_time = [ids[i] for i in (2, 3, 1, 0)]
    seen, cursor = [], ""
    while cursor is not None:
        page = web.get("7", f"/visits?limit=3&cursor={cursor}").get_json()
        seen += [visit["id"] for visit in page["items"]]
        cursor = page["next_cursor"]
    assert seen == by_time
    today = web.get("7", "/visits?date=2026-11-24").get_json()["items"]
    assert [visit["id"] for visit in today] == by_time[1:]
    assert web.get("7", "/visits?date=2026-11-26").get_json() == {"items": [], "next_cursor": None}


def test_who_sees_a_visit(web):
    visit_id = web.day.come("7")
    web.name(visit_id, "张*")
    hers = web.get("7", f"/visits/{visit_id}").get_json()
    assert (hers["name"], hers["order_id"], hers["visit"]["doctor_name"]) == ("张*", web.order_of(visit_id), "王医生")
    assert hers.keys() == ClinicVisitSchema().fields.keys()
    for who in (*ACTORS, "colleague"):
        assert web.get(who, f"/visits/{visit_id}").get_json() == hers, "staff of the hospital may look at all of it"
    for who in ("8", "cashier", *STRANGERS):
        other = assert_problem(web.get(who, f"/visits/{visit_id}"), 404, "visit_not_found")
        assert other == web.get(who, "/visits/vis_nothing").get_json()
    assert_problem(web.get("board", f"/visits/{visit_id}"), 403, "wrong_role")


def test_the_history_says_who_and_why(web):
    visit_id = web.day.come("7")
    web.good("doctor", f"/visits/{visit_id}/class", {"visit_class": "priority", "reason": "elderly"})
    steps = web.get("colleague", f"/visits/{visit_id}/history").get_json()
    assert [(s["move"], s["state"], s["by"]) for s in steps["items"]] == [
        ("check_in", "waiting", "acc"),
        ("reclass", "waiting", "acc_doctor"),
    ]
    assert steps["items"][1]["facts"]["reason"] == "elderly"
    assert steps["items"][1]["at"] == "2026-11-24T08:00:00+08:00"
    for who in STRANGERS:
        assert_problem(web.get(who, f"/visits/{visit_id}/history"), 404, "visit_not_found")
    assert_problem(web.get("7", f"/visits/{visit_id}/history"), 403, "wrong_role")


# --- what staff do ---------------------------------------------------------------------------------------------------


def test_a_visit_from_the_call_to_its_end(web):
    visit_id = web.day.come("7")
    web.good("doctor", "{queue}/desks", {"room": ROOM})
    called = web.good("doctor", f"/visits/{visit_id}/call", {"room": ROOM, "why": "病情加重"})
    assert (called["state"], called["room"], called["calls"]) == ("called", ROOM, 1)
    assert web.good("doctor", f"/visits/{visit_id}/start")["state"] == "serving"
    assert web.good("doctor", f"/visits/{visit_id}/examine")["state"] == "away"
    back = web.good("doctor", f"/visits/{visit_id}/return")
    assert (back["state"], back["room"], back["ahead"]) == ("waiting", None, 0)
    assert web.good("doctor", f"/visits/{visit_id}/call", {"room": ROOM, "why": "复诊"})["calls"] == 2
    done = web.good("doctor", f"/visits/{visit_id}/finish")
    assert (done["state"], done["ended_at"]) == ("done", "2026-11-24T08:00:00+08:00")
    assert web.good("doctor", f"/visits/{visit_id}/finish") == done
    assert web.get("7", f"/orders/{done['order_id']}").get_json()["state"] == "fulfilled"
    refused = assert_problem(web.post("doctor", f"/visits/{visit_id}/start"), 409, "not_possible")
    assert refused["state"] == "done"


def test_who_does_not_come_waits_on_is_missed_and_let_in_again(web):
    web.day.rules(passed=[1])
    visit_id, other = web.day.come("7"), web.day.come("8")
    web.day.open()
    assert web.next()["visit"]["id"] == visit_id
    web.day.after(1)
    passed = web.good("registrar", f"/visits/{visit_id}/pass")
    assert (passed["state"], passed["passes"], passed["ahead"]) == ("waiting", 1, 1)
    web.good("registrar", f"/visits/{visit_id}/call", {"room": ROOM, "why": "她来了"})
    web.day.after(1)
    assert web.good("registrar", f"/visits/{visit_id}/pass")["state"] == "missed"
    assert web.get("7", f"/orders/{web.order_of(visit_id)}").get_json()["state"] == "no_show"
    assert web.good("admin", f"/visits/{visit_id}/readmit", {"why": "走错了楼层"})["state"] == "waiting"
    web.good("registrar", f"/visits/{other}/call", {"room": ROOM, "why": "试"})
    put = web.good("registrar", f"/visits/{other}/put-back", {"why": "叫错了"})
    assert (put["state"], put["ahead"]) == ("waiting", 0)
    assert web.day.moves(other)[-1][2:] == ("acc_desk", "叫错了")


def test_who_waits_again_after_a_call_is_told_of_it(web):
    web.day.rules(passed=[1])
    visit_id, other = web.day.come("7"), web.day.come("8")
    web.day.open()

    def vain() -> tuple[dict[str, str] | None, ...]:
        shown = [web.get("7", f"/visits/{visit_id}").get_json(), web.get("8", f"/visits/{other}").get_json()]
        listed = [web.get(who, "/visits").get_json()["items"][0] for who in ("7", "8")]
        assert [one["vain_call"] for one in listed] == [one["vain_call"] for one in shown]
        return tuple(one["vain_call"] for one in shown)

    web.next()
    assert vain() == (None, None), "she is called now"
    web.day.after(0.5)
    web.good("registrar", f"/visits/{visit_id}/call", {"room": ROOM, "why": "没听见"})
    assert web.good("registrar", f"/visits/{visit_id}/pass")["passes"] == 0, "nobody could have come so soon"
    passed = {"at": "2026-11-24T08:00:30+08:00", "ended": "passed"}
    assert vain() == (passed, None), "her last call was the second one"
    web.good("registrar", f"/visits/{other}/call", {"room": ROOM, "why": "试"})
    web.good("registrar", f"/visits/{other}/start")
    web.good("registrar", f"/visits/{other}/put-back", {"why": "叫错了"})
    assert vain() == (passed, {"at": "2026-11-24T08:00:30+08:00", "ended": "put_back"})
    web.good("doctor", f"/visits/{visit_id}/call", {"room": ROOM, "why": "来了"})
    web.good("doctor", f"/visits/{visit_id}/examine")
    web.good("doctor", f"/visits/{visit_id}/return")
    assert vain()[0] is None, "this call came to something"
    for ended in ("waiting", "missed"):
        web.good("doctor", f"/visits/{visit_id}/call", {"room": ROOM, "why": "复诊"})
        web.day.after(1)
        assert web.good("doctor", f"/visits/{visit_id}/pass")["state"] == ended
    web.good("admin", f"/visits/{visit_id}/readmit", {"why": "来了"})
    assert vain()[0] is None, "she was let in again since"


def test_a_visit_moves_to_another_doctor_of_the_day(web):
    visit_id = web.day.come("7")
    moved = web.good("registrar", f"/visits/{visit_id}/transfer", {"to_session_id": web.day.other, "why": "王医生抢救"})
    assert (moved["session_id"], moved["queue_id"]) == (web.day.session, web.day.other)
    assert moved["visit"]["doctor_name"] == "王医生", "what was agreed"
    assert (moved["moved_to"]["doctor_name"], moved["moved_to"]["room"]) == ("李医生", "302")
    assert web.get("7", f"/sessions/{web.day.other}/queue").get_json()["waiting"][0]["mine"] is True
    assert_problem(web.get("7", "{queue}"), 404, "session_not_found")
    assert_problem(web.post("doctor", f"/visits/{visit_id}/start"), 403, "not_your_session")
    away = {"to_session_id": "ses_nowhere", "why": "x1"}
    assert_problem(web.post("registrar", f"/visits/{visit_id}/transfer", away), 404, "session_not_found")


MOVES = {
    "call": {"room": ROOM, "why": "急诊"},
    "start": None,
    "pass": None,
    "put-back": {"why": "急诊"},
    "examine": None,
    "return": None,
    "finish": None,
    "transfer": {"why": "急诊"},
    "class": {"visit_class": "emergency", "reason": "critical"},
    "readmit": {"why": "急诊"},
}


@pytest.mark.parametrize("what", MOVES)
def test_who_may_not_move_a_visit(web, what):
    visit_id = web.day.come("7")
    web.day.open()
    before = web.day.visit(visit_id)
    body = {**MOVES[what], "to_session_id": web.day.other} if what == "transfer" else MOVES[what]
    for who in ("7", "cashier", "board"):
        assert_problem(web.post(who, f"/visits/{visit_id}/{what}", body), 403, "wrong_role")
    for who in STRANGERS:
        answer = assert_problem(web.post(who, f"/visits/{visit_id}/{what}", body), 404, "visit_not_found")
        assert answer == web.post(who, f"/visits/vis_nothing/{what}", body).get_json()
    assert_problem(web.post("colleague", f"/visits/{visit_id}/{what}", body), 403, "not_your_session")
    assert web.day.visit(visit_id) == before
    web.day.open("303", doctor_id="doc9")
    assert web.post("colleague", f"/visits/{visit_id}/{what}", body).status_code != 403, "she serves here now"


def test_classes_and_reasons_belong_together(web):
    visit_id = web.day.come("7")
    path = f"/visits/{visit_id}/class"
    for body, field in (
        ({"visit_class": "priority"}, "reason"),
        ({"visit_class": "priority", "reason": "critical"}, "reason"),
        ({"visit_class": "appointment", "reason": "elderly"}, "reason"),
        ({"visit_class": "walk_in"}, "visit_class"),
        ({"visit_class": "vip", "reason": "elderly"}, "visit_class"),
        ({"visit_class": "priority", "reason": "paid"}, "reason"),
    ):
        assert_problem(web.post("registrar", path, body), 422, field=field)
    shown = web.good("registrar", path, {"visit_class": "emergency", "reason": "critical"})
    assert (shown["visit_class"], shown["reason"]) == ("emergency", "critical")
    assert web.good("registrar", path, {"visit_class": "appointment"})["reason"] is None


def test_the_same_request_again_passes_nobody_twice(web):
    visit_id = web.day.come("7")
    web.day.open()
    web.next()
    key = {"Idempotency_Key": "pass-1"}
    first = web.post("registrar", f"/visits/{visit_id}/pass", **key)
    web.day.after(1)
    assert web.next()["visit"]["id"] == visit_id
    again = web.post("registrar", f"/visits/{visit_id}/pass", **key)
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.get_json() == first.get_json()
    assert web.day.visit(visit_id).state == "called"
