"""A day's bill against a day's books: each class, how it is settled, and that a day is closed when all is explained."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bills_world import DAY, NEXT, THIRD, BillsWorld, at, bill_of, paid_line
from common.messages import MoneyAlarmRaised, PaymentSucceeded
from payment_svc.providers import Closed, Failed, Paid, Refunded, Unknown
from payment_svc.store import differences
from payment_svc.store.intents import mark_cancelled
from payment_svc.usecases.reconciliation import settle
from payment_world import FEE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BillsWorld]:
    made = BillsWorld(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


def alarms(world: BillsWorld) -> list[str]:
    return [m.kind for m in world.told(MoneyAlarmRaised)]


def test_a_day_whose_bill_is_as_the_books_is_closed(world: BillsWorld) -> None:
    facts = [world.come() for _ in range(3)]
    back = world.go_back(facts[0])
    lines = [paid_line(fact) for fact in facts] + [world.back_line(facts[0], back)]
    day = world.bill_day(reversed(lines))
    assert (day.state, day.closed_at) == ("closed", at(NEXT, 9))
    assert world.differences() == []
    assert not [key for kind, key in world.waiting() if kind == "bill"]
    world.check_day()
    world.check_books()


def test_an_empty_day_is_closed_by_an_empty_bill_and_by_nothing_less(world: BillsWorld) -> None:
    world.unheard()
    world.until(at(NEXT, 12))
    assert (world.day().state, world.day().reason) == ("waiting", "not made yet")
    world.alipay.bills[DAY] = bill_of([])
    world.until(at(NEXT, 16))
    assert world.day().state == "waiting"
    world.until(at(NEXT, 16, 30))
    assert world.day().state == "closed"


# --- payments ------------------------------------------------------------------------------------------------------------


def test_what_nobody_told_us_is_booked_when_the_provider_affirms_it(world: BillsWorld) -> None:
    fact = world.unheard()
    assert world.bill_day([paid_line(fact)]).state == "closed"
    (told,) = world.told(PaymentSucceeded)
    assert (told.order_id, told.amount) == (world.order_of(fact), FEE)
    assert "query" in world.sources()
    (difference,) = world.differences()
    booked = ("local_not_paid", "settled", "booked as the provider answered")
    assert (difference.kind, difference.state, difference.note) == booked
    world.check_day()
    world.check_books()


def test_many_of_them_are_booked_in_one_go(world: BillsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a restored backup: comparing anew for some at a time would take for ever."""
    monkeypatch.setattr(settle, "PAGE", 2)
    facts = [world.unheard() for _ in range(7)]
    day = world.bill_day(map(paid_line, facts))
    assert (day.state, day.round) == ("closed", 3), "the first is the bill's coming"
    assert len(world.told(PaymentSucceeded)) == 7


def test_what_the_bill_says_of_a_closed_order_goes_back(world: BillsWorld) -> None:
    fact = world.unheard()
    world.close(world.order_of(fact))
    world.work()
    assert world.intent(world.order_of(fact)).state == "closed"
    world.bill_day([paid_line(fact)])
    (refund,) = world.refunds()
    assert (refund.purpose, refund.amount) == ("surplus", FEE)
    assert world.day().state == "closed"
    world.check_books()


def test_money_of_nobody_waits_in_suspense_and_for_staff(world: BillsWorld) -> None:
    fact = world.unheard()
    stranger = paid_line(fact, number="NOTOURS1", transaction_id="T-stranger")
    world.apply(fact)
    assert world.bill_day([paid_line(fact), stranger]).state == "open"
    assert world.kinds() == [("missing_local", "open")]
    assert world.balances()["suspense"] == -FEE
    assert alarms(world).count("bill_differences") == 1
    world.check_day()
    world.until(at(THIRD, 8))
    assert alarms(world).count("bill_differences") == 1, "staff know it already"


