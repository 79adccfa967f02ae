"""payment-svc over HTTP: who may do what, what they get, and what is refused."""

import threading
from re import fullmatch
from typing import Any

import pytest
from common import ids
from common.errors import Transient
from common.testing import assert_bad_input_is_refused, assert_problem
from payment_svc.api import schemas
from payment_svc.domain import MOST_ATTEMPTS
from payment_svc.providers import Failed
from payment_world import (
    ACCOUNT,
    CASHIER,
    DESCRIPTION,
    FEE,
    OPERATOR,
    OTHER_CASHIER,
    PATIENT,
    REGISTRAR,
    STRANGER,
    WINDOW,
    World,
    at_the_counter,
    taken,
)

MONEY = {"amount": FEE, "currency": "CNY"}


# --- starting to pay -------------------------------------------------------------------------------------------------------


def test_a_started_payment(world: World) -> None:
    order = world.request()
    response = world.post(f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT)
    payment = response.get_json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/v1/payments/{payment['id']}"
    assert payment == {
        "id": payment["id"],
        "order_id": order,
        "method": "window",
        "channel": "",
        "state": "pending",
        "amount": MONEY,
        "description": DESCRIPTION,
        "pay_before": "2026-11-22T16:15:00+08:00",
        "show": {"type": "counter", "code": payment["show"]["code"]},
        "show_until": None,
        "created_at": "2026-11-22T16:00:00+08:00",
        "paid_at": None,
        "reason": "",
        "parts": [],
    }
    assert schemas.PaymentOut().validate(payment) == {}
    assert ids.genuine(payment["id"], "pay", ACCOUNT)
    assert world.get(f"/payments/{payment['id']}", headers=PATIENT).get_json() == payment


def test_the_number_fits_every_provider(world: World) -> None:
    numbers = {world.attempt(world.pay_by(world.request(), "window")["id"]).number for _ in range(20)}
    assert len(numbers) == 20
    assert all(fullmatch(r"261122[0-9A-Z]{12}", number) for number in numbers)


def test_the_same_key_answers_the_same_payment(world: World) -> None:
    order = world.request()
    first = world.pay_by(order, "wechat", key="k1")
    assert world.pay_by(order, "wechat", key="k1") == first
    assert world.pay_by(order, "wechat", key="k2")["id"] != first["id"]
    reused = world.post(f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT | {"Idempotency-Key": "k1"})
    assert_problem(reused, 422, "idempotency_key_reused", "Idempotency-Key")
    too_long = world.post(
        f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT | {"Idempotency-Key": "k" * 300}
    )
    assert_problem(too_long, 422, field="Idempotency-Key")
    other = world.request()
    assert world.pay_by(other, "wechat", key="k1")["order_id"] == other  # keys are of an order


def test_the_same_key_answers_even_when_it_can_no_longer_be_paid(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order, key="k1")
    world.apply(world.paid(payment))
    again = world.pay_by(order, key="k1")
    assert (again["id"], again["state"], again["paid_at"]) == (payment["id"], "succeeded", "2026-11-22T16:00:00+08:00")


def test_without_a_key_a_payable_payment_of_the_method_is_answered_again(world: World) -> None:
    order = world.request()
    assert world.pay_by(order, "wechat")["id"] == world.pay_by(order, "wechat")["id"]
    assert world.pay_by(order, "window")["id"] != world.pay_by(order, "wechat")["id"]


@pytest.mark.parametrize("method", ["wechat", "alipay"])
def test_methods_that_are_not_to_be_had(world: World, method: str) -> None:
    world.service.parts.providers.pop(method)
    order = world.request()
    response = world.post(f"/orders/{order}/payments", {"method": method}, headers=PATIENT)
    assert_problem(response, 422, "method_not_available", "method")


