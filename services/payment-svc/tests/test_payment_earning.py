"""Fees are owed until the visit has taken place or was missed, then earned; what goes back after that is owed again first."""

from datetime import date

import pytest
from common.messages import Visit, VisitCompleted, VisitMissed
from common.testing import deliver
from payment_world import ACCOUNT, FEE, START, World, paid_by, two_tenders

VISIT = Visit("h", "仁济", "d", "内科", "p", "王医生", "主任", date(2026, 11, 23), "morning", START, START, "301")


def seen(order: str) -> VisitCompleted:
    return VisitCompleted(order, ACCOUNT, "pat", "ses", START, VISIT)


def missed(order: str) -> VisitMissed:
    return VisitMissed(order, ACCOUNT, "pat", "ses", VISIT, "clinic")


def test_a_fee_is_earned_by_the_visit_once(world: World) -> None:
    order = paid_by(world)
    deliver(world.service, missed(order))
    deliver(world.service, seen(order), seen(order))
    deliver(world.service, seen(order))
    assert world.balances_of(order) == {"clearing:alipay": FEE, "revenue": -FEE}
    assert world.figures()["intents"][order]["earned"] == FEE
    world.check_books()
    world.check_rest()


def test_of_several_tenders_all_is_earned(world: World) -> None:
    taker, giver = two_tenders(world)
    deliver(world.service, seen(taker), seen(giver))
    assert {world.balances_of(order).get("order_payable", 0) for order in (taker, giver)} == {0}
    world.check_books()


def test_what_goes_back_after_all_is_owed_again_first(world: World) -> None:
    order = paid_by(world)
    deliver(world.service, missed(order))
    world.ask_refund(order)
    assert world.balances_of(order) == {"clearing:alipay": FEE, "refund_in_flight": -FEE}
    (refund,) = world.refunds(order)
    world.apply(world.refund_fact(refund, "succeeded"))
    assert world.balances_of(order) == {}
    world.check_books()
    deliver(world.service, missed(order), seen(order))
    assert world.balances_of(order) == {}, "nothing is left to earn, however late it is said"


def test_a_refund_that_is_refused_leaves_it_owed(world: World) -> None:
    order = paid_by(world)
    deliver(world.service, missed(order))
    world.ask_refund(order)
    (refund,) = world.refunds(order)
    world.apply(world.refund_fact(refund, "failed"))
    assert world.balances_of(order) == {"clearing:alipay": FEE, "order_payable": -FEE}
    assert world.figures()["intents"][order]["earned"] == 0
    world.check_books()


@pytest.mark.parametrize("state", ["unknown", "open", "closed"])
def test_what_was_never_paid_is_not_earned(world: World, state: str) -> None:
    """Free orders have no intent at all."""
    order = "ord_free" if state == "unknown" else world.request()
    if state == "closed":
        world.close(order)
    deliver(world.service, seen(order))
    assert world.balances() == {}
    assert world.database.parked() == []


def test_money_of_one_order_is_earned_by_no_other(world: World) -> None:
    one, other = paid_by(world), paid_by(world)
    deliver(world.service, seen(one))
    assert world.balances() == {"clearing:alipay": 2 * FEE, "order_payable": -FEE, "revenue": -FEE}
    assert world.figures()["intents"][other]["earned"] == 0


def test_of_money_that_is_on_its_way_back_nothing_is_earned(world: World) -> None:
    """Messages of two partitions keep no order: the refund may overtake word of the missed visit."""
    order = paid_by(world)
    world.ask_refund(order)
    deliver(world.service, missed(order))
    assert world.balances_of(order) == {"clearing:alipay": FEE, "refund_in_flight": -FEE}
    world.check_books()
