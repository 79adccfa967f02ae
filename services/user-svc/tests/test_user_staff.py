"""Who gives roles to whom: administrators at their own hospital, operators everywhere, and nobody by a trick."""

import threading
from typing import Any

import pytest
from common.messages import SecurityNoted
from common.service import Service
from common.testing import assert_bad_input_is_refused, assert_problem, bearer, sent
from login_world import acts
from sqlalchemy import text
from user_world import PASSWORD, Person, join

ROLES_OF_STAFF = ("doctor", "registrar", "cashier", "hospital_admin", "board")


def employ(operator: Person, person: Person, *roles: str, hospital_id: str = "hos_1", **more: Any) -> Person:
    """Give roles and log in anew."""
    body = {"roles": list(roles), "hospital_id": hospital_id, **more}
    assert operator.call("POST", f"/users/{person.id}/roles", body).status_code == 200
    return person.log_in(person.username)


@pytest.fixture
def admin(service: Service, operator: Person) -> Person:
    return employ(operator, join(service, "anna"), "hospital_admin")


@pytest.fixture
def other_admin(service: Service, operator: Person) -> Person:
    return employ(operator, join(service, "otto"), "hospital_admin", hospital_id="hos_2")


def roles_of(person: Person) -> tuple[list[str], str | None, str | None]:
    me = person.call("GET", "/users/me").get_json()
    return me["roles"], me["hospital_id"], me["doctor_id"]


def told(service: Service, person: Person) -> int:
    notes = sent(service.database, SecurityNoted)
    return sum((note.account_id, note.what) == (person.id, "roles_changed") for note in notes)


def test_an_administrator_gives_roles_at_her_hospital(service: Service, admin: Person, alice: Person) -> None:
    body = {"username": "ALICE", "roles": ["doctor", "cashier"], "doctor_id": "doc_1"}
    answer = admin.call("POST", "/staff", body)
    assert answer.status_code == 200
    assert answer.get_json() == {
        "id": alice.id,
        "username": "alice",
        "roles": ["patient", "doctor", "cashier"],
        "hospital_id": "hos_1",
        "doctor_id": "doc_1",
    }
    assert roles_of(alice) == (["patient", "doctor", "cashier"], "hos_1", "doc_1")
    assert told(service, alice) == 1
    note = acts(service, "roles_changed")[-1]
    assert (note.actor, note.about, note.hospital_id) == (admin.id, alice.id, "hos_1")
    assert admin.call("POST", "/staff", body).get_json() == answer.get_json()
    assert told(service, alice) == 1, "the same again changes nothing, and nobody is told"
    assert admin.call("POST", "/staff", {"username": "alice", "roles": ["registrar"]}).status_code == 200
    assert roles_of(alice) == (["patient", "registrar"], "hos_1", None), "in place of what she had"


def test_an_administrator_takes_roles_away_and_the_next_token_is_a_patients(
    service: Service, admin: Person, alice: Person
) -> None:
    admin.call("POST", "/staff", {"username": "alice", "roles": ["hospital_admin"]})
    alice.log_in("alice")
    assert alice.call("GET", "/staff").status_code == 200
    assert admin.call("DELETE", f"/staff/{alice.id}").status_code == 204
    assert roles_of(alice) == (["patient"], None, None)
    assert_problem(admin.call("DELETE", f"/staff/{alice.id}"), 404, "account_not_found")
    assert told(service, alice) == 2
    assert_problem(alice.log_in("alice").call("GET", "/staff"), 403, "wrong_role")


def test_who_was_an_administrator_cannot_come_back_by_her_old_token(
    service: Service, operator: Person, admin: Person, alice: Person
) -> None:
    for new in ({"roles": []}, {"roles": ["registrar"], "hospital_id": "hos_1"}):
        operator.call("POST", f"/users/{admin.id}/roles", new)
        for username in ("anna", "alice"):
            body = {"username": username, "roles": ["hospital_admin"]}
            assert_problem(admin.call("POST", "/staff", body), 403, "wrong_role")
        assert_problem(admin.call("DELETE", f"/staff/{alice.id}"), 403, "wrong_role")
    employ(operator, join(service, "oskar"), "hospital_admin", hospital_id="hos_2")
    operator.call("POST", f"/users/{admin.id}/roles", {"roles": ["hospital_admin"], "hospital_id": "hos_2"})
    body = {"username": "alice", "roles": ["registrar"]}
    assert_problem(admin.call("POST", "/staff", body), 403, "wrong_role")


