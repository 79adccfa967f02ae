"""How trades end that will not end by a word: what is not there yet, what is cancelled, and whose provider is gone.

And how refunds of one trade keep their distance.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from common.messages import MoneyAlarmRaised, PaymentClosed, PaymentSucceeded, RefundFailed, RefundSucceeded
from payment_svc.providers import Absent, Closed, Failed, Paid, Processing, Refunded, Reversed, Unknown, Unpaid
from payment_svc.providers.alipay import Alipay
from payment_svc.providers.wechat import WechatPay
from payment_svc.providers.window import Window
from payment_svc.usecases.outcomes import apply_outcome
from payment_world import CASHIER, FEE, START, WINDOW, World, alarms, paid_by


def closing(world: World) -> tuple[str, dict[str, Any]]:
    order = world.request()
    payment = world.pay_by(order)
    world.close(order)
    world.scripted.asked.clear()
    return order, payment


def turn(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.clock.set(max(world.clock(), min(world.waiting().values())))
        world.run_jobs()


# --- not there, and not gone -------------------------------------------------------------------------------------------


def test_a_code_that_nobody_scanned_is_gone_when_it_can_no_longer_be_scanned(world: World) -> None:
    """And at that very moment: a number waits for it."""
    order, _ = closing(world)
    world.scripted.say["close"] = Absent()
    world.scripted.grace = WINDOW
    while world.intent(order).state == "closing":
        before = world.clock()
        turn(world)
    assert before < START + WINDOW == world.clock()
    assert world.told() == [PaymentClosed(order)]
    assert "cancel" not in world.scripted.calls()
    assert world.told(MoneyAlarmRaised) == []  # it was to be expected


def test_a_code_that_was_scanned_after_all_counts(world: World) -> None:
    closing(world)
    world.scripted.grace = WINDOW
    world.scripted.say["close"] = [Absent(), Absent(), Unpaid(), Paid("t-1", FEE, START)]
    world.settle()
    assert [type(m) for m in world.told()] == [PaymentSucceeded]
    world.check_rest()


# --- cancelling --------------------------------------------------------------------------------------------------------


def reversed_trade(number: str) -> Reversed:
    return Reversed(Paid(f"txn-{number}", FEE, START), START)


def to_cancelling(world: World) -> tuple[str, dict[str, Any]]:
    """A close is in vain again and again, while a query says that nobody has paid."""
    order, payment = closing(world)
    world.scripted.say |= {"close": Unknown("20000"), "query": Unpaid()}
    turn(world, 6)
    assert world.scripted.calls() == ["close"] * 6
    return order, payment


def test_a_trade_that_cannot_be_closed_is_cancelled(world: World) -> None:
    order, payment = to_cancelling(world)
    world.scripted.say["cancel"] = [Unknown("20000"), Closed()]
    turn(world, 2)
    assert world.scripted.calls()[6:] == ["query", "cancel", "cancel"]
    assert world.told() == [PaymentClosed(order)]
    assert world.attempt(payment["id"]).state == "closed"
    world.check_rest()


def test_what_was_paid_by_then_is_not_cancelled_and_counts(world: World) -> None:
    order, _ = to_cancelling(world)
    world.scripted.say["query"] = Paid("t-1", FEE, START)
    world.settle()
    assert world.intent(order).state == "paid"
    assert "cancel" not in world.scripted.calls()


@pytest.mark.parametrize("answer", [Unknown("down"), Absent()])
def test_nothing_is_cancelled_unless_it_is_there_and_unpaid(world: World, answer: Any) -> None:
    to_cancelling(world)
    world.scripted.grace = timedelta(hours=1)
    world.scripted.say["query"] = answer
    turn(world, 3)
    assert "cancel" not in world.scripted.calls()


def test_what_is_counted_between_the_query_and_the_cancel_is_not_cancelled(world: World) -> None:
    """A callback commits after the query was answered: our own cancel would give back what pays the order."""
    order, payment = to_cancelling(world)

    def query(_trade: Any) -> Unpaid:
        world.apply(world.paid(payment))
        return Unpaid()

    world.scripted.say["query"] = query
    turn(world)
    assert world.scripted.calls()[-1] == "query"
    assert world.waiting() == {}
    assert (world.intent(order).state, world.attempt(payment["id"]).cancelled_at) == ("paid", None)
    world.check_rest()


def test_where_cancelling_gives_no_money_back_nothing_is_cancelled_and_late_money_counts(world: World) -> None:
    """WeChat's cancel is one more close: it is closed on and on, and what comes is the order's."""
    world.scripted.reverses = False
    order, payment = to_cancelling(world)
    turn(world, 6)
    assert set(world.scripted.calls()) == {"close"}
    assert world.attempt(payment["id"]).cancelled_at is None
    world.apply(world.paid(payment))
    assert world.intent(order).state == "paid"
    world.settle()
    world.check_rest()


def test_who_gives_money_back_by_cancelling() -> None:
    assert (Alipay.reverses, WechatPay.reverses, Window.reverses) == (True, False, False)


@pytest.mark.parametrize("heard", ["never", "before", "meanwhile", "after", "twice"])
def test_money_that_the_cancelling_gave_back(world: World, heard: str) -> None:
    """Whenever its callback comes, the money came and went, and the order is closed, not paid."""
    order, payment = to_cancelling(world)
    number = world.attempt(payment["id"]).number
    paid = world.paid(payment, transaction=f"txn-{number}")

    def cancel(_trade: Any) -> Any:
        if heard in {"meanwhile", "twice"}:
            world.apply(paid)
        return reversed_trade(number)

    world.scripted.say |= {"cancel": [Unknown("20000"), cancel], "refund": Unknown("the trade is over")}
    turn(world)
    if heard == "before":
        world.apply(paid)
        with world.database.transaction() as tx:
            apply_outcome(tx, "alipay", number, reversed_trade(number), "query")
    world.settle()
    if heard in {"after", "twice"}:
        world.apply(paid)
        with world.database.transaction() as tx:
            apply_outcome(tx, "alipay", number, reversed_trade(number), "query")
    assert {type(m) for m in world.told()} == {PaymentClosed, RefundSucceeded}
    assert len(world.told()) == 2
    (refund,) = world.refunds(order)
    assert (refund.purpose, refund.state, refund.amount) == ("surplus", "succeeded", FEE)
    assert (world.intent(order).state, world.attempt(payment["id"]).state) == ("closed", "succeeded")
    assert world.figures()["intents"][order]["captured"] == FEE
    assert world.balances() == {}
    world.settle()
    world.check_rest()


@pytest.mark.parametrize("later", ["reversed", "unknown first", "paid"])
def test_a_refund_is_not_refused_because_the_cancelling_has_given_the_money_back(world: World, later: str) -> None:
    """The answer to the cancel was lost, and the callback says that it was paid. Nobody must hand the money out once more."""
    order, payment = to_cancelling(world)
    number = world.attempt(payment["id"]).number

    def cancel(_trade: Any) -> Unknown:
        world.apply(world.paid(payment, transaction=f"txn-{number}"))
        return Unknown("timeout")

    gone = Paid(f"txn-{number}", FEE, START) if later == "paid" else reversed_trade(number)
    world.scripted.say["cancel"] = [cancel, *([Unknown("timeout")] if later == "unknown first" else []), gone]
    world.scripted.say |= {"refund": Failed("TRADE_STATUS_ERROR"), "query_refund": Absent()}
    world.settle()
    (refund,) = world.refunds(order)
    assert refund.state == ("failed" if later == "paid" else "succeeded")
    assert {type(m) for m in world.told()} == {PaymentClosed, RefundFailed if later == "paid" else RefundSucceeded}
    world.check_rest()


def test_money_that_was_counted_and_is_gone_is_for_a_person(world: World) -> None:
    """Somebody else cancelled it, the vendor for example: the books are right, and staff must see to the order."""
    order = world.request()
    payment = world.pay(order)
    number = world.attempt(payment["id"]).number
    for _ in range(2):
        with world.database.transaction() as tx:
            apply_outcome(tx, "alipay", number, reversed_trade(number), "query")
    assert [m.kind for m in world.told(MoneyAlarmRaised)] == ["reversed_after_counting"]
    assert [type(m) for m in world.told()] == [PaymentSucceeded, RefundSucceeded]
    assert (world.intent(order).state, world.balances()) == ("paid", {})
    world.check_rest()


def test_a_reversal_that_cannot_be_booked_whole_is_for_a_person(world: World) -> None:
    moved = paid_by(world)
    (tender,) = world.tenders(moved)
    number = world.attempt(tender.payment_id).number
    world.move("ord_new", moved, 3000)
    before = world.balances()
    for outcome in (reversed_trade(number), Reversed(Paid(f"txn-{number}", 1, START), START)):
        with world.database.transaction() as tx:
            apply_outcome(tx, "alipay", number, outcome, "query")
    kinds = [m.kind for m in world.told(MoneyAlarmRaised)]
    assert "reversed_after_moving" in kinds
    assert "contradicting_fact" in kinds
    assert world.balances() == before
    world.check_books()


def test_a_reversal_of_a_number_that_we_never_gave_out_stands_in_suspense_and_out_of_it(world: World) -> None:
    for _ in range(2):
        with world.database.transaction() as tx:
            apply_outcome(tx, "alipay", "NOBODY1", reversed_trade("NOBODY1"), "query")
    assert world.balances() == {}
    assert len(world.figures()["unknown_captures"]) == 2


# --- a provider that is not offered any more -----------------------------------------------------------------------------


def test_what_hangs_on_a_provider_that_is_gone_waits_for_it(world: World) -> None:
    """Rows of the sandbox that once was within, or of a method that a setting has taken away."""
    paid, open_, closed = paid_by(world), world.request(), world.request()
    world.ask_refund(paid)
    for order in (open_, closed):
        world.pay_by(order)
    world.close(closed)
    world.scripted.asked.clear()
    world.service.parts.providers.pop("alipay")
    before = alarms("provider_missing")
    world.clock.advance(timedelta(seconds=5))
    assert world.run_jobs() == 3
    assert alarms("provider_missing") - before == 3
    assert set(world.waiting().values()) == {world.clock() + timedelta(hours=1)}
    for _ in range(3):
        world.clock.advance(timedelta(hours=1))
        world.run_jobs()
    told = [m.about for m in world.told(MoneyAlarmRaised) if m.kind == "provider_missing"]
    assert sorted(told) == sorted([key] for _, key in world.waiting())  # once of each, not by the hour
    world.service.parts.providers["alipay"] = world.scripted
    world.scripted.say |= {"refund": Refunded(START), "query": Closed()}
    world.settle()
    assert sorted(world.scripted.calls()) == ["close", "query", "refund"]
    world.check_rest()


# --- refunds of one trade keep their distance ----------------------------------------------------------------------------


def in_parts(world: World, method: str = "alipay") -> list[str]:
    """One capture that settles three orders, each of which is given back, and what the moves left over."""
    first = paid_by(world, method)
    world.move("ord_b", first, 3000)
    world.move("ord_c", "ord_b", 1000)
    world.ask_refund("ord_c")
    return [first, "ord_b", "ord_c"]


@pytest.mark.parametrize("gap", [3, 60])
def test_refunds_of_one_trade_are_spaced_whatever_order_they_belong_to(world: World, gap: int) -> None:
    at: list[datetime] = []

    def refund(_order: Any) -> Refunded:
        at.append(world.clock())
        return Refunded(START)

    orders = in_parts(world)
    world.scripted.refund_gap = timedelta(seconds=gap)
    world.scripted.say["refund"] = refund
    world.settle()
    assert [(b - a).total_seconds() for a, b in pairwise(at)] == [gap, gap]
    assert {r.order_id for r in world.refunds(state="succeeded")} == set(orders)
    world.check_rest()


def test_other_trades_do_not_wait(world: World) -> None:
    world.scripted.refund_gap = timedelta(minutes=1)
    world.scripted.say["refund"] = Refunded(START)
    for order in (paid_by(world), paid_by(world)):
        world.ask_refund(order)
    assert world.run_jobs() == 2
    assert world.scripted.calls().count("refund") == 2


@pytest.mark.parametrize("first", ["NOT_ENOUGH", "unreachable"])
def test_a_refund_that_is_sent_again_keeps_the_distance_too(world: World, first: str) -> None:
    """Our balance was too low. It is the same number again, and staff have heard once that money must be put there."""
    order = paid_by(world)
    world.scripted.refund_gap = timedelta(minutes=1)
    at: list[tuple[str, datetime]] = []

    def refund(asked: Any) -> Any:
        at.append((asked.number, world.clock()))
        return Unknown(first if len(at) == 1 else "NOT_ENOUGH") if len(at) < 4 else Refunded(START)

    world.scripted.say |= {"refund": refund, "query_refund": Absent()}
    world.ask_refund(order)
    world.settle()
    assert len({number for number, _ in at}) == 1
    assert all(b - a >= timedelta(minutes=1) for (_, a), (_, b) in pairwise(at))
    assert [m.kind for m in world.told(MoneyAlarmRaised)] == ["balance_too_low"]
    world.check_rest()


def test_a_refused_refund_keeps_nobody_waiting(world: World) -> None:
    order = paid_by(world)
    world.scripted.refund_gap = timedelta(minutes=1)
    world.scripted.say["refund"] = Failed("USER_ACCOUNT_ABNORMAL")
    world.ask_refund(order)
    world.run_jobs()
    (refused,) = world.refunds(order)
    world.clock.advance(timedelta(seconds=1))
    world.scripted.say["refund"] = Refunded(START)
    assert world.post(f"/refunds/{refused.id}/retry", headers=CASHIER).status_code == 202
    world.run_jobs()
    assert [refund.state for refund in world.refunds(order)] == ["failed", "succeeded"]


def test_a_refusal_that_comes_late_gives_no_turn_of_another_away(world: World) -> None:
    """It took so long that the next refund of the trade has its turn by now: the third keeps its distance to that one."""
    in_parts(world)
    world.scripted.refund_gap = timedelta(seconds=3)
    first, second, third = (timer for timer in world.due() if timer.kind == "refund")
    at: list[datetime] = []

    def slow(_order: Any) -> Failed:
        world.clock.advance(timedelta(seconds=4))
        world.service.jobs["refund"](world.service, second)
        return Failed("USER_ACCOUNT_ABNORMAL")

    def quick(_order: Any) -> Refunded:
        at.append(world.clock())
        return Refunded(START)

    world.scripted.say["refund"] = [slow, quick, quick]
    world.service.jobs["refund"](world.service, first)
    world.service.jobs["refund"](world.service, third)
    assert len(at) == 1
    assert world.waiting()["refund", third.key] == at[0] + timedelta(seconds=3)
    world.settle()
    world.check_rest()


def test_jobs_at_once_take_turns(any_world: World) -> None:
    orders = in_parts(any_world)
    any_world.service.parts.jobs.most = 12
    any_world.scripted.refund_gap = timedelta(minutes=1)
    any_world.scripted.say["refund"] = Processing()
    due = [timer for timer in any_world.due() if timer.kind == "refund"]
    assert len(due) == len(orders)

    def run(timers: Sequence[Any]) -> None:
        for timer in timers:
            any_world.service.jobs["refund"](any_world.service, timer)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(run, [due] * 12))
    assert len([call for call in any_world.scripted.calls() if call == "refund"]) == 1
    later = sorted(due_at for (kind, _), due_at in any_world.waiting().items() if kind == "refund")
    assert later[-1] == any_world.clock() + timedelta(minutes=1)
