"""Looking for hospitals, departments and doctors by words, and one of each by its id."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from common.testing import assert_problem
from flask.testing import FlaskClient
from schedule_svc.api import schemas
from schedule_world import OPERATOR, World, get, session_row, slot_row


def a_hospital(code: str, name: str, departments: dict[str, str], doctors: list[tuple[str, ...]]) -> dict[str, Any]:
    """`doctors`: code, name, title, department, specialty."""
    names = ("code", "name", "title", "department", "specialty")
    return {
        "hospital": {"code": code, "version": 1, "name": name, "grade": "三级甲等"},
        "departments": [{"code": c, "version": 1, "name": n} for c, n in departments.items()],
        "doctors": [{"version": 1, **dict(zip(names, doctor, strict=True))} for doctor in doctors],
    }


RENJI = a_hospital(
    "renji",
    "仁济医院",
    {"card": "心内科", "icu": "ICU 100%"},
    [
        ("R1", "李明", "主任医师", "card", "冠心病"),
        ("R2", "李", "主治医师", "card", "心律失常"),
        ("R3", "小李飞", "Professor", "icu", ""),
        ("R4", "王芳", "主治医师", "icu", "跟李明学过"),
        ("R_5", "Anna Lee", "Professor", "icu", "Äther"),
    ],
)
HUASHAN = a_hospital(
    "huashan", "华山医院仁济分院", {"card": "心内科"}, [("H1", "李明", "副主任医师", "card", "100 例")]
)


@pytest.fixture
def client(make: Callable[..., World]) -> FlaskClient:
    world = make()
    world.publish(RENJI)
    world.publish(HUASHAN)
    return world.service.app.test_client()


def found(client: FlaskClient, words: str, limit: int = 10) -> dict[str, list[str]]:
    """The codes of what is found."""
    answer = get(client, f"/search?q={quote(words)}&limit={limit}", schemas.Found)
    return {kind: [one["code"] for one in some] for kind, some in answer.items() if some}


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("仁济", {"hospitals": ["renji", "huashan"]}),
        ("心内科", {"departments": ["card", "card", "card"]}),
        ("仁济医院 心内", {"departments": ["card"]}),
        ("李", {"doctors": ["R2", "H1", "R1", "R3", "R4"]}),
        ("仁济医院 李", {"doctors": ["R2", "R1", "R3", "R4"]}),
        ("李 仁济医院", {"doctors": ["R2", "R1", "R3", "R4"]}),
        ("华山 心内 李", {"doctors": ["H1"]}),
        ("李明 professor", {}),
        ("冠心病", {"doctors": ["R1"]}),
        ("主任医师 仁济医院", {"doctors": ["R1"]}),
        ("h1", {"doctors": ["H1"]}),
        ("ANNA lee", {"doctors": ["R_5"]}),
        ("ＡＮＮＡ　ｌｅｅ", {"doctors": ["R_5"]}),
        ("Äther", {"doctors": ["R_5"]}),
        ("100%", {"departments": ["icu"]}),
        ("%", {"departments": ["icu"]}),
        ("_", {"doctors": ["R_5"]}),
        ("/", {}),
        ("\\", {}),
        ("'; DROP TABLE doctors; --", {}),
        ("  仁爱医院  ", {"hospitals": ["renai"]}),
    ],
)
def test_all_words_are_found_and_the_best_come_first(
    client: FlaskClient, words: str, codes: dict[str, list[str]]
) -> None:
    assert found(client, words) == codes


def test_a_whole_name_of_two_words_comes_first(make: Callable[..., World]) -> None:
    world = make()
    people = [(f"P{i}", name, "", "d", "") for i, name in enumerate(("Lee Anna", "Annabel Lee", "Anna Lee"))]
    world.publish(a_hospital("x", "X", {"d": "D"}, people))
    assert found(world.service.app.test_client(), "anna lee") == {"doctors": ["P2", "P0", "P1"]}


def test_no_more_of_each_kind_than_was_asked_for(client: FlaskClient) -> None:
    assert found(client, "李", limit=2) == {"doctors": ["R2", "H1"]}
    assert found(client, "心", limit=1) == {"departments": ["card"], "doctors": ["R1"]}


def test_what_is_found_shows_where_it_is(client: FlaskClient) -> None:
    answer = get(client, f"/search?q={quote('华山 李')}")
    (doctor,) = answer["doctors"]
    assert (doctor["hospital_name"], doctor["department_name"]) == ("华山医院仁济分院", "心内科")
    assert (doctor["name"], doctor["title"], doctor["specialty"]) == ("李明", "副主任医师", "100 例")
    (department,) = get(client, f"/search?q={quote('华山 心')}")["departments"]
    assert (department["name"], department["hospital_name"]) == ("心内科", "华山医院仁济分院")
    (hospital,) = get(client, f"/search?q={quote('华山')}")["hospitals"]
    assert (hospital["name"], hospital["grade"]) == ("华山医院仁济分院", "三级甲等")


def test_one_of_each_by_its_id_is_as_in_its_list(client: FlaskClient) -> None:
    for path, schema in (
        ("hospitals", schemas.Hospital),
        ("departments", schemas.Department),
        ("doctors", schemas.Doctor),
    ):
        listed = get(client, f"/{path}")["items"]
        assert [get(client, f"/{path}/{one['id']}", schema) for one in listed] == listed
        answer = client.get(f"/api/v1/{path}/{listed[0]['id'][:-1]}")
        assert_problem(answer, 404, f"{path.removesuffix('s')}_not_found")
    assert {d["hospital_name"] for d in get(client, "/doctors")["items"]} == {
        "仁爱医院",
        "仁济医院",
        "华山医院仁济分院",
    }
    assert "max-age=1" in client.get("/api/v1/search?q=a").headers["Cache-Control"]


def test_a_hospital_that_was_only_named_is_not_there(make: Callable[..., World]) -> None:
    world = make()
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE hospitals SET version = -1")
    client = world.service.app.test_client()
    assert_problem(client.get(f"/api/v1/hospitals/{world.hospital_id}"), 404, "hospital_not_found")
    assert found(client, "仁爱") == {}


@pytest.mark.parametrize(
    "query",
    [
        "", "q=", "q=%20%E3%80%80", f"q={'a' * 65}", "q=a&limit=0", "q=a&limit=51", "q=a&limit=x", "q=a&cursor=x",
        "q=a%00b", "limit=1",
    ],
)  # fmt: skip
def test_a_search_without_sense_is_refused(client: FlaskClient, query: str) -> None:
    assert_problem(client.get(f"/api/v1/search?{query}"), 422, "validation_error")


def test_spaces_around_do_not_count(client: FlaskClient) -> None:
    assert client.get(f"/api/v1/search?q=%20%20{'a' * 64}%20%20").status_code == 200


def test_sessions_of_one_policy_and_those_that_are_open(make: Callable[..., World]) -> None:
    rows = [
        session_row("open"),
        session_row("full", slots=[slot_row(8, 0, 1)]),
        session_row("announced", release_at="2026-12-02T08:30:00+08:00"),
        session_row("stopped"),
        session_row("draw", policy="lottery", draw_at="2026-12-02T08:30:00+08:00"),
    ]
    world = make(sessions=rows)
    world.tell(world.reserve("a", session=world.session_id("full")))
    client = world.service.app.test_client()
    path = f"/api/v1/sessions/{world.session_id('stopped')}/stop"
    assert client.post(path, json={"reason": "会议"}, headers=OPERATOR).status_code == 200

    def codes(query: str) -> list[str]:
        return sorted(session["code"] for session in get(client, f"/sessions?{query}")["items"])

    states = {session["code"]: session["state"] for session in get(client, "/sessions")["items"]}
    assert states == {
        "open": "open",
        "full": "sold_out",
        "announced": "announced",
        "stopped": "stopped",
        "draw": "open",
    }
    assert codes("open_only=true") == sorted(code for code, state in states.items() if state == "open")
    assert codes("open_only=false") == sorted(states)
    assert codes("policy=lottery") == ["draw"]
    assert codes("policy=first_come&open_only=true") == ["open"]
    world.clock.set(world.clock().replace(day=6))
    assert codes("open_only=true&date_from=2026-12-05") == []
    for query in ("policy=random", "open_only=yes", "open_only="):
        assert_problem(client.get(f"/api/v1/sessions?{query}"), 422, "validation_error")
