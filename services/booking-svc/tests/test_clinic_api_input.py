"""What is no input for the clinic day is refused with the names of its fields, and changes nothing."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from clinic_day import ROOM
from clinic_web import CALLERS, Web, clinic_web
from common.testing import assert_bad_input_is_refused, assert_problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with clinic_web(f"sqlite:///{tmp_path}/booking.db") as web:
        yield web


GOOD = {
    "{queue}/next": {"room": ROOM, "after": "vis_x", "outcome": "done", "call": 1},
    "{queue}/walk-ins": {"name": "王五", "patient_id": "pat_x", "visit_class": "priority", "reason": "elderly"},
    "{queue}/desks": {"room": ROOM, "doctor_id": "doc_1"},
    "{queue}/pause": {"why": "抢救", "minutes": 5},
    "{queue}/discipline": {"discipline": "fifo", "why": "公平"},
    "{queue}/transfer": {"to_session_id": "ses_x", "why": "抢救"},
    "{queue}/close": {"why": "下班"},
    "{visit}/call": {"room": ROOM, "why": "抢救"},
    "{visit}/put-back": {"why": "抢救"},
    "{visit}/transfer": {"to_session_id": "ses_x", "why": "抢救"},
    "{visit}/class": {"visit_class": "priority", "reason": "elderly"},
    "{visit}/readmit": {"why": "抢救"},
}
MAY_BE_MISSING = {"outcome", "call", "patient_id", "doctor_id", "minutes", "reason"}
"""Or null, which then is a legal value."""
MAY_BE_NULL = {"after", "discipline"}
WITHOUT = {"{queue}/walk-ins": {"visit_class"}, "{queue}/close": {"why"}}
READS_AS_TEXT = {"name", "why", "room", "to_session_id"}
"""Whatever is written in them is no more than a text: "'; DROP TABLE" too."""


@pytest.mark.parametrize("path", GOOD)
def test_each_field_is_looked_at(web: Web, path: str) -> None:
    visit_id = web.day.expect("7")
    full = path.format(queue=f"/sessions/{web.day.session}/queue", visit=f"/visits/{visit_id}")
    free = MAY_BE_MISSING | MAY_BE_NULL | WITHOUT.get(path, set()) | READS_AS_TEXT
    client = web.service.app.test_client()
    skip = [name for name in GOOD[path] if name in free]
    assert_bad_input_is_refused(client, f"/api/v1{full}", GOOD[path], dict(CALLERS["registrar"]), skip=skip)
    required = GOOD[path].keys() - MAY_BE_MISSING - WITHOUT.get(path, set())
    for name in required:
        without = {key: value for key, value in GOOD[path].items() if key != name}
        assert_problem(web.post("registrar", full, without), 422, field=name)
    for name, value in GOOD[path].items():
        wrong = ["x"] if isinstance(value, str) else "x"
        assert_problem(web.post("registrar", full, {**GOOD[path], name: wrong}), 422, field=name)
    assert_problem(web.post("registrar", full, {**GOOD[path], "by": "acc_other"}), 422, field="by")


TEXTS = [(path, name) for path, body in GOOD.items() for name in body if name in {"name", "why", "room"}]
UNFIT = (
    "", " ", "　", "\n", "-", "...", "a\nb", "a\tb", "a\x00b", "a\x1bb", "a\x7fb", "a\u0085b", "a\u200bb", "a\u202eb", "a\u2028b",
    "a\ue000b", "x" * 201, 7, True, None, ["x"],
)  # fmt: skip


@pytest.mark.parametrize(("path", "name"), TEXTS)
def test_texts_are_one_line_of_what_prints(web: Web, path: str, name: str) -> None:
    full = path.format(queue="{queue}", visit="/visits/vis_x")
    for text in UNFIT:
        assert_problem(web.post("registrar", full, {**GOOD[path], name: text}), 422, field=name)


@pytest.mark.parametrize("room", ["1/2", "..", "\\1", "x" * 41, "１／２"])
def test_a_room_stands_in_paths(web: Web, room: str) -> None:
    assert_problem(web.post("registrar", "{queue}/desks", {"room": room}), 422, field="room")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(room=st.text(max_size=45))
def test_a_room_that_opens_is_found_again_by_its_name(web: Web, room: str) -> None:
    answer = web.post("registrar", "{queue}/desks", {"room": room})
    assert answer.status_code in {200, 422}, answer.get_data()
    if answer.status_code == 200:
        name = answer.get_json()["room"]
        assert name == " ".join(unicodedata.normalize("NFKC", room).split())
        assert name.isprintable()
        assert web.post("registrar", "{queue}/desks", {"room": name}).get_json()["room"] == name
        shown = [desk["room"] for desk in web.get("registrar", "{queue}").get_json()["desks"]]
        assert shown == [name]
        path = "".join(f"%{byte:02X}" for byte in room.encode())
        assert web.ask("registrar", "DELETE", f"{{queue}}/desks/{path}").status_code == 204
        assert web.get("registrar", "{queue}").get_json()["desks"] == []


CHECK_INS = [
    ({"code": "12345"}, "code"),
    ({"code": "１２３４５６"}, "code"),
    ({"code": "123456\n"}, "code"),
    ({"code": 123456}, "code"),
    ({"code": "123456", "latitude": 39.9, "longitude": 116.4}, "code"),
    ({"latitude": 39.9}, "longitude"),
    ({"longitude": 116.4}, "latitude"),
    ({"accuracy": 5}, "latitude"),
    ({"latitude": 90.1, "longitude": 0}, "latitude"),
    ({"latitude": 0, "longitude": -180.1}, "longitude"),
    ({"latitude": "39.9", "longitude": 116.4}, "latitude"),
    ({"latitude": True, "longitude": 116.4}, "latitude"),
    ({"latitude": 39.9, "longitude": 116.4, "accuracy": -1}, "accuracy"),
    ({"latitude": 39.9, "longitude": 1e308}, "longitude"),
    ({"latitude": 39.9, "longitude": 116.4, "accuracy": 1e9}, "accuracy"),
    ({"here": True}, "here"),
]


@pytest.mark.parametrize(("body", "field"), CHECK_INS)
def test_no_proof_of_being_here(web: Web, body: dict[str, object], field: str) -> None:
    path = f"/orders/{web.order_of(web.day.expect('7'))}/check-in"
    for who in ("7", "registrar"):
        assert_problem(web.post(who, path, body), 422, field=field)
    assert web.day.line() == []


def test_numbers_that_json_does_not_have(web: Web) -> None:
    path = f"/api/v1/orders/{web.order_of(web.day.expect('7'))}/check-in"
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        body = f'{{"latitude": {number}, "longitude": 116.4}}'
        headers = {**CALLERS["registrar"], "Content-Type": "application/json"}
        answer = web.service.app.test_client().post(path, data=body, headers=headers)
        assert_problem(answer, 422)


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("date=x", "date"), ("date=2026-13-01", "date"),
     ("cursor=WzEsMl0", "cursor"), ("date=1999-12-31", "date"), ("date=0001-01-01", "date"), ("date=9999-12-31", "date"),
     ("cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzA4OjAwIiwieCJd", "cursor"), ("account_id=acc_8", "account_id"), ("limit=1&limit=2", "limit")],
)  # fmt: skip
def test_no_list_of_visits(web: Web, query: str, field: str) -> None:
    assert_problem(web.get("7", f"/visits?{query}"), 422, field=field)