def test_a_transaction_that_is_ours_under_another_number(world: BillsWorld) -> None:
    fact = world.come()
    assert world.bill_day([paid_line(fact, number="ANOTHER1")]).state == "open"
    (difference,) = world.differences()
    assert (difference.kind, difference.ours, difference.theirs) == ("missing_local", FEE, FEE)
    assert difference.evidence["books"]["number"] == fact.number
    world.check_day()


def test_what_is_on_no_bill_is_asked_about(world: BillsWorld) -> None:
    fact = world.come()
    world.alipay.say["query"] = Paid(fact.transaction_id or "", FEE, fact.occurred_at)
    other = world.bystander()
    world.alipay.asked.clear()
    assert world.bill_day([other]).state == "open"
    assert world.alipay.queried() == ["query"]
    (difference,) = world.differences()
    assert (difference.kind, difference.ours, difference.theirs) == ("missing_in_bill", FEE, None)
    assert difference.evidence["asked"]["answer"] == "Paid"
    assert alarms(world) == ["bill_differences"]
    world.check_day()
    world.check_books()


def test_a_provider_that_denies_a_payment_changes_nothing_but_the_evidence(world: BillsWorld) -> None:
    fact = world.come()
    world.alipay.say["query"] = Closed()
    world.bill_day([world.bystander()])
    assert world.differences()[0].evidence["asked"]["answer"] == "Closed"
    assert world.intent(world.order_of(fact)).state == "paid"
    assert world.day().state == "open"


def test_who_does_not_answer_is_asked_again(world: BillsWorld) -> None:
    fact = world.come()
    world.alipay.say["query"] = Unknown("timeout")
    assert world.bill_day([world.bystander()]).state == "open"
    assert "asked" not in world.differences()[0].evidence
    assert alarms(world) == []
    world.alipay.say["query"] = Paid(fact.transaction_id or "", FEE, fact.occurred_at)
    world.until(at(NEXT, 9, 30))
    assert world.differences()[0].evidence["asked"]["answer"] == "Paid"
    assert alarms(world) == ["bill_differences"]


def test_another_amount_is_for_staff(world: BillsWorld) -> None:
    fact = world.come()
    assert world.bill_day([paid_line(fact, amount=FEE + 1)]).state == "open"
    (difference,) = world.differences()
    assert (difference.kind, difference.ours, difference.theirs) == ("amount_mismatch", FEE, FEE + 1)
    assert alarms(world) == ["bill_differences"]
    world.check_day()


def test_a_line_that_stands_there_twice(world: BillsWorld) -> None:
    fact = world.come()
    lines = [paid_line(fact), paid_line(fact), paid_line(fact)]
    assert world.bill_day(lines).state == "open"
    assert world.kinds() == [("duplicate", "open"), ("duplicate", "open")]
    world.check_day()


def test_a_duplicate_on_the_next_days_bill(world: BillsWorld) -> None:
    fact = world.come()
    assert world.bill_day([paid_line(fact)]).state == "closed"
    assert world.bill_day([paid_line(fact)], NEXT).state == "open"
    assert (world.kinds(), world.kinds(NEXT)) == ([], [("duplicate", "open")])
    assert world.day().state == "closed"
    world.check_day(NEXT)


# --- refunds -------------------------------------------------------------------------------------------------------------


def test_a_refund_that_is_not_done_when_the_bill_is_made(world: BillsWorld) -> None:
    """WeChat's bill has it on the day on which it was asked for, and freezes its state."""
    fact = world.come()
    refund = world.go_back(fact, "processing")
    assert refund.state == "processing"
    lines = [paid_line(fact), world.back_line(fact, refund, status="PROCESSING")]
    assert world.bill_day(lines).state == "closed"
    world.apply(world.refund_fact(refund, "failed"))  # days later it comes to nothing: the bill of then stays as it is
    world.check_day()


