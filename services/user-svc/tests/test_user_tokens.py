"""Logging in: the same answer for every wrong guess, refresh tokens that are good once, tokens that nobody else can make."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from common.clock import ManualClock
from common.service import Service
from common.settings import DEV_JWT_PUBLIC_KEY
from common.testing import assert_problem, bearer
from common.web import sign_token
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from user_svc import domain, store
from user_svc.app import Settings, build
from user_svc.limiter import Limiter
from user_world import CHEAP, PASSWORD, Person, join

FOREIGN_KEY = base64.b64encode(b"f" * 32).decode()


def test_logging_in(alice: Person) -> None:
    tokens = alice.tokens
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(DEV_JWT_PUBLIC_KEY))
    claims = jwt.decode(tokens["access_token"], key, algorithms=["EdDSA"], issuer="haoyuan")
    assert claims["exp"] - claims["iat"] == 900
    assert Person(alice.service).log_in("ALICE").id == alice.id


def test_a_wrong_password_and_an_unknown_name_look_the_same(
    alice: Person, anybody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    del alice
    hasher = anybody.service.parts.passwords._hasher
    verified: list[str] = []
    honest = type(hasher).verify

    def counted(self: Any, stored: str, password: str) -> bool:
        verified.append(stored.split("$")[3])
        return bool(honest(self, stored, password))

    monkeypatch.setattr(type(hasher), "verify", counted)
    known = anybody.call("POST", "/tokens", {"username": "alice", "password": "wrong"})
    unknown = anybody.call("POST", "/tokens", {"username": "nobody", "password": "wrong"})
    assert_problem(known, 401, "bad_credentials")
    assert known.get_data() == unknown.get_data()
    assert dict(known.headers) == dict(unknown.headers)
    assert len(verified) == 2 * domain.MOST_SHARING, "hashes are verified for an unknown name too"
    assert len(set(verified)) == 1, "at the same cost"


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_family(alice: Person) -> None:
    first = alice.tokens["refresh_token"]
    second = alice.call("POST", "/tokens/refresh", {"refresh_token": first}).get_json()
    assert second["refresh_token"] != first
    third = alice.call("POST", "/tokens/refresh", {"refresh_token": second["refresh_token"]}).get_json()
    other = Person(alice.service).log_in("alice")
    assert_problem(alice.call("POST", "/tokens/refresh", {"refresh_token": first}), 401, "refresh_token_invalid")
    assert_problem(alice.call("POST", "/tokens/refresh", {"refresh_token": third["refresh_token"]}), 401)
    kept = other.call("POST", "/tokens/refresh", {"refresh_token": other.tokens["refresh_token"]})
    assert kept.status_code == 200, "another login of the same person goes on"


def test_a_refresh_token_expires_and_old_logins_are_forgotten(alice: Person, clock: ManualClock) -> None:
    clock.advance(timedelta(days=30, seconds=1))
    assert_problem(alice.call("POST", "/tokens/refresh", {"refresh_token": alice.tokens["refresh_token"]}), 401)
    answer = alice.call("POST", "/tokens", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 200
    with alice.service.database.reading() as conn:
        mine = store.tables.logins.select().where(store.tables.logins.c.account_id == alice.id)
        assert len(conn.execute(mine).all()) == 1


@pytest.mark.parametrize("token", ["x", "a.b", ".", "." * 200, "é.é"])
def test_a_refresh_token_that_is_none(alice: Person, token: str) -> None:
    assert_problem(alice.call("POST", "/tokens/refresh", {"refresh_token": token}), 401)
    known_login = alice.tokens["refresh_token"].split(".")[0]
    assert_problem(alice.call("POST", "/tokens/refresh", {"refresh_token": known_login}), 401)


def test_secrets_are_stored_hashed(alice: Person) -> None:
    with alice.service.database.reading() as conn:
        rows = str(conn.execute(store.tables.logins.select()).all()) + str(
            conn.execute(store.tables.accounts.select()).all()
        )
    assert alice.tokens["refresh_token"].split(".")[1] not in rows
    assert PASSWORD not in rows


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def _hmac_with_public_key(claims: dict[str, Any]) -> str:
    """The old confusion: the public key as the secret of a symmetric algorithm. Made by hand: PyJWT refuses to."""

    def b64(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = b64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + b64(json.dumps(claims).encode())
    return head + "." + b64(hmac.digest(base64.b64decode(DEV_JWT_PUBLIC_KEY), head.encode(), hashlib.sha256))


def test_forged_and_old_access_tokens_open_nothing(alice: Person, clock: ManualClock) -> None:
    now = clock().timestamp()
    claims = {"iss": "haoyuan", "sub": alice.id, "roles": ["operator"], "iat": int(now), "exp": int(now) + 900}
    genuine = alice.tokens["access_token"]
    head, body, signature = genuine.split(".")
    body_of_another = sign_token(FOREIGN_KEY, "acc_x", ["operator"], "", 900).split(".")[1]
    forged = {
        "alg none": _unsigned(claims),
        "alg none, signed": _unsigned(claims) + signature,
        "hmac with the public key": _hmac_with_public_key(claims),
        "foreign key": sign_token(FOREIGN_KEY, alice.id, ["operator"], "", 900),
        "other claims": f"{head}.{body_of_another}.{signature}",
        "no signature": f"{head}.{body}.",
        "garbage": "a.b.c",
        "nothing": "x",
    }
    for name, token in forged.items():
        answer = Person(alice.service, tokens={"access_token": token}).call("GET", "/users/me")
        assert_problem(answer, 401, "token_invalid"), name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    old = sign_token(alice.service.settings.jwt_private_key, alice.id, ["patient"], "", 900, now - 1000)
    assert_problem(Person(alice.service, tokens={"access_token": old}).call("GET", "/users/me"), 401, "token_expired")


def test_what_needs_a_token_says_so(anybody: Person) -> None:
    for method, path in (
        ("GET", "/users/me"),
        ("PATCH", "/users/me"),
        ("GET", "/users/me/patients"),
        ("POST", "/users/me/patients"),
        ("PATCH", "/users/me/patients/pat_1"),
        ("DELETE", "/users/me/patients/pat_1"),
        ("POST", "/users/acc_1/roles"),
    ):
        assert_problem(anybody.call(method, path), 401, "unauthenticated")
        basic = {"Authorization": "Basic YTpi"}
        assert_problem(anybody.call(method, path, **basic), 401, "unauthenticated")


def test_a_token_of_an_account_that_is_gone(service: Service) -> None:
    client = service.app.test_client()
    headers = bearer("acc_gone")
    assert_problem(client.get("/api/v1/users/me", headers=headers), 404)
    assert_problem(client.patch("/api/v1/users/me", json={"email": "a@example.com"}, headers=headers), 404)
    patient = {"name": "李四", "id_type": "passport", "id_number": "E12345678", "phone": "13812345678"}
    assert_problem(client.post("/api/v1/users/me/patients", json=patient, headers=headers), 404)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_published_keys_verify_our_tokens(alice: Person, prefix: str) -> None:
    answer = alice.service.app.test_client().get(f"{prefix}/.well-known/jwks.json")
    assert answer.status_code == 200
    (key,) = answer.get_json()["keys"]
    claims = jwt.decode(alice.tokens["access_token"], jwt.PyJWK(key), algorithms=["EdDSA"], issuer="haoyuan")
    assert claims["sub"] == alice.id


def test_a_hash_of_yesterdays_cost_is_renewed_at_login(tmp_path: Path, clock: ManualClock) -> None:
    url = f"sqlite:///{tmp_path}/user.db"
    before = build(Settings(database_url=url, **CHEAP), clock)
    before.migrate()
    alice = join(before, "alice")
    after = build(Settings(database_url=url, password_time_cost=2, password_memory=16), clock)
    Person(after).log_in("alice")
    with after.database.reading() as conn:
        assert "m=16,t=2" in store.account(conn, alice.id).password_hash
    Person(after).log_in("alice")
    for service in (before, after):
        service.database.close()


@pytest.fixture
def strict(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    limits = {
        "limit_logins_username": "3/minute",
        "limit_logins_address": "5/minute",
        "limit_registrations_address": "2/minute",
    }
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/strict.db", **limits, **CHEAP), clock)
    made.migrate()
    yield made
    made.database.close()


def test_guessing_is_limited_by_name_and_by_address(strict: Service) -> None:
    guesser = Person(strict)
    guess = {"username": "alice", "password": "guess"}
    for spelling in ("alice", "ALICE", "Alice"):
        assert_problem(guesser.call("POST", "/tokens", {**guess, "username": spelling}), 401)
    refused = guesser.call("POST", "/tokens", guess)
    problem = assert_problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) == problem["retry_after"] <= 60
    from_elsewhere = {"X-Real-IP": "203.0.113.9"}
    assert_problem(guesser.call("POST", "/tokens", guess, **from_elsewhere), 429)
    assert_problem(guesser.call("POST", "/tokens", {**guess, "username": "bob"}), 401)
    assert_problem(guesser.call("POST", "/tokens", {**guess, "username": "carol"}), 429)
    assert_problem(guesser.call("POST", "/tokens", {**guess, "username": "carol"}, **from_elsewhere), 401)


def test_only_the_gateway_may_say_who_asks(strict: Service) -> None:
    for n in range(3):
        body = {"username": f"user{n}", "password": PASSWORD, "email": "a@example.com"}
        headers = {"X-Real-IP": f"203.0.113.{n}"}
        client = strict.app.test_client()
        answer = client.post("/api/v1/users", json=body, headers=headers, environ_base={"REMOTE_ADDR": "9.9.9.9"})
        assert answer.status_code == (201 if n < 2 else 429)
    nonsense = {"X-Real-IP": "not an address"}
    assert Person(strict).call("POST", "/users", {**body, "username": "late"}, **nonsense).status_code == 201


def test_without_redis_everybody_is_let_in() -> None:
    limiter = Limiter("redis://127.0.0.1:1/0", {"logins": "1/minute"})
    assert [limiter.wait("logins", "alice") for _ in range(3)] == [0, 0, 0]


@pytest.mark.stack
def test_limits_are_counted_in_redis_for_all_processes(redis_url: str) -> None:
    one, other = (Limiter(redis_url, {"logins": "2/minute"}) for _ in range(2))
    assert one.wait("logins", "alice") == 0
    assert other.wait("logins", "alice") == 0
    assert 0 < one.wait("logins", "alice") <= 60
    assert other.wait("logins", "bob") == 0
