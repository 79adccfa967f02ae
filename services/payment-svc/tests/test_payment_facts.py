"""`apply_fact`: whatever providers say, in whatever order and however often, the books are right."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from common.messages import PaymentClosed, PaymentFailed, PaymentSucceeded, RefundFailed, RefundSucceeded
from payment_svc.domain import Fact, weigh
from payment_svc.providers import Closed, Failed, Paid, Refunded
from payment_world import FEE, START, World, alarms


@pytest.fixture(autouse=True)
def _refunds_are_made(world: World) -> None:
    world.scripted.say["refund"] = Refunded(START)


def test_the_first_success_counts_and_is_told_once(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    for source in ("callback", "query", "bill", "callback"):
        world.apply(world.paid(payment, source=source))
    assert world.told() == [PaymentSucceeded(order, "acc_patient", payment["id"], FEE, "alipay", START)]
    assert world.attempt(payment["id"]).state == "succeeded"
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    assert world.waiting() == {}


def test_a_second_success_on_another_attempt_goes_back(world: World) -> None:
    order = world.request()
    first, second = world.pay_by(order, key="1"), world.pay_by(order, key="2")
    world.apply(world.paid(first))
    world.apply(world.paid(second))
    world.settle()
    (refund,) = world.refunds(order)
    assert (refund.purpose, refund.amount, refund.payment_id, refund.state) == (
        "surplus",
        FEE,
        second["id"],
        "succeeded",
    )
    assert world.told(PaymentSucceeded)[0].payment_id == first["id"]
    assert world.told(RefundSucceeded) == [
        RefundSucceeded(order, "acc_patient", refund.id, FEE, "surplus", "alipay", "late_or_twice")
    ]
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    world.check_rest()


def test_a_second_transaction_on_the_same_attempt_goes_back(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.paid(payment))
    world.apply(world.paid(payment, transaction="another"))
    world.settle()
    assert [(r.purpose, r.state) for r in world.refunds(order)] == [("surplus", "succeeded")]
    assert world.intent(order).state == "paid"
    world.check_rest()


def test_when_one_attempt_is_paid_the_others_are_closed(world: World) -> None:
    order = world.request()
    first, second = world.pay_by(order, key="1"), world.pay_by(order, key="2")
    world.apply(world.paid(first))
    assert world.attempt(second["id"]).state == "closing"
    world.settle()
    assert world.attempt(second["id"]).state == "closed"
    assert world.told(PaymentClosed) == []


def test_success_beats_closing(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.close(order)
    world.apply(world.paid(payment))
    world.settle()
    assert [type(m) for m in world.told()] == [PaymentSucceeded]
    assert world.intent(order).state == "paid"
    world.check_rest()


def test_money_after_the_close_goes_back_and_the_patient_is_told(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.close(order)
    world.settle()
    assert world.take_told() == [PaymentClosed(order)]
    world.apply(world.paid(payment))
    world.settle()
    assert world.intent(order).state == "closed"
    assert world.attempt(payment["id"]).state == "succeeded"
    (refund,) = world.refunds(order)
    assert world.told() == [RefundSucceeded(order, "acc_patient", refund.id, FEE, "surplus", "alipay", "late_or_twice")]
    assert world.balances() == {}
    world.check_rest()


def test_money_on_an_attempt_that_was_closed_counts_while_the_intent_is_open(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.ended(payment, "closed"))
    assert world.attempt(payment["id"]).state == "closed"
    world.apply(world.paid(payment))
    assert world.intent(order).state == "paid"


@pytest.mark.parametrize("wrong", [{"amount": FEE - 1}, {"amount": FEE + 1}, {"currency": "USD"}])
def test_another_amount_never_counts_and_goes_back_as_what_it_was(world: World, wrong: dict[str, Any]) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.paid(payment, **wrong))
    world.settle()
    assert world.intent(order).state == "open"
    assert world.attempt(payment["id"]).reason == "amount_mismatch"
    (refund,) = world.refunds(order)
    assert (refund.amount, refund.purpose, refund.reason) == (wrong.get("amount", FEE), "surplus", "amount_mismatch")
    assert [type(m) for m in world.told()] == [PaymentFailed, RefundSucceeded]
    assert [m.cause for m in world.told(RefundSucceeded)] == ["amount_mismatch"]
    assert world.balances() == {}
    world.apply(world.paid(world.pay_by(order)))  # and the order can still be paid
    assert world.intent(order).state == "paid"


def test_a_failed_attempt_is_told_and_another_may_follow(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.ended(payment, "failed"))
    world.apply(world.ended(payment, "failed"))
    assert world.take_told() == [PaymentFailed(order, "acc_patient", payment["id"], "alipay", "declined")]
    again = world.pay_by(order)
    assert again["id"] != payment["id"]
    world.apply(world.paid(again))
    assert [type(m) for m in world.told()] == [PaymentSucceeded]


def test_money_of_a_number_that_we_never_gave_out_waits_in_suspense(world: World) -> None:
    fact = Fact("alipay", "payment", "NOBODY1", "succeeded", "bill", START, amount=700, transaction_id="t-1")
    world.apply(fact)
    world.apply(fact)
    world.apply(Fact("alipay", "refund", "NOBODY2", "succeeded", "bill", START, amount=300))
    assert world.balances() == {"clearing:alipay": 400, "suspense": -400}
    assert len(world.figures()["unknown_captures"]) == 2
    assert world.told() == []


def test_a_number_is_known_to_its_own_provider_only(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(replace(world.paid(payment), provider="wechat"))
    assert world.intent(order).state == "open"
    assert world.balances()["suspense"] == -FEE


def test_what_a_person_must_look_at_raises_an_alarm(world: World) -> None:
    kinds = ("amount_mismatch", "contradicting_fact", "unknown_number", "refund_refused", "refund_amount_mismatch")
    before = {kind: alarms(kind) for kind in kinds}
    payment = world.pay_by(world.request())
    world.apply(world.paid(payment, amount=1, transaction="t1"))
    world.apply(world.paid(payment, amount=2, transaction="t1"))
    world.apply(Fact("alipay", "payment", "NOBODY1", "closed", "bill", START))
    (refund,) = world.refunds()
    world.apply(world.refund_fact(refund, "failed"))
    world.apply(replace(world.refund_fact(refund, "succeeded"), amount=7))
    assert {kind: alarms(kind) - before[kind] for kind in kinds} == dict.fromkeys(kinds, 1.0)


def test_a_transaction_is_told_again_with_another_amount(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.paid(payment))
    world.apply(world.paid(payment, amount=1))
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    assert world.refunds() == []


def test_success_beats_an_earlier_refusal_of_a_refund(world: World) -> None:
    order = world.request()
    world.apply(world.paid(world.pay_by(order)))
    world.ask_refund(order)
    (refund,) = world.refunds(order)
    world.apply(world.refund_fact(refund, "failed"))
    world.apply(world.refund_fact(refund, "succeeded"))
    world.apply(world.refund_fact(refund, "failed"))
    assert [r.state for r in world.refunds(order)] == ["succeeded"]
    assert [type(m) for m in world.told()] == [PaymentSucceeded, RefundFailed, RefundSucceeded]
    assert world.balances() == {}
    world.check_rest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"transaction_id": None},
        {"amount": 0},
        {"amount": -5},
        {"outcome": "closed"},
        {"kind": "refund"},
        {"kind": "refund", "outcome": "closed", "transaction_id": None, "amount": 0},
    ],
)
def test_a_fact_that_lacks_what_it_needs_cannot_be_made(wrong: dict[str, Any]) -> None:
    good = Fact("alipay", "payment", "N00001", "succeeded", "bill", START, amount=1, transaction_id="t")
    with pytest.raises(ValueError, match=r"success|refund"):
        replace(good, **wrong)


def test_weighing(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    intent, attempt, fact = world.intent(order), world.attempt(payment["id"]), world.paid(payment)
    assert weigh(intent, attempt, fact) == "counts"
    assert weigh(replace(intent, state="closing"), attempt, fact) == "counts"
    assert weigh(replace(intent, state="paid"), attempt, fact) == "surplus"
    assert weigh(replace(intent, state="closed"), attempt, fact) == "surplus"
    assert weigh(intent, attempt, replace(fact, amount=1)) == "mismatch"


# --- every pair, in both orders ----------------------------------------------------------------------------------------

BEFORE = ("pay", "fail", "cancel", "expire")
AFTER = ("refund_ok", "refund_fail", "refund_abnormal", *BEFORE)
OPEN, PAID, CLOSED = "open, 0 back", "paid, 0 back", "closed, 0 back"
PAID_AND_BACK, LATE = "paid, 1 back", "closed, 1 back"

UNPAID_PAIRS = {
    ("pay", "pay"): (PAID, PAID),
    ("pay", "fail"): (PAID, PAID),
    ("fail", "pay"): (PAID, PAID),
    ("pay", "cancel"): (PAID_AND_BACK, PAID_AND_BACK),
    ("cancel", "pay"): (PAID, LATE),
    ("pay", "expire"): (PAID, PAID),
    ("expire", "pay"): (PAID, LATE),
    ("fail", "fail"): (OPEN, OPEN),
    ("fail", "cancel"): (CLOSED, CLOSED),
    ("cancel", "fail"): (CLOSED, CLOSED),
    ("fail", "expire"): (CLOSED, CLOSED),
    ("expire", "fail"): (CLOSED, CLOSED),
    ("cancel", "cancel"): (CLOSED, CLOSED),
    ("cancel", "expire"): (CLOSED, CLOSED),
    ("expire", "cancel"): (CLOSED, CLOSED),
    ("expire", "expire"): (CLOSED, CLOSED),
}
"""What is left of an order with one attempt: when the second comes at once, and when all is settled in between."""


class Hands:
    """Does things to one order whose provider is consistent: what it has been paid it cannot close."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.order = world.request()
        self.payment = world.pay_by(self.order)
        world.scripted.say["close"] = lambda trade: (
            Paid(f"txn-{trade.number}", FEE, START) if self.has_paid else Closed()
        )
        self.has_paid = False

    def pay(self) -> None:
        self.has_paid = True
        self.world.apply(self.world.paid(self.payment))

    def fail(self) -> None:
        self.world.apply(self.world.ended(self.payment, "failed"))

    def cancel(self) -> None:
        """As booking-svc does it: close what is not paid, as far as it knows, refund what is."""
        if self.world.told(PaymentSucceeded):
            self.world.ask_refund(self.order)
        else:
            self.world.close(self.order)

    def expire(self) -> None:
        self.world.close(self.order)

    def refund_ok(self) -> None:
        self.world.apply(self.world.refund_fact(self.world.refunds(self.order)[0], "succeeded"))

    def refund_fail(self) -> None:
        self.world.apply(self.world.refund_fact(self.world.refunds(self.order)[0], "failed"))

    def refund_abnormal(self) -> None:
        self.world.apply(self.world.refund_fact(self.world.refunds(self.order)[0], "abnormal"))

    def left(self) -> str:
        figures = self.world.figures()["intents"][self.order]
        return f"{figures['state']}, {figures['refunded'] // FEE} back"


