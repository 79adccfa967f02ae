"""What comes from outside: hostile input on each route, settings that do not do; and the schema that the code believes in."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from common.outbox import tables
from common.service import Service
from common.settings import BadSettings
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, bearer
from hypothesis import given, settings
from hypothesis import strategies as st
from user_svc import store
from user_svc.app import Settings, build
from user_svc.domain import username_key
from user_world import CHEAP, PASSWORD, Person

ACCOUNT = {
    "username": "hostile",
    "password": PASSWORD,
    "email": "h@example.com",
    "phone": "13812345678",
    "locale": "en",
}
BY_CODE = {"email": "h@example.com", "code": "123456", "locale": "en"}
RESET = {"to": "h@example.com", "code": "123456", "new_password": PASSWORD, "username": "hostile"}
PROOF = {"code": "123456", "password": PASSWORD, "own_code": "123456"}
PATIENT = {"name": "张三", "id_type": "passport", "id_number": "E12345678", "phone": "13812345678"}
POSTED = ("/users", "/tokens", "/tokens/refresh", "/users/me/patients", "/codes", "/passwords/reset", "/users/me/email",
          "/users/me/password")  # fmt: skip
NAMES = ("username", "password", "email", "phone", "name", "id_number", "refresh_token", "to", "code", "new_password")
RAW = (
    b'{"username": 1e999}',
    b'{"a":' * 2000,
    b'{"username": "\\ud800", "password": "x"}',
    b'{"username":"\\u0000"}',
    b"\x00",
)


def test_hostile_bodies_everywhere(service: Service, operator: Person, alice: Person) -> None:
    client = service.app.test_client()
    mine = bearer(alice.id)
    assert_bad_input_is_refused(client, "/api/v1/users", ACCOUNT, {}, skip=("username", "password", "phone", "locale"))
    assert_bad_input_is_refused(client, "/api/v1/tokens", {"username": "alice", "password": PASSWORD}, {})
    assert_bad_input_is_refused(client, "/api/v1/tokens/refresh", {"refresh_token": "x"}, {})
    assert_bad_input_is_refused(client, "/api/v1/users/me/patients", PATIENT, mine, skip=("name",))
    assert_bad_input_is_refused(client, "/api/v1/users", BY_CODE, {}, skip=("code", "locale"))
    assert_bad_input_is_refused(client, "/api/v1/codes", {"purpose": "login", "to": "h@example.com"}, {})
    assert_bad_input_is_refused(client, "/api/v1/passwords/reset", RESET, {}, skip=("username",))
    for path, body, free in (
        ("codes", {"to": "h@example.com", "purpose": "confirm"}, ("purpose",)),
        ("email", {"email": "h@example.com", **PROOF}, ("own_code",)),
        ("phone", {"phone": "13812345678", **PROOF}, ("own_code",)),
        ("password", {"old_password": PASSWORD, "own_code": "123456", "new_password": PASSWORD}, ("own_code",)),
    ):
        assert_bad_input_is_refused(client, f"/api/v1/users/me/{path}", body, mine, skip=free)
    roles = {"roles": ["cashier"], "hospital_id": "hos_1"}
    headers = bearer(operator.id, "operator")
    assert_bad_input_is_refused(
        client, f"/api/v1/users/{alice.id}/roles", roles, headers, skip=("roles", "hospital_id")
    )


def test_hostile_changes(alice: Person) -> None:
    person = alice.call("POST", "/users/me/patients", PATIENT).get_json()["id"]
    for path, names in (
        ("/users/me", ("email", "phone", "locale")),
        (f"/users/me/patients/{person}", ("name", "phone")),
    ):
        for name in names:
            for value in HOSTILE_VALUES:
                answer = alice.call("PATCH", path, {name: value})
                assert answer.status_code in {200, 422}, (name, value, answer.get_data())
                assert answer.status_code == 422 or value is None or name == "name", (name, value)


@pytest.mark.parametrize("body", RAW)
def test_raw_bytes_everywhere(alice: Person, body: bytes) -> None:
    client = alice.service.app.test_client()
    headers = {**bearer(alice.id, "operator", "patient"), "Content-Type": "application/json"}
    for method, path in (
        ("POST", "/users"),
        ("POST", "/tokens"),
        ("POST", "/tokens/refresh"),
        ("POST", "/codes"),
        ("POST", "/passwords/reset"),
        ("POST", "/users/me/codes"),
        ("POST", "/users/me/email"),
        ("POST", "/users/me/phone"),
        ("POST", "/users/me/password"),
        ("PATCH", "/users/me"),
        ("POST", "/users/me/patients"),
        ("PATCH", "/users/me/patients/pat_1"),
        ("POST", f"/users/{alice.id}/roles"),
    ):
        answer = client.open(f"/api/v1{path}", method=method, data=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.get_data())
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("ident", ["%00", "%ED%A0%80", "x" * 3000, "'%20OR%201=1", "..%2F..", "%F0%9F%98%80"])
def test_hostile_ids(alice: Person, operator: Person, ident: str) -> None:
    for answer in (
        alice.call("PATCH", f"/users/me/patients/{ident}", {"name": "张三"}),
        alice.call("DELETE", f"/users/me/patients/{ident}"),
        operator.call("POST", f"/users/{ident}/roles", {"roles": []}),
    ):
        assert answer.status_code in {404, 405, 422}, answer.get_data()


def test_a_body_that_is_too_large(anybody: Person) -> None:
    assert anybody.call("POST", "/users", {**ACCOUNT, "email": "x" * 300_000}).status_code == 413


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = build(Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('user')}/user.db", **CHEAP))
    made.migrate()
    yield made
    made.database.close()


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(POSTED),
    body=st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, json_values)),
    more=st.dictionaries(
        st.sampled_from(["id_type", "locale", "purpose"]),
        st.sampled_from(["passport", "permit", "en", "zh-CN", "login", "x"]),
    ),
)
def test_no_body_is_answered_with_a_fault_of_ours(
    lasting: Service, path: str, body: dict[str, Any], more: dict[str, str]
) -> None:
    client = lasting.app.test_client()
    answer = client.post(f"/api/v1{path}", json={**body, **more}, headers=bearer("acc_nobody"))
    assert answer.status_code < 500


@given(st.text(max_size=20))
def test_a_name_has_one_key_however_it_is_spelt(name: str) -> None:
    assert username_key(username_key(name)) == username_key(name)


@given(st.text("abcXYZ019._-", min_size=3, max_size=20))
def test_case_makes_no_other_name(name: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) for c in name)
    assert username_key(name) == username_key(name.swapcase()) == username_key(wide)


@pytest.mark.filterwarnings(
    "ignore:.*expression-based index.*patients_gone_person"
)  # that it is there: test_user_strangers.py
def test_the_migrations_make_the_schema_that_the_code_believes_in(service: Service) -> None:
    def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or (name not in tables.metadata.tables and not (name or "").startswith("alembic_"))

    with service.database.reading() as conn:
        context = MigrationContext.configure(conn, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, store.metadata) == []


def test_the_figures_for_the_audit(service: Service, alice: Person) -> None:
    alice.call("POST", "/users/me/patients", PATIENT)
    figures = service.figures()
    assert figures["accounts"] == 2
    (patient,) = figures["patients"].values()
    assert patient == {"account_id": alice.id, "revision": 1, "removed": False}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"DATA_KEY": "short"}, "DATA_KEY"),
        ({"JWT_PRIVATE_KEY": base64.b64encode(b"x" * 31).decode()}, "JWT_PRIVATE_KEY"),
        ({"JWT_PRIVATE_KEY": base64.b64encode(b"x" * 32).decode()}, "JWT_PUBLIC_KEY"),
        ({"LIMIT_LOGINS_USERNAME": "many"}, "LIMIT_LOGINS_USERNAME"),
        ({"PASSWORD_TIME_COST": "0"}, "PASSWORD_TIME_COST"),
        ({"PASSWORD_MEMORY": "1"}, "PASSWORD_MEMORY"),
        ({"APP_ENV": "production"}, "DATA_KEY"),
        ({"APP_ENV": "production"}, "JWT_PRIVATE_KEY"),
    ],
)
def test_settings_that_do_not_do_are_named(tmp_path: Path, change: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        Settings.load({"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", **change})
