"""Ids and fields that are not the caller's to give: another person's id on every route that takes one, and fields on every
route that reads a body which only we may set.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from actors import GENEROUS, PASSWORD, resident_id
from attack_world import STAFF, World, build
from common.platform import SERVICES
from common.testing import bearer
from common.web.access import ROLES
from test_bad_input import Route, resolve, routes

ROOT = Path(__file__).parent.parent.parent

NOBODYS = {
    "/api/v1/sessions/{session_id}",
    "/api/v1/sessions/{session_id}/chance",
    "/api/v1/sessions/{session_id}/draw",
    "/api/v1/sessions/{session_id}/draw/receipt",  # of the caller's own entries
    "/api/v1/sessions/{session_id}/substitutes",
    "/api/v1/rosters/schemas/{name}",
    "/api/v1/payments/notify/{provider}",
    "/api/v1/notifications/receipts/{provider}/{token}",
}
"""Ids that are everybody's to ask for, and secrets of providers."""
DAYS_AHEAD = {"/api/v1/visits/{visit_id}/wait": 409}
"""What there is on the day alone: her visit is not today."""
PUBLIC_TO_READ = {
    ("get", "/api/v1/hospitals/{hospital_id}"),
    ("get", "/api/v1/departments/{department_id}"),
    ("get", "/api/v1/doctors/{doctor_id}"),
    ("get", "/api/v1/hospitals/{hospital_id}/rules"),
}

BODIES: dict[str, Any] = {
    "/api/v1/credit/appeals/{mark_id}": {"verdict": "lifted", "reason": "在住院"},
    "/api/v1/users/me/patients/{patient_id}": {"name": "王小二"},
    "/api/v1/users/me/patients/{patient_id}/credit/{mark_id}/appeal": {"reason": "在住院"},
    "/api/v1/hospitals/{hospital_id}/rules": {"rules": GENEROUS},
    "/api/v1/sessions/{session_id}/stop": {"reason": "医生生病"},
    "/api/v1/sessions/{session_id}/slots": {"slot_id": "slt_x", "extra": 1},
    "/api/v1/sessions/{session_id}/vouchers": {"channel": "window"},
    "/api/v1/orders/{order_id}/reschedule": {"session_id": "ses_x"},
    "/api/v1/orders/{order_id}/substitute": {"session_id": "ses_x"},
    "/api/v1/orders/{order_id}/payments": {"method": "wechat"},
    "/api/v1/sessions/{session_id}/queue/next": {"room": "1", "after": None},
    "/api/v1/sessions/{session_id}/queue/walk-ins": {"name": "王小二"},
    "/api/v1/sessions/{session_id}/queue/desks": {"room": "1"},
    "/api/v1/sessions/{session_id}/queue/pause": {"why": "急诊"},
    "/api/v1/sessions/{session_id}/queue/discipline": {"discipline": "fifo", "why": "急诊"},
    "/api/v1/sessions/{session_id}/queue/transfer": {"to_session_id": "ses_x", "why": "医生生病"},
    "/api/v1/visits/{visit_id}/call": {"room": "1", "why": "急诊"},
    "/api/v1/visits/{visit_id}/put-back": {"why": "急诊"},
    "/api/v1/visits/{visit_id}/transfer": {"to_session_id": "ses_x", "why": "医生生病"},
    "/api/v1/visits/{visit_id}/class": {"visit_class": "priority", "reason": "elderly"},
    "/api/v1/visits/{visit_id}/readmit": {"why": "她来了"},
    "/api/v1/payments/{payment_id}/receipt": {
        "amount": {"amount": 5000, "currency": "CNY"},
        "receipt_number": "R1",
    },
    "/api/v1/refunds/{refund_id}/paid-out": {"amount": {"amount": 5000, "currency": "CNY"}},
    "/api/v1/refunds/{refund_id}/to-card": {"number": "6222020200112233445", "holder": "李小龙", "bank": "ICBC_DEBIT"},
}

OURS = (
    "id",
    "account_id",
    "roles",
    "hospital_id",
    "doctor_id",
    "state",
    "amount",
    "revision",
    "person",
    "password_hash",
)
"""What only we may set, where a route does not say that it takes it."""


@pytest.fixture(scope="module")
def world(embedded) -> World:
    return build(embedded)


def with_ids() -> list[tuple[str, str, str, frozenset[str]]]:
    """Service, method, path and roles of each documented operation with an id in its path that is somebody's."""
    found = []
    for file in sorted((ROOT / "docs/openapi").glob("*.json")):
        for path, methods in json.loads(file.read_text(encoding="utf-8"))["paths"].items():
            for method, operation in methods.items():
                roles = frozenset(operation.get("x-roles", ())) if isinstance(operation, dict) else frozenset()
                mine = "{" in path and path not in NOBODYS and (method, path) not in PUBLIC_TO_READ
                if mine and isinstance(operation, dict) and roles != {"operator"}:
                    found.append((file.stem, method.upper(), path, roles))
    return found


def attackers(access: frozenset[str]) -> dict[str, str]:
    """Who tries, and whose id it is."""
    people = {"mallory": "alice"} if "patient" in access else {}
    return people | ({"there": "here"} if access.intersection(STAFF) else {})


def path_of(world: World, rule: str) -> str:
    for name, known in world.known.items():
        rule = rule.replace(f"{{{name}}}", known)
    assert "{" not in rule, f"{rule}: attack_world knows no such id"
    return rule


