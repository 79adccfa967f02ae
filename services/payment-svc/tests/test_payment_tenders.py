"""An order that is settled by several tenders: how it goes back, what people see of it, what the database refuses."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from common.messages import (
    RefundFailed,
    RefundSucceeded,
)
from payment_svc.api import schemas
from payment_svc.domain import Refund, Tender, divide
from payment_svc.providers import Failed, Refunded
from payment_svc.store import tenders
from payment_world import (
    ACCOUNT,
    CASHIER,
    FEE,
    OPERATOR,
    OTHER_CASHIER,
    PATIENT,
    START,
    STRANGER,
    World,
    kept,
    paid_by,
    two_tenders,
)
from sqlalchemy.exc import IntegrityError

# --- refunds of several tenders --------------------------------------------------------------------------------------


def by_provider(world: World, order: str) -> dict[str, Refund]:
    return {r.provider: r for r in world.refunds(order) if not r.retried_as}


def test_each_tender_goes_back_to_its_source_and_the_end_is_told_once(world: World) -> None:
    _, new = two_tenders(world)
    world.ask_refund(new)
    world.scripted.say["refund"] = Refunded(START)
    world.settle()
    back = by_provider(world, new)
    assert {p: (r.amount, r.state) for p, r in back.items()} == {
        "alipay": (3000, "succeeded"),
        "window": (2000, "processing"),
    }
    assert world.told() == []
    for _ in range(2):
        world.post(f"/refunds/{back['window'].id}/paid-out", headers=CASHIER)
    (done,) = world.take_told()
    assert (type(done), done.order_id, done.amount, done.purpose) == (RefundSucceeded, new, 5000, "order")
    assert done.method == "alipay,window", "and not only how the last of it went back"
    world.ask_refund(new)
    assert world.told() == [done]
    assert world.balances() == {}
    world.check_rest()


def test_one_of_two_is_refused_and_issued_again(world: World) -> None:
    _, new = two_tenders(world)
    world.scripted.say["refund"] = Failed("account closed")
    world.ask_refund(new)
    world.settle()
    back = by_provider(world, new)
    failed = RefundFailed(new, ACCOUNT, back["alipay"].id, 3000, "order", "account closed")
    assert world.take_told() == [failed]
    world.post(f"/refunds/{back['window'].id}/paid-out", headers=CASHIER)
    assert world.told() == []
    world.ask_refund(new)
    assert world.take_told() == [failed]
    assert kept(world, new) == 3000 == world.figures()["intents"][new]["refund_failed"]
    assert world.figures()["intents"][new]["surplus_failed"] == 0
    world.scripted.say["refund"] = Refunded(START)
    world.clock.advance(timedelta(seconds=1))
    again = world.post(f"/refunds/{back['alipay'].id}/retry", headers=OPERATOR).get_json()
    assert (again["amount"]["amount"], again["retry_of"]) == (3000, back["alipay"].id)
    world.settle()
    both = "alipay,window"
    assert world.told() == [RefundSucceeded(new, ACCOUNT, again["id"], 5000, "order", both, "cancelled")]
    assert world.balances() == {}
    world.check_rest()


def test_a_refused_difference_is_paid_out_in_cash(world: World) -> None:
    """Of one capture: 3000 settle the new order, 2000 were to go back and were refused; the cashier hands them out."""
    old = paid_by(world)
    world.scripted.say["refund"] = Failed("no")
    new = world.move("ord_new", old, 3000)
    world.settle()
    (refund,) = world.refunds(old)
    assert world.told(RefundFailed) == [RefundFailed(old, ACCOUNT, refund.id, 2000, "surplus", "no")]
    assert world.balances_of(old)["surplus_payable"] == -2000
    figures = world.figures()["intents"][old]
    assert [figures[name] for name in ("refund_failed", "surplus_failed", "given_back")] == [2000, 2000, 0]
    answer = world.post(f"/refunds/{refund.id}/paid-out", headers=CASHIER).get_json()
    assert (answer["method"], answer["amount"]["amount"]) == ("window", 2000)
    assert world.told(RefundSucceeded) == [
        RefundSucceeded(old, ACCOUNT, answer["id"], 2000, "surplus", "window", "fee_difference")
    ]
    assert world.balances() == {"clearing:alipay": FEE, "clearing:window": -2000, "order_payable": -3000}
    assert (kept(world, old), kept(world, new)) == (0, 3000)
    figures = world.figures()["intents"][old]
    assert [figures[name] for name in ("refund_failed", "surplus_failed", "given_back")] == [0, 0, 2000]
    world.settle()
    world.check_rest()


def test_a_partial_refund_that_went_out_twice_stands_in_suspense(world: World) -> None:
    old = paid_by(world)
    world.scripted.say["refund"] = Failed("no")
    world.move("ord_new", old, 3000)
    world.settle()
    (first,) = world.refunds(old)
    world.scripted.say["refund"] = Refunded(START)
    world.post(f"/refunds/{first.id}/retry", headers=OPERATOR)
    world.settle()
    world.apply(world.refund_fact(first, "succeeded"))
    assert world.balances() == {"clearing:alipay": 1000, "order_payable": -3000, "suspense": 2000}
    world.check_books()


# --- what people see -------------------------------------------------------------------------------------------------


def test_a_payment_says_where_its_money_is(world: World) -> None:
    old = world.request()
    payment = world.pay(old)["id"]

    def parts(order: str) -> list[tuple[str, str | None, int, str]]:
        (shown,) = world.get(f"/payments?order_id={order}", headers=PATIENT).get_json()["items"]
        assert schemas.PaymentOut().validate(shown) == {}
        assert (shown["id"], shown["order_id"], shown["state"]) == (payment, old, "succeeded")
        assert world.get(f"/payments/{payment}", headers=CASHIER).get_json() == shown
        return [(p["order_id"], p["from_order_id"], p["amount"]["amount"], p["state"]) for p in shown["parts"]]

    assert parts(old) == [(old, None, FEE, "settles")]
    world.clock.advance(timedelta(seconds=1))
    world.move("ord_b", old, 3000)
    assert parts(old) == parts("ord_b") == [(old, None, 2000, "given_back"), ("ord_b", old, 3000, "settles")]
    world.clock.advance(timedelta(seconds=1))
    world.move("ord_c", "ord_b", 3000)
    assert parts("ord_c") == [(old, None, 2000, "given_back"), ("ord_c", "ord_b", 3000, "settles")]
    world.ask_refund("ord_c")
    assert parts("ord_c")[1][3] == "given_back"
    for who in (STRANGER, OTHER_CASHIER):
        assert world.get("/payments?order_id=ord_c", headers=who).get_json()["items"] == []


def test_an_order_paid_twice_over_shows_both_payments(world: World) -> None:
    old, new = two_tenders(world)
    items = world.get(f"/payments?order_id={new}", headers=PATIENT).get_json()["items"]
    assert [(p["order_id"], p["method"]) for p in items] == [(old, "alipay"), (new, "window")]


def test_refunds_and_the_ledger_of_moved_money(world: World) -> None:
    _, new = two_tenders(world)
    world.ask_refund(new)
    shown = world.get(f"/refunds?order_id={new}", headers=CASHIER).get_json()["items"]
    assert all(schemas.RefundOut().validate(refund) == {} for refund in shown)
    assert {(r["method"], r["from_order_id"] is None, r["purpose"]) for r in shown} == {
        ("alipay", False, "order"),
        ("window", True, "order"),
    }
    page = world.get("/ledger?limit=200", headers=CASHIER).get_json()
    assert schemas.LedgerOut().validate(page) == {}
    kinds = {entry["kind"] for entry in page["items"]}
    assert kinds == {"capture", "moved_out", "moved_in", "refund_reserved"}
    assert kinds <= set(schemas.ENTRY_KINDS)


# --- what the database refuses ---------------------------------------------------------------------------------------


def tender_of(world: World, order: str) -> Tender:
    (found,) = world.tenders(order)
    return found


def test_no_fen_of_a_capture_is_given_out_twice_whatever_the_code_does(any_world: World) -> None:
    old = paid_by(any_world)
    whole = tender_of(any_world, old)
    any_world.move("ord_new", old, 3000)
    part = tender_of(any_world, "ord_new")
    other = replace(part, id="tnd_more", order_id=old)
    for wrong in (
        replace(whole, id="tnd_more"),  # the capture once more
        other,  # what was passed on, passed on again
        replace(other, moved_from=part.id, amount=1),  # of what was not passed on
    ):
        with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
            tenders.add_tender(tx, wrong)
    (refund,) = any_world.refunds(old)
    more = sa.text(
        "INSERT INTO refunds (id, order_id, payment_id, capture_id, tender_id, provider, number, amount, purpose, state,"
        " reason, failure, created_at, updated_at) SELECT 'rfd_more', order_id, payment_id, capture_id, :tender, provider,"
        " 'ANOTHER1', :amount, purpose, state, reason, failure, created_at, updated_at FROM refunds"
    )
    for tender, amount in ((whole.id, 2000), (part.id, 3000), (part.id, 1), ("tnd_none", 1)):
        with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
            tx.conn.execute(more, {"tender": tender, "amount": amount})
    for change in ("returned = 3000", "moved = 0, returned = 5000", "moved = 2000", "moved = 4000, returned = 2000"):
        with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
            tx.conn.execute(sa.text(f"UPDATE tenders SET {change} WHERE moved_from IS NULL"))
    assert refund.amount == 2000
    with pytest.raises(ValueError, match="before"), any_world.database.transaction() as tx:
        tenders.give_on(tx, whole, moved=0)
    any_world.check_books()


def test_dividing() -> None:
    def tender(name: str, amount: int) -> Tender:
        return Tender(name, "ord", "fct", "pay", "window", amount, None, START)

    both = [tender("a", 300), tender("b", 200)]

    def parts(amount: int) -> list[tuple[str, int]]:
        return [(t.id, part) for t, part in divide(both, amount)]

    assert parts(500) == [("a", 300), ("b", 200)]
    assert parts(400) == [("a", 300), ("b", 100)]
    assert parts(100) == [("a", 100), ("b", 0)]
    assert parts(0) == [("a", 0), ("b", 0)]
    with pytest.raises(ValueError, match="1 fen"):
        divide(both, 501)
