"""payment-svc over HTTP: who may do what, what they get, and what is refused."""

import threading
from datetime import timedelta
from re import fullmatch
from typing import Any

import pytest
from common import ids
from common.errors import Transient
from common.messages import PaymentSucceeded, RefundSucceeded
from common.testing import assert_bad_input_is_refused, assert_problem, bearer
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
    START,
    STRANGER,
    WINDOW,
    World,
)

MONEY = {"amount": FEE, "currency": "CNY"}


def at_the_counter(world: World) -> tuple[str, dict[str, Any]]:
    order = world.request()
    return order, world.pay_by(order, "window")


def taken(world: World) -> tuple[str, dict[str, Any]]:
    """An order that was paid at the counter."""
    order, payment = at_the_counter(world)
    assert world.post(f"/payments/{payment['id']}/receipt", headers=CASHIER).status_code == 200
    return order, payment


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
        "state": "pending",
        "amount": MONEY,
        "description": DESCRIPTION,
        "pay_before": "2026-11-22T08:15:00Z",
        "show": {"type": "counter", "code": payment["show"]["code"]},
        "created_at": "2026-11-22T08:00:00Z",
        "paid_at": None,
        "reason": "",
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
    first = world.pay_by(order, "sandbox", key="k1")
    assert world.pay_by(order, "sandbox", key="k1") == first
    assert world.pay_by(order, "sandbox", key="k2")["id"] != first["id"]
    reused = world.post(f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT | {"Idempotency-Key": "k1"})
    assert_problem(reused, 422, "idempotency_key_reused", "Idempotency-Key")
    too_long = world.post(
        f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT | {"Idempotency-Key": "k" * 300}
    )
    assert_problem(too_long, 422, field="Idempotency-Key")
    other = world.request()
    assert world.pay_by(other, "sandbox", key="k1")["order_id"] == other  # keys are of an order


def test_the_same_key_answers_even_when_it_can_no_longer_be_paid(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order, key="k1")
    world.apply(world.paid(payment))
    again = world.pay_by(order, key="k1")
    assert (again["id"], again["state"], again["paid_at"]) == (payment["id"], "succeeded", "2026-11-22T08:00:00Z")


def test_without_a_key_a_payable_payment_of_the_method_is_answered_again(world: World) -> None:
    order = world.request()
    assert world.pay_by(order, "sandbox")["id"] == world.pay_by(order, "sandbox")["id"]
    assert world.pay_by(order, "window")["id"] != world.pay_by(order, "sandbox")["id"]


@pytest.mark.parametrize("method", ["wechat", "alipay"])
def test_methods_that_are_not_to_be_had(world: World, method: str) -> None:
    world.service.parts.providers.pop("alipay")
    order = world.request()
    response = world.post(f"/orders/{order}/payments", {"method": method}, headers=PATIENT)
    assert_problem(response, 422, "method_not_available", "method")


def test_why_an_order_cannot_be_paid(world: World) -> None:
    def refused(order: str, code: str) -> None:
        assert_problem(world.post(f"/orders/{order}/payments", {"method": "sandbox"}, headers=PATIENT), 409, code)

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


@pytest.mark.parametrize("order", ["ord_nonsense", ids.mint("ord", "acc_other"), ids.mint("pay", ACCOUNT), "x" * 1500])
def test_an_invented_order_is_not_found_at_once(world: World, order: str) -> None:
    assert_problem(world.post(f"/orders/{order}/payments", {"method": "window"}, headers=PATIENT), 404, "not_found")


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
    assert_problem(world.post(f"/orders/{order}/payments", {"method": "sandbox"}, headers=CASHIER), 403, "wrong_role")


