"""The jobs that talk to providers: unknown outcomes, lost answers, crashes, and the schedule."""

import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from common.errors import Transient
from common.messages import PaymentClosed, PaymentFailed, PaymentSucceeded, RefundFailed, RefundSucceeded
from common.outbox import TimerLoop
from payment_svc.domain import CREATE_GRACE
from payment_svc.providers import (
    Abnormal,
    Absent,
    Closed,
    Failed,
    Paid,
    Processing,
    Refunded,
    RefundOrder,
    Shown,
    Trade,
    Unknown,
    Unpaid,
)
from payment_world import ACCOUNT, DESCRIPTION, FEE, OPERATOR, PATIENT, START, WINDOW, World, alarms

LINK = Shown({"type": "link", "url": "/pay"})


def paid(world: World) -> Paid:
    return Paid("txn-1", FEE, world.clock())


# --- creating and querying -----------------------------------------------------------------------------------------------


def test_an_unknown_create_is_repeated_with_the_same_parameters(world: World) -> None:
    order = world.request()
    world.scripted.say["create"] = [Unknown("timeout"), Unknown("502"), LINK]
    payment = world.pay_by(order)
    assert (payment["state"], payment["show"], payment["reason"]) == ("unknown", None, "timeout")
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    assert world.attempt(payment["id"]).state == "unknown"
    world.clock.advance(timedelta(seconds=30))
    world.run_jobs()
    attempt = world.attempt(payment["id"])
    assert (attempt.state, attempt.show, attempt.reason) == ("pending", {"type": "link", "url": "/pay"}, "")
    trades = [trade for _, trade in world.scripted.asked]
    assert trades == [Trade(attempt.number, FEE, DESCRIPTION, START + WINDOW, "qr", {})] * 3


def test_a_crash_before_the_create_is_made_up_for(world: World) -> None:
    order = world.request()
    world.scripted.say["create"] = [KeyboardInterrupt("killed"), LINK]
    with pytest.raises(KeyboardInterrupt):
        world.post(f"/orders/{order}/payments", {"method": "alipay"}, headers=PATIENT)
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    assert world.pay_by(order)["state"] == "pending"
    assert len({trade.number for _, trade in world.scripted.asked}) == 1


def test_a_refused_create_fails_the_attempt(world: World) -> None:
    order = world.request()
    world.scripted.say["create"] = Failed("merchant blocked")
    response = world.post(f"/orders/{order}/payments", {"method": "alipay"}, headers=PATIENT | {"Idempotency-Key": "k"})
    assert (response.status_code, response.get_json(force=True)["code"]) == (409, "payment_refused")
    assert [type(m) for m in world.told()] == [PaymentFailed]
    again = world.post(f"/orders/{order}/payments", {"method": "alipay"}, headers=PATIENT | {"Idempotency-Key": "k"})
    assert again.status_code == 409
    assert world.scripted.calls() == ["create"]