def test_an_operator_who_is_none_any_more_gives_nothing(service: Service, operator: Person, alice: Person) -> None:
    second = join(service, "second")
    operator.call("POST", f"/users/{second.id}/roles", {"roles": ["operator"]})
    second.log_in("second")
    assert second.call("POST", f"/users/{operator.id}/roles", {"roles": []}).status_code == 200
    for body in ({"roles": ["operator"]}, {"roles": []}):
        assert_problem(operator.call("POST", f"/users/{alice.id}/roles", body), 403, "wrong_role")
        assert_problem(operator.call("POST", f"/users/{second.id}/roles", body), 403, "wrong_role")
    forged = Person(service, tokens={"access_token": bearer("acc_gone", "operator")["Authorization"][7:]})
    assert_problem(forged.call("POST", f"/users/{alice.id}/roles", {"roles": ["operator"]}), 403, "wrong_role")


def test_what_an_administrator_may_not_give(service: Service, operator: Person, admin: Person, alice: Person) -> None:
    for role in ("operator", "patient", "god"):
        body = {"username": "alice", "roles": [role]}
        assert_problem(admin.call("POST", "/staff", body), 422, field="roles.0")
    body = {"username": "alice", "roles": ["registrar"], "hospital_id": "hos_2"}
    assert_problem(admin.call("POST", "/staff", body), 403, "other_hospital")
    assert_problem(admin.call("POST", "/staff", {"username": "operator", "roles": ["cashier"]}), 409, "staff_elsewhere")
    assert_problem(admin.call("POST", f"/users/{alice.id}/roles", {"roles": ["operator"]}), 403, "wrong_role")
    assert_problem(admin.call("POST", "/staff", {"username": "nobody", "roles": ["cashier"]}), 404, "account_not_found")
    assert roles_of(alice) == (["patient"], None, None)
    assert roles_of(operator)[0] == ["patient", "operator"]
    assert told(service, alice) == 0


def test_another_hospitals_staff_are_none_of_an_administrators_business(
    operator: Person, admin: Person, other_admin: Person, bob: Person
) -> None:
    employ(operator, bob, "cashier", hospital_id="hos_2")
    for username in ("bob", "otto"):
        body = {"username": username, "roles": ["registrar"]}
        assert_problem(admin.call("POST", "/staff", body), 409, "staff_elsewhere")
    for person in (bob, other_admin, operator):
        assert_problem(admin.call("DELETE", f"/staff/{person.id}"), 404, "account_not_found")
    assert_problem(admin.call("GET", "/staff?hospital_id=hos_2"), 403, "other_hospital")
    assert [person["username"] for person in admin.call("GET", "/staff").get_json()["items"]] == ["anna"]
    assert roles_of(bob) == (["patient", "cashier"], "hos_2", None)


def test_nobody_locks_herself_out(operator: Person, admin: Person, service: Service) -> None:
    assert_problem(admin.call("DELETE", f"/staff/{admin.id}"), 409, "own_role")
    assert_problem(admin.call("POST", "/staff", {"username": "anna", "roles": ["registrar"]}), 409, "own_role")
    body = {"username": "anna", "roles": ["registrar", "hospital_admin"]}
    assert admin.call("POST", "/staff", body).status_code == 200, "what keeps the role is allowed"
    assert_problem(operator.call("POST", f"/users/{operator.id}/roles", {"roles": []}), 409, "own_role")
    assert operator.call("DELETE", f"/staff/{admin.id}").status_code == 204, "somebody else may"
    assert told(service, admin) == 3


def test_operators_name_the_hospital(operator: Person, alice: Person, bob: Person) -> None:
    assert_problem(operator.call("GET", "/staff"), 422, field="hospital_id")
    body: dict[str, Any] = {"username": "alice", "roles": ["registrar"]}
    assert_problem(operator.call("POST", "/staff", body), 422, field="hospital_id")
    assert operator.call("POST", "/staff", {**body, "hospital_id": "hos_2"}).status_code == 200
    listed = operator.call("GET", "/staff?hospital_id=hos_2").get_json()["items"]
    assert [(person["id"], person["roles"]) for person in listed] == [(alice.id, ["patient", "registrar"])]
    assert operator.call("GET", "/staff?hospital_id=hos_9").get_json()["items"] == []
    assert_problem(operator.call("DELETE", f"/staff/{bob.id}"), 404, "account_not_found")
    assert operator.call("DELETE", f"/staff/{alice.id}").status_code == 204


