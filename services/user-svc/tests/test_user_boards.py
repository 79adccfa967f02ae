"""Screens on walls have accounts of their own: nobody's becomes one, and a screen's becomes nobody's."""

from typing import Any

import pytest
from common.messages import AccountDeleted, UserRegistered
from common.service import Service
from common.testing import assert_problem, bearer, sent
from login_world import acts
from user_svc.usecases import accounts
from user_world import PASSWORD, Person, join

BOARD: dict[str, Any] = {"username": "screen-1", "password": PASSWORD, "roles": ["board"]}


def administrator(service: Service, operator: Person, name: str, hospital_id: str) -> Person:
    person = join(service, name)
    body = {"roles": ["hospital_admin"], "hospital_id": hospital_id}
    assert operator.call("POST", f"/users/{person.id}/roles", body).status_code == 200
    return person.log_in(name)


@pytest.fixture
def admin(service: Service, operator: Person) -> Person:
    return administrator(service, operator, "anna", "hos_1")


def screen(service: Service, admin: Person) -> Person:
    assert admin.call("POST", "/staff", BOARD).status_code == 200
    return Person(service).log_in("screen-1")


def roles_of(person: Person) -> tuple[list[str], str | None]:
    me = person.call("GET", "/users/me").get_json()
    return me["roles"], me["hospital_id"]


def test_a_screen_is_a_new_account_of_the_hospital(service: Service, admin: Person) -> None:
    made = admin.call("POST", "/staff", BOARD).get_json()
    board = Person(service).log_in("screen-1")
    assert made == {
        "id": board.id, "username": "screen-1", "roles": ["board"], "hospital_id": "hos_1", "doctor_id": None,
    }  # fmt: skip
    assert roles_of(board) == (["board"], "hos_1")
    note = acts(service, "registered")[-1]
    assert (note.actor, note.about, note.hospital_id) == (admin.id, board.id, "hos_1")
    told = len(sent(service.database, UserRegistered))
    assert admin.call("POST", "/staff", BOARD).get_json() == made, "the same again"
    assert len(sent(service.database, UserRegistered)) == told
    other = {**BOARD, "password": "another password, long enough"}
    assert_problem(admin.call("POST", "/staff", other), 409, "username_taken")
    assert [each["username"] for each in admin.call("GET", "/staff").get_json()["items"]] == ["anna", "screen-1"]


def test_nobody_is_shut_out_of_her_account_by_being_made_a_screen(
    operator: Person, admin: Person, alice: Person, service: Service
) -> None:
    """She would be a patient no more, and reach neither her orders nor her data."""
    for giver, where in ((admin, {}), (operator, {"hospital_id": "hos_1"})):
        for name in ("alice", "ALICE"):
            assert_problem(giver.call("POST", "/staff", {**BOARD, **where, "username": name}), 409, "username_taken")
        body = {"username": "alice", "roles": ["board"], **where}
        assert_problem(giver.call("POST", "/staff", body), 422, field="password")
    body = {"roles": ["board"], "hospital_id": "hos_1"}
    assert_problem(operator.call("POST", f"/users/{alice.id}/roles", body), 409, "board_account")
    employed = join(service, "carla")
    assert admin.call("POST", "/staff", {"username": "carla", "roles": ["cashier"]}).status_code == 200
    assert_problem(operator.call("POST", f"/users/{employed.id}/roles", body), 409, "board_account")
    assert roles_of(alice) == (["patient"], None)
    assert alice.log_in("alice").call("GET", "/users/me/patients").status_code == 200


def test_a_screen_gets_no_other_role(service: Service, operator: Person, admin: Person) -> None:
    board = screen(service, admin)
    body = {"username": "screen-1", "roles": ["registrar"]}
    assert_problem(admin.call("POST", "/staff", body), 409, "board_account")
    for new in ({"roles": []}, {"roles": ["operator"]}, {"roles": ["cashier"], "hospital_id": "hos_1"}):
        assert_problem(operator.call("POST", f"/users/{board.id}/roles", new), 409, "board_account")
    for roles in (["board", "registrar"], ["doctor", "board"]):
        body = {**BOARD, "username": "another", "roles": roles, "doctor_id": "doc_1"}
        assert_problem(admin.call("POST", "/staff", body), 422, field="roles")
    assert roles_of(board) == (["board"], "hos_1")


