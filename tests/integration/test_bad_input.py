"""Every route of every service, found in its own routing table, gets bad input: 4xx problem+json, never 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
from common.platform import SERVICES
from common.testing import HOSTILE_VALUES
from common.web.access import ROLES, sign_token

HOSTILE_PATHS = ("x", "%00", "a" * 3000, "🙂", "' OR 1=1 --", "ord_aaaaaaaaaaaaaaaaaaaaaaaa")
NOT_JSON = (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 5000)
OURS = ("/healthz", "/readyz", "/metrics")


class Route:
    """One method of one rule, with what its OpenAPI document says of its body and query."""

    def __init__(self, rule: Any, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        self.rule, self.method = rule, method
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        self.fields = list(resolve(body, schemas).get("properties", {}))
        self.query = [p["name"] for p in operation.get("parameters", []) if p.get("in") == "query"]

    def path(self, value: str = "x") -> str:
        path = self.rule.rule
        for name in self.rule.arguments:
            for form in (f"<{name}>", f"<string:{name}>", f"<path:{name}>"):
                path = path.replace(form, value)
        return path

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"


def resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return schemas.get(schema["$ref"].rpartition("/")[2], {}) if "$ref" in schema else schema


def routes(app: Any) -> Iterator[Route]:
    document = app.test_client().get(f"/api/v1/docs/{app.name}/openapi.json").json
    schemas = document.get("components", {}).get("schemas", {})
    for rule in app.url_map.iter_rules():
        if rule.rule in OURS or "/docs" in rule.rule:
            continue
        written = document["paths"].get(rule.rule.replace("<", "{").replace(">", "}").replace("string:", ""), {})
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield Route(rule, method, written.get(method.lower(), {}), schemas)


@pytest.fixture(params=SERVICES)
def app(request, embedded):
    return embedded.services[request.param].app


@pytest.fixture
def everybody(embedded):
    """A caller with every role, whom no access rule stops from reaching the validation."""
    token = sign_token(embedded.secrets["JWT_PRIVATE_KEY"], "acc_nobody", ROLES, "hos_nowhere", 600)
    return {"Authorization": f"Bearer {token}"}


def check(response: Any, what: str) -> None:
    assert response.status_code < 500, f"{what}: {response.status_code} {response.get_data()[:300]!r}"
    if response.status_code >= 400:
        assert response.content_type == "application/problem+json", what
        problem = response.get_json(force=True)
        assert problem["code"], what
        if problem["code"] == "validation_error":
            assert problem["errors"], what
            assert all(e["field"] and e["message"] for e in problem["errors"]), what


def test_hostile_paths(app, everybody):
    for route in routes(app):
        for value in HOSTILE_PATHS:
            check(
                app.test_client().open(route.path(value), method=route.method, json={}, headers=everybody),
                f"{route} {value[:20]}",
            )


def test_bodies_that_are_no_json_objects(app, everybody):
    for route in routes(app):
        if route.method not in {"POST", "PATCH"}:
            continue
        for body in NOT_JSON:
            for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
                response = app.test_client().open(
                    route.path(), method=route.method, data=body, headers={**everybody, "Content-Type": kind}
                )
                check(response, f"{route} {body[:10]!r} {kind}")
        too_large = app.test_client().open(
            route.path(), method=route.method, json={"x": "y" * 20_000_000}, headers=everybody
        )
        check(too_large, f"{route} too large")
        if route.fields:  # what takes no body does not read it
            assert too_large.status_code >= 400, route


def test_every_field_with_every_hostile_value(app, everybody):
    for route in routes(app):
        for field in [*route.fields, "surprise"]:
            for value in HOSTILE_VALUES:
                body = {**dict.fromkeys(route.fields, "x"), field: value}
                response = app.test_client().open(route.path(), method=route.method, json=body, headers=everybody)
                check(response, f"{route} {field}={value!r:.40}")


def test_a_field_that_is_not_there_is_named(app, everybody):
    for route in routes(app):
        if not route.fields:
            continue
        response = app.test_client().open(route.path(), method=route.method, json={"surprise": 1}, headers=everybody)
        assert response.status_code in {404, 422}, f"{route} {response.get_data()}"
        if response.status_code == 422:
            assert "surprise" in [e["field"] for e in response.get_json(force=True)["errors"]], route


def test_every_query_parameter_with_every_hostile_value(app, everybody):
    for route in routes(app):
        if route.method != "GET":
            continue
        for name in [*route.query, "surprise"]:
            for value in ("", "x", "-1", "0", "1e99", "9" * 40, "\x00", "🙂", "x" * 5000, "2026-13-45", "true"):
                check(
                    app.test_client().get(route.path(), query_string={name: value}, headers=everybody),
                    f"{route} {name}={value[:20]!r}",
                )


def test_hostile_headers(app, everybody):
    for route in routes(app):
        for name, value in (
            ("Idempotency-Key", "x" * 300),
            ("Prefer", "wait=999999999999"),
            ("traceparent", "'\"<>" * 50),
            ("Accept-Language", "x;q=nonsense,,,;;"),
            ("Content-Length", "-5"),
        ):
            check(
                app.test_client().open(route.path(), method=route.method, json={}, headers={**everybody, name: value}),
                f"{route} {name}",
            )


def test_nobody_gets_past_a_forged_token(app):
    import jwt

    none = jwt.encode({"iss": "haoyuan", "sub": "a", "roles": list(ROLES), "exp": 2**40}, None, algorithm="none")
    other = jwt.encode({"iss": "haoyuan", "sub": "a", "roles": list(ROLES), "exp": 2**40}, "x" * 40, algorithm="HS256")
    for route in routes(app):
        access = app.view_functions[route.rule.endpoint].access
        for token in (none, other, "", "x.y.z", "🙂".encode().decode("latin-1")):
            response = app.test_client().open(
                route.path(), method=route.method, json={}, headers={"Authorization": f"Bearer {token}"}
            )
            check(response, f"{route} forged")
            assert not access or response.status_code == 401, route
