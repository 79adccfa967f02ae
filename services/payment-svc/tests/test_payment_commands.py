"""What booking-svc asks for, and what it is told."""

from common.messages import ClosePayment, PaymentClosed, PaymentSucceeded, RefundFailed, RefundSucceeded
from common.testing import deliver
from payment_svc.providers import Failed, Refunded
from payment_world import FEE, START, World


def paid_order(world: World) -> tuple[str, dict[str, object]]:
    order = world.request()
    payment = world.pay_by(order)
    world.apply(world.paid(payment))
    return order, payment


def test_a_request_opens_an_intent_once(world: World) -> None:
    order = world.request()
    world.request(order_id=order, amount=9900)  # whatever a repetition says, what is owed stays
    intent = world.intent(order)
    assert (intent.state, intent.amount) == ("open", FEE)
    assert world.told() == []


def test_many_requests_in_one_run(world: World) -> None:
    known = world.request()
    messages = [world.request_message(f"ord_{n}") for n in range(50)]
    deliver(world.service, *messages, world.request_message(known), messages[0])
    assert {world.intent(f"ord_{n}").state for n in range(50)} == {"open"}


def test_a_free_order_is_refused_and_its_neighbours_flow(world: World) -> None:
    deliver(
        world.service,
        world.request_message("ord_a"),
        world.request_message("ord_b", amount=0),
        world.request_message("ord_c"),
    )
    assert world.intent("ord_a").state == world.intent("ord_c").state == "open"
    assert ["nothing to pay" in p.reason for p in world.database.parked()] == [True]


def test_close_without_an_attempt_is_closed_at_once(world: World) -> None:
    order = world.request()
    world.close(order)
    assert world.intent(order).state == "closed"
    assert world.take_told() == [PaymentClosed(order)]
    world.close(order)
    assert world.told() == [PaymentClosed(order)]


def test_a_close_that_overtakes_its_request_is_remembered(world: World) -> None:
    world.close("ord_early")
    assert world.take_told() == [PaymentClosed("ord_early")]
    world.request(order_id="ord_early")
    intent = world.intent("ord_early")
    assert (intent.state, intent.amount, intent.account_id) == ("closed", FEE, "acc_patient")
    assert world.told() == [PaymentClosed("ord_early")]


def test_close_and_request_in_one_run(world: World) -> None:
    deliver(
        world.service,
        ClosePayment("ord_x"),
        ClosePayment("ord_x"),
        world.request_message("ord_x"),
        ClosePayment("ord_x"),
    )
    assert world.intent("ord_x").state == "closed"
    assert set(world.told()) == {PaymentClosed("ord_x")}


def test_close_waits_for_the_word_of_the_provider_on_every_attempt(world: World) -> None:
    order = world.request()
    first, second = world.pay_by(order, key="1"), world.pay_by(order, key="2")
    world.close(order)
    assert world.intent(order).state == "closing"
    assert world.told() == []
    world.apply(world.ended(first, "closed"))
    assert world.told() == []
    world.apply(world.ended(second, "closed"))
    assert world.intent(order).state == "closed"
    assert world.told() == [PaymentClosed(order)]


def test_close_of_a_paid_order_tells_the_payment_again_in_the_same_words(world: World) -> None:
    order, payment = paid_order(world)
    told = world.take_told()
    assert told == [PaymentSucceeded(order, "acc_patient", str(payment["id"]), FEE, "alipay", START)]
    world.clock.set(START.replace(hour=9))
    world.close(order)
    world.request(order_id=order)
    assert world.told() == told * 2
    assert world.intent(order).state == "paid"


def test_a_refund_is_made_once_however_often_it_is_asked(world: World) -> None:
    order, _ = paid_order(world)
    world.take_told()
    world.scripted.say["refund"] = Refunded(START)
    for _ in range(3):
        world.ask_refund(order)
    world.settle()
    (refund,) = world.refunds(order)
    assert world.scripted.calls().count("refund") == 1
    done = RefundSucceeded(order, "acc_patient", refund.id, FEE, "order", "alipay", "cancelled")
    assert world.take_told() == [done]
    world.ask_refund(order)
    assert world.told() == [done]
    assert world.balances() == {}
    world.check_rest()


def test_a_refused_refund_is_told_and_waits_for_staff(world: World) -> None:
    order, _ = paid_order(world)
    world.take_told()
    world.scripted.say["refund"] = Failed("account closed")
    world.ask_refund(order)
    world.settle()
    (refund,) = world.refunds(order)
    failed = RefundFailed(order, "acc_patient", refund.id, FEE, "order", "account closed")
    assert world.take_told() == [failed]
    world.ask_refund(order)
    assert world.told() == [failed]
    assert len(world.refunds(order)) == 1
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    world.check_rest()


def test_a_refund_of_what_was_not_paid_is_parked(world: World) -> None:
    order = world.request()
    world.ask_refund(order)
    world.ask_refund("ord_unknown")
    assert len(world.database.parked()) == 2
    assert world.refunds() == []
