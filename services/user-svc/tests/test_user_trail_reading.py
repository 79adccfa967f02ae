"""Who may read the trail, that reading is noted, the command that verifies it, and whence a request comes."""

import base64
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import assert_problem, bearer
from trail_world import an_operator, bare, chained, noted, unguarded
from user_svc import trail_check
from user_svc.api.trail import ActsOut, TrailStateOut
from user_svc.usecases import chain, trail
from user_world import Person


@pytest.fixture
def service(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    made = bare(tmp_path, clock)
    yield made
    made.database.close()


@pytest.fixture
def operator(service: Service) -> Person:
    return an_operator(service)


def items(reader: Person, query: str = "") -> list[dict[str, Any]]:
    answer = reader.call("GET", f"/trail{query}")
    assert answer.status_code == 200, answer.get_data()
    assert ActsOut().validate(answer.get_json()) == {}
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def test_filters_and_pages(service: Service, operator: Person, clock: ManualClock) -> None:
    noted(service, 3)
    clock.advance(timedelta(hours=1))
    noon = clock().isoformat().replace("+00:00", "Z")
    with service.database.transaction() as tx:
        trail.note(tx, "roles_changed", actor="acc_2", about="acc_1")
        trail.note(tx, "roles_changed", actor="acc_2", about="acc_3")
    assert [a["act"] for a in items(operator, "?account_id=acc_1&act=roles_changed")] == ["roles_changed"]
    assert [a["about"] for a in items(operator, "?account_id=acc_2")] == ["acc_3", "acc_1"]
    assert [a["act"] for a in items(operator, f"?account_id=acc_1&from={noon}")] == ["trail_read", "roles_changed"]
    assert [a["facts"] for a in items(operator, f"?account_id=acc_1&act=logged_in&to={noon}")] == [
        {"number": n} for n in (2, 1, 0)
    ]
    first = operator.call("GET", "/trail?account_id=acc_1&act=logged_in&limit=2").get_json()
    rest = items(operator, f"?account_id=acc_1&act=logged_in&limit=2&cursor={first['next_cursor']}")
    assert [a["facts"]["number"] for a in [*first["items"], *rest]] == [2, 1, 0]


def test_reading_is_noted(service: Service, operator: Person) -> None:
    items(operator, "?account_id=acc_9&act=locked")
    (act, *_) = items(operator, "?act=trail_read")
    assert (act["actor"], act["about"], act["facts"]) == (operator.id, "acc_9", {"act": "locked"})
    assert act["network"] == "127.0.0.0/24"


def test_an_administrator_sees_the_own_hospital_only(service: Service, operator: Person) -> None:
    for hospital in ("hos_1", "hos_2", None):
        noted(service, 1, act="roles_changed", hospital_id=hospital)
    client, headers = service.app.test_client(), bearer("acc_boss", "hospital_admin", hospital_id="hos_1")
    found = client.get("/api/v1/trail", headers=headers).get_json()["items"]
    assert [a["hospital_id"] for a in found] == ["hos_1"]
    assert_problem(client.get("/api/v1/trail/state", headers=headers), 403)
    assert {a["hospital_id"] for a in items(operator, "?act=roles_changed")} == {"hos_1", "hos_2", None}


@pytest.mark.parametrize("role", ["patient", "doctor", "registrar", "cashier"])
def test_nobody_else_reads_it(service: Service, role: str) -> None:
    headers = bearer("acc_1", role, hospital_id="hos_1")
    for path in ("/trail", "/trail/state"):
        assert_problem(service.app.test_client().get(f"/api/v1{path}", headers=headers), 403)


@pytest.mark.parametrize(
    "query", ["from=x", "from=0001-01-01T00:00:00%2B14:00", "to=2026-01-01", "act=A%20B", "limit=0"]
)
def test_bad_queries(operator: Person, query: str) -> None:
    assert_problem(operator.call("GET", f"/trail?{query}"), 422)


def test_the_state(service: Service, operator: Person, clock: ManualClock) -> None:
    chained(service, 2)
    noted(service, 3)
    clock.advance(timedelta(seconds=90))
    shown = operator.call("GET", "/trail/state").get_json()
    assert TrailStateOut().validate(shown) == {}
    head = chain.state(service.database).head
    assert shown == {"length": shown["length"], "head": head, "loose": 3, "loose_seconds": 90.0}


# --- the command, and whence -----------------------------------------------------------------------------------------


def test_the_command(service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(trail_check, "load", lambda _name: service)  # the real one takes over the logs
    chained(service, 4)
    head = chain.state(service.database).head
    assert trail_check.main(["--head", head]) == 0
    assert head in capsys.readouterr().out
    unguarded(service.database, "DELETE FROM trail WHERE place = 3")
    assert trail_check.main([]) == 1
    said = capsys.readouterr().out
    assert "BROKEN place 3: is missing" in said
    assert trail_check.ANOTHER_KEY not in said


def test_another_key_is_told_from_a_trail_that_was_changed(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chained(service, 4)
    other = dataclasses.replace(service.settings, trail_key=base64.b64encode(b"x" * 32).decode())
    monkeypatch.setattr(service, "settings", other)
    monkeypatch.setattr(trail_check, "load", lambda _name: service)
    assert trail_check.main([]) == 1
    assert trail_check.ANOTHER_KEY in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_an_address_without_its_last_part(address: str, network: str) -> None:
    assert trail.network_of(address) == network


def test_the_request_says_whence(operator: Person) -> None:
    operator.call("GET", "/trail", **{"X-Real-IP": "2001:db8:7:8::9"})
    assert items(operator, "?act=trail_read")[0]["network"] == "2001:db8:7::/48"
