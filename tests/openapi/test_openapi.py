"""Every service keeps to its own OpenAPI document: schemathesis makes requests of it, good ones and bad ones, and looks at the
answers: no 5xx, no status, header, body or content type that is not documented, nothing refused that the document allows.

The services are those of an embedded system with the demo's data, so that half of the ids in paths are of things that exist.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from common.testing import bearer
from common.web.access import ROLES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from demo.client import Client
from demo.seed import FAMILY, PASSWORD, seed
from embedded.system import System

ROOT = Path(__file__).parent.parent.parent
MODES = {"good": (GenerationMode.POSITIVE, 12), "bad": (GenerationMode.NEGATIVE, 12)}
"""How requests are made, and how many of each operation."""

NEVER_ENDS = {
    "/api/v1/notifications/stream",
    "/api/v1/sessions/{session_id}/queue/stream",
    "/api/v1/visits/{visit_id}/stream",
}
"""Answers that go on are tested by themselves (tests/integration/test_live_inbox.py, test_clinic_live.py)."""

BEYOND_SCHEMAS: Mapping[str, str] = {
    "cursor": "opaque: one of ours, or none",
    "date": "a date of this century",
    "date_from": "a date of this century",
    "date_to": "a date of this century",
    "day": "a date of this century, without from and to",
    "from": "a date of this century",
    "slots": "OpenAPI 3.0 has no names for the keys of quotas",
    "channel": "each method has its own",
    "openid": "for one channel alone",
    "order_id": "this or the code",
    "return_path": "for some channels alone",
    "position": "an order has its own",
    "together": "an order has its own",
    "weight": "an order has its own",
    "effective_from": "not in the past",
    "expires_at": "ahead, and before the session ends",
    "username": "with a password, or neither of them with a code",
    "password": "with a username; words that everybody knows are refused",
    "old_password": "or a code, where there is none",
    "new_password": "words that everybody knows are refused",
    "email": "an address that letters could go to; or a phone number",
    "phone": "a number that there could be",
    "to": "an address that a code could go to; a date, not before from",
    "code": "the one that was sent",
    "id_number": "each kind of document has its own form",
    "base": "a session, a department's, or numbers: one of them",
    "birth_date": "agrees with the document",
    "sex": "agrees with the document",
    "guardian_id": "for children, and a grown-up of the same list",
    "doctor_id": "doctors have one, and nobody else",
    "roles": "a board has no other",
    "q": "something beside spaces",
    "rules": "docs/rules.md says what a record of rules may hold",
    "hospital_id": "whose role is at no hospital must say which",
    "name": "has letters, and only what prints",
    "room": "has letters or digits, no slash, and only what prints",
    "why": "has letters or digits, and only what prints",
    "latitude": "with a longitude, and without a code",
    "longitude": "with a latitude",
    "visit_class": "an appointment's, or a walk-in's",
    "reason": "each class has its own",
}
"""First parts of fields of which a document cannot say all: a good request may be refused for them, and why."""

UNSTORABLE = {"has characters that cannot be stored", "is too long or has impossible characters"}
"""Said of NUL and lone surrogates, which JSON allows and databases do not."""

ANY_BODY = {"/api/v1/payments/notify/{provider}": "what is not the provider's is refused by its signature"}

BEYOND_DOCUMENTS = {("POST", "/api/v1/rosters"): "has JSON schemas of its own, at /api/v1/rosters/schemas/"}


def operations() -> list[tuple[str, str, str]]:
    """Service, method, path: as documented."""
    found = []
    for file in sorted((ROOT / "docs/openapi").glob("*.json")):
        for path, methods in json.loads(file.read_text(encoding="utf-8"))["paths"].items():
            if path not in NEVER_ENDS:
                found += [
                    (file.stem, method.upper(), path)
                    for method in methods
                    if method in {"get", "post", "patch", "delete"}
                ]
    return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    cheap = {"PASSWORD_TIME_COST": "1", "PASSWORD_MEMORY": "64", "LIMIT_CODES_ADDRESS": "100000/minute"}
    with System(tmp_path_factory.mktemp("openapi"), env=cheap) as made:
        seed(made.url, made.secrets["ADMIN_USERNAME"], made.secrets["ADMIN_PASSWORD"])
        yield made


@pytest.fixture(scope="module")
def known(system: System) -> dict[str, list[str]]:
    """By the name of a parameter: ids of things that are there."""
    client = Client(f"{system.url}/api/v1")
    client.login(FAMILY.username, PASSWORD)
    sessions = client.get("/sessions?limit=20")["items"]
    return {
        "hospital_id": [h["id"] for h in client.get("/hospitals")["items"]],
        "department_id": [s["department"]["id"] for s in sessions],
        "doctor_id": [s["doctor"]["id"] for s in sessions],
        "session_id": [s["id"] for s in sessions],
        "order_id": [o["id"] for o in client.get("/orders")["items"]],
        "visit_id": [v["id"] for v in client.get("/visits")["items"]],
        "patient_id": [p["id"] for p in client.get("/users/me/patients")["items"]],
        "notification_id": [n["id"] for n in client.get("/notifications")["items"]],
    }


@pytest.fixture(scope="module")
def token(system: System) -> dict[str, str]:
    """Of somebody with every role, who is the demo's family too."""
    client = Client(f"{system.url}/api/v1")
    client.login(FAMILY.username, PASSWORD)
    me = client.get("/users/me")
    return bearer(me["id"], *ROLES, key=system.secrets["JWT_PRIVATE_KEY"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("service", "method", "path"), operations())
def test_an_operation_is_as_documented(system, known, token, service, method, path, mode):
    schema = schemathesis.openapi.from_wsgi(f"/api/v1/docs/{service}/openapi.json", system.apps[service])
    operation = schema[path][method]
    kind, examples = MODES[mode]

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=kind), real=st.integers(0, 9))
    def run(case: Any, real: int) -> None:
        for name in case.path_parameters if kind is GenerationMode.POSITIVE and real % 2 else ():
            if ids := known.get(name):
                case.path_parameters[name] = ids[real % len(ids)]
        look(case, token)

    try:
        run()
    except Unsatisfiable:  # nothing can be wrong about a request that has no body and whose parameters may be any text
        assert (method, mode) == ("GET", "bad") or path in ANY_BODY


def look(case: Any, headers: Mapping[str, str]) -> None:
    response = case.call(headers=dict(headers))
    skipped = [checks.unsupported_method, checks.ignored_auth]  # they make requests of their own: see test_access.py
    if response.status_code == 422 and excused(case, response.json()):
        skipped.append(checks.positive_data_acceptance)
    case.validate_response(response, headers=dict(headers), excluded_checks=skipped)


def excused(case: Any, problem: Mapping[str, Any]) -> bool:
    if (case.operation.method.upper(), case.operation.path) in BEYOND_DOCUMENTS:
        return True
    return all(
        error["field"].partition(".")[0] in BEYOND_SCHEMAS or error["message"] in UNSTORABLE
        for error in problem["errors"]
    )
