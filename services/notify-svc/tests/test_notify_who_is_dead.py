"""A number is dead when nobody who could carry the letter knows it: one provider's word stops no other, and kills nobody."""

from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Later, Letter, Outcome, Refused, Sent
from notify_svc.usecases.sending import LEASE
from post_world import Counting, contact, log_of, post, send_all, states, store_of, tell_confirmed
from prometheus_client import REGISTRY


def no_number(_: Letter) -> Outcome:
    return Refused("isv.MOBILE_NUMBER_ILLEGAL", "not in this country", address=True)


def no_template(_: Letter) -> Outcome:
    return Refused("no_template", "not approved")


def busy(_: Letter) -> Outcome:
    return Later("throttled", "too many")


@pytest.fixture(autouse=True)
def one_letter(service: Service) -> None:
    deliver(service, contact(email=None, phone="+85291234567"))
    tell_confirmed(service)


def dead(service: Service) -> set[str]:
    return set(store_of(service).contacts.get("acc_1").dead)


def test_the_next_provider_is_asked_and_the_number_lives(service: Service) -> None:
    other = Counting("tencent", "sms")
    send_all(post(store_of(service), Counting("alibaba", "sms", no_number), other))
    assert (len(other.carried), dead(service)) == (1, set())
    assert states(store_of(service)) == {"sent": 1}


@pytest.mark.parametrize("says", [(no_template, no_number), (no_number, no_template)])
def test_not_all_say_so(service: Service, says: Any) -> None:
    send_all(post(store_of(service), Counting("alibaba", "sms", says[0]), Counting("tencent", "sms", says[1])))
    assert dead(service) == set()
    assert log_of(store_of(service)).popitem()[1].startswith("failed: ")


def test_all_say_so_be_it_at_different_times(service: Service, clock: ManualClock) -> None:
    first, second = Counting("alibaba", "sms", no_number), Counting("tencent", "sms", busy)
    desk = post(store_of(service), first, second)
    send_all(desk)
    assert (states(store_of(service)), dead(service)) == ({"waiting: address: isv.MOBILE_NUMBER_ILLEGAL": 1}, set())
    second.says = no_number
    clock.advance(LEASE)
    send_all(desk)
    assert dead(service) == {"sms"}
    assert states(store_of(service)) == {"failed: address: isv.MOBILE_NUMBER_ILLEGAL": 1}


def test_who_takes_it_later_ends_the_doubt(service: Service, clock: ManualClock) -> None:
    second = Counting("tencent", "sms", busy)
    desk = post(store_of(service), Counting("alibaba", "sms", no_number), second)
    send_all(desk)
    second.says = lambda letter: Sent(letter.key)
    clock.advance(LEASE)
    send_all(desk)
    assert (states(store_of(service)), dead(service)) == ({"sent": 1}, set())


def test_a_kind_that_a_provider_does_not_take_rests_no_other_kind(service: Service) -> None:
    """A template that is not approved, or a recipient's own rules: twenty such letters, and the provider goes on with the rest."""
    for n in range(20):
        tell_confirmed(service, order_id=f"ord_a{n}")
    only = Counting("alibaba", "sms", lambda _: Later("isv.SMS_TEMPLATE_ILLEGAL", "ALARM: not approved", address=True))
    desk = post(store_of(service), only)
    send_all(desk)
    assert desk.circuits.rests_until("alibaba", store_of(service).clock()) is None
    assert states(store_of(service)) == {"waiting": 21}, "nothing is lost within its worth"


def test_what_needs_a_person_is_counted_by_provider(service: Service) -> None:
    def counted(provider: str) -> float:
        return REGISTRY.get_sample_value("haoyuan_delivery_alarms_total", {"provider": provider}) or 0.0

    before = counted("alibaba"), counted("tencent")
    wants_a_person = Counting("alibaba", "sms", lambda _: Later("SignatureDoesNotMatch", "ALARM: your key"))
    send_all(post(store_of(service), wants_a_person, Counting("tencent", "sms", busy)))
    assert (counted("alibaba"), counted("tencent")) == (before[0] + 1, before[1])