def test_why_an_order_cannot_be_paid(world: World) -> None:
    def refused(order: str, code: str) -> None:
        assert_problem(world.post(f"/orders/{order}/payments", {"method": "wechat"}, headers=PATIENT), 409, code)

    paid, _ = taken(world)
    refused(paid, "already_paid")
    closed = world.request()
    world.close(closed)
    refused(closed, "payment_closed")
    closing = world.request()
    world.pay_by(closing)
    world.close(closing)
    refused(closing, "payment_closed")
    buried = ids.mint("ord", ACCOUNT)
    world.close(buried)
    refused(buried, "payment_closed")
    crowded = world.request()
    for n in range(MOST_ATTEMPTS):
        world.pay_by(crowded, "window", key=str(n))
    refused(crowded, "too_many_attempts")
    late = world.request()
    world.clock.advance(WINDOW)
    refused(late, "payment_window_over")


def test_a_refused_payment_says_why(world: World) -> None:
    world.scripted.say["create"] = Failed("merchant_blocked")
    order = world.request()
    response = world.post(f"/orders/{order}/payments", {"method": "alipay"}, headers=PATIENT)
    assert assert_problem(response, 409, "payment_refused")["reason"] == "merchant_blocked"


def test_an_order_whose_intent_is_on_its_way_is_waited_for(world: World) -> None:
    order = ids.mint("ord", ACCOUNT)
    arrival = threading.Timer(0.1, lambda: world.request(order_id=order))
    arrival.start()
    assert world.pay_by(order, "window")["order_id"] == order
    arrival.join()


def test_an_order_whose_intent_does_not_come_is_not_ready(world: World) -> None:
    response = world.post(f"/orders/{ids.mint('ord', ACCOUNT)}/payments", {"method": "window"}, headers=PATIENT)
    assert_problem(response, 409, "payment_not_ready")


INVENTED = {
    "nonsense": "ord_nonsense",
    "another's": ids.mint("ord", "acc_other"),
    "a payment's": ids.mint("pay", ACCOUNT),
    "long": "x" * 1500,
}


@pytest.mark.parametrize("order", INVENTED.values(), ids=INVENTED.keys())
def test_an_invented_order_is_not_found_at_once(world: World, order: str) -> None:
    assert_problem(
        world.post(f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT), 404, "order_not_found"
    )


def test_bad_input_when_starting(world: World) -> None:
    assert_bad_input_is_refused(
        world.client, f"/api/v1/orders/{world.request()}/payments", {"method": "window"}, PATIENT
    )
    order = world.request()
    extra = world.post(f"/orders/{order}/payments", {"method": "window", "amount": 1}, headers=PATIENT)
    assert_problem(extra, 422, field="amount")
    assert world.get(f"/payments?order_id={order}", headers=PATIENT).get_json()["items"] == []
    assert_problem(world.client.post("/api/v1/orders/%00/payments", json={"method": "window"}, headers=PATIENT), 422)


# --- who may see and do what -------------------------------------------------------------------------------------------------


def test_another_persons_order_and_payment_are_not_found(world: World) -> None:
    order, payment = at_the_counter(world)
    assert_problem(world.post(f"/orders/{order}/payments", {"method": "window"}, headers=STRANGER), 404)
    assert_problem(world.post(f"/orders/{order}/payments", {"method": "window"}, headers=OTHER_CASHIER), 404)
    for who in (STRANGER, OTHER_CASHIER, REGISTRAR):
        assert_problem(world.get(f"/payments/{payment['id']}", headers=who), 404)
        assert world.get(f"/payments?order_id={order}", headers=who).get_json()["items"] == []
        assert world.get(f"/payments?code={payment['show']['code']}", headers=who).get_json()["items"] == []
    for who in (PATIENT, CASHIER, OPERATOR):
        assert world.get(f"/payments/{payment['id']}", headers=who).status_code == 200
    assert_problem(world.get("/payments/pay_nothing", headers=OPERATOR), 404)


