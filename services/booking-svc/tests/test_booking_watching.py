"""What is lost on the way between two services is asked for again, until the order stands where its money does."""

from datetime import timedelta

import pytest
from booking_patient import ME, SESSION, do, fire, paid_order, place, reserved, see, state
from booking_svc import usecases
from booking_svc.usecases import watching
from booking_world import FEE, HOLD, NOW
from common.messages import (
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundStalled,
    RefundSucceeded,
    RequestPayment,
    SlotReleased,
)
from common.testing import deliver, take_sent

SOON = timedelta(seconds=1)


def test_that_somebody_has_not_paid_yet_is_no_warning_and_that_no_answer_comes_is_one(
    service, client, clock, monkeypatch
):
    said = []
    for level in ("info", "warning"):
        monkeypatch.setattr(watching.log, level, lambda event, level=level, **more: said.append((level, more["state"])))
    unpaid = place(client).json["id"]
    deliver(service, reserved(unpaid))
    clock.advance(usecases.UNPAID + SOON)
    fire(service)
    assert ("info", "awaiting_payment") in said
    assert "warning" not in {level for level, _ in said}
    do(client, unpaid, "cancel")
    clock.advance(usecases.OVERDUE + SOON)
    fire(service)
    assert {level for level, state in said if state != "awaiting_payment"} == {"warning"}


@pytest.fixture
def stalled(service, client):
    """An order whose refund waits for staff."""
    order_id = paid_order(service, client)
    do(client, order_id, "cancel")
    deliver(service, SlotReleased(order_id, SESSION), RefundFailed(order_id, ME, "r", FEE, "order", "refused"))
    assert state(client, order_id) == "refund_failed"
    take_sent(service.database)
    return order_id


def test_a_refund_that_waits_for_staff_is_asked_after_for_its_success_may_be_lost(service, client, clock, stalled):
    for _ in range(2):
        clock.advance(usecases.LONG_OVERDUE + SOON)
        fire(service)
        assert take_sent(service.database) == [RefundPayment(stalled, "patient")]
        deliver(service, RefundFailed(stalled, ME, "r", FEE, "order", "refused"))
        assert (state(client, stalled), take_sent(service.database)) == ("refund_failed", []), (
            "and nobody hears it twice"
        )
    deliver(service, RefundSucceeded(stalled, ME, "r2", FEE, "order", "sandbox", "cancelled"))
    assert state(client, stalled) == "cancelled"
    take_sent(service.database)
    clock.advance(usecases.LONG_OVERDUE + SOON)
    fire(service)
    assert take_sent(service.database) == []


def test_staff_hear_of_a_refund_that_failed_although_the_first_word_of_it_was_lost(service, client, clock):
    order_id = paid_order(service, client)
    do(client, order_id, "cancel")
    deliver(service, SlotReleased(order_id, SESSION))
    take_sent(service.database)
    clock.advance(usecases.OVERDUE + SOON)
    fire(service)
    assert take_sent(service.database) == [RefundPayment(order_id, "patient")]
    deliver(service, RefundFailed(order_id, ME, "r", FEE, "order", "refused"))
    assert [type(m) for m in take_sent(service.database)] == [RefundStalled]


def test_a_payment_that_nobody_heard_of_is_asked_for_again(service, client, clock):
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id))
    (asked,) = [m for m in take_sent(service.database) if isinstance(m, RequestPayment)]
    times = []
    while clock() < NOW + timedelta(seconds=HOLD - 60):
        clock.advance(usecases.WATCH_EVERY)
        fire(service)
        times += [clock() - NOW for m in take_sent(service.database) if m == asked]
    assert 1 <= len(times) <= HOLD / usecases.UNPAID.total_seconds(), "but seldom"
    assert times[0] < usecases.UNPAID + 2 * usecases.WATCH_EVERY
    deliver(service, PaymentSucceeded(order_id, ME, "pay", FEE, "sandbox", NOW))
    assert (state(client, order_id), see(client, order_id)["paid"]["amount"]) == ("confirmed", FEE)
