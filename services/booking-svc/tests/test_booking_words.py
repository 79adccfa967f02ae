"""The codes that an order shows are those that its document names: who has words for these has words for all."""

import re

from booking_patient import ME, paid_order
from booking_svc.domain import REFUSALS
from booking_svc.saga import EVENTS
from booking_world import FEE
from common.messages import RefundFailed, RefundSucceeded, SlotRejected
from common.testing import bearer, deliver


def test_the_refusals_are_those_of_the_message():
    said = (SlotRejected.__doc__ or "").split("`reason`: ")[1].split(". ")[0]
    assert list(REFUSALS) == [word.strip() for word in re.split(r",\s", said)]


def test_what_a_provider_says_of_a_refund_is_not_for_the_patient(service, client):
    order_id = paid_order(service, client)
    path = f"/api/v1/orders/{order_id}"
    client.post(f"{path}/cancel", headers=bearer(ME))
    deliver(service, RefundFailed(order_id, ME, "r", FEE, "order", "the merchant's account is frozen"))
    stalled = client.get(path, headers=bearer(ME)).json
    assert (stalled["state"], stalled["reason"]) == ("refund_failed", "refund_refused")
    deliver(service, RefundSucceeded(order_id, ME, "r2", FEE, "order", "window", "cancelled"))
    done = client.get(path, headers=bearer(ME)).json
    assert (done["state"], done["reason"]) == ("cancelled", "refund_refused")
    assert {step["event"] for step in done["history"]} <= set(EVENTS)
