"""Moving money from one order to another: what moves, what goes back, and that nothing does so twice."""

from dataclasses import replace
from typing import Any

import pytest
from common.messages import (
    ClosePayment,
    PaymentClosed,
    PaymentMoved,
    PaymentSucceeded,
    RefundSucceeded,
)
from common.testing import assert_problem, deliver
from payment_svc.providers import Refunded
from payment_world import (
    ACCOUNT,
    CASHIER,
    FEE,
    HOSPITAL,
    PATIENT,
    START,
    World,
    kept,
    paid_by,
    taken,
    two_tenders,
)

# --- what moves ------------------------------------------------------------------------------------------------------


def test_all_of_it_moves(world: World) -> None:
    old = paid_by(world)
    new = world.move("ord_new", old, FEE)
    assert world.take_told() == [PaymentMoved(new, old, ACCOUNT, FEE, 0)]
    assert world.refunds() == []
    intent = world.intent(new)
    assert (intent.state, intent.amount, intent.account_id, intent.hospital_id) == ("paid", FEE, ACCOUNT, HOSPITAL)
    assert (world.intent(old).state, kept(world, old), kept(world, new)) == ("moved", 0, FEE)
    assert world.balances_of(old) == {"clearing:alipay": FEE, "order_transfer": -FEE}
    assert world.balances_of(new) == {"order_transfer": FEE, "order_payable": -FEE}
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    world.check_rest()


def test_what_is_too_much_goes_back_by_itself(world: World) -> None:
    old = paid_by(world)
    new = world.move("ord_new", old, 3000)
    (moved,) = world.take_told()
    assert moved == PaymentMoved(new, old, ACCOUNT, 3000, 2000)
    (refund,) = world.refunds(old)
    assert (refund.amount, refund.purpose, refund.reason) == (2000, "surplus", "fee_difference")
    world.scripted.say["refund"] = Refunded(START)
    world.settle()
    assert world.told() == [RefundSucceeded(old, ACCOUNT, refund.id, 2000, "surplus", "alipay", "fee_difference")]
    ((_, asked),) = [call for call in world.scripted.asked if call[0] == "refund"]
    assert (asked.amount, asked.total) == (2000, FEE)
    assert (kept(world, old), kept(world, new)) == (0, 3000)
    world.check_rest()


def test_what_was_paid_on_top_and_what_moved_make_the_total(world: World) -> None:
    old, new = two_tenders(world)
    assert world.intent(new).amount == 5000
    figures = world.figures()["intents"]
    assert (figures[new]["counted"], figures[new]["captured"], figures[new]["moved_in"]) == (5000, 2000, 3000)
    assert (figures[old]["counted"], figures[old]["captured"], figures[old]["moved_out"]) == (0, 3000, 3000)
    world.check_rest()


def test_a_free_order_takes_nothing_and_all_goes_back(world: World) -> None:
    old = paid_by(world)
    new = world.move("ord_free", old, 0)
    world.move(new, old, 0)
    assert world.take_told() == [PaymentMoved(new, old, ACCOUNT, 0, FEE)] * 2
    assert [(r.amount, r.reason) for r in world.refunds(old)] == [(FEE, "fee_difference")]
    world.close(new)
    assert world.told() == [PaymentClosed(new)]
    world.scripted.say["refund"] = Refunded(START)
    world.settle()
    assert world.balances() == {}
    world.check_rest()


@pytest.mark.parametrize("last", [1200, 3000])
def test_a_chain_of_moves(world: World, last: int) -> None:
    """A -> B -> C: every fen of the one capture is with one of them, or back; each refund has a number of its own."""
    world.scripted.say["refund"] = Refunded(START)
    first = paid_by(world)
    second = world.move("ord_b", first, 3000)
    third = world.move("ord_c", second, last)
    world.settle()
    assert [kept(world, order) for order in (first, second, third)] == [0, 0, last]
    world.ask_refund(third)
    world.settle()
    world.check_rest()
    assert world.balances() == {}
    refunds = [asked for call, asked in world.scripted.asked if call == "refund"]
    assert sum(asked.amount for asked in refunds) == FEE
    assert {asked.total for asked in refunds} == {FEE}
    assert len({asked.number for asked in refunds}) == len(refunds)
    assert world.told(RefundSucceeded)[-1].amount == last


