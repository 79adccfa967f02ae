"""Browsing over HTTP: what anybody may see, and which questions are refused."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from common.testing import assert_problem, bearer
from flask.testing import FlaskClient
from schedule_svc.api import schemas
from schedule_world import API, OPERATOR, ROSTER, World, get, session_row, slot_row


def test_one_finds_the_way_from_hospital_to_session(client: FlaskClient, world: World) -> None:
    (hospital,) = get(client, "/hospitals", schemas.HospitalPage)["items"]
    (department,) = get(client, f"/departments?hospital_id={hospital['id']}", schemas.DepartmentPage)["items"]
    (doctor,) = get(client, f"/doctors?department_id={department['id']}", schemas.DoctorPage)["items"]
    (session,) = get(client, f"/sessions?doctor_id={doctor['id']}", schemas.SessionPage)["items"]
    assert (hospital["name"], department["name"], doctor["name"], doctor["code"]) == (
        "仁爱医院",
        "心内科",
        "张伟",
        "D1",
    )
    assert session == get(client, f"/sessions/{session['id']}", schemas.Session)
    assert get(client, "/departments?hospital_id=hos_none")["items"] == []
    assert get(client, f"/doctors?hospital_id={hospital['id']}")["items"] == [doctor]
    assert get(client, "/sessions?hospital_id=hos_none")["items"] == []


def test_a_session_shows_what_one_needs_to_choose(client: FlaskClient, world: World) -> None:
    world.tell(world.reserve("a"))
    shown = get(client, f"/sessions/{world.session_id()}", schemas.Session)
    assert shown["starts_at"] == "2026-12-05T08:00:00+08:00"
    assert shown["ends_at"] == "2026-12-05T09:30:00+08:00"
    assert shown["release_at"] == "2026-12-01T08:30:00+08:00"
    assert shown["cancel_before"] == "2026-12-04T20:00:00+08:00"
    assert (shown["state"], shown["capacity"], shown["remaining"]) == ("open", 12, 11)
    assert [(s["starts_at"][11:16], s["remaining"], s["capacity"]) for s in shown["slots"]] == [
        ("08:00", 3, 4), ("08:30", 4, 4), ("09:00", 4, 4),
    ]  # fmt: skip
    assert shown["fee"] == {"amount": 5000, "currency": "CNY"}
    assert (shown["policy"], shown["version"], shown["code"]) == ("first_come", 1, "s1")


def test_the_state_follows_the_clock_and_the_sale(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(release_at="2026-12-02T08:30:00+08:00")])
    client = world.service.app.test_client()

    def state() -> tuple[str, int]:
        shown = get(client, f"/sessions/{world.session_id()}")
        return shown["state"], shown["remaining"]

    opens = world.clock().replace(day=2, hour=0, minute=30)
    world.clock.set(opens - timedelta(microseconds=1))
    assert state() == ("announced", 12)
    world.clock.set(opens)
    assert state() == ("open", 12)
    world.fill(12)
    assert state() == ("sold_out", 0)
    world.tell(world.release("fill-0"))
    assert state() == ("open", 1)
    world.clock.set(world.clock().replace(day=5, hour=1, minute=30))
    assert state() == ("closed", 0)


def test_sessions_are_paged_by_time_and_filtered_by_date(client: FlaskClient, world: World) -> None:
    days = [session_row(f"d{day}", date=f"2026-12-{day:02}", slots=[slot_row(8, day=day)]) for day in range(6, 16)]
    same_time = [session_row(f"t{i}", date="2026-12-10", slots=[slot_row(8, day=10)]) for i in range(3)]
    world.publish({"hospital": ROSTER["hospital"], "sessions": days + same_time})
    seen, cursor = [], ""
    while cursor is not None:
        page = get(client, f"/sessions?limit=4&cursor={cursor}" if cursor else "/sessions?limit=4", schemas.SessionPage)
        assert len(page["items"]) <= 4
        seen, cursor = seen + page["items"], page["next_cursor"]
    assert [s["date"] for s in seen] == sorted(s["date"] for s in seen)
    assert len({s["id"] for s in seen}) == len(seen) == 14
    some = get(client, "/sessions?date_from=2026-12-07&date_to=2026-12-09")["items"]
    assert [s["code"] for s in some] == ["d7", "d8", "d9"]


def test_the_list_begins_today_in_beijing(client: FlaskClient, world: World) -> None:
    world.clock.set(world.clock().replace(day=5, hour=15, minute=59))
    assert len(get(client, "/sessions")["items"]) == 1
    world.clock.set(world.clock().replace(day=5, hour=16, minute=0))
    assert get(client, "/sessions")["items"] == []
    assert len(get(client, "/sessions?date_from=2026-12-05&date_to=2026-12-05")["items"]) == 1


def test_lists_of_people_are_paged(client: FlaskClient, world: World) -> None:
    many = [{"code": f"c{i:02}", "name": f"科{i}"} for i in range(7)]
    people = [{"code": f"p{i:02}", "name": f"医{i}", "department": f"c{i:02}"} for i in range(7)]
    world.publish({"hospital": ROSTER["hospital"], "departments": many, "doctors": people})
    for number in range(3):
        world.publish({"hospital": {"code": f"h{number}", "name": f"院{number}"}})
    for path, total in (("/departments", 8), ("/doctors", 8), ("/hospitals", 4)):
        seen, cursor = [], ""
        while cursor is not None:
            page = get(client, f"{path}?limit=3" + (f"&cursor={cursor}" if cursor else ""))
            seen, cursor = seen + [item["id"] for item in page["items"]], page["next_cursor"]
        assert len(seen) == len(set(seen)) == total, path


@pytest.mark.parametrize("path", ["/hospitals", "/departments", "/doctors", "/sessions"])
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=WzFd",
        "cursor=W10",
        "limit=1&limit=2",
        "surprise=1",
        "cursor=" + "x" * 501,
    ],
)
def test_bad_queries_are_refused(client: FlaskClient, path: str, query: str) -> None:
    assert_problem(client.get(f"{API}{path}?{query}"), 422, field=query.partition("=")[0])


@pytest.mark.parametrize(
    "query",
    [
        "date_from=2026-02-30",
        "date_from=x",
        "date_to=0001-01-01",
        "date_from=9999-12-31",
        "hospital_id=%00",
        "doctor_id=a%20b",
        "department_id=",
    ],
)
def test_bad_session_queries_are_refused(client: FlaskClient, query: str) -> None:
    assert_problem(client.get(f"{API}/sessions?{query}"), 422, field=query.partition("=")[0])


def test_dates_out_of_order_are_refused(client: FlaskClient) -> None:
    assert_problem(client.get(f"{API}/sessions?date_from=2026-12-02&date_to=2026-12-01"), 422, field="date_to")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "2026-12-01T00:00:00"])
def test_forged_cursors_do_no_harm(client: FlaskClient, time: str) -> None:
    import base64
    import json

    cursor = base64.urlsafe_b64encode(json.dumps([time, "x"]).encode()).decode().rstrip("=")
    assert client.get(f"{API}/sessions?cursor={cursor}").status_code in (200, 422)


def test_unknown_sessions_are_not_found(client: FlaskClient) -> None:
    for value in ("none", "%00", "a" * 3000, "'; DROP TABLE sessions; --"):
        response = client.get(f"{API}/sessions/{value}")
        assert response.status_code in (404, 422)
        assert response.content_type == "application/problem+json"


def test_figures_are_for_operators(client: FlaskClient, world: World) -> None:
    world.tell(world.reserve("a"))
    path = f"{API}/audit/schedule-svc"
    assert client.get(path, headers=OPERATOR).get_json()["reservations"]["a"]["state"] == "held"
    assert_problem(client.get(path, headers=bearer("acc", "registrar", hospital_id=world.hospital_id)), 403)


def test_every_route_is_documented(client: FlaskClient) -> None:
    document = client.get("/api/v1/docs/schedule-svc/openapi.json").get_json()
    routes = {
        (method, path) for path, item in document["paths"].items() for method in item if method in ("get", "post")
    }
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint.partition(".")[2]]
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in rules
        for method in (rule.methods or set()) & {"GET", "POST"}
        if rule.endpoint.partition(".")[0] not in {"api-docs", "docs"}
    }
    assert routes == served
    assert ("post", "/api/v1/rosters") in routes