ROUTES = [
    ("POST", "/orders/o/payments", {PATIENT["Authorization"], CASHIER["Authorization"]}),
    ("GET", "/payments/p", None),
    ("GET", "/payments?order_id=o", None),
    ("POST", "/payments/p/receipt", {CASHIER["Authorization"]}),
    ("GET", "/refunds", {CASHIER["Authorization"], OPERATOR["Authorization"]}),
    ("POST", "/refunds/r/retry", {CASHIER["Authorization"], OPERATOR["Authorization"]}),
    ("POST", "/refunds/r/paid-out", {CASHIER["Authorization"]}),
    ("GET", "/ledger", {CASHIER["Authorization"], OPERATOR["Authorization"]}),
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
    ours = [rule for rule in rules if rule.endpoint.partition(".")[0] in {"payments", "counter"}]
    assert len(ours) == len(ROUTES)


# --- the counter -----------------------------------------------------------------------------------------------------------


def test_the_cashier_finds_a_payment_by_its_code_and_records_the_receipt(world: World) -> None:
    order, payment = at_the_counter(world)
    found = world.get(f"/payments?code={payment['show']['code']}", headers=CASHIER).get_json()["items"]
    assert [p["id"] for p in found] == [payment["id"]]
    body = {"amount": MONEY, "receipt_number": "R-17"}
    answer = world.post(f"/payments/{payment['id']}/receipt", body, headers=CASHIER)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "succeeded")
    assert world.told() == [PaymentSucceeded(order, ACCOUNT, payment["id"], FEE, "window", START)]
    assert world.balances() == {"clearing:window": FEE, "order_payable": -FEE}


def test_the_same_receipt_again_changes_nothing(world: World) -> None:
    _, payment = at_the_counter(world)
    path = f"/payments/{payment['id']}/receipt"
    for _ in range(3):
        assert world.post(path, {"receipt_number": "R-17"}, headers=CASHIER).status_code == 200
    assert world.post(path, headers=CASHIER).status_code == 200
    assert_problem(world.post(path, {"receipt_number": "R-18"}, headers=CASHIER), 409, "already_paid")
    assert len(world.told()) == 1
    _, other = at_the_counter(world)
    used = world.post(f"/payments/{other['id']}/receipt", {"receipt_number": "R-17"}, headers=CASHIER)
    assert_problem(used, 409, "receipt_used", "receipt_number")


def test_a_receipt_with_a_key_is_answered_again(world: World) -> None:
    _, payment = at_the_counter(world)
    headers = CASHIER | {"Idempotency-Key": "r1"}
    first = world.post(f"/payments/{payment['id']}/receipt", headers=headers)
    again = world.post(f"/payments/{payment['id']}/receipt", headers=headers)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_money_that_the_cashier_must_not_take(world: World) -> None:
    order, payment = at_the_counter(world)
    path = f"/payments/{payment['id']}/receipt"
    wrong = world.post(path, {"amount": {"amount": FEE - 1, "currency": "CNY"}}, headers=CASHIER)
    assert_problem(wrong, 422, field="amount")
    assert_problem(world.post(path, headers=OTHER_CASHIER), 403, "other_hospital")
    assert_problem(world.post("/payments/pay_nothing/receipt", headers=CASHIER), 404)
    online = world.pay_by(order, "sandbox")
    assert_problem(world.post(f"/payments/{online['id']}/receipt", headers=CASHIER), 409, "not_at_the_counter")
    world.press(online["show"]["url"].rpartition("/")[2])
    assert_problem(world.post(path, headers=CASHIER), 409, "already_paid")
    gone, closed = at_the_counter(world)
    world.close(gone)
    assert_problem(world.post(f"/payments/{closed['id']}/receipt", headers=CASHIER), 409, "payment_closed")
    world.settle()
    assert_problem(world.post(f"/payments/{closed['id']}/receipt", headers=CASHIER), 409, "payment_closed")
    assert len(world.told(PaymentSucceeded)) == 1


def test_cash_counts_until_the_order_is_given_up(world: World) -> None:
    order, payment = at_the_counter(world)
    world.clock.advance(WINDOW + timedelta(seconds=1))
    assert world.post(f"/payments/{payment['id']}/receipt", headers=CASHIER).status_code == 200
    assert world.intent(order).state == "paid"


