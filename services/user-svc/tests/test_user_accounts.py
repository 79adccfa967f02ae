"""Registering, one's profile, roles."""

import re
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from code_world import code_for, prove, wrong
from common.errors import Conflict
from common.messages import ContactChanged, SecurityNoted, UserRegistered
from common.service import Service
from common.settings import BadSettings
from common.testing import assert_problem, sent
from user_svc import domain, store, usecases
from user_svc.app import Settings, build
from user_world import CHEAP, PASSWORD, Person, join


def test_registering(service: Service, anybody: Person) -> None:
    body = {
        "username": "Alice",
        "password": PASSWORD,
        "email": "a@example.com",
        "phone": "+86 138 1234 5678",
        "locale": "en",
    }
    answer = anybody.call("POST", "/users", body)
    assert answer.status_code == 201
    made = answer.get_json()
    assert made.pop("created_at").endswith("+08:00"), "as people here see it"
    assert made == {
        "id": made["id"],
        "username": "Alice",
        "email": "a@example.com",
        "email_verified": False,
        "phone": "138****5678",
        "phone_verified": False,
        "locale": "en",
        "roles": ["patient"],
        "hospital_id": None,
        "doctor_id": None,
    }
    contact, registered = sent(service.database)[-2:]
    assert contact == ContactChanged(account_id=made["id"], revision=1, locale="en", email=None, phone=None)
    assert registered == UserRegistered(account_id=made["id"], username="Alice", locale="en")


@pytest.mark.parametrize("to", ["Ann@example.com", "+86 139 1234 5678"], ids=["email", "phone"])
def test_registering_by_an_address_and_its_code(service: Service, anybody: Person, to: str) -> None:
    name, text = ("email", to) if "@" in to else ("phone", "13912345678")
    body = {name: to, "code": code_for(anybody, text, "register"), "locale": "en"}
    made = anybody.call("POST", "/users", body)
    assert made.status_code == 201
    account = made.get_json()
    assert re.fullmatch(r"u[0-9a-f]{16}", account["username"])
    assert {k: v for k, v in account.items() if k.endswith("verified")} == {
        "email_verified": name == "email",
        "phone_verified": name == "phone",
    }
    contact, registered = sent(service.database)[-2:]
    assert not sent(service.database, SecurityNoted), (
        "nothing warns of an address that was added: she is welcomed there"
    )
    assert registered.username == account["username"]
    sealed = {"email": contact.email, "phone": contact.phone}
    assert service.parts.contacts.open(sealed.pop(name), f"{account['id']}/{name}") == text
    assert list(sealed.values()) == [None]
    with service.database.reading() as conn:
        assert store.account(conn, account["id"]).password_hash == ""
    for password in ("", "nobody has this password"):
        assert (
            anybody.call("POST", "/tokens", {"username": account["username"], "password": password}).status_code >= 400
        )


def test_registering_by_a_code_with_a_name_and_a_password(service: Service, anybody: Person) -> None:
    body = {"username": "ann", "password": PASSWORD, "phone": "13912345678"}
    body["code"] = code_for(anybody, "13912345678", "register")
    for change, status, field in (
        ({"password": "13912345678"}, 422, "password"),
        ({"username": "operator"}, 409, None),
        ({"email": "ann@example.com"}, 422, "code"),
        ({"phone": None}, 422, "email"),
        ({"phone": "123"}, 422, "phone"),
        ({"code": "12345"}, 422, "code"),
        ({"code": "1234567"}, 422, "code"),
        ({"code": "１２３４５６"}, 422, "code"),
        ({"code": 123456}, 422, "code"),
        ({"code": None}, 422, "code"),
    ):
        assert_problem(anybody.call("POST", "/users", {**body, **change}), status, field=field)
    assert anybody.call("POST", "/users", body).status_code == 201, "none of that has spent the code"
    assert Person(service).log_in("ann").id


def test_a_repeated_registration_by_code_answers_the_same(anybody: Person, service: Service) -> None:
    """The code is spent, and still who asks again under the same key gets the answer that was lost on its way."""
    body = {"email": "ann@example.com", "code": code_for(anybody, "ann@example.com", "register")}
    key = {"Idempotency-Key": "k1"}
    first = anybody.call("POST", "/users", body, **key)
    assert first.status_code == 201
    assert anybody.call("POST", "/users", body, **key).get_json() == first.get_json()
    assert len(sent(service.database, UserRegistered)) == 2
    for other, headers in (
        (body, {}),
        (body, {"Idempotency-Key": "k2"}),
        ({**body, "locale": "en"}, key),
        ({**body, "code": wrong(body["code"])}, key),
    ):
        assert_problem(anybody.call("POST", "/users", other, **headers), 422, "wrong_code")
    assert_problem(anybody.call("POST", "/users", {**body, "password": PASSWORD}, **key), 409, "username_taken")