def test_an_operator_at_a_hospital_stays_an_operator_when_that_ends(service: Service, operator: Person) -> None:
    both = employ(operator, join(service, "both"), "operator", "registrar")
    assert operator.call("DELETE", f"/staff/{both.id}").status_code == 204
    assert roles_of(both) == (["patient", "operator"], None, None)


def test_staff_are_listed_by_their_names_page_by_page(service: Service, operator: Person, admin: Person) -> None:
    names = [f"Staff{n}" for n in range(5)]
    for name in reversed(names):
        employ(operator, join(service, name), "registrar")
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.call("GET", f"/staff?limit=2&cursor={cursor}").get_json()
        seen += [person["username"] for person in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["anna", *names]
    with service.database.transaction() as tx:
        tx.conn.execute(text("UPDATE accounts SET deleted_at = created_at WHERE username = 'Staff3'"))
    assert len(admin.call("GET", "/staff").get_json()["items"]) == 5
    assert not {"email", "phone"} & set(page["items"][0]), "what administrators need, and no more"


@pytest.mark.parametrize("role", ["patient", "doctor", "registrar", "cashier", "board"])
def test_nobody_else_has_staff(service: Service, role: str) -> None:
    client = service.app.test_client()
    headers = bearer("acc_x", "patient", role, hospital_id="hos_1")
    for method, path in (("GET", "/staff"), ("POST", "/staff"), ("DELETE", "/staff/acc_1")):
        assert_problem(client.open(f"/api/v1{path}", method=method, headers=headers), 403, "wrong_role")
        assert_problem(client.open(f"/api/v1{path}", method=method), 401, "unauthenticated")


def test_bad_input(service: Service, admin: Person) -> None:
    headers = {"Authorization": f"Bearer {admin.tokens['access_token']}"}
    good = {"username": "alice", "roles": ["doctor"], "doctor_id": "doc_1", "hospital_id": "hos_1"}
    skip = ("doctor_id", "hospital_id")
    assert_bad_input_is_refused(service.app.test_client(), "/api/v1/staff", good, headers, skip=skip)
    for body, field in (
        ({"roles": []}, "roles"),
        ({"roles": ["doctor"], "doctor_id": None}, "doctor_id"),
        ({"roles": ["cashier"]}, "doctor_id"),
        ({"hospital_id": "no id!"}, "hospital_id"),
        ({"roles": ["doctor"] * 11}, "roles"),
        ({"account_id": "acc_1"}, "account_id"),
    ):
        assert_problem(admin.call("POST", "/staff", {**good, **body}), 422, field=field)
    assert_problem(admin.call("GET", "/staff?hospital_id=no id"), 422, field="hospital_id")


@pytest.mark.parametrize("name", ["roles", "hospital_id", "doctor_id", "id", "account_id", "password_hash", "is_admin"])
def test_nobody_makes_himself_staff_by_what_a_body_says(service: Service, alice: Person, name: str) -> None:
    value: Any = ["operator"] if name == "roles" else "hos_1"
    body = {"username": "mallory", "password": PASSWORD, "email": "m@example.com", name: value}
    assert_problem(Person(service).call("POST", "/users", body), 422, field=name)
    assert_problem(alice.call("PATCH", "/users/me", {name: value}), 422, field=name)
    for path, credentials in (
        ("/tokens", {"username": "alice", "password": PASSWORD}),
        ("/tokens/refresh", {"refresh_token": alice.tokens["refresh_token"]}),
    ):
        assert_problem(Person(service).call("POST", path, {**credentials, name: value}), 422, field=name)
    assert roles_of(alice) == (["patient"], None, None)


def test_two_administrators_who_take_each_others_role_at_once(
    service: Service, operator: Person, admin: Person
) -> None:
    second = employ(operator, join(service, "berta"), "hospital_admin")
    answers: list[int] = []
    barrier = threading.Barrier(2, timeout=20)

    def remove(who: Person, whom: Person) -> None:
        barrier.wait()
        answers.append(who.call("DELETE", f"/staff/{whom.id}").status_code)

    threads = [threading.Thread(target=remove, args=pair) for pair in ((admin, second), (second, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [204, 403], "who has lost the role cannot use it: one stays"
    left = operator.call("GET", "/staff?hospital_id=hos_1").get_json()["items"]
    assert [person["roles"] for person in left] == [["patient", "hospital_admin"]]