def test_bad_input_at_the_counter(world: World) -> None:
    _, payment = at_the_counter(world)
    path = f"/payments/{payment['id']}/receipt"
    for body, field in (
        ({"amount": 50}, "amount"),
        ({"amount": {"amount": 50.5, "currency": "CNY"}}, "amount.amount"),
        ({"amount": {"amount": "5000", "currency": "CNY"}}, "amount.amount"),
        ({"amount": {"amount": FEE}}, "amount.currency"),
        ({"amount": {"amount": FEE, "currency": "USD"}}, "amount.currency"),
        ({"receipt_number": "x" * 33}, "receipt_number"),
        ({"receipt_number": "a b"}, "receipt_number"),
        ({"receipt_number": "a\n"}, "receipt_number"),
        ({"receipt_number": "\x00"}, "receipt_number"),
        ({"receipt_number": 17}, "receipt_number"),
        ({"receipt_number": ""}, "receipt_number"),
        ({"tip": 1}, "tip"),
    ):
        assert_problem(world.post(path, body, headers=CASHIER), 422, field=field)
    assert world.intent(payment["order_id"]).state == "open"
    assert_problem(world.post(f"/refunds/{'x' * 3000}/retry", headers=CASHIER), 422)
    for path in ("/refunds/r/retry", "/refunds/r/paid-out"):
        assert_problem(world.post(path, {"why": "x"}, headers=CASHIER), 422, field="why")


# --- refunds -----------------------------------------------------------------------------------------------------------------


def test_cash_goes_back_over_the_counter(world: World) -> None:
    order, _ = taken(world)
    world.take_told()
    world.ask_refund(order)
    world.settle()
    assert world.told() == []
    (waiting,) = world.get("/refunds?state=processing", headers=CASHIER).get_json()["items"]
    assert (waiting["order_id"], waiting["amount"], waiting["method"], waiting["purpose"]) == (
        order,
        MONEY,
        "window",
        "order",
    )
    assert schemas.RefundOut().validate(waiting) == {}
    assert_problem(world.post(f"/refunds/{waiting['id']}/retry", headers=CASHIER), 409, "refund_in_progress")
    assert_problem(world.post(f"/refunds/{waiting['id']}/paid-out", headers=OTHER_CASHIER), 403, "other_hospital")
    for _ in range(2):
        answer = world.post(f"/refunds/{waiting['id']}/paid-out", headers=CASHIER)
        assert (answer.status_code, answer.get_json()["state"]) == (200, "succeeded")
    assert world.told() == [RefundSucceeded(order, ACCOUNT, waiting["id"], FEE, "order", "window")]
    assert world.balances() == {}
    assert world.get("/refunds?state=processing", headers=CASHIER).get_json()["items"] == []


def refused(world: World) -> tuple[str, str]:
    order = world.request()
    world.apply(world.paid(world.pay_by(order)))
    world.scripted.say["refund"] = Failed("account closed")
    world.ask_refund(order)
    world.settle()
    world.take_told()
    (refund,) = world.get("/refunds?state=failed", headers=CASHIER).get_json()["items"]
    assert (refund["failure"], refund["retried_as"]) == ("account closed", None)
    return order, refund["id"]


def test_a_refused_refund_is_issued_again_once(world: World) -> None:
    _, refund_id = refused(world)
    path = f"/refunds/{refund_id}/retry"
    assert_problem(world.post(path, headers=OTHER_CASHIER), 403, "other_hospital")
    again = world.post(path, headers=CASHIER)
    assert again.status_code == 202
    assert again.get_json()["retry_of"] == refund_id
    problem = assert_problem(world.post(path, headers=OPERATOR), 409, "refund_retried")
    assert problem["retried_as"] == again.get_json()["id"]
    old, new = world.get("/refunds", headers=OPERATOR).get_json()["items"]
    assert {old["id"], new["id"]} == {refund_id, again.get_json()["id"]}


def test_a_refused_refund_is_paid_out_in_cash(world: World) -> None:
    order, refund_id = refused(world)
    answer = world.post(f"/refunds/{refund_id}/paid-out", headers=CASHIER).get_json()
    assert (answer["method"], answer["state"], answer["retry_of"]) == ("window", "succeeded", refund_id)
    assert world.told() == [RefundSucceeded(order, ACCOUNT, answer["id"], FEE, "order", "window")]
    assert world.balances() == {"clearing:alipay": FEE, "clearing:window": -FEE}
    assert_problem(world.post(f"/refunds/{refund_id}/paid-out", headers=CASHIER), 409, "refund_succeeded")
    world.settle()
    world.check_rest()


def test_a_refund_that_its_provider_is_at_is_not_paid_out(world: World) -> None:
    order = world.request()
    world.apply(world.paid(world.pay_by(order)))
    world.ask_refund(order)
    (refund,) = world.refunds(order)
    assert_problem(world.post(f"/refunds/{refund.id}/paid-out", headers=CASHIER), 409, "refund_in_progress")
    world.apply(world.refund_fact(refund, "succeeded"))
    assert_problem(world.post(f"/refunds/{refund.id}/paid-out", headers=CASHIER), 409, "refund_succeeded")
    assert_problem(world.post(f"/refunds/{refund.id}/retry", headers=CASHIER), 409, "refund_succeeded")
    assert_problem(world.post("/refunds/rfd_none/retry", headers=OPERATOR), 404)


