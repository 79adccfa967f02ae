"""Tokens that are none of ours, methods, paths and headers that nobody has asked for: nothing opens what table.txt keeps shut."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from actors import PASSWORD, Patient
from common.platform import DOCUMENTED
from common.testing import assert_problem, bearer
from common.web.access import ISSUER, ROLES, key_id
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docs.generators.access import EACH, Row, table
from embedded.system import System
from stack import gateway
from stack.process import free_port
from stack.server import HttpServer, find_program
from stack.servers import SERVICES
from stack.system import STREAM, STREAMING

KEPT = [row for row in table() if "nobody" not in row.may]
"""What is not everybody's."""

DOORS = {
    "user-svc": "/api/v1/users/me/logins",
    "schedule-svc": "/api/v1/rosters",
    "booking-svc": "/api/v1/orders",
    "payment-svc": "/api/v1/refunds",
    "notify-svc": "/api/v1/notifications",
    "audit": "/api/v1/invariants",
}
"""Of each service one route that a good token opens."""

METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "TRACE", "PROPFIND")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": ISSUER, "sub": "acc_1", "roles": [*ROLES], "hospital": "hos_1", "iat": now, "exp": now + 900}
    return made | changes


class Forger:
    """Who knows everything about our tokens that is public, and has some real ones."""

    def __init__(self, system: System) -> None:
        self._private = system.secrets["JWT_PRIVATE_KEY"]
        self._public = system.secrets["JWT_PUBLIC_KEY"].partition(",")[0]
        self._kid = key_id(self._public)
        patient = Patient(f"{system.url}/api/v1")
        self._pair = patient.post("/tokens", {"username": patient.username, "password": PASSWORD})

    def by(self, key: Ed25519PrivateKey, **changes: Any) -> str:
        return jwt.encode(claims(**changes), key, algorithm="EdDSA", headers={"kid": self._kid})

    def ours(self, **changes: Any) -> str:
        return self.by(Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._private)), **changes)

    def by_hand(self, alg: str, secret: bytes) -> str:
        """The public key as the secret of a MAC: what a verifier would accept that lets tokens choose how they are verified."""
        parts = [{"alg": alg, "typ": "JWT", "kid": self._kid}, claims()]
        head = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        signature = hmac.digest(secret, head.encode(), hashlib.sha256) if secret else b""
        return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def headers(self) -> Mapping[str, list[str]]:
        """Authorization headers that open nothing."""
        raw, past = base64.b64decode(self._public), int(time.time()) - 60
        forged = {
            "alg none": self.by_hand("none", b""),
            "HS256 by the public key": self.by_hand("HS256", raw),
            "HS256 by the public key's text": self.by_hand("HS256", self._public.encode()),
            "another key, our kid": self.by(Ed25519PrivateKey.generate()),
            "expired": self.ours(iat=past - 900, exp=past),
            "another issuer": self.ours(iss="somebody"),
            "a refresh token": self._pair["refresh_token"],
            "no signature": self.ours().rpartition(".")[0] + ".",
            "100 kB": "x" * 100_000,
            "100 kB of a token": f"{'x' * 50_000}.{'y' * 50_000}.{'z' * 86}",
            "nothing": "",
        }
        return {name: [f"Bearer {token}"] for name, token in forged.items()} | {
            "another scheme": [f"Basic {base64.b64encode(self.ours().encode()).decode()}"],
            "no scheme": [self.ours()],
            "two headers, the good one first": [f"Bearer {self.ours()}", "Bearer x"],
            "two headers, the good one last": ["Bearer x", f"Bearer {self.ours()}"],
        }


@pytest.fixture(scope="module")
def forger(system: System) -> Forger:
    return Forger(system)


