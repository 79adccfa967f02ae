"""The staff's side of payment-svc over HTTP: receipts, refunds, the ledger."""

from datetime import timedelta

import pytest
from common.messages import PaymentSucceeded, RefundSucceeded
from common.testing import assert_problem, bearer
from payment_svc.api import schemas
from payment_svc.providers import Failed
from payment_world import (
    ACCOUNT,
    CASHIER,
    FEE,
    OPERATOR,
    OTHER_CASHIER,
    START,
    WINDOW,
    World,
    at_the_counter,
    taken,
)

MONEY = {"amount": FEE, "currency": "CNY"}


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
    online = world.pay_by(order, "wechat")
    assert_problem(world.post(f"/payments/{online['id']}/receipt", headers=CASHIER), 409, "not_at_the_counter")
    world.press(online)
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
    assert world.get("/refunds", headers=OTHER_CASHIER).get_json()["items"] == []
    assert [r["id"] for r in world.get("/refunds", headers=OPERATOR).get_json()["items"]] == [waiting["id"]]
    assert_problem(world.post(f"/refunds/{waiting['id']}/retry", headers=CASHIER), 409, "refund_in_progress")
    assert_problem(world.post(f"/refunds/{waiting['id']}/paid-out", headers=OTHER_CASHIER), 403, "other_hospital")
    for _ in range(2):
        answer = world.post(f"/refunds/{waiting['id']}/paid-out", headers=CASHIER)
        assert (answer.status_code, answer.get_json()["state"]) == (200, "succeeded")
    assert world.told() == [RefundSucceeded(order, ACCOUNT, waiting["id"], FEE, "order", "window", "cancelled")]
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
    assert world.told() == [RefundSucceeded(order, ACCOUNT, answer["id"], FEE, "order", "window", "cancelled")]
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