def test_no_pair_is_forgotten() -> None:
    assert set(UNPAID_PAIRS) == {(a, b) for a in BEFORE for b in BEFORE}


@pytest.mark.parametrize("between", [False, True], ids=["at once", "settled between"])
@pytest.mark.parametrize("pair", UNPAID_PAIRS, ids="-".join)
def test_every_pair_before_a_refund(world: World, pair: tuple[str, str], between: bool) -> None:
    hands = Hands(world)
    getattr(hands, pair[0])()
    if between:
        world.settle()
    getattr(hands, pair[1])()
    world.settle()
    assert hands.left() == UNPAID_PAIRS[pair][between]
    world.check_rest()


@pytest.mark.parametrize("between", [False, True], ids=["at once", "job between"])
@pytest.mark.parametrize("pair", [(a, b) for a in AFTER for b in AFTER if "refund" in a + b], ids="-".join)
def test_every_pair_with_a_refund(world: World, pair: tuple[str, str], between: bool) -> None:
    """A paid order whose refund is on its way; what does not speak of the refund changes nothing any more."""
    hands = Hands(world)
    hands.pay()
    world.ask_refund(hands.order)
    world.scripted.say["refund"] = Failed("no") if "refund_ok" not in pair else Refunded(START)
    world.scripted.say["query_refund"] = world.scripted.say["refund"]
    getattr(hands, pair[0])()
    if between:
        world.run_jobs()
    getattr(hands, pair[1])()
    world.settle()
    assert hands.left() == (PAID_AND_BACK if "refund_ok" in pair else PAID)
    assert len(world.refunds(hands.order)) == 1
    assert len(world.told(PaymentSucceeded)) >= 1
    assert world.told(PaymentFailed) == []
    world.check_rest()


def test_time_moves_nothing_by_itself(world: World) -> None:
    order = world.request()
    world.clock.advance(timedelta(days=1))
    world.settle()
    assert world.intent(order).state == "open"