@pytest.fixture(scope="module")
def nginx(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """The real gateway, with the embedded system in the place of every service."""
    if find_program("nginx") is None:
        pytest.skip("nginx is not installed")
    port = urlsplit(system.url).port or 0
    server = gateway.local(
        tmp_path_factory.mktemp("gateway"),
        free_port(),
        dict.fromkeys([*DOCUMENTED, *(f"{s}-{STREAM}" for s in STREAMING)], port),
    )
    server.start()
    yield server
    server.stop()


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", DOORS)
def test_no_service_takes_a_token_that_is_none_of_ours(system: System, forger: Forger, service: str) -> None:
    client = system.apps[service].test_client()

    def ask(values: list[str]) -> Any:
        return client.get(DOORS[service], headers=[("Authorization", value) for value in values])

    assert ask([f"Bearer {forger.ours()}"]).status_code == 200
    for name, values in forger.headers().items():
        problem = assert_problem(ask(values), 401)
        wanted = {"expired": "token_expired"}.get(name, "token_invalid")
        assert problem["code"] in {wanted, "unauthenticated"}, name
        assert ask(values).status_code == 401, f"{name}: nor the second time"


@pytest.mark.parametrize("service", DOORS)
def test_nor_do_the_servers_in_front(system: System, nginx: HttpServer, forger: Forger, service: str) -> None:
    """What is too long for them, or there twice, they may refuse by themselves."""
    for port in (urlsplit(system.url).port, nginx.port):
        assert raw(port, "GET", DOORS[service], [("Authorization", f"Bearer {forger.ours()}")])[0] == 200
        for name, values in forger.headers().items():
            status, body = raw(port, "GET", DOORS[service], [("Authorization", value) for value in values])
            assert status in {400, 401, 413, 431}, (name, status, body)
            assert json.loads(body)["code"] or status != 401, name


def raw(port: int | None, method: str, path: str, headers: list[tuple[str, str]]) -> tuple[int, bytes]:
    """A request whose path and headers go out as they are. Answers the status and the body; 431 if it was cut off."""
    connection = HTTPConnection("127.0.0.1", port or 0, timeout=15)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (ConnectionError, OSError):
        return 431, b'{"code": "cut_off"}'
    finally:
        connection.close()


def test_user_svc_takes_no_token_of_an_account_that_has_ended(system: System) -> None:
    gone = Patient(f"{system.url}/api/v1")
    gone.post("/users/me/delete", {"password": PASSWORD})
    client = system.services["user-svc"].app.test_client()
    asked = [row for row in KEPT if row.service == "user-svc" and "patient" in row.may]
    for row in asked:
        headers = {"Authorization": f"Bearer {gone.token}"}
        answer = client.open(concrete(row), method=row.method, headers=headers, json={})
        assert_problem(answer, 401, "account_deleted")
    assert len(asked) > 10


# --- methods, paths, headers -----------------------------------------------------------------------------------------


def concrete(row: Row) -> str:
    """The path with some id in it."""
    return re.sub(r"{\w+}", "x", row.path)


def test_other_methods_open_nothing(system: System) -> None:
    """With every role, so that what came through to a view would show."""
    everything = bearer("acc_1", *ROLES, hospital_id="hos_1", key=system.secrets["JWT_PRIVATE_KEY"])
    declared: dict[tuple[str, str], set[str]] = {}
    for row in table():
        if row.service != EACH:
            declared.setdefault((row.service, concrete(row)), set()).add(row.method)
    for (service, path), known in declared.items():
        client = system.apps[service].test_client()
        for method in (method for method in METHODS if method not in known):
            for more in ({}, *({name: real} for name in OVERRIDES for real in sorted(known))):
                answer = client.open(f"{path}?_method={min(known)}", method=method, headers={**everything, **more})
                assert_problem(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("service", SERVICES)
def test_asking_about_a_route_is_no_way_in(system: System, service: str) -> None:
    client = system.services[service].app.test_client()
    looked_at = 0
    for row in (row for row in KEPT if row.service == service):
        if row.method == "GET":
            answer = client.head(concrete(row))
            assert (answer.status_code, answer.get_data()) == (401, b""), row
        options = client.options(concrete(row))
        assert options.status_code == 401 or options.get_data() == b"", row
        moved = client.get("/healthz", headers={"X-Original-URL": concrete(row), "X-Rewrite-URL": concrete(row)})
        assert moved.get_json()["status"] == "alive", row
        looked_at += 1
    assert looked_at > 5


VARIANTS: Mapping[str, Callable[[str], str]] = {
    "a slash at the end": lambda path: f"{path}/",
    "a slash at the end, encoded": lambda path: f"{path}%2f",
    "two slashes in front": lambda path: f"/{path}",
    "two slashes within": lambda path: path.replace("/api/v1/", "/api/v1//"),
    "upper case": str.upper,
    "up from what is public": lambda path: path.replace("/api/v1/", "/api/v1/hospitals/../"),
    "up, encoded": lambda path: path.replace("/api/v1/", "/api/v1/hospitals/%2e%2e/"),
    "up, encoded with its slash": lambda path: path.replace("/api/v1/", "/api/v1/hospitals%2f..%2f"),
    "here": lambda path: path.replace("/api/v1/", "/api/v1/./"),
    "a letter encoded": lambda path: path.replace("/api/", "/%61pi/"),
    "a parameter": lambda path: f"{path};x=1",
    "a NUL at the end": lambda path: f"{path}%00",
    "a backslash": lambda path: path.replace("/api/v1/", "/api/v1/hospitals/..%5c"),
}
SHUT = {308, 400, 401, 404, 405, 422}


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_spelling_of_a_path_passes_by_the_rule(system: System, variant: str) -> None:
    for row in KEPT:
        path = concrete(row)
        client = system.apps[row.service].test_client()
        answer = client.open(VARIANTS[variant](path), method=row.method)
        assert answer.status_code in SHUT, (row, answer.status_code)
        if answer.status_code == 308:
            assert urlsplit(answer.headers["Location"]).path == path, row


@pytest.mark.parametrize("variant", VARIANTS)
def test_nor_through_the_gateway(nginx: HttpServer, variant: str) -> None:
    for row in KEPT:
        status, body = raw(nginx.port, row.method, VARIANTS[variant](concrete(row)), [("Content-Length", "0")])
        assert status in SHUT, (row, status, body)
    assert raw(nginx.port, "GET", "/api/v1/hospitals", [])[0] == 200


INSIDE = ("/metrics", "//metrics", "/%6detrics", "/api/v1/../../metrics", "/docs/..%2fmetrics", "/docs/%2e%2e/metrics",
          "/docs/../metrics", "/api/v1/orders/..%2f..%2f..%2fmetrics", "/docs//..//metrics", "/docs;/../metrics")  # fmt: skip


@pytest.mark.parametrize("path", [each.replace("metrics", name) for each in INSIDE for name in ("metrics", "readyz")])
def test_the_gateway_does_not_show_what_is_inside(nginx: HttpServer, path: str) -> None:
    status, body = raw(nginx.port, "GET", path, [])
    assert status in {400, 404}, (status, body[:80])


def test_paths_are_made_concrete() -> None:
    row = Row("user-svc", "GET", "/api/v1/a/{b_id}/c/{d}", frozenset(), "-", "-")
    assert concrete(row) == "/api/v1/a/x/c/x"