def test_a_refund_that_the_bill_has_as_done_is_asked_about(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact, "processing")
    lines = [paid_line(fact), world.back_line(fact, refund)]
    world.until(at(NEXT, 8, 59))
    world.alipay.say["query_refund"] = Refunded(at(DAY, 17))
    with world.database.transaction() as tx:
        tx.set_timer("refund", refund.id, at(THIRD, 9))  # it would have been asked about later
    assert world.bill_day(lines).state == "closed"
    assert world.refunds()[0].state == "succeeded"
    world.check_books()


def test_a_refund_that_is_on_no_bill_is_asked_about(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact)
    assert refund.state == "succeeded"
    world.alipay.say["query_refund"] = Refunded(at(DAY, 17))
    world.alipay.asked.clear()
    assert world.bill_day([paid_line(fact)]).state == "open"
    assert world.alipay.queried() == ["query_refund"]
    assert world.kinds() == [("refund_missing", "open")]
    world.check_day()
    line = world.back_line(fact, refund)
    world.alipay.bills[DAY] = bill_of([paid_line(fact), line])
    world.fetch_again()
    world.work()
    assert world.kinds() == [("refund_missing", "settled")]
    assert world.day().state == "closed"


def test_a_refund_that_came_to_nothing_is_over_when_the_provider_says_so(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact, "processing")
    world.until(at(NEXT, 8, 59))
    world.alipay.say["query_refund"] = Failed("account closed")
    with world.database.transaction() as tx:
        tx.set_timer("refund", refund.id, at(THIRD, 9))
    assert world.bill_day([paid_line(fact)]).state == "closed"
    assert world.kinds() == [("refund_missing", "settled")]
    assert world.refunds()[0].state == "failed"
    world.check_books()


def test_a_refund_that_we_did_not_make_is_for_staff(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact, "reserved")
    extra = world.back_line(fact, refund, refund_number="CONSOLE1", amount=100)
    lines = [paid_line(fact), world.back_line(fact, refund), extra]
    world.alipay.asked.clear()
    assert world.bill_day(lines).state == "open"
    assert world.kinds() == [("refund_extra", "open")]
    assert world.differences()[0].evidence["asked"]["answer"] == "not our number"
    assert alarms(world).count("bill_differences") == 1
    world.check_day()


def test_a_refund_that_we_gave_up_and_the_bill_has_went_out(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact, "failed")
    world.alipay.say["query_refund"] = Refunded(at(DAY, 17))
    assert world.bill_day([paid_line(fact), world.back_line(fact, refund)]).state == "closed"
    assert world.kinds() == [("refund_extra", "settled")]
    assert world.refunds()[0].state == "succeeded"
    world.check_books()


def test_a_refund_of_another_amount(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact)
    assert world.bill_day([paid_line(fact), world.back_line(fact, refund, amount=FEE - 1)]).state == "open"
    assert world.kinds() == [("amount_mismatch", "open")]
    world.check_day()


def test_what_was_given_back_by_a_cancel_carries_another_number(world: BillsWorld) -> None:
    fact = world.come()
    refund = world.go_back(fact)
    with world.database.transaction() as tx:
        mark_cancelled(tx, refund.payment_id)
    line = world.back_line(fact, refund, refund_number="")
    assert world.bill_day([paid_line(fact), line]).state == "closed"
    assert world.kinds() == [("other_number", "explained")] * 2
    world.check_day()


# --- midnight ------------------------------------------------------------------------------------------------------------


def test_what_was_paid_at_midnight_may_be_on_the_next_bill(world: BillsWorld) -> None:
    fact, other = world.come(when=at(DAY, 23, 59, 59)), world.bystander()
    world.alipay.asked.clear()
    day = world.bill_day([other])
    assert (day.state, day.undecided, world.differences()) == ("open", 1, [])
    world.until(at(NEXT, 23))
    assert (world.day().state, alarms(world)) == ("open", [])
    assert world.bill_day([paid_line(fact, at=at(NEXT, 0, 0, 1))], NEXT).state == "closed"
    assert (world.day().state, world.day().undecided) == ("closed", 0)
    assert world.kinds() == world.kinds(NEXT) == [("other_day", "explained")]
    assert world.differences()[0].note == "on the bill of 2026-11-23"
    assert world.alipay.queried() == []
    world.check_day()
    world.check_day(NEXT)


