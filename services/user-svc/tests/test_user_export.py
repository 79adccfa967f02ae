"""All of one's own data in one document: to its owner only, in clear, noted, and told to her."""

from typing import Any

import pytest
from code_world import code_for, prove, wait
from common.clock import ManualClock
from common.messages import SecurityNoted
from common.service import Service
from common.testing import assert_problem, sent
from credit_world import ZHANG, appeal, marked
from user_svc.api.own_data import ELSEWHERE, ExportOut
from user_world import PASSWORD, Person, join

PROOF = {"password": PASSWORD}


def export(person: Person) -> dict[str, Any]:
    answer = person.call("POST", "/users/me/export", PROOF)
    assert answer.status_code == 200, answer.get_data()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert ExportOut().validate(answer.get_json()) == {}
    found: dict[str, Any] = answer.get_json()
    return found


def test_everything_is_in_it_in_clear(alice: Person, patient: str) -> None:
    mark = marked(alice, patient)
    appeal(alice, patient, mark, "我在住院")
    found = export(alice)
    account = found["account"]
    assert (account["username"], account["email"], account["phone"]) == ("alice", "alice@example.com", "13812345678")
    (person,) = found["patients"]
    assert {name: person[name] for name in ZHANG} == ZHANG
    assert (person["birth_date"], person["sex"], person["removed_at"]) == ("1990-03-07", "male", None)
    (shown,) = person["credit"]
    assert (shown["id"], shown["appeal"]["reason"], shown["evidence"]["order_id"]) == (mark, "我在住院", "ord_1")
    assert [login["network"] for login in found["logins"]] == ["127.0.0.0/24"]
    assert [(act["act"], act["by"]) for act in found["acts"]] == [
        ("registered", "yourself"),
        ("logged_in", "yourself"),
        ("patient_added", "yourself"),
        ("data_exported", "yourself"),
    ]
    assert found["elsewhere"] == list(ELSEWHERE)
    assert "GET /api/v1/visits" in {other["ask"] for other in ELSEWHERE}, "why she had priority, too"


def test_one_who_was_removed_is_in_it_too(alice: Person, patient: str) -> None:
    alice.call("DELETE", f"/users/me/patients/{patient}")
    (person,) = export(alice)["patients"]
    assert (person["name"], person["removed_at"] is None) == (ZHANG["name"], False)


def test_nothing_of_others_is_in_it(service: Service, operator: Person, alice: Person, patient: str) -> None:
    other = join(service, "mallory")
    also = other.call("POST", "/users/me/patients", {**ZHANG, "phone": "13911112222"}).get_json()["id"]
    marked(other, also, order="ord_9")
    operator.call("POST", f"/users/{alice.id}/roles", {"roles": []})
    found = export(alice)
    text = str(found)
    for word in ("mallory", other.id, also, "ord_9", "13911112222", operator.id, "argon2"):
        assert word not in text, word
    assert [list(mark) for mark in found["patients"][0]["credit_elsewhere"]] == [["expires_on"]]
    assert {act["by"] for act in found["acts"]} <= {"yourself", "somebody else", None}


def test_she_is_told(service: Service, alice: Person, clock: ManualClock) -> None:
    export(alice)
    assert [m.account_id for m in sent(service.database, SecurityNoted) if m.what == "data_exported"] == [alice.id]


@pytest.mark.parametrize(
    ("proof", "status", "code"),
    [({"password": "wrong horse"}, 403, "wrong_password"), ({"code": "123456"}, 422, "wrong_code"), ({}, 422, None)],
    ids=["password", "code", "nothing"],
)
def test_it_must_be_she(service: Service, alice: Person, proof: dict[str, str], status: int, code: str | None) -> None:
    assert_problem(alice.call("POST", "/users/me/export", proof), status, code)
    assert [m.what for m in sent(service.database, SecurityNoted)] == []


def test_what_is_elsewhere_can_be_asked_for_there() -> None:
    """Each line names a service in both languages."""
    named = {
        word
        for line in ELSEWHERE
        for word in ("booking", "payment", "notify", "schedule")
        if f"{word}-svc" in line["en"]
    }
    assert named == {"booking", "payment", "notify", "schedule"}
    assert all(line["en"].count("-svc") == line["zh-CN"].count("-svc") == 1 for line in ELSEWHERE)


def test_a_code_that_was_sent_for_it_opens_it_and_none_for_something_else(alice: Person, clock: ManualClock) -> None:
    to = "alice@example.com"
    prove(alice, to)
    for purpose in ("confirm", "delete"):
        wait(clock, 61)
        other = {"code": code_for(alice, to, purpose)}
        assert_problem(alice.call("POST", "/users/me/export", other), 422, "wrong_code")
    wait(clock, 61)
    assert alice.call("POST", "/users/me/export", {"code": code_for(alice, to, "export")}).status_code == 200
    assert_problem(
        alice.call("POST", "/users/me/codes", {"to": "eve@example.com", "purpose": "export"}), 422, field="to"
    )
