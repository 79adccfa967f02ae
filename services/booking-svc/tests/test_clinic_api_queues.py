"""Lines over HTTP: to whom what is shown, calling, desks, and what is done to a whole line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from booking_svc.api.clinic_schemas import InLineSchema, QueueSchema
from booking_svc.clinic.checkin import Door
from booking_svc.store import metadata
from clinic_day import OPENS, ROOM
from clinic_web import ACTORS, HERE, STRANGERS, Web, clinic_web
from common.testing import assert_problem


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with clinic_web(f"sqlite:///{tmp_path}/booking.db") as web:
        yield web


def everything(web: Web) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with web.day.database.reading() as conn:
        return {table.name: conn.execute(sa.select(table)).all() for table in metadata.sorted_tables}


def a_full_house(web: Web) -> dict[str, str]:
    """One at the desk, two who wait, one away, one expected, one missed; by their tickets, their visits."""
    day = web.day
    house = {name: day.come(name) for name in ("1", "2", "3", "4")}
    for ticket, masked in (("1", "赵*"), ("2", "钱*"), ("3", "孙*"), ("4", "李*")):
        web.name(house[ticket], masked)
    day.open()
    web.good("registrar", f"/visits/{house['4']}/call", {"room": ROOM, "why": "检查"})
    web.good("registrar", f"/visits/{house['4']}/examine")
    house |= {"5": day.expect("5", 30), "6": day.expect("6", 60)}
    web.name(house["5"], "周*")
    web.good("registrar", f"/visits/{house['3']}/class", {"visit_class": "priority", "reason": "elderly"})
    house["W1"] = web.good("doctor", "{queue}/walk-ins", {"name": "欧阳娜娜"}, status=201)["id"]
    assert web.next()["visit"]["id"] == house["3"]
    return house


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [*ACTORS, "colleague"])
def test_staff_see_all_of_a_line(web, who):
    house = a_full_house(web)
    shown = web.get(who, "{queue}").get_json()
    assert shown.keys() == QueueSchema().fields.keys()
    (desk,) = shown["desks"]
    assert desk["visit"].keys() == InLineSchema().fields.keys() - {"mine"}
    assert (desk["room"], desk["doctor_id"], desk["called_at"]) == (ROOM, "doc", "2026-11-24T08:00:00+08:00")
    assert desk["visit"] == {
        "ticket": "3", "state": "called", "name": "孙*", "visit_class": "priority", "reason": "elderly", "passes": 0,
        "late": False, "visit_id": house["3"], "order_id": web.order_of(house["3"]),
        "starts_at": "2026-11-24T08:00:00+08:00",
    }  # fmt: skip
    lines = {name: [v["ticket"] for v in shown[name]] for name in ("waiting", "away", "expected", "missed")}
    assert lines == {"waiting": ["1", "2", "W1"], "away": ["4"], "expected": ["5", "6"], "missed": []}
    assert [v["name"] for v in shown["waiting"] + shown["expected"]] == ["赵*", "钱*", "欧*", "周*", None]
    assert (shown["state"], shown["paused"]) == ("open", None)


def test_a_screen_sees_names_and_why_somebody_is_before_others_but_no_ids(web):
    house = a_full_house(web)
    shown = web.get("board", "{queue}").get_json()
    assert [(v["ticket"], v["name"]) for v in shown["waiting"]] == [("1", "赵*"), ("2", "钱*"), ("W1", "欧*")]
    assert shown["desks"][0]["visit"]["reason"] == "elderly"
    text = json.dumps(shown)
    assert not [each for each in (*house.values(), "ord_", "acc_", "pat_", '"周*"') if each in text]
    assert_problem(web.get("board elsewhere", "{queue}"), 404, "session_not_found")


def test_a_patient_sees_numbers_and_which_is_hers_and_nothing_of_others(web):
    house = a_full_house(web)
    answer = web.get("2", "{queue}")
    shown = answer.get_json()
    assert shown["waiting"] == [
        {"ticket": "1", "state": "waiting", "mine": False},
        {"ticket": "2", "state": "waiting", "mine": True, "visit_id": house["2"]},
        {"ticket": "W1", "state": "waiting", "mine": False},
    ]
    assert shown["desks"][0]["visit"] == {"ticket": "3", "state": "called", "mine": False}
    assert not {"expected", "missed"} & shown.keys()
    text = answer.get_data(as_text=True)
    others = [visit for ticket, visit in house.items() if ticket != "2"]
    for secret in ("赵*", "钱*", "孙*", "欧*", "elderly", "priority", "ord_", "acc_", "pat_", *others):
        assert secret not in text
    assert web.get("5", "{queue}").status_code == 200, "who is expected may look where she stands"


def test_to_others_there_is_no_line(web):
    a_full_house(web)
    for who in ("stranger", "cashier", *STRANGERS, "board elsewhere"):
        answer = assert_problem(web.get(who, "{queue}"), 404, "session_not_found")
        assert answer == web.get(who, "/sessions/ses_nothing/queue").get_json()


def test_who_was_withdrawn_sees_the_line_no_more(web):
    house = a_full_house(web)
    assert web.post("6", f"/orders/{web.order_of(house['6'])}/cancel").status_code == 202
    assert_problem(web.get("6", "{queue}"), 404, "session_not_found")


def test_a_line_that_has_not_changed_is_not_sent_again(web):
    house = a_full_house(web)
    tags = {who: web.get(who, "{queue}").headers["ETag"] for who in ("registrar", "board", "1", "2")}
    assert len(set(tags.values())) == 4, "each has her own"
    web.day.after(1)
    for who, tag in tags.items():
        same = web.get(who, "{queue}", If_None_Match=tag)
        assert (same.status_code, same.get_data()) == (304, b"")
        assert same.headers["Cache-Control"] == "private, no-cache"
    web.day.expect("9", 30)
    assert web.get("registrar", "{queue}", If_None_Match=tags["registrar"]).status_code == 200, "one more is expected"
    web.good("registrar", "{queue}/pause", {"why": "抢救", "minutes": 5})
    paused = web.get("1", "{queue}", If_None_Match=tags["1"])
    assert paused.get_json()["paused"]["why"] == "抢救"
    web.day.after(6)
    over = web.get("1", "{queue}", If_None_Match=paused.headers["ETag"])
    assert over.get_json()["paused"] is None, "it has gone on by itself"
    assert web.next(house["3"])["visit"]["ticket"] == "1"


def test_looking_changes_nothing(web):
    house = a_full_house(web)
    web.day.after(60)
    before = everything(web)
    for who in ("registrar", "board", "2"):
        for path in ("{queue}", "{queue}/door", "/visits", f"/visits/{house['2']}", f"/visits/{house['2']}/history"):
            web.get(who, path)
    assert everything(web) == before


def test_the_door_shows_its_code_to_those_who_keep_it(web):
    code, until = Door(web.service.settings.door_key).code(HERE, OPENS)
    for who in ("registrar", "admin", "board"):
        assert web.get(who, "{queue}/door").get_json() == {"code": code, "until": "2026-11-24T08:05:00+08:00"}
    assert until.isoformat() == "2026-11-24T00:05:00+00:00"
    for who in ("7", "doctor", "operator", "cashier"):
        assert_problem(web.get(who, "{queue}/door"), 403, "wrong_role")
    for who in (*STRANGERS, "board elsewhere"):
        assert_problem(web.get(who, "{queue}/door"), 404, "session_not_found")


# --- calling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ACTORS)
def test_next_calls_once_however_often_it_is_clicked(web, who):
    first, second, _ = web.day.come("1"), web.day.come("2"), web.day.come("3")
    web.good(who, "{queue}/desks", {"room": ROOM})
    called = web.next(None, who)
    assert (called["room"], called["repeated"], called["visit"]["id"]) == (ROOM, False, first)
    assert (called["visit"]["state"], called["visit"]["room"]) == ("called", ROOM)
    assert web.next(None, who) == {**called, "repeated": True}
    assert web.next(first, who)["visit"]["id"] == second
    refused = assert_problem(web.post(who, "{queue}/next", {"room": ROOM, "after": None}), 409, "desk_moved_on")
    assert (refused["current"], refused["current_call"]) == (second, 1)
    assert web.day.visit(first).state == "done"


def test_an_idempotency_key_answers_what_the_first_request_did(web):
    web.day.come("1")
    web.day.open()
    body, key = {"room": ROOM, "after": None}, {"Idempotency_Key": "n1"}
    first = web.post("registrar", "{queue}/next", body, **key)
    again = web.post("registrar", "{queue}/next", body, **key)
    assert (again.get_json(), again.headers["Idempotency-Replayed"]) == (first.get_json(), "true")
    other = web.post("registrar", "{queue}/next", {**body, "outcome": "passed"}, **key)
    assert_problem(other, 422, "idempotency_key_reused")


def test_nobody_is_called_where_nobody_waits_nor_serves(web):
    assert_problem(web.post("registrar", "{queue}/next", {"room": ROOM, "after": None}), 409, "desk_closed")
    web.day.open()
    assert web.next() == {"room": ROOM, "repeated": False, "visit": None}
    web.good("doctor", "{queue}/pause", {"why": "抢救"})
    refused = assert_problem(web.post("doctor", "{queue}/next", {"room": ROOM, "after": None}), 409, "queue_paused")
    assert (refused["why"], refused["paused_until"]) == ("抢救", None)


def test_a_walk_in_gets_a_number_and_keeps_no_name(web):
    body = {"name": " 欧阳　娜娜 ", "visit_class": "priority", "reason": "pregnant"}
    answer = web.post("registrar", "{queue}/walk-ins", body, Idempotency_Key="w1")
    shown = answer.get_json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/visits/{shown['id']}")
    assert (shown["ticket"], shown["name"], shown["state"], shown["reason"]) == ("W1", "欧*", "waiting", "pregnant")
    assert (shown["order_id"], shown["visit_class"]) == (None, "priority")
    again = web.post("registrar", "{queue}/walk-ins", body, Idempotency_Key="w1")
    assert again.get_json()["id"] == shown["id"]
    assert web.good("registrar", "{queue}/walk-ins", {"name": "王五"}, status=201)["ticket"] == "W2"
    assert "阳" not in str(everything(web)["visits"]), "of her name the first character is kept"
    unknown = {"name": "王五", "patient_id": "pat_nothing"}
    assert_problem(web.post("registrar", "{queue}/walk-ins", unknown), 404, "patient_not_found")
    wrong = {"name": "王五", "visit_class": "appointment"}
    assert_problem(web.post("registrar", "{queue}/walk-ins", wrong), 422, field="visit_class")


# --- desks -----------------------------------------------------------------------------------------------------------


def test_desks_open_and_close_under_the_name_on_their_door(web):
    visit_id = web.day.come("1")
    opened = web.good("doctor", "{queue}/desks", {"room": "诊室 １２"})
    assert opened == {"room": "诊室 12", "doctor_id": "doc", "is_open": True, "visit_id": None}
    assert web.good("doctor", "{queue}/desks", {"room": "诊室　12"}) == opened, "full width or not: one room"
    assert web.next(room="诊室 12")["visit"]["id"] == visit_id
    busy = assert_problem(web.ask("doctor", "DELETE", "{queue}/desks/诊室 12"), 409, "desk_busy")
    assert busy["current"] == visit_id
    web.good("doctor", f"/visits/{visit_id}/finish")
    for room in ("诊室 12", "诊室%20%EF%BC%91%EF%BC%92", "no desk"):
        assert web.ask("doctor", "DELETE", f"{{queue}}/desks/{room}").status_code == 204
    assert web.get("doctor", "{queue}").get_json()["desks"] == []
    assert_problem(web.ask("doctor", "DELETE", "{queue}/desks/..."), 422, field="room")


def test_a_registrar_opens_a_desk_for_a_colleague_who_then_calls(web):
    web.day.come("1")
    assert_problem(web.post("colleague", "{queue}/desks", {"room": "2"}), 403, "not_your_session")
    assert web.good("registrar", "{queue}/desks", {"room": "2", "doctor_id": "doc9"})["doctor_id"] == "doc9"
    assert web.next(None, "colleague", "2")["visit"]["ticket"] == "1"


# --- the whole line --------------------------------------------------------------------------------------------------


def test_a_pause_is_told_and_ends(web):
    shown = web.good("doctor", "{queue}/pause", {"why": "抢救", "minutes": 10})
    assert shown["paused"] == {
        "why": "抢救",
        "since": "2026-11-24T08:00:00+08:00",
        "until": "2026-11-24T08:10:00+08:00",
    }
    assert web.good("doctor", "{queue}/resume")["paused"] is None
    assert web.good("doctor", "{queue}/resume")["paused"] is None


def test_a_discipline_holds_for_those_who_wait(web):
    web.day.come("1", 30)
    web.good("registrar", "{queue}/walk-ins", {"name": "王五"}, status=201)
    web.day.come("2")
    shown = web.good("admin", "{queue}/discipline", {"discipline": "fifo", "why": "公平"})
    assert (shown["discipline"], [v["ticket"] for v in shown["waiting"]]) == ("fifo", ["1", "W1", "2"])
    back = web.good("admin", "{queue}/discipline", {"discipline": None, "why": "照旧"})
    assert (back["discipline"], [v["ticket"] for v in back["waiting"]]) == (None, ["2", "1", "W1"])


def test_a_doctor_who_leaves_hands_her_line_over(web):
    here, expected = web.day.come("1"), web.day.expect("2", 30)
    body = {"to_session_id": web.day.other, "why": "抢救"}
    moved = web.good("doctor", "{queue}/transfer", body)["items"]
    assert [(v["id"], v["queue_id"], v["state"], v["ahead"]) for v in moved] == [
        (here, web.day.other, "waiting", 0),
        (expected, web.day.other, "expected", None),
    ]
    assert web.get("registrar", "{queue}").get_json()["waiting"] == []
    assert_problem(web.post("doctor", "{queue}/transfer", {**body, "to_session_id": web.day.session}), 409)


def test_a_line_is_closed_when_nobody_is_in_it(web):
    visit_id = web.day.come("1")
    web.day.open()
    assert assert_problem(web.post("doctor", "{queue}/close"), 409, "somebody_waits")["visits"] == 1
    web.next()
    web.good("doctor", f"/visits/{visit_id}/finish")
    web.day.after(24 * 60)
    for _ in range(2):
        assert web.good("doctor", "{queue}/close", {"why": "下班"})["state"] == "closed"
    assert_problem(web.post("doctor", "{queue}/desks", {"room": "9"}), 409, "queue_closed")


ACTS = {
    "next": {"room": ROOM, "after": None},
    "walk-ins": {"name": "王五"},
    "desks": {"room": "2"},
    "pause": {"why": "抢救"},
    "resume": None,
    "discipline": {"discipline": "fifo", "why": "公平"},
    "transfer": {"why": "抢救"},
    "close": {},
    "desks/301": None,
}


@pytest.mark.parametrize("what", ACTS)
def test_who_may_do_nothing_to_a_line(web, what):
    web.day.come("1")
    web.day.open()
    before = everything(web)
    method = "DELETE" if "/" in what else "POST"

    body = {**ACTS[what], "to_session_id": web.day.other} if what == "transfer" else ACTS[what]

    def do(who: str, session: str = web.day.session) -> Any:
        return web.ask(who, method, f"/sessions/{session}/queue/{what}", body)

    for who in ("1", "cashier", "board"):
        assert_problem(do(who), 403, "wrong_role")
    assert_problem(do("colleague"), 403, "not_your_session")
    for who in STRANGERS:
        assert assert_problem(do(who), 404, "session_not_found") == do(who, "ses_nothing").get_json()
    assert_problem(do("operator", "ses_nothing"), 404, "session_not_found")
    assert everything(web) == before