def test_a_screen_that_is_taken_down_is_an_account_no_more(service: Service, operator: Person, admin: Person) -> None:
    """Its administrator ends it: the screen has nobody who could."""
    board, other = screen(service, admin), administrator(service, operator, "otto", "hos_2")
    assert_problem(other.call("DELETE", f"/staff/{board.id}"), 404, "account_not_found")
    assert admin.call("DELETE", f"/staff/{board.id}").status_code == 204
    refresh = {"refresh_token": board.tokens["refresh_token"]}
    assert Person(service).call("POST", "/tokens/refresh", refresh).status_code == 401
    answer = Person(service).call("POST", "/tokens", {"username": "screen-1", "password": PASSWORD})
    assert answer.status_code == 401
    assert_problem(admin.call("DELETE", f"/staff/{board.id}"), 404, "account_not_found")
    assert [told.account_id for told in sent(service.database, AccountDeleted)] == [board.id]
    note = acts(service, "account_deleted")[-1]
    assert (note.actor, note.about, note.hospital_id) == (admin.id, board.id, "hos_1")


def test_a_screens_token_is_good_for_no_more_than_a_screen_needs(service: Service, admin: Person) -> None:
    board = screen(service, admin)
    mine = "/users/me/patients/pat_1"
    closed = [
        *(("GET", f"/users/me{path}") for path in ("/patients", "/logins", "/patients/pat_1/credit")),
        *(("POST", f"/users/me/{path}") for path in ("patients", "codes", "email", "phone", "export", "delete")),
        ("PATCH", "/users/me"), ("PATCH", mine), ("DELETE", mine), ("DELETE", "/users/me/logins/log_1"),
    ]  # fmt: skip
    for method, path in closed:
        assert_problem(board.call(method, path, {} if method in {"POST", "PATCH"} else None), 403, "wrong_role")
    assert board.call("POST", "/users/me/logout").status_code == 204


def test_whoever_makes_a_screen_is_an_administrator_at_that_moment(
    service: Service, operator: Person, admin: Person
) -> None:
    assert_problem(operator.call("POST", "/staff", BOARD), 422, field="hospital_id")
    body = {**BOARD, "hospital_id": "hos_2"}
    assert_problem(admin.call("POST", "/staff", body), 403, "other_hospital")
    operator.call("POST", f"/users/{admin.id}/roles", {"roles": []})
    assert_problem(admin.call("POST", "/staff", BOARD), 403, "wrong_role")
    headers = bearer("acc_x", "patient", "registrar", hospital_id="hos_1")
    client = service.app.test_client()
    assert_problem(client.post("/api/v1/staff", json=BOARD, headers=headers), 403, "wrong_role")
    assert_problem(Person(service).call("POST", "/tokens", {"username": "screen-1", "password": PASSWORD}), 401)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"password": "short"}, "password"), ({"password": ""}, "password"), ({"username": "x"}, "username"),
     ({"username": "13812345678"}, "username"), ({"doctor_id": "doc_1"}, "roles"), ({"roles": ["cashier"]}, "password")],
    ids=["short", "none", "name", "number", "doctor", "person"],
)  # fmt: skip
def test_what_a_screen_needs(admin: Person, changed: dict[str, Any], field: str) -> None:
    assert_problem(admin.call("POST", "/staff", {**BOARD, **changed}), 422, field=field)


def test_seeds_make_screens_too(service: Service) -> None:
    asked: dict[str, Any] = {"username": "screen-2", "password": PASSWORD, "roles": ["board"], "hospital_id": "hos_1"}
    made = accounts.ensure_account(service.database, service.parts, **asked)
    assert accounts.ensure_account(service.database, service.parts, **asked) == made
    assert made.roles == ("board",)