def test_several_tenders_move_oldest_first(world: World) -> None:
    """Of 2000 that came by the counter and then 3000 that moved in, 4000 move: all of the first, 2000 of the second."""
    _, old = two_tenders(world)
    world.move("ord_third", old, 4000)
    assert world.take_told()[0] == PaymentMoved("ord_third", old, ACCOUNT, 4000, 1000)
    assert {(t.provider, t.amount) for t in world.tenders("ord_third")} == {("alipay", 2000), ("window", 2000)}
    assert [(r.provider, r.amount) for r in world.refunds(old)] == [("alipay", 1000)]
    assert kept(world, "ord_third") == 4000
    world.check_books()


def test_money_of_the_counter_moves_and_goes_back_there(world: World) -> None:
    old, _ = taken(world)
    world.take_told()
    new = world.move("ord_new", old, 3000)
    world.settle()
    (rest,) = world.get("/refunds?state=processing", headers=CASHIER).get_json()["items"]
    assert (rest["order_id"], rest["amount"]["amount"], rest["reason"]) == (old, 2000, "fee_difference")
    assert world.post(f"/refunds/{rest['id']}/paid-out", headers=CASHIER).status_code == 200
    world.take_told()
    world.ask_refund(new)
    world.settle()
    (back,) = world.get("/refunds?state=processing", headers=CASHIER).get_json()["items"]
    assert (back["order_id"], back["from_order_id"], back["method"]) == (new, old, "window")
    assert world.post(f"/refunds/{back['id']}/paid-out", headers=CASHIER).status_code == 200
    assert world.told() == [RefundSucceeded(new, ACCOUNT, back["id"], 3000, "order", "window", "cancelled")]
    assert world.balances() == {}
    world.check_rest()


def test_a_provider_gives_back_in_parts(world: World) -> None:
    old = paid_by(world, "wechat")
    new = world.move("ord_new", old, 1500)
    world.settle()
    world.ask_refund(new)
    world.settle()
    assert world.wechat.books() == (FEE, FEE)
    assert [m.amount for m in world.told(RefundSucceeded)] == [3500, 1500]
    assert world.balances() == {}
    world.check_rest()


# --- once ------------------------------------------------------------------------------------------------------------


def test_a_repeated_move_answers_the_same_whatever_came_in_between(world: World) -> None:
    world.scripted.say["refund"] = Refunded(START)
    old = paid_by(world)
    new = world.move("ord_new", old, 3000)
    answer = PaymentMoved(new, old, ACCOUNT, 3000, 2000)
    assert world.take_told() == [answer]

    def again() -> list[Any]:
        world.move(new, old, 3000)
        world.move(new, old, 1)  # whatever a repetition says
        return [m for m in world.take_told() if isinstance(m, PaymentMoved)]

    assert again() == [answer] * 2
    world.settle()
    assert again() == [answer] * 2
    world.move("ord_third", new, 1000)
    assert again() == [PaymentMoved("ord_third", new, ACCOUNT, 1000, 2000), answer, answer]
    world.ask_refund("ord_third")
    world.settle()
    assert again() == [answer] * 2
    assert world.balances() == {}
    world.check_rest()


def test_a_run_of_moves_is_one_transaction(world: World) -> None:
    a, b = paid_by(world), paid_by(world)
    deliver(
        world.service,
        world.move_message("ord_c", a, 3000),
        world.move_message("ord_c", a, 3000),
        world.move_message("ord_d", "ord_c", 2000),
        world.move_message("ord_e", b, FEE),
    )
    assert [(m.order_id, m.amount, m.returned) for m in world.told()] == [
        ("ord_c", 3000, 2000),
        ("ord_c", 3000, 2000),
        ("ord_d", 2000, 1000),
        ("ord_e", FEE, 0),
    ]
    world.check_books()


