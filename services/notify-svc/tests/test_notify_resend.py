"""Sending anew keeps to the last moment that a letter has of its own."""

import dataclasses
from datetime import timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.errors import Conflict
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Letter, Outcome, Refused, Sent
from notify_svc.kinds import KINDS
from notify_svc.reminders import SOON, TOMORROW
from notify_svc.usecases import deliveries
from notify_world import SAMPLES
from post_world import Counting, contact, post, send_all, states, store_of, tell_confirmed
from reminder_world import MONDAY, confirmed, drain


def refuses(_: Letter) -> Outcome:
    return Refused("no_template", "planted")


def assert_too_late_after(service: Service, clock: ManualClock, delivery_id: str) -> None:
    """It can be sent anew until its last moment, which stays, and not from then on."""
    store = store_of(service)
    failed = store.deliveries.get(delivery_id)
    assert failed is not None
    clock.set(failed.expires_at)
    with pytest.raises(Conflict) as refused:
        deliveries.resend(store, delivery_id)
    assert refused.value.code == "too_late"
    assert store.deliveries.get(delivery_id) == failed
    clock.set(failed.expires_at - timedelta(seconds=1))
    again = deliveries.resend(store, delivery_id)
    assert (again.state, again.expires_at) == ("waiting", failed.expires_at)


@pytest.mark.parametrize(
    ("kind", "until"),
    [("order_held", "pay_before"), ("order_offered", "accept_before"), ("substitutes_offered", "accept_before")],
)
def test_what_says_itself_until_when(service: Service, clock: ManualClock, kind: str, until: str) -> None:
    deliver(service, contact(email=None))
    deliver(service, dataclasses.replace(SAMPLES[kind], **{until: clock() + timedelta(minutes=15)}))
    send_all(post(store_of(service), Counting("alibaba", "sms", refuses)))
    (failed,) = store_of(service).deliveries.newest({}, None, 5)
    assert_too_late_after(service, clock, failed.id)


@pytest.mark.parametrize(("kind", "hour"), [(TOMORROW, 18.0), (SOON, 31.6)])
def test_reminders(service: Service, clock: ManualClock, kind: str, hour: float) -> None:
    store = store_of(service)
    clock.set(MONDAY + timedelta(hours=9))
    deliver(service, contact(email=None), confirmed("ord_1"))
    clock.set(MONDAY + timedelta(hours=hour))
    drain(store)
    send_all(post(store, Counting("alibaba", "sms", refuses)))
    (failed,) = [d for d in store.deliveries.newest({}, None, 5) if d.kind == kind]
    assert_too_late_after(service, clock, failed.id)


def test_what_has_no_last_moment_of_its_own_gets_as_long_again(service: Service, clock: ManualClock) -> None:
    store, carrier = store_of(service), Counting("alibaba", "sms", refuses)
    deliver(service, contact(email=None), SAMPLES["visit_stopped"])
    send_all(post(store, carrier))
    clock.advance(timedelta(days=30))
    (failed,) = store.deliveries.newest({}, None, 5)
    assert deliveries.resend(store, failed.id).expires_at == clock() + KINDS["visit_stopped"].worth
    carrier.says = lambda _: Sent("ref")
    send_all(post(store, carrier))
    assert states(store) == {"sent": 1}


def test_nothing_is_left_to_be_sent_of_an_account_that_has_ended(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    send_all(post(store_of(service), Counting("alibaba", "sms", refuses)))
    (failed,) = store_of(service).deliveries.newest({}, None, 5)
    deliver(service, m.AccountDeleted("acc_1", [], clock()))
    with pytest.raises(Conflict) as refused:
        deliveries.resend(store_of(service), failed.id)
    assert refused.value.code == "delivery_forgotten"