def test_a_cashier_starts_a_payment_at_the_counter_and_no_other(world: World) -> None:
    order = world.request()
    started = world.post(f"/orders/{order}/payments", {"method": "window"}, headers=CASHIER)
    assert started.status_code == 201
    assert_problem(world.post(f"/orders/{order}/payments", {"method": "wechat"}, headers=CASHIER), 403, "wrong_role")


ROUTES = [
    ("POST", "/orders/o/payments", {PATIENT["Authorization"], CASHIER["Authorization"]}),
    ("GET", "/payments/p", None),
    ("GET", "/payments?order_id=o", None),
    ("POST", "/payments/p/receipt", {CASHIER["Authorization"]}),
    ("GET", "/refunds", {CASHIER["Authorization"], OPERATOR["Authorization"]}),
    ("POST", "/refunds/r/retry", {CASHIER["Authorization"], OPERATOR["Authorization"]}),
    ("POST", "/refunds/r/paid-out", {CASHIER["Authorization"]}),
    ("POST", "/refunds/r/to-card", {CASHIER["Authorization"]}),
    *(
        ("GET", f"/ledger{what}", {CASHIER["Authorization"], OPERATOR["Authorization"]})
        for what in ("", "/balances", "/export")
    ),
    ("GET", "/reconciliations", {OPERATOR["Authorization"]}),
    ("GET", "/reconciliations/wechat/2026-11-22", {OPERATOR["Authorization"]}),
    ("POST", "/reconciliations/wechat/2026-11-22/fetch", {OPERATOR["Authorization"]}),
    ("POST", "/reconciliations/wechat/2026-11-22/differences/d/explain", {OPERATOR["Authorization"]}),
]


@pytest.mark.parametrize(("method", "path", "allowed"), ROUTES)
def test_roles(world: World, method: str, path: str, allowed: set[str] | None) -> None:
    assert_problem(world.client.open(f"/api/v1{path}", method=method), 401)
    bad = {"Authorization": "Bearer nonsense"}
    assert_problem(world.client.open(f"/api/v1{path}", method=method, headers=bad), 401, "token_invalid")
    if allowed and PATIENT["Authorization"] not in allowed:
        for who in (PATIENT, REGISTRAR):
            assert_problem(world.client.open(f"/api/v1{path}", method=method, headers=who), 403, "wrong_role")
    if (
        allowed
        and OPERATOR["Authorization"] not in allowed
        and CASHIER["Authorization"] in allowed
        and "orders" not in path
    ):
        assert_problem(world.client.open(f"/api/v1{path}", method=method, headers=OPERATOR), 403, "wrong_role")


def test_every_route_has_been_looked_at(world: World) -> None:
    rules = world.service.app.url_map.iter_rules()
    blueprints = {"payments", "counter", "ledger", "reconciliations"}  # providers call `notify` without a role
    ours = [rule for rule in rules if rule.endpoint.partition(".")[0] in blueprints]
    public = {"/api/v1/payments/methods"}
    assert len([rule for rule in ours if rule.rule not in public]) == len(ROUTES)


# --- the rest ----------------------------------------------------------------------------------------------------------------


def test_health_documents_and_figures(world: World) -> None:
    assert world.client.get("/readyz").status_code == 200
    document = world.client.get("/api/v1/docs/payment-svc/openapi.json").get_json()
    assert "/api/v1/orders/{order_id}/payments" in document["paths"]
    order, _ = taken(world)
    figures = world.get("/audit/payment-svc", headers=OPERATOR).get_json()
    assert figures["intents"][order] == {
        "state": "paid",
        "amount": FEE,
        "account_id": ACCOUNT,
        "counted": FEE,
        "captured": FEE,
        "moved_in": 0,
        "moved_out": 0,
        "refunded": 0,
        "refunding": 0,
        "refund_failed": 0,
        "surplus_failed": 0,
        "given_back": 0,
        "live_attempts": 0,
        "earned": 0,
    }


def test_a_database_that_is_away_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Transient("away")

    monkeypatch.setattr(world.database, "reading", away)
    assert_problem(world.get("/refunds", headers=OPERATOR), 503, "unavailable")