def test_a_lost_callback_is_found_by_the_query(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.scripted.say["query"] = [Unpaid(), Unknown("timeout"), Absent(), paid(world)]
    world.settle()
    assert world.intent(order).state == "paid"
    assert world.scripted.calls() == ["create", *["query"] * 4]
    assert world.told(PaymentSucceeded)[0].payment_id == payment["id"]


def test_queries_follow_the_schedule_and_then_the_attempt_is_closed(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    at: list[float] = []
    while world.waiting() and len(at) < 20:
        world.clock.set(min(world.waiting().values()))
        at.append((world.clock() - START).total_seconds())
        world.run_jobs()
    waits = [5, 30, 60, 180, 300, 600, 1800]
    assert at == [*(sum(waits[: n + 1]) for n in range(7)), sum(waits)]
    assert world.scripted.calls()[-2:] == ["query", "close"]
    assert world.attempt(payment["id"]).state == "closed"
    assert world.intent(order).state == "open"  # booking-svc has not given it up


def test_money_that_a_query_finds_while_the_attempt_is_closing_counts(world: World) -> None:
    order = world.request()
    world.pay_by(order)

    def close_comes_first(_trade: Trade) -> Paid:
        world.close(order)
        return paid(world)

    world.scripted.say["query"] = close_comes_first
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    assert world.intent(order).state == "paid"
    world.settle()
    world.check_rest()


def test_an_answer_that_comes_after_the_close_changes_nothing(world: World) -> None:
    order = world.request()

    def close_comes_first(_trade: Trade) -> Shown:
        world.close(order)
        return LINK

    world.scripted.say["create"] = close_comes_first
    assert world.pay_by(order)["state"] == "closing"
    world.settle()
    assert world.told(PaymentClosed) == [PaymentClosed(order)]


# --- closing -------------------------------------------------------------------------------------------------------------


def test_an_unreachable_provider_is_asked_to_close_for_ever_with_back_off(world: World) -> None:
    order = world.request()
    world.pay_by(order)
    world.close(order)
    world.scripted.say |= {"close": Unknown("unreachable"), "query": Unknown("unreachable")}
    at = []
    for _ in range(12):
        world.clock.set(max(world.clock(), min(world.waiting().values())))
        at.append((world.clock() - START).total_seconds())
        world.run_jobs()
    assert [b - a for a, b in itertools.pairwise(at)] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert world.told(PaymentClosed) == []
    world.scripted.say["close"] = Closed()
    world.settle()
    assert world.told(PaymentClosed) == [PaymentClosed(order)]


@pytest.mark.parametrize("outcome", [Unpaid(), Unknown("?"), Absent()])
def test_what_is_not_surely_closed_is_not_closed(world: World, outcome: Any) -> None:
    order = world.request()
    world.pay_by(order)
    world.close(order)
    world.scripted.say["close"] = outcome
    world.run_jobs()
    assert world.intent(order).state == "closing"
    assert len(world.waiting()) == 1


def test_a_number_that_the_provider_never_heard_of_is_closed_when_no_create_can_arrive_any_more(world: World) -> None:
    order = world.request()
    world.scripted.say["create"] = Unknown("timeout")
    world.pay_by(order)
    world.close(order)
    world.scripted.say["close"] = Absent()
    world.clock.advance(CREATE_GRACE - timedelta(seconds=1))
    world.run_jobs()
    assert world.intent(order).state == "closing"
    world.clock.advance(timedelta(minutes=1))
    world.run_jobs()
    assert world.intent(order).state == "closed"


def test_closing_finds_that_it_was_paid(world: World) -> None:
    order = world.request()
    world.pay_by(order)
    world.close(order)
    world.scripted.say["close"] = paid(world)
    world.settle()
    assert [type(m) for m in world.told()] == [PaymentSucceeded]


# --- refunding -------------------------------------------------------------------------------------------------------------


def refunding(world: World) -> str:
    order = world.request()
    world.apply(world.paid(world.pay_by(order), transaction="txn-9"))
    world.take_told()
    world.ask_refund(order)
    world.scripted.asked.clear()
    return order


def test_what_the_provider_is_asked(world: World) -> None:
    order = refunding(world)
    world.run_jobs()
    (refund,) = world.refunds(order)
    number = world.attempt(refund.payment_id).number
    asked = RefundOrder(refund.number, number, "txn-9", FEE, FEE, "cancelled by the patient")
    assert world.scripted.asked == [("refund", asked)]
    assert refund.state == "processing"


def test_an_unknown_refund_is_queried_and_sent_again_under_the_same_number(world: World) -> None:
    order = refunding(world)
    world.scripted.say |= {
        "refund": [Unknown("timeout"), Processing()],
        "query_refund": [Absent(), Processing(), Refunded(START)],
    }
    world.run_jobs()
    assert world.refunds(order)[0].state == "submitted"
    world.settle()
    assert world.scripted.calls() == ["refund", "query_refund", "refund", "query_refund", "query_refund"]
    assert len({refund.number for _, refund in world.scripted.asked}) == 1
    assert [type(m) for m in world.told()] == [RefundSucceeded]


def test_a_crash_between_the_provider_and_the_commit_repeats_the_same_number(world: World) -> None:
    order = refunding(world)
    world.scripted.say["refund"] = [KeyboardInterrupt("killed")]
    with pytest.raises(KeyboardInterrupt):
        world.run_jobs()
    assert world.refunds(order)[0].state == "submitted"
    world.scripted.say["query_refund"] = Refunded(START)  # it had arrived
    world.settle()
    assert world.scripted.calls() == ["refund", "query_refund"]
    assert [type(m) for m in world.told()] == [RefundSucceeded]
    world.check_rest()


def test_a_refund_is_asked_about_for_ever(world: World) -> None:
    refunding(world)
    world.scripted.say |= {"refund": Unknown("?"), "query_refund": Unknown("?")}
    for _ in range(15):
        assert len(world.waiting()) == 1
        world.clock.set(max(world.clock(), min(world.waiting().values())))
        world.run_jobs()
    assert min(world.waiting().values()) - world.clock() == timedelta(minutes=30)
    world.scripted.say["query_refund"] = Refunded(START)
    world.settle()
    world.check_rest()


@pytest.mark.parametrize(
    ("said", "alarmed"), [(Unknown("?"), 1), (Absent(), 1), (Processing(), 0), (Abnormal("dead"), 0)]
)
def test_staff_hear_of_a_refund_that_nobody_answers_about(world: World, said: Any, alarmed: int) -> None:
    """Once. What the provider has, and is slow with, was answered."""
    refunding(world)
    world.scripted.say |= {"refund": Unknown("?") if said == Absent() else said, "query_refund": said}
    before = alarms("refund_unanswered")
    for _ in range(20):
        world.clock.set(max(world.clock(), min(world.waiting().values())))
        world.run_jobs()
    assert alarms("refund_unanswered") - before == alarmed
    world.scripted.say["query_refund"] = Refunded(START)
    world.settle()
    world.check_rest()


def test_processing_may_end_in_a_refusal(world: World) -> None:
    order = refunding(world)
    world.scripted.say["query_refund"] = [Processing(), Failed("7 days without funds")]
    world.settle()
    (refund,) = world.refunds(order)
    assert (refund.state, refund.failure) == ("failed", "7 days without funds")
    assert [type(m) for m in world.told()] == [RefundFailed]


@pytest.mark.parametrize("how", ["pay", "close", "refund"])
def test_a_job_that_comes_again_after_all_is_done_does_nothing(world: World, how: str) -> None:
    order = refunding(world) if how == "refund" else world.request()
    if how != "refund":
        world.pay_by(order)
    if how == "close":
        world.close(order)
    world.clock.advance(timedelta(seconds=5))
    (timer,) = world.due()
    world.scripted.say |= {"query": paid(world), "refund": Refunded(START)}
    world.settle()
    asked, told = list(world.scripted.asked), world.told()
    world.service.jobs[timer.kind](world.service, timer)
    assert (world.scripted.asked, world.told()) == (asked, told)


def test_a_job_of_something_that_is_not_there_ends(world: World) -> None:
    for kind in ("query_attempt", "close_attempt", "refund"):
        with world.database.transaction() as tx:
            tx.set_timer(kind, "nothing", START)
    world.run_jobs()
    assert world.waiting() == {}


# --- refunds that were issued twice ----------------------------------------------------------------------------------------


def refused_and_issued_again(world: World) -> tuple[str, Any, Any]:
    order = refunding(world)
    world.scripted.say["refund"] = Failed("no")
    world.settle()
    (first,) = world.refunds(order)
    response = world.post(f"/refunds/{first.id}/retry", headers=OPERATOR)
    assert response.status_code == 202
    second = next(r for r in world.refunds(order) if r.id == response.get_json()["id"])
    assert second.number != first.number
    return order, first, second


def test_a_refund_issued_again_succeeds(world: World) -> None:
    order, _, second = refused_and_issued_again(world)
    world.take_told()
    world.scripted.say["refund"] = Refunded(START)
    world.settle()
    assert world.told() == [RefundSucceeded(order, ACCOUNT, second.id, FEE, "order", "alipay", "cancelled")]
    world.ask_refund(order)
    assert [m.refund_id for m in world.told()] == [second.id, second.id]
    assert world.balances() == {}
    world.check_rest()


def test_money_that_went_out_twice_stands_in_suspense(world: World) -> None:
    _, first, second = refused_and_issued_again(world)
    world.take_told()
    world.apply(world.refund_fact(first, "succeeded"))
    assert world.told() == []
    world.apply(world.refund_fact(second, "succeeded"))
    assert [m.refund_id for m in world.told()] == [second.id]
    assert world.balances() == {"clearing:alipay": -FEE, "suspense": FEE}
    world.check_books()


def test_it_went_out_once_after_all(world: World) -> None:
    """The first refusal was none, and the second try fails: whoever is told first, the books are even."""
    order, first, second = refused_and_issued_again(world)
    world.take_told()
    world.apply(world.refund_fact(first, "succeeded"))
    world.apply(world.refund_fact(second, "failed"))
    assert [(type(m), m.refund_id) for m in world.told()] == [(RefundSucceeded, first.id)]
    assert world.balances() == {}
    world.check_rest()
    world.ask_refund(order)
    assert [type(m) for m in world.told()] == [RefundSucceeded, RefundSucceeded]


def test_it_went_out_once_told_the_other_way_round(world: World) -> None:
    _, first, second = refused_and_issued_again(world)
    world.apply(world.refund_fact(second, "failed"))
    world.apply(world.refund_fact(first, "succeeded"))
    assert world.balances() == {}
    world.check_rest()


def test_an_infrastructure_error_leaves_the_job_for_later(world: World) -> None:
    refunding(world)
    world.scripted.say["refund"] = Transient("the network is away")
    with pytest.raises(Transient):
        world.run_jobs()
    assert len(world.waiting()) == 1


def test_the_worker_runs_the_jobs(world: World) -> None:
    """Threads, leases and all: the loop that runs in production."""
    loop = TimerLoop(world.database, world.service.timers, world.service.jobs, world.service)
    loop.start()
    try:
        order = world.request()
        world.pay_by(order)
        world.close(order)
        deadline = time.monotonic() + 10
        while not world.told(PaymentClosed):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        loop.stop()
    assert world.waiting() == {}
