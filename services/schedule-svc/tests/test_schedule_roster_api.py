"""Rosters over HTTP: any event, in any encoding that will not do; the log; the schemas of the format."""

import json
from datetime import timedelta
from typing import Any

import pytest
from common.messages import RosterApplied
from common.testing import assert_problem, bearer, sent
from flask.testing import FlaskClient
from haoyuan_roster_format import event_type, examine, seal
from haoyuan_roster_format.schemas import names, schema
from roster_world import Hospital, codes
from schedule_svc.api import schemas
from schedule_world import API, OPERATOR, ROSTER, World, registrar, session_row

FOREVER = {"window": {"from": "2026-12-01", "to": "2026-12-02"}, "as_of": "9999-12-31T23:59:59-14:00"}
STOP = {
    "specversion": "1.0",
    "id": "1",
    "source": "s",
    "type": event_type("session_stopped"),
    "subject": "renai",
    "data": {"session": "s1", "version": 1, "reason": "r"},
}


def post(client: FlaskClient, body: bytes | dict[str, Any], headers: dict[str, str], **more: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"{API}/rosters", data=data, content_type="application/json", headers=headers, **more)


def event(world: World, kind: str, data: Any, hospital: str = "renai") -> bytes:
    return seal(kind, hospital, data, id=f"{kind}-1", time=world.clock())


def test_every_type_of_event_may_be_uploaded(client: FlaskClient, world: World) -> None:
    stop = {"session": "s1", "version": 1, "reason": "ill"}
    for kind, data, applied in (
        ("staff_upserted", {"departments": [{"code": "eyes", "name": "眼科"}]}, 1),
        ("roster_published", {"sessions": [session_row("s2")]}, 1),
        ("session_stopped", stop, 1),
        ("session_resumed", {"session": "s1", "version": 2}, 1),
        ("slots_added", {"session": "s1", "version": 1, "slots": []}, 1),
    ):
        response = post(client, event(world, kind, data), registrar(world))
        summary = response.get_json()
        assert (response.status_code, schemas.RosterSummary().validate(summary)) == (200, {})
        assert (summary["input"], summary["type"], summary["applied"]) == (f"{kind}-1", event_type(kind), applied)
    assert len(sent(world.database, RosterApplied)) == 5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xef\xbb\xbf" + json.dumps(ROSTER).encode(), "bad_encoding"),
        (json.dumps(ROSTER, ensure_ascii=False).encode("gbk"), "bad_encoding"),
        (json.dumps(ROSTER).encode("utf-16"), "bad_encoding"),
        (b"{", "bad_json"),
        (b"[]", "validation_error"),
        (b"{}", "validation_error"),
        (b'{"specversion": "1.0"}', "validation_error"),
        (b'{"hospital": {"code": "renai", "name": "n"}, "as_of": "2026-12-01T00:00:00Z"}', "bad_window"),
        (json.dumps(ROSTER | FOREVER).encode(), "bad_times"),
        (json.dumps(STOP | {"time": "0001-01-01T00:00:00+14:00"}).encode(), "bad_times"),
        (json.dumps(STOP | {"id": "a\0"}).encode(), "validation_error"),
    ],
)
def test_a_body_that_will_not_do_says_why(client: FlaskClient, world: World, body: bytes, code: str) -> None:
    assert_problem(post(client, body, registrar(world)), 422, code)


def test_a_lone_surrogate_costs_its_row_only(client: FlaskClient, world: World) -> None:
    body = {"hospital": ROSTER["hospital"], "sessions": [session_row("a", room="\ud800"), session_row("b")]}
    summary = post(client, body, registrar(world)).get_json()
    assert codes(summary)[0] == ("sessions[0].room", "bad_encoding")
    assert (summary["applied"], summary["rejected"]) == (1, 1)