def test_what_was_paid_at_midnight_and_is_on_neither_bill(world: BillsWorld) -> None:
    world.come(when=at(DAY, 23, 59, 59))
    world.bill_day([world.bystander()])
    assert world.bill_day([], NEXT).state == "closed"
    assert world.kinds() == [("missing_in_bill", "open")]
    assert world.day().state == "open"


def test_a_line_of_ours_of_the_day_before(world: BillsWorld) -> None:
    fact = world.come(when=at(DAY, 23, 50))
    line = paid_line(fact)
    assert world.bill_day([line]).state == "closed"
    early = replace(fact, occurred_at=at(NEXT, 0, 5), number=world.unheard().number, transaction_id="T-early")
    world.apply(early)
    world.alipay.bills[DAY] = bill_of([line, paid_line(early, at=at(DAY, 23, 59))])
    world.fetch_again()
    world.work()
    assert world.bill_day([world.bystander(NEXT)], NEXT).state == "closed"
    assert world.day().state == "closed"
    assert world.kinds() == world.kinds(NEXT) == [("other_day", "explained")]


def test_the_day_is_beijings(world: BillsWorld) -> None:
    """16:30 UTC is half past midnight of the next day there."""
    fact = world.come(when=at(NEXT, 0, 30))
    assert world.bill_day([]).state == "closed"
    assert world.bill_day([paid_line(fact)], NEXT).state == "closed"
    assert world.kinds(NEXT) == []


def test_sums_that_differ_by_what_no_comparison_finds_are_an_alarm(world: BillsWorld) -> None:
    """Twice: once, it may be a fact that came in between."""
    fact = world.come()
    world.alipay.bills[DAY] = bill_of([paid_line(fact, amount=1)])
    world.until(at(NEXT, 8, 59))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "keep", lambda *_: None)
        world.until(at(NEXT, 9))
        assert (world.day().state, alarms(world)) == ("open", [])
        world.until(at(NEXT, 9, 10))
        assert (world.day().state, alarms(world)) == ("open", ["bill_sums_differ"])
    world.until(at(NEXT, 9, 20))
    assert world.kinds() == [("amount_mismatch", "open")]


# --- again and again -------------------------------------------------------------------------------------------------------


def test_the_same_bill_twice_changes_nothing(world: BillsWorld) -> None:
    known, unknown = world.come(), world.unheard()
    lines = [paid_line(known, amount=1), paid_line(unknown), paid_line(known, transaction_id="T2", number="N2")]
    world.bill_day(lines)
    before, balances = world.differences(), world.balances()
    for mark in ("", "made anew"):
        world.alipay.bills[DAY] = bill_of(lines[::-1], mark=mark)
        world.fetch_again()
        world.clock.advance(timedelta(minutes=1))
        world.work()
    assert (world.differences(), world.balances()) == (before, balances)
    assert world.day().state == "open"


def test_a_fact_that_comes_after_the_bill_settles_its_difference(world: BillsWorld) -> None:
    fact = world.unheard()
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(NEXT, 8))
    world.apply(fact)
    world.until(at(NEXT, 9))
    assert (world.day().state, world.differences()) == ("closed", [])


def test_money_of_a_closed_day_opens_it_again(world: BillsWorld) -> None:
    """Its bill does not have it, and it was told late: with the next day this is found."""
    fact = world.unheard(when=at(DAY, 17))
    assert world.bill_day([]).state == "closed"
    assert world.bill_day([], NEXT).state == "closed"
    world.apply(fact)
    world.until(at(THIRD, 23))
    assert world.day().state == "closed"
    world.until(at(THIRD, 23) + timedelta(hours=2))
    assert world.kinds() == [("missing_in_bill", "open")]
    assert world.day().state == "open"