@pytest.mark.parametrize(
    ("service", "method", "rule", "access"), [pytest.param(*row, id=f"{row[1]} {row[2]}") for row in with_ids()]
)
def test_another_ones_id_is_not_there(
    world: World, service: str, method: str, rule: str, access: frozenset[str]
) -> None:
    tried = attackers(access)
    assert tried, "nobody can be tried on it: is it everybody's?"
    body = BODIES.get(rule) if method in {"POST", "PATCH"} else None
    for who in tried:
        answer = world.call(service, method, path_of(world, rule), who, body)
        allowed = {404} if who == "mallory" else {403, 404}
        assert answer.status_code in allowed, (who, answer.status_code, answer.get_data(as_text=True))
        assert answer.get_json().get("code") != "wrong_role", "that does not say whose it is"


READS = [row for row in with_ids() if row[1] == "GET"]


@pytest.mark.parametrize(("service", "method", "rule", "access"), [pytest.param(*row, id=row[2]) for row in READS])
def test_the_ids_are_real(world: World, service: str, method: str, rule: str, access: frozenset[str]) -> None:
    """Or else nothing would have been tried."""
    owner = next(iter(attackers(access).values()))
    answer = world.call(service, method, path_of(world, rule), owner, None)
    assert answer.status_code == DAYS_AHEAD.get(rule, 200), (owner, answer.get_data(as_text=True))


def test_nothing_of_hers_has_changed(world: World) -> None:
    """After whatever was tried before: she has what she had."""
    alice, known = world.alice, world.known
    assert alice.see(known["order_id"])["state"] == "confirmed"
    (person,) = alice.get("/users/me/patients")["items"]
    assert (person["id"], person["revision"]) == (known["patient_id"], 1)
    (mark,) = alice.get(f"/users/me/patients/{alice.patient}/credit")["items"]
    assert (mark["state"], mark["appeal"]["state"]) == ("standing", "none")
    assert alice.get("/users/me")["roles"] == ["patient"]
    assert world.here.registrar.get("/users/me")["hospital_id"] == world.here.id
    assert world.here.see(known["session_id"])["state"] == "open"


# --- fields ----------------------------------------------------------------------------------------------------------


def read_bodies(embedded: Any) -> list[tuple[str, Route]]:
    """Each route that reads a JSON object by a schema of ours."""
    return [
        (service, route)
        for service in SERVICES
        for route in routes(embedded.services[service].app)
        if route.method in {"POST", "PATCH"} and route.fields and route.rule.rule != "/api/v1/rosters"
    ]


def test_no_route_takes_what_only_we_may_set(world: World) -> None:
    taken, looked_at = [], 0
    for service, route in read_bodies(world.system):
        path = route.path(world.known["order_id"])
        for name in OURS:
            if name in route.fields:
                continue
            answer = world.call(service, route.method, path, "alice", {name: "x"})
            if answer.status_code in {401, 403}:
                answer = call_as_everybody(world, service, route.method, path, {name: "x"})
            named = [e["field"] for e in answer.get_json().get("errors", ())]
            looked_at += 1
            if answer.status_code != 422 or name not in named:
                taken.append((str(route), name, answer.status_code, named))
    assert taken == []
    assert looked_at > 200


def call_as_everybody(world: World, service: str, method: str, path: str, body: Any) -> Any:
    headers = bearer(
        world.known["boss_here"], *ROLES, hospital_id=world.here.id, key=world.system.secrets["JWT_PRIVATE_KEY"]
    )
    return world.system.services[service].app.test_client().open(path, method=method, headers=headers, json=body)


@pytest.mark.parametrize("extra", OURS)
def test_a_good_body_with_such_a_field_changes_nothing(world: World, extra: str) -> None:
    alice, name = world.alice, f"m{extra.replace('_', '')}"
    before = alice.get("/users/me"), alice.get("/users/me/patients"), alice.get("/orders?limit=200")
    good = {
        ("user-svc", "POST", "/users"): {"username": name, "password": PASSWORD, "email": f"{name}@example.com"},
        ("user-svc", "PATCH", "/users/me"): {"locale": "en"},
        ("user-svc", "PATCH", f"/users/me/patients/{alice.patient}"): {"name": "王小二"},
        ("user-svc", "POST", "/users/me/patients"): {
            "name": "李四", "id_type": "resident_id", "id_number": resident_id(998), "phone": "13800138000",
        },
        ("booking-svc", "POST", "/orders"): {"session_id": world.known["session_id"], "patient_id": alice.patient},
        ("payment-svc", "POST", f"/orders/{world.known['order_id']}/payments"): {"method": "wechat"},
    }  # fmt: skip
    for (service, method, path), body in good.items():
        answer = world.call(service, method, f"/api/v1{path}", "alice", {**body, extra: "operator"})
        assert answer.status_code == 422, (path, answer.get_data(as_text=True))
        assert extra in [e["field"] for e in answer.get_json()["errors"]], path
    assert (alice.get("/users/me"), alice.get("/users/me/patients"), alice.get("/orders?limit=200")) == before
    tried = world.call("user-svc", "POST", "/api/v1/tokens", "mallory", {"username": name, "password": PASSWORD})
    assert tried.status_code == 401, "nobody was registered"


def test_schemas_are_found(embedded) -> None:
    """What reads the documents finds what they say."""
    assert resolve({"$ref": "#/components/schemas/X"}, {"X": {"a": 1}}) == {"a": 1}
    found = {str(route): route.fields for _, route in read_bodies(embedded)}
    assert set(found["PATCH /api/v1/users/me"]) == {"email", "phone", "locale"}