def test_an_event_of_another_hospital_is_refused(client: FlaskClient, world: World) -> None:
    body = event(world, "session_stopped", {"session": "s1", "version": 1, "reason": "x"})
    other = bearer("acc", "registrar", hospital_id="hos_other")
    assert_problem(post(client, body, other), 403, "other_hospital")
    stranger = event(world, "session_stopped", {"session": "s1", "version": 1, "reason": "x"}, "xiehe")
    assert_problem(post(client, stranger, registrar(world)), 403, "other_hospital")
    assert_problem(post(client, stranger, OPERATOR), 404, "hospital_not_found")
    mixed = event(world, "roster_published", {"hospital": {"code": "xiehe", "name": "n"}})
    assert_problem(post(client, mixed, OPERATOR), 422, "wrong_hospital")


def test_the_same_upload_under_a_key_is_one(client: FlaskClient, world: World) -> None:
    headers = registrar(world) | {"Idempotency-Key": "k1"}
    first, second = (post(client, ROSTER | {"sessions": [session_row("k")]}, headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert len(world.rows("SELECT id FROM rosters")) == 2, "the world's own is the other one"


def test_the_log_has_every_input_with_its_rows(client: FlaskClient, world: World) -> None:
    renai = Hospital(world)
    world.clock.advance(timedelta(minutes=1))
    renai.stop("none")
    world.clock.advance(timedelta(minutes=1))
    summary = post(client, ROSTER | {"sessions": [session_row("x", fee=None)]}, registrar(world)).get_json()
    page = client.get(f"{API}/rosters", headers=registrar(world)).get_json()
    assert schemas.RosterPage().validate(page) == {}
    assert [item["type"] for item in page["items"]] == [
        event_type(kind) for kind in ("roster_published", "session_stopped", "roster_published")
    ]
    one = client.get(f"{API}/rosters/{summary['roster_id']}", headers=registrar(world)).get_json()
    assert schemas.LoggedRoster().validate(one) == {}
    assert (one["rows"], one["rejected"]) == (summary["rows"], 1)
    first = client.get(f"{API}/rosters?limit=1&hospital_id={world.hospital_id}", headers=OPERATOR).get_json()
    rest = client.get(f"{API}/rosters?limit=5&cursor={first['next_cursor']}", headers=registrar(world)).get_json()
    assert first["items"] + rest["items"] == page["items"]


def test_the_log_is_the_hospitals_own(client: FlaskClient, world: World) -> None:
    (logged,) = world.rows("SELECT id FROM rosters")
    other = bearer("acc", "registrar", hospital_id="hos_other")
    assert client.get(f"{API}/rosters", headers=other).get_json()["items"] == []
    assert_problem(client.get(f"{API}/rosters?hospital_id={world.hospital_id}", headers=other), 403, "other_hospital")
    assert_problem(client.get(f"{API}/rosters/{logged.id}", headers=other), 404, "roster_not_found")
    assert client.get(f"{API}/rosters/{logged.id}", headers=OPERATOR).status_code == 200
    assert_problem(client.get(f"{API}/rosters/none", headers=OPERATOR), 404, "roster_not_found")
    assert_problem(client.get(f"{API}/rosters", headers=OPERATOR), 422, "validation_error")
    assert_problem(client.get(f"{API}/rosters", headers=bearer("acc", "patient")), 403, "wrong_role")
    assert_problem(client.get(f"{API}/rosters"), 401, "unauthenticated")


def test_the_schemas_are_served_to_everybody(client: FlaskClient) -> None:
    assert client.get(f"{API}/rosters/schemas/").get_json()["items"] == names()
    for name in names():
        response = client.get(f"{API}/rosters/schemas/{name}")
        assert response.content_type == "application/schema+json"
        assert json.loads(response.data) == schema(name)
    assert_problem(client.get(f"{API}/rosters/schemas/none"), 404, "schema_not_found")


def test_a_thing_that_is_examined_and_found_good_is_taken_in(client: FlaskClient, world: World) -> None:
    document = {"hospital": ROSTER["hospital"], "sessions": [session_row("s7")]}
    assert examine("roster_published", document) == []
    assert post(client, document, registrar(world)).get_json()["rejected"] == 0
