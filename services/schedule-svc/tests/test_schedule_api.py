"""The HTTP API: what anybody may see, what staff may do, and what is refused."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from common.messages import SessionChanged, SessionPublished, SessionStopped
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, assert_problem, bearer, sent, take_sent
from flask.testing import FlaskClient
from schedule_svc.api import schemas
from schedule_world import ROSTER, World, check_inventory, roster, session_row, slot_row

API = "/api/v1"
OPERATOR = bearer("acc_operator", "operator")


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.service.app.test_client()


def registrar(world: World) -> dict[str, str]:
    return bearer("acc_registrar", "registrar", hospital_id=world.hospital_id)


def get(client: FlaskClient, path: str, schema: Any = None) -> Any:
    response = client.get(API + path)
    assert response.status_code == 200, response.get_json()
    assert response.headers["Cache-Control"] == "public, max-age=1"
    document = response.get_json()
    if schema is not None:
        assert schema().validate(document) == {}, "the answer is as documented"
    return document


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
    assert state() == ("over", 0)


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


# --- staff -----------------------------------------------------------------------------------------------------------


def publish_body(world: World, **changes: Any) -> dict[str, Any]:
    body = session_row("new", **changes)
    del body["doctor"], body["version"]
    return {"doctor_id": world.rows("SELECT id FROM doctors")[0].id} | body


def test_a_registrar_publishes_a_session(client: FlaskClient, world: World) -> None:
    response = client.post(f"{API}/sessions", json=publish_body(world), headers=registrar(world))
    shown = response.get_json()
    assert (response.status_code, schemas.Session().validate(shown)) == (201, {})
    assert response.headers["Location"] == f"{API}/sessions/{shown['id']}"
    assert shown == get(client, f"/sessions/{shown['id']}")
    assert [m.session_id for m in sent(world.database, SessionPublished)] == [shown["id"]]


def test_a_session_published_again_is_changed_by_a_greater_version_only(client: FlaskClient, world: World) -> None:
    def post(**changes: Any) -> Any:
        return client.post(f"{API}/sessions", json=publish_body(world) | changes, headers=registrar(world))

    first = post().get_json()
    assert post().get_json() == first
    assert_problem(post(room="B2"), 409, "session_conflict")
    changed = post(room="B2", version=2).get_json()
    assert (changed["id"], changed["room"]) == (first["id"], "B2")
    assert_problem(post(version=1), 409, "session_stale")
    assert [m.session.revision for m in sent(world.database, SessionChanged)] == [2]


def test_sessions_without_a_code_are_always_new(client: FlaskClient, world: World) -> None:
    body = {k: v for k, v in publish_body(world).items() if k != "code"}
    ids = {client.post(f"{API}/sessions", json=body, headers=registrar(world)).get_json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_with_a_key_a_session_is_published_once(client: FlaskClient, world: World) -> None:
    body = {k: v for k, v in publish_body(world).items() if k != "code"}
    headers = registrar(world) | {"Idempotency-Key": "k1"}
    first, second = (client.post(f"{API}/sessions", json=body, headers=headers) for _ in range(2))
    assert first.get_data() == second.get_data()
    assert len(world.rows("SELECT id FROM sessions")) == 2


def test_impossible_sessions_are_refused_with_their_code(client: FlaskClient, world: World) -> None:
    def post(**changes: Any) -> Any:
        return client.post(f"{API}/sessions", json=publish_body(world, **changes), headers=registrar(world))

    assert_problem(post(slots=[slot_row(8, minutes=31), slot_row(8, 30)]), 422, "slots_overlap", "slots")
    assert_problem(post(date="2026-12-06"), 422, "wrong_date", "date")
    assert_problem(post(slots=[slot_row(8, capacity=1, blocked=2)]), 422, "blocked_above_capacity")
    assert_problem(post(release_at="0001-01-01T00:00:00+08:00"), 422, "bad_times")
    assert_problem(post(slots=[slot_row(8) | {"starts_at": "2026-12-05T08:00:00"}]), 422, field="slots.0.starts_at")
    assert_problem(post(fee={"amount": 10**12, "currency": "CNY"}), 422, field="fee.amount")
    assert_problem(post(doctor_id="doc_none"), 404, "doctor_not_found")
    assert_problem(post(department_id="dep_none"), 404, "department_not_found")


def test_a_doctor_may_sit_in_another_department_of_the_same_hospital_only(client: FlaskClient, world: World) -> None:
    world.publish({"hospital": ROSTER["hospital"], "departments": [{"code": "neuro", "name": "神经内科"}]})
    ours = world.rows("SELECT id FROM departments WHERE code = 'neuro'")[0].id
    hospital = world.hospital_id
    world.publish({"hospital": {"code": "other", "name": "n"}, "departments": [{"code": "theirs", "name": "t"}]})
    theirs = world.rows("SELECT id FROM departments WHERE code = 'theirs'")[0].id
    world.hospital_id = hospital
    body = publish_body(world)
    shown = client.post(f"{API}/sessions", json=body | {"department_id": ours}, headers=registrar(world)).get_json()
    assert shown["department"] == {"id": ours, "name": "神经内科"}
    assert_problem(
        client.post(f"{API}/sessions", json=body | {"department_id": theirs}, headers=OPERATOR),
        404,
        "department_not_found",
    )


def test_stopping_a_session(client: FlaskClient, world: World) -> None:
    world.tell(world.reserve("a"))
    path = f"{API}/sessions/{world.session_id()}/stop"
    for _ in range(2):
        shown = client.post(path, json={"reason": "医生生病"}, headers=registrar(world)).get_json()
        assert (shown["state"], shown["stop_reason"], shown["remaining"]) == ("stopped", "医生生病", 0)
    (stopped,) = sent(world.database, SessionStopped)
    assert (stopped.reason, stopped.session.state, stopped.session.revision) == ("医生生病", "stopped", 2)
    take_sent(world.database)
    (answer,) = world.tell(world.reserve("late"))
    assert answer.reason == "session_stopped"
    world.tell(world.release("a"))
    check_inventory(world)


def test_a_session_that_is_over_cannot_be_stopped_or_grow(client: FlaskClient, world: World) -> None:
    world.clock.set(world.clock().replace(day=5, hour=1, minute=30))
    path = f"{API}/sessions/{world.session_id()}"
    assert_problem(client.post(f"{path}/stop", json={"reason": "x"}, headers=OPERATOR), 409, "session_over")
    body = {"slot_id": world.slot_ids()[0], "extra": 1}
    assert_problem(client.post(f"{path}/slots", json=body, headers=OPERATOR), 409, "session_over")


def test_adding_numbers_raises_total_and_remaining(client: FlaskClient, world: World) -> None:
    world.fill(12)
    take_sent(world.database)
    path, slot = f"{API}/sessions/{world.session_id()}/slots", world.slot_ids()[1]
    response = client.post(path, json={"slot_id": slot, "extra": 2}, headers=registrar(world))
    shown = response.get_json()
    assert (response.status_code, shown["capacity"], shown["remaining"], shown["state"]) == (201, 14, 2, "open")
    assert [m.session.sold_out for m in sent(world.database, SessionChanged)] == [False]
    take_sent(world.database)
    world.publish({"hospital": ROSTER["hospital"], "sessions": [session_row(version=2)]})
    assert get(client, f"/sessions/{world.session_id()}")["capacity"] == 14, (
        "a roster knows nothing of them and leaves them"
    )
    check_inventory(world)


def test_numbers_cannot_be_added_without_end_or_after_a_stop(client: FlaskClient, world: World) -> None:
    path, slot = f"{API}/sessions/{world.session_id()}/slots", world.slot_ids()[1]
    for _ in range(9):
        assert client.post(path, json={"slot_id": slot, "extra": 1000}, headers=OPERATOR).status_code == 201
    assert_problem(client.post(path, json={"slot_id": slot, "extra": 1000}, headers=OPERATOR), 409, "too_many_numbers")
    assert_problem(client.post(path, json={"slot_id": "slt_none", "extra": 1}, headers=OPERATOR), 404, "slot_not_found")
    client.post(f"{API}/sessions/{world.session_id()}/stop", json={"reason": "x"}, headers=OPERATOR)
    assert_problem(client.post(path, json={"slot_id": slot, "extra": 1}, headers=OPERATOR), 409, "session_stopped")


def test_a_roster_is_uploaded(client: FlaskClient, world: World) -> None:
    document = roster(sessions=[session_row("s2"), session_row("s3", doctor="D9")])
    response = client.post(f"{API}/rosters", json=document, headers=registrar(world))
    summary = response.get_json()
    assert (response.status_code, schemas.RosterSummary().validate(summary)) == (200, {})
    assert (summary["status"], summary["applied"], summary["rejected"]) == ("partial", 1, 1)
    assert [(r["path"], r["code"]) for r in summary["rows"]] == [("sessions[1].doctor", "unknown_doctor")]


def test_a_roster_may_be_long_and_other_bodies_may_not(client: FlaskClient, world: World) -> None:
    sessions = [session_row(f"s{i}", slots=[slot_row(8 + n // 2, 30 * (n % 2)) for n in range(8)]) for i in range(400)]
    summary = client.post(f"{API}/rosters", json=roster(sessions=sessions), headers=registrar(world)).get_json()
    assert summary["applied"] == 399
    long = publish_body(world) | {"room": "x" * 300_000}
    assert_problem(client.post(f"{API}/sessions", json=long, headers=registrar(world)), 413, "too_large")
    too_long = client.post(
        f"{API}/rosters", data=b" " * (16 * 1024 * 1024 + 1), content_type="application/json", headers=registrar(world)
    )
    assert_problem(too_long, 413, "too_large")


def test_an_operator_brings_in_a_new_hospital_and_a_registrar_does_not(client: FlaskClient, world: World) -> None:
    document = {"hospital": {"code": "new", "name": "新医院"}}
    assert_problem(client.post(f"{API}/rosters", json=document, headers=registrar(world)), 403, "other_hospital")
    assert client.post(f"{API}/rosters", json=document, headers=OPERATOR).get_json()["status"] == "applied"
    assert len(get(client, "/hospitals")["items"]) == 2


def staff_requests(world: World) -> list[tuple[str, dict[str, Any]]]:
    session = f"/sessions/{world.session_id()}"
    return [
        ("/sessions", publish_body(world)),
        (f"{session}/stop", {"reason": "x"}),
        (f"{session}/slots", {"slot_id": world.slot_ids()[0], "extra": 1}),
        ("/rosters", roster()),
    ]


def test_only_staff_of_that_hospital_may(client: FlaskClient, world: World) -> None:
    for path, body in staff_requests(world):
        assert_problem(client.post(API + path, json=body), 401, "unauthenticated")
        for role in ("patient", "cashier"):
            headers = bearer("acc_x", role, hospital_id=world.hospital_id)
            assert_problem(client.post(API + path, json=body, headers=headers), 403, "wrong_role")
        for hospital in ("hos_other", ""):
            headers = bearer("acc_x", "registrar", hospital_id=hospital)
            assert_problem(client.post(API + path, json=body, headers=headers), 403, "other_hospital")
    assert sent(world.database) == []


def test_bad_bodies_are_refused(client: FlaskClient, world: World) -> None:
    optional = {"/sessions": ("code", "room"), "/rosters": ("departments", "doctors", "sessions")}
    for path, body in staff_requests(world):
        skip = ("reason",) if path.endswith("/stop") else optional.get(path, ())
        assert_bad_input_is_refused(client, API + path, body, OPERATOR, skip=skip)
    check_inventory(world)


def test_hostile_values_deep_inside_are_refused(client: FlaskClient, world: World) -> None:
    body = publish_body(world)
    for name in ("starts_at", "ends_at", "capacity", "blocked"):
        for value in HOSTILE_VALUES:
            response = client.post(
                f"{API}/sessions", json=body | {"slots": [slot_row(8) | {name: value}]}, headers=OPERATOR
            )
            assert_problem(response, response.status_code)
            assert response.status_code in (400, 422), (name, value)


def test_unknown_sessions_cannot_be_touched(client: FlaskClient) -> None:
    assert_problem(
        client.post(f"{API}/sessions/none/stop", json={"reason": "x"}, headers=OPERATOR), 404, "session_not_found"
    )
    assert_problem(
        client.post(f"{API}/sessions/none/slots", json={"slot_id": "x", "extra": 1}, headers=OPERATOR),
        404,
        "session_not_found",
    )


def test_compressed_bodies_are_no_way_around_the_limits(client: FlaskClient) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    headers = OPERATOR | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert 400 <= client.post(f"{API}/rosters", data=bomb, headers=headers).status_code < 500


def test_every_route_is_documented(client: FlaskClient) -> None:
    document = client.get("/api/v1/docs/schedule-svc/openapi.json").get_json()
    routes = {
        (method, path) for path, item in document["paths"].items() for method in item if method in ("get", "post")
    }
    assert routes == {
        ("get", "/api/v1/hospitals"),
        ("get", "/api/v1/departments"),
        ("get", "/api/v1/doctors"),
        ("get", "/api/v1/sessions"),
        ("post", "/api/v1/sessions"),
        ("get", "/api/v1/sessions/{session_id}"),
        ("post", "/api/v1/sessions/{session_id}/stop"),
        ("post", "/api/v1/sessions/{session_id}/slots"),
        ("post", "/api/v1/rosters"),
    }