def test_nobody_learns_by_registering_who_has_an_address(alice: Person, anybody: Person) -> None:
    prove(alice, "alice@example.com")
    for email in ("alice@example.com", "nobody@example.com"):
        by_name = {"username": f"n{email[:3]}", "password": PASSWORD, "email": email}
        assert anybody.call("POST", "/users", by_name).status_code == 201
        assert_problem(anybody.call("POST", "/users", {"email": email, "code": "000000"}), 422, "wrong_code")


@pytest.mark.parametrize("again", ["alice", "ALICE", "ａｌｉｃｅ"])
def test_a_username_is_unique_whatever_its_case(alice: Person, anybody: Person, again: str) -> None:
    del alice
    body = {"username": again, "password": PASSWORD, "email": "x@example.com"}
    assert_problem(anybody.call("POST", "/users", body), 409, "username_taken")


def test_a_repeated_registration_answers_the_same(anybody: Person, service: Service) -> None:
    """The answer was lost on its way, so the client asks again under the same key."""
    body = {"username": "dora", "password": PASSWORD, "email": "d@example.com"}
    key = {"Idempotency-Key": "k1"}
    first = anybody.call("POST", "/users", body, **key)
    again = anybody.call("POST", "/users", body, **key)
    assert first.status_code == again.status_code == 201
    assert first.get_json() == again.get_json()
    assert len(sent(service.database, UserRegistered)) == 2, "the operator and dora"
    for other, headers in (
        (body, {}),
        (body, {"Idempotency-Key": "k2"}),
        ({**body, "password": "another password"}, key),
        ({**body, "email": "x@example.com"}, key),
    ):
        assert_problem(anybody.call("POST", "/users", other, **headers), 409, "username_taken")
    assert_problem(anybody.call("POST", "/users", body, **{"Idempotency-Key": "x" * 256}), 422, field="Idempotency-Key")


