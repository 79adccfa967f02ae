"""A provider gives another amount back than it was asked for: the books say so, staff settle the rest, and no more goes out in all."""

from dataclasses import replace
from typing import Any

import pytest
from common.messages import MoneyAlarmRaised, RefundFailed, RefundSucceeded
from common.testing import assert_problem
from payment_svc.domain import Refund
from payment_svc.providers import Abnormal, Failed, Processing, Refunded
from payment_svc.store import ledger
from payment_world import CASHIER, FEE, HOSPITAL, OPERATOR, START, World, paid_by

PART = 3000
REST = {"amount": {"amount": FEE - PART, "currency": "CNY"}}
ALL = {"amount": {"amount": FEE, "currency": "CNY"}}


def refunded_otherwise(world: World, went: int = PART, *before: Any) -> tuple[str, Refund]:
    order = paid_by(world)
    world.scripted.say |= {"refund": Processing(), "query_refund": [*before, Refunded(START, went)]}
    world.ask_refund(order)
    world.settle()
    (refund,) = world.refunds(order)
    return order, refund


def alarmed(world: World) -> list[str]:
    return [m.kind for m in world.told(MoneyAlarmRaised)]


def test_less_went_and_the_rest_is_paid_out(any_world: World) -> None:
    world = any_world
    order, refund = refunded_otherwise(world)
    assert (refund.state, refund.failure) == ("failed", "amount_mismatch: 3000 of 5000 fen went")
    assert [(type(m), m.amount) for m in world.told()] == [(RefundFailed, FEE)]
    assert alarmed(world) == ["refund_amount_mismatch"]
    assert world.balances() == {"clearing:alipay": FEE - PART, "order_payable": -FEE, "suspense": PART}
    world.check_books()
    assert world.waiting() == {}
    world.take_told()

    path = f"/refunds/{refund.id}"
    for caller in (CASHIER, OPERATOR):  # the provider would give all of it back again
        assert_problem(world.post(f"{path}/retry", headers=caller), 409, "refund_differs")
    refused = world.post(f"{path}/paid-out", headers=CASHIER)
    assert_problem(refused, 409, "refund_differs")
    assert refused.get_json(force=True)["rest"] == FEE - PART
    assert_problem(world.post(f"{path}/paid-out", ALL, headers=CASHIER), 422, field="amount")
    settled = world.post(f"{path}/paid-out", REST, headers=CASHIER)
    assert (settled.status_code, settled.get_json()["state"], settled.get_json()["method"]) == (
        200,
        "succeeded",
        "window",
    )
    assert [(m.order_id, m.amount, m.method) for m in world.told()] == [(order, FEE, "alipay,window")]
    assert world.balances() == {"clearing:alipay": FEE - PART, "clearing:window": PART - FEE}
    with world.database.reading() as conn:
        assert sum(ledger.balances(conn, HOSPITAL).values()) == 0
        assert ledger.balances(conn, HOSPITAL)["clearing:window"] == PART - FEE
    assert_problem(world.post(f"{path}/paid-out", REST, headers=CASHIER), 409, "refund_succeeded")
    world.check_rest()


def test_less_went_of_surplus_and_the_rest_is_paid_out(world: World) -> None:
    order = world.request()
    twice = [world.pay_by(order, key=key) for key in ("1", "2")]
    world.scripted.say |= {"refund": Processing(), "query_refund": [Refunded(START, PART)]}
    for payment in twice:
        world.apply(world.paid(payment))
    world.settle()
    (refund,) = world.refunds(order)
    world.take_told()
    assert world.post(f"/refunds/{refund.id}/paid-out", REST, headers=CASHIER).status_code == 200
    assert [(m.purpose, m.amount, m.method) for m in world.told()] == [("surplus", FEE, "alipay,window")]
    world.check_rest()


def test_more_went_and_the_excess_stands_in_suspense(world: World) -> None:
    order, refund = refunded_otherwise(world, FEE + 700)
    assert (refund.state, refund.failure) == ("succeeded", "")
    assert [(type(m), m.order_id, m.amount) for m in world.told()] == [(RefundSucceeded, order, FEE)]
    assert alarmed(world) == ["refund_amount_mismatch"]
    assert world.balances() == {"clearing:alipay": -700, "suspense": 700}
    world.check_books()


def test_it_is_told_and_booked_once_whatever_else_is_said(world: World) -> None:
    """Abnormal before, the same again, and yet another amount after it."""
    order, refund = refunded_otherwise(world, PART, Abnormal("a dead card"))
    for went in (PART, PART, 1000):
        world.apply(fact_of(world, refund, went))
    assert [type(m) for m in world.told()] == [RefundFailed]
    assert alarmed(world) == ["refund_abnormal", "refund_amount_mismatch", "refund_amount_mismatch"]
    assert world.balances()["suspense"] == PART
    world.check_books()
    world.ask_refund(order)
    assert [type(m) for m in world.told()] == [RefundFailed] * 2


def fact_of(world: World, refund: Refund, went: int) -> Any:
    return replace(world.refund_fact(refund, "succeeded"), amount=went)


@pytest.mark.parametrize("settled", [False, True], ids=["before", "after"])
def test_it_was_the_right_amount_after_all(world: World, settled: bool) -> None:
    """The provider corrects itself. If the counter has paid the rest out by then, that much has gone out twice."""
    _, refund = refunded_otherwise(world)
    if settled:
        assert world.post(f"/refunds/{refund.id}/paid-out", REST, headers=CASHIER).status_code == 200
    world.apply(world.refund_fact(refund, "succeeded"))
    assert world.balances() == ({"clearing:window": PART - FEE, "suspense": FEE - PART} if settled else {})
    assert [type(m) for m in world.told()] == [RefundFailed, RefundSucceeded]
    figures = world.figures()
    assert (figures["unbalanced"], figures["ledger_disagrees"]) == ([], [])
    assert set(world.broken()) == ({"no_more_goes_back_than_came"} if settled else set())


def test_a_part_went_of_what_was_refused_before(world: World) -> None:
    """Who was told that it failed is told no more; what is left is paid out."""
    _, refund = refunded_otherwise(world, PART, Failed("no"))
    world.apply(fact_of(world, refund, PART))
    assert [type(m) for m in world.told()] == [RefundFailed]
    assert world.post(f"/refunds/{refund.id}/paid-out", REST, headers=CASHIER).status_code == 200
    assert world.balances() == {"clearing:alipay": FEE - PART, "clearing:window": PART - FEE}
    world.check_rest()


def test_a_part_went_of_what_was_issued_again(world: World) -> None:
    """Both go out: what is too much stands in suspense, and staff have heard of it."""
    _, refund = refunded_otherwise(world, PART, Failed("no"))
    world.scripted.say["query_refund"] = Processing()
    assert world.post(f"/refunds/{refund.id}/retry", headers=OPERATOR).status_code == 202
    world.apply(fact_of(world, refund, PART))
    world.scripted.say["query_refund"] = Refunded(START)
    world.settle()
    assert world.balances() == {"clearing:alipay": -PART, "suspense": PART}
    assert alarmed(world) == ["refund_refused", "refund_amount_mismatch"]
    assert [type(m) for m in world.told()] == [RefundFailed, RefundSucceeded]
    world.check_books()