# --- lists -------------------------------------------------------------------------------------------------------------------


def test_pages_of_refunds_and_of_the_ledger(world: World) -> None:
    for _ in range(5):
        order, _ = taken(world)
        world.ask_refund(order)
        world.clock.advance(timedelta(seconds=1))

    def all_of(path: str) -> list[str]:
        seen: list[str] = []
        cursor = ""
        while True:
            page = world.get(f"{path}?limit=2{cursor}", headers=CASHIER).get_json()
            assert len(page["items"]) <= 2
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return seen
            cursor = f"&cursor={page['next_cursor']}"

    assert len(all_of("/refunds")) == len(set(all_of("/refunds"))) == 5
    entries = all_of("/ledger")
    assert len(entries) == len(set(entries)) == 10


def test_the_ledger_is_shown_to_its_hospital(world: World) -> None:
    order, _ = taken(world)
    for who in (CASHIER, OPERATOR):
        ledger = world.get("/ledger", headers=who).get_json()
        assert schemas.LedgerOut().validate(ledger) == {}
        assert {b["account"]: b["balance"]["amount"] for b in ledger["balances"]} == {
            "clearing:window": FEE,
            "order_payable": -FEE,
        }
        (entry,) = ledger["items"]
        assert (entry["kind"], entry["order_id"]) == ("capture", order)
        assert sum(line["amount"]["amount"] for line in entry["lines"]) == 0
    other = world.get("/ledger", headers=OTHER_CASHIER).get_json()
    assert (other["balances"], other["items"]) == ([], [])
    assert world.get("/refunds", headers=OTHER_CASHIER).get_json()["items"] == []
    assert len(world.get(f"/ledger?order_id={order}", headers=CASHIER).get_json()["items"]) == 1
    assert world.get("/ledger?order_id=ord_other", headers=CASHIER).get_json()["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=nonsense!", "cursor"),
        ("cursor=WzFd", "cursor"),  # [1]
        ("cursor=WyJ4IiwieSJd", "cursor"),  # ["x","y"]
        ("cursor=WyIyMDI2LTExLTIyVDA4OjAwOjAwIiwieSJd", "cursor"),  # a time without a zone
        ("cursor=WyIyMDI2LTExLTIyVDA4OjAwOjAwKzAwOjAwIiwxXQ", "cursor"),  # a number for an id
        ("order_id=%20", "order_id"),
        ("what=1", "what"),
        ("limit=1&limit=2", "limit"),
    ],
)
@pytest.mark.parametrize("path", ["/refunds", "/ledger"])
def test_bad_queries(world: World, path: str, query: str, field: str) -> None:
    assert_problem(world.get(f"{path}?{query}", headers=OPERATOR), 422, field=field)


def test_bad_queries_of_states_and_payments(world: World) -> None:
    assert_problem(world.get("/refunds?state=lost", headers=CASHIER), 422, field="state")
    assert_problem(world.get("/payments", headers=CASHIER), 422, field="order_id")
    assert_problem(world.get("/payments?code=x", headers=CASHIER), 422, field="code")
    assert_problem(world.get("/payments?order_id=%00", headers=CASHIER), 422)


def test_a_cashier_of_no_hospital_sees_nothing(world: World) -> None:
    nowhere = bearer("acc_lost", "cashier")
    assert_problem(world.get("/ledger", headers=nowhere), 403, "other_hospital")
    world.close("ord_tombstone")
    assert_problem(world.get("/refunds", headers=nowhere), 403, "other_hospital")
    assert world.get("/payments?order_id=ord_tombstone", headers=nowhere).get_json()["items"] == []


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
        "refunded": 0,
        "refunding": 0,
        "refund_failed": 0,
        "live_attempts": 0,
    }


def test_a_database_that_is_away_is_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Transient("away")

    monkeypatch.setattr(world.database, "reading", away)
    assert_problem(world.get("/refunds", headers=OPERATOR), 503, "unavailable")