def test_two_who_want_one_name_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have seen that it is free before either takes it."""
    barrier = threading.Barrier(2, timeout=20)
    slow_hash = service.parts.passwords.hash
    monkeypatch.setattr(service.parts.passwords, "hash", lambda password: (barrier.wait(), slow_hash(password))[1])
    answers: list[Any] = []

    def take() -> None:
        answers.append(
            Person(service).call(
                "POST", "/users", {"username": "carol", "password": PASSWORD, "email": "c@example.com"}
            )
        )

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert [m.username for m in sent(service.database, UserRegistered)] == ["operator", "carol"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "12345678901"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "-ab"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "password1"}, "password"),
        ({"email": ""}, "email"),
        ({"email_verified": True}, "email_verified"),
        ({"password": "x" * 129}, "password"),
        ({"username": "alice.wonder", "password": "Alice.Wonder"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"phone": "123"}, "phone"),
        ({"locale": "fr"}, "locale"),
        ({"roles": ["operator"]}, "roles"),
        ({"hospital_id": "hos_1"}, "hospital_id"),
        ({"id": "acc_mine"}, "id"),
        ({"password_hash": "x"}, "password_hash"),
    ],
)
def test_what_registering_refuses(anybody: Person, change: dict[str, Any], field: str) -> None:
    body = {"username": "alice", "password": PASSWORD, "email": "a@example.com", **change}
    assert_problem(anybody.call("POST", "/users", body), 422, field=field)


def test_the_profile_can_be_changed_and_nothing_else(alice: Person, service: Service) -> None:
    changed = alice.call("PATCH", "/users/me", {"email": "new@example.com", "phone": None, "locale": "en"})
    assert changed.status_code == 200
    assert changed.get_json() == alice.call("GET", "/users/me").get_json()
    assert (changed.get_json()["email"], changed.get_json()["phone"], changed.get_json()["locale"]) == (
        "new@example.com",
        None,
        "en",
    )
    for mass in (
        {"roles": ["operator"]},
        {"hospital_id": "hos_1"},
        {"id": "x"},
        {"username": "root"},
        {"password_hash": "x"},
    ):
        assert_problem(alice.call("PATCH", "/users/me", mass), 422, field=next(iter(mass)))
    assert alice.call("PATCH", "/users/me", {}).get_json() == changed.get_json()
    with service.database.reading() as conn:
        assert store.account(conn, alice.id).roles == "patient"


def test_phones_do_not_stand_in_the_database(alice: Person, service: Service) -> None:
    with service.database.reading() as conn:
        row = store.account(conn, alice.id)
    assert row.phone_sealed
    assert "13812345678" not in str(row)
    assert PASSWORD not in str(row)


def test_an_operator_gives_roles_and_the_next_token_has_them(operator: Person, alice: Person, service: Service) -> None:
    answer = operator.call("POST", f"/users/{alice.id}/roles", {"roles": ["cashier"], "hospital_id": "hos_1"})
    assert answer.status_code == 200
    assert answer.get_json()["roles"] == ["patient", "cashier"]
    again = Person(service).log_in("alice")
    claims = jwt.decode(again.tokens["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["roles"], claims["hospital"]) == (alice.id, ["patient", "cashier"], "hos_1")
    renewed = alice.call("POST", "/tokens/refresh", {"refresh_token": alice.tokens["refresh_token"]}).get_json()
    assert jwt.decode(renewed["access_token"], options={"verify_signature": False})["roles"] == ["patient", "cashier"]
    assert operator.call("POST", f"/users/{alice.id}/roles", {"roles": []}).get_json()["hospital_id"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"roles": ["cashier"]}, "hospital_id"),
        ({"roles": ["operator"], "hospital_id": "hos_1"}, "hospital_id"),
        ({"roles": ["god"]}, "roles.0"),
        ({}, "roles"),
        ({"roles": "cashier", "hospital_id": "hos_1"}, "roles"),
        ({"roles": ["cashier"], "hospital_id": "no id!"}, "hospital_id"),
        ({"roles": ["doctor"], "hospital_id": "hos_1"}, "doctor_id"),
        ({"roles": ["doctor"], "doctor_id": "doc_1"}, "hospital_id"),
        ({"roles": ["cashier"], "hospital_id": "hos_1", "doctor_id": "doc_1"}, "doctor_id"),
        ({"roles": ["hospital_admin"]}, "hospital_id"),
        ({"roles": ["board"]}, "hospital_id"),
        ({"roles": ["board", "operator"], "hospital_id": "hos_1"}, "roles"),
    ],
)
def test_roles_that_do_not_do(operator: Person, alice: Person, body: dict[str, Any], field: str) -> None:
    assert_problem(operator.call("POST", f"/users/{alice.id}/roles", body), 422, field=field)


def test_who_may_not_give_roles(operator: Person, alice: Person, anybody: Person, service: Service) -> None:
    body = {"roles": ["operator"]}
    assert_problem(anybody.call("POST", f"/users/{alice.id}/roles", body), 401)
    assert_problem(alice.call("POST", f"/users/{alice.id}/roles", body), 403, "wrong_role")
    operator.call("POST", f"/users/{alice.id}/roles", {"roles": ["cashier", "registrar"], "hospital_id": "hos_1"})
    staff = Person(service).log_in("alice")
    assert_problem(staff.call("POST", f"/users/{alice.id}/roles", body), 403, "wrong_role")
    assert_problem(operator.call("POST", "/users/acc_nobody/roles", body), 404)
    assert_problem(operator.call("POST", f"/users/{operator.id}/roles", {"roles": []}), 409, "own_role")


def test_ensure_account_is_idempotent_and_never_raises_a_stranger(service: Service) -> None:
    def ensure(password: str = PASSWORD) -> domain.Account:
        return usecases.ensure_account(
            service.database, service.parts, username="till", password=password, roles=["cashier"], hospital_id="hos_1"
        )

    first = ensure()
    assert ensure() == first
    assert first.roles == ("patient", "cashier")
    squatter = join(service, "boss")
    with pytest.raises(Conflict):
        usecases.ensure_account(
            service.database, service.parts, username="Boss", password="the right one", roles=["operator"]
        )
    assert squatter.call("GET", "/users/me").get_json()["roles"] == ["patient"]
    raised = usecases.ensure_account(
        service.database, service.parts, username="boss", password=PASSWORD, roles=["operator"]
    )
    assert raised.roles == ("patient", "operator")


def test_the_first_operator_is_made_once(service: Service, operator: Person) -> None:
    service.migrate()
    assert operator.call("GET", "/users/me").get_json()["roles"] == ["patient", "operator"]
    assert [m.username for m in sent(service.database, UserRegistered)] == ["operator"]


@pytest.mark.parametrize(
    ("password", "why"), [("password1", "ADMIN_PASSWORD: is one of"), ("short", "ADMIN_PASSWORD: 8 to")]
)
def test_a_first_operator_with_a_bad_password_is_not_made(tmp_path: Path, password: str, why: str) -> None:
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/user.db", admin_password=password, **CHEAP))
    with pytest.raises(BadSettings, match=why):
        made.migrate()
    made.database.close()