def test_what_cannot_move_is_parked_and_its_neighbours_flow(world: World) -> None:
    old, unpaid, other, back = paid_by(world), world.request(), paid_by(world), paid_by(world)
    closed = world.request()
    world.close(closed)
    world.ask_refund(back)
    moved = world.move("ord_moved", paid_by(world), FEE)
    good, neighbour = world.move_message("ord_new", old, FEE), paid_by(world)
    bad = [
        world.move_message("ord_x", "ord_unknown", 1),
        world.move_message("ord_x", unpaid, 1),
        world.move_message("ord_x", back, 1),
        world.move_message("ord_x", other, FEE + 1),
        world.move_message(unpaid, other, 1),
        world.move_message(closed, other, 1),
        world.move_message(other, other, 1),
        replace(world.move_message("ord_x", other, 1), account_id="acc_other"),
        world.move_message("ord_y", old, FEE),
    ]
    world.take_told()
    deliver(world.service, good, *bad, world.move_message("ord_z", neighbour, FEE))
    assert [m.order_id for m in world.told()] == ["ord_new", "ord_z"]
    reasons = [p.reason for p in world.database.parked()]
    assert len(reasons) == len(bad)
    for said in (
        "nothing was paid",
        "no money",
        "5001 are to move",
        "is open",
        "is closed",
        "own place",
        "one account",
    ):
        assert any(said in reason for reason in reasons), said
    assert (world.intent(other).state, kept(world, other)) == ("paid", FEE)
    assert world.intent(moved).state == "paid"
    world.check_books()


# --- what comes after a move -----------------------------------------------------------------------------------------


def test_the_order_that_money_has_left_is_over(world: World) -> None:
    world.scripted.say["refund"] = Refunded(START)
    old = world.request()
    first, second = world.pay_by(old, key="1"), world.pay_by(old, key="2")
    world.apply(world.paid(first))
    world.move("ord_new", old, FEE)
    world.take_told()
    deliver(world.service, ClosePayment(old), world.request_message(old))
    assert world.take_told() == [PaymentClosed(old)] * 2
    assert_problem(world.post(f"/orders/{old}/payments", {"method": "alipay"}, headers=PATIENT), 409, "payment_closed")
    world.ask_refund(old)
    assert ["is not paid" in p.reason for p in world.database.parked()] == [True]
    world.apply(world.paid(second))
    world.settle()
    assert [(m.order_id, m.amount, m.purpose) for m in world.told()] == [(old, FEE, "surplus")]
    assert (kept(world, old), kept(world, "ord_new")) == (0, FEE)
    world.check_rest()


def test_an_order_that_was_paid_by_a_move_says_so_when_asked(world: World) -> None:
    old, payment = taken(world)
    new = world.move("ord_new", old, 3000)
    world.take_told()
    deliver(world.service, ClosePayment(new), world.request_message(new))
    assert world.told() == [PaymentSucceeded(new, ACCOUNT, payment["id"], 3000, "window", START)] * 2
    assert_problem(world.post(f"/orders/{new}/payments", {"method": "window"}, headers=PATIENT), 409, "already_paid")


def test_an_order_paid_by_both_says_the_total_when_asked(world: World) -> None:
    _, new = two_tenders(world)
    world.close(new)
    assert [(type(m), m.amount, m.method) for m in world.told()] == [(PaymentSucceeded, 5000, "window")]


def test_money_that_moves_to_an_order_on_its_way_out_follows(world: World) -> None:
    """booking-svc does not do that. If it did, no fen would stay behind."""
    world.scripted.say["refund"] = Refunded(START)
    old, new = paid_by(world), paid_by(world, amount=1000)
    world.ask_refund(new)
    world.move(new, old, 4000)
    world.settle()
    assert {(r.order_id, r.amount, r.purpose) for r in world.refunds()} == {
        (new, 1000, "order"),
        (new, 4000, "order"),
        (old, 1000, "surplus"),
    }
    assert world.told(RefundSucceeded)[-1].amount in (1000, 5000)
    assert 5000 in [m.amount for m in world.told(RefundSucceeded)]
    assert world.balances() == {}
    world.check_rest()
