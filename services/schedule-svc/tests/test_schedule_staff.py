"""What staff may do over HTTP, and what is refused."""

import gzip
import itertools
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.clock import SHANGHAI
from common.messages import SessionChanged, SessionPublished, SessionStopped
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, assert_problem, bearer, sent, take_sent
from flask.testing import FlaskClient
from schedule_svc.api import schemas
from schedule_svc.store.browse import page_of_drafts
from schedule_world import API, OPERATOR, ROSTER, World, check_inventory, get, registrar, roster, session_row, slot_row


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


def listed(client: FlaskClient, headers: dict[str, str], query: str = "", status: int = 200) -> Any:
    response = client.get(f"{API}/sessions/drafts{query}", headers=headers)
    assert response.status_code == status, response.get_json()
    return response.get_json()


def two_drafts(client: FlaskClient, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sent and taken in: one that says all that can be said, and one that says no more than it must."""
    times = {"draw_at": "2026-12-04T08:00:00+08:00", "cancel_before": "2026-12-04T12:00:00+08:00"}
    slots = [slot_row(14, blocked=1) | {"quotas": {"referral": 2}}]
    department = {"department_id": world.rows("SELECT id FROM departments")[0].id}
    full = (
        publish_body(world, policy="weighted", grade="特需", urgent=True, slots=slots, draft=True, **times) | department
    )
    plain = publish_body(world, date="2026-12-06", slots=[slot_row(8, day=6)], draft=True) | {"code": "plain"}
    for body in (plain, full):
        assert client.post(f"{API}/sessions", json=body, headers=registrar(world)).status_code == 201
    return full, plain


def test_drafts_are_listed_as_they_were_sent_until_they_are_public_or_over(client: FlaskClient, world: World) -> None:
    full, _ = two_drafts(client, world)
    first, second = listed(client, registrar(world))["items"]
    assert [schemas.Draft().validate(draft) for draft in (first, second)] == [{}, {}]
    again = {name: first[name] for name in first if name in full} | {"doctor_id": first["doctor"]["id"], "draft": True}
    assert again == full, "what is sent is what is shown"
    own = {name: second[name] for name in ("code", "department_id", "grade", "cancel_before", "draw_at", "stopped")}
    nothing = dict.fromkeys(("department_id", "grade", "cancel_before", "draw_at"))
    assert own == {"code": "plain", "stopped": False} | nothing
    assert second["slots"][0]["quotas"] == {}
    assert listed(client, registrar(world), "?code=plain")["items"] == [second]
    assert listed(client, registrar(world), "?code=other")["items"] == []
    page = listed(client, registrar(world), "?limit=1")
    assert page["items"] == [first]
    assert listed(client, registrar(world), f"?limit=1&cursor={page['next_cursor']}")["items"] == [second]

    client.post(f"{API}/sessions/{second['id']}/stop", json={"reason": "flood"}, headers=registrar(world))
    assert [draft["stopped"] for draft in listed(client, registrar(world))["items"]] == [False, True]
    published = again | {"version": 2, "draft": False}
    assert client.post(f"{API}/sessions", json=published, headers=registrar(world)).status_code == 201
    assert [draft["code"] for draft in listed(client, registrar(world))["items"]] == ["plain"]
    world.clock.advance(datetime(2026, 12, 6, 12, tzinfo=SHANGHAI) - world.clock())
    assert listed(client, registrar(world))["items"] == []


def test_drafts_are_their_own_hospitals(client: FlaskClient, world: World) -> None:
    two_drafts(client, world)
    own = f"?hospital_id={world.hospital_id}"
    assert listed(client, OPERATOR, status=422)["errors"][0]["field"] == "hospital_id"
    assert len(listed(client, OPERATOR, own)["items"]) == 2
    elsewhere = bearer("acc", "registrar", hospital_id="hos_other")
    assert listed(client, elsewhere)["items"] == []
    assert listed(client, elsewhere, "?code=plain")["items"] == []
    assert listed(client, elsewhere, own, 403)["code"] == "other_hospital"
    for role in ("patient", "doctor", "cashier"):
        assert listed(client, bearer("acc", role), own, 403)["code"] == "wrong_role"


def test_drafts_are_found_without_reading_years_that_are_over(world: World) -> None:
    seen: list[tuple[str, Any]] = []
    with world.database.reading() as conn:
        sa.event.listen(conn, "before_cursor_execute", lambda _c, _u, sql, values, *_: seen.append((sql, values)))
        page_of_drafts(conn, world.hospital_id, None, None, 50, world.clock())
        sql, values = seen[0]
        plan = "\n".join(str(row) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
    assert "sessions_by_hospital (hospital_id=? AND starts_at>?)" in plan
    assert "TEMP B-TREE" not in plan


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
    assert [(r["path"], r["code"]) for r in summary["rows"]] == [
        ("sessions[1].doctor", "unknown_doctor"),
        ("sessions[0]", "doctor_overlap"),
    ]


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
        for role in ("patient", "cashier", "doctor"):
            headers = bearer("acc_x", role, hospital_id=world.hospital_id)
            assert_problem(client.post(API + path, json=body, headers=headers), 403, "wrong_role")
        for role, hospital in itertools.product(("registrar", "hospital_admin"), ("hos_other", "")):
            headers = bearer("acc_x", role, hospital_id=hospital)
            assert_problem(client.post(API + path, json=body, headers=headers), 403, "other_hospital")
    assert sent(world.database) == []


def test_an_administrator_may_what_a_registrar_may(client: FlaskClient, world: World) -> None:
    admin = bearer("acc_admin", "hospital_admin", hospital_id=world.hospital_id)
    for path, body in reversed(staff_requests(world)):
        assert client.post(API + path, json=body, headers=admin).status_code in {200, 201}, path
    for path in ("/rosters", f"/sessions/{world.session_id()}/vouchers"):
        assert client.get(API + path, headers=admin).status_code == 200, path


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
