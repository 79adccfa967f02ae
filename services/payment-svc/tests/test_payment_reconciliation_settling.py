"""What a bill claims is not yet a fact: whom it is asked of, what staff hear, and what stays in suspense."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bills_world import DAY, NEXT, THIRD, BillsWorld, at, paid_line
from common.messages import MoneyAlarmRaised, PaymentSucceeded
from common.testing import assert_problem
from payment_svc.providers import Absent, Closed, Paid, Refunded, Unknown, Unpaid
from payment_world import FEE, OPERATOR


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BillsWorld]:
    made = BillsWorld(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


# --- payments of our numbers -------------------------------------------------------------------------------------------


def test_a_second_payment_of_a_number_is_for_staff_and_the_first_stays(world: BillsWorld) -> None:
    """Whatever it is, giving money back under this number would give back what she has paid."""
    fact = world.come()
    asked = len(world.alipay.queried())
    assert world.bill_day([paid_line(fact), paid_line(fact, transaction_id="T-other")]).state == "open"
    assert world.kinds() == [("duplicate", "open")]
    assert world.differences()[0].order_id == world.order_of(fact)
    assert (world.refunds(), len(world.alipay.queried())) == ([], asked)
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    world.check_day()


def test_a_bill_with_another_amount_than_the_answer_is_booked_as_answered(world: BillsWorld) -> None:
    fact = world.unheard()
    world.alipay.billed[fact.number] = Paid(fact.transaction_id or "", FEE, fact.occurred_at)
    world.come()
    assert world.bill_day([paid_line(fact, amount=FEE - 1000)]).state == "open"
    assert [m.amount for m in world.told(PaymentSucceeded) if m.order_id == world.order_of(fact)] == [FEE]
    assert ("amount_mismatch", "open") in world.kinds()
    assert world.refunds() == []


def test_a_bill_with_another_transaction_than_the_answer_is_booked_as_answered(world: BillsWorld) -> None:
    fact = world.unheard()
    world.alipay.billed[fact.number] = Paid(fact.transaction_id or "", FEE, fact.occurred_at)
    assert world.bill_day([paid_line(fact, transaction_id="T-other")]).state == "open"
    assert ("duplicate", "open") in world.kinds()
    assert world.intent(world.order_of(fact)).state == "paid"
    assert world.refunds() == []


@pytest.mark.parametrize("answer", [Unpaid(), Absent(), Closed()])
def test_a_provider_that_denies_what_it_bills_is_for_staff(world: BillsWorld, answer: Any) -> None:
    fact = world.unheard()
    world.alipay.say["query"] = answer
    assert world.bill_day([paid_line(fact)]).state == "open"
    (difference,) = world.differences()
    assert (difference.kind, difference.evidence["asked"]["answer"]) == ("local_not_paid", type(answer).__name__)
    assert (world.told(PaymentSucceeded), world.balances()) == ([], {})


# --- refunds of which only the bill knows ------------------------------------------------------------------------------


def test_a_refund_that_only_the_bill_knows_went_out_and_stands_in_suspense(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact, "reserved")
    extra = world.back_line(fact, refund, refund_number="CONSOLE1", amount=100)
    frozen = replace(extra, refund_number="CONSOLE2", status="PROCESSING")
    assert world.bill_day([paid_line(fact), world.back_line(fact, refund), extra, frozen]).state == "open"
    assert world.kinds() == [("refund_extra", "open")] * 2
    assert world.balances()["suspense"] == 100, "and of what has not arrived nothing is booked"
    kinds = [m.kind for m in world.told(MoneyAlarmRaised)]
    assert (kinds.count("unknown_refund_number"), kinds.count("bill_differences")) == (1, 1)
    world.check_day()


def test_a_refund_of_the_console_is_not_taken_for_ours_that_is_missing(world: BillsWorld) -> None:
    """The same amount may go out twice: only where we have cancelled does the provider choose the number."""
    fact = world.come()
    refund = world.go_back(fact)
    world.alipay.say["query_refund"] = Refunded(fact.occurred_at, FEE)
    world.bill_day([paid_line(fact), world.back_line(fact, refund, refund_number="CONSOLE1")])
    assert world.kinds() == [("refund_extra", "open"), ("refund_missing", "open")]


# --- what staff are told, and may say ----------------------------------------------------------------------------------


def test_what_the_provider_is_still_to_be_asked_about_cannot_be_explained(world: BillsWorld) -> None:
    fact = world.unheard()
    world.alipay.say["query"] = Unknown("timeout")
    world.bill_day([paid_line(fact)])
    path = f"/reconciliations/alipay/{DAY}/differences/{world.differences()[0].id}/explain"
    assert_problem(world.post(path, {"note": "fine"}, headers=OPERATOR), 409, "difference_unasked")
    world.alipay.say["query"] = Unpaid()
    world.until(at(NEXT, 9, 30))
    assert world.post(path, {"note": "their mistake"}, headers=OPERATOR).status_code == 200
    assert world.day().state == "closed"


def test_a_difference_about_which_nobody_answers_is_told_after_a_day(world: BillsWorld) -> None:
    kept, fact = world.come(), world.unheard()
    world.alipay.say["query"] = Unknown("timeout")
    world.bill_day([paid_line(kept), paid_line(fact)])
    world.until(at(THIRD, 8, 59))
    assert "bill_differences" not in [m.kind for m in world.told(MoneyAlarmRaised)]
    world.until(at(THIRD, 20))
    assert [m.kind for m in world.told(MoneyAlarmRaised)].count("bill_differences") == 1
