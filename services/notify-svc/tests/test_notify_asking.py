"""Asking what became of a letter: about what was handed over, at the address that it went to."""

from datetime import datetime, timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Absent, Letter, Sent, Unknown
from notify_svc.usecases import sending
from post_world import PHONE, Counting, contact, post, send_all, states, store_of, tell_confirmed

NEW = "13900005678"


class ByNumber(Counting):
    """Lists letters by their number, as Alibaba Cloud does. had: it took the letters that it did not answer."""

    had = True

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:
        self.asked += 1
        listed = self.had and any((c.key, c.to) == (letter.key, letter.to) for c in self.carried)
        return Sent("found") if listed else Absent()


def silent_once() -> ByNumber:
    says = iter([Unknown("no answer")])
    return ByNumber("alibaba", "sms", lambda letter: next(says, Sent("ref")))


@pytest.fixture
def told(service: Service) -> Service:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    return service


def test_a_number_that_changes_before_the_asking_makes_no_second_message(told: Service, clock: ManualClock) -> None:
    carrier = silent_once()
    desk = post(store_of(told), carrier)
    send_all(desk)
    deliver(told, contact(email=None, phone=NEW, revision=2))
    clock.advance(sending.ASK_AFTER)
    send_all(desk)
    send_all(desk)
    assert [letter.to for letter in carrier.carried] == [PHONE]
    assert states(store_of(told)) == {"sent": 1}


def test_what_never_arrived_goes_to_the_new_number(told: Service, clock: ManualClock) -> None:
    carrier = silent_once()
    carrier.had = False
    desk = post(store_of(told), carrier)
    send_all(desk)
    deliver(told, contact(email=None, phone=NEW, revision=2))
    clock.advance(sending.ASK_AFTER)
    send_all(desk)
    assert states(store_of(told)) == {"waiting": 1}
    send_all(desk)
    assert [letter.to for letter in carrier.carried] == [PHONE, NEW]


def test_it_is_asked_about_when_the_number_is_gone_too(told: Service, clock: ManualClock) -> None:
    desk = post(store_of(told), silent_once())
    send_all(desk)
    deliver(told, contact(email=None, phone=None, revision=2))
    clock.advance(sending.ASK_AFTER)
    send_all(desk)
    assert states(store_of(told)) == {"sent": 1}


@pytest.mark.parametrize("ends", ["sent", "unsure", "gone"])
def test_the_address_is_kept_for_as_long_as_it_is_asked_about(told: Service, clock: ManualClock, ends: str) -> None:
    store, carrier = store_of(told), silent_once()
    carrier.knows = ends == "sent"
    desk = post(store, carrier)
    send_all(desk)
    sealed = store.contacts.get("acc_1").addresses["sms"]
    assert sealed in str(list(store.deliveries.collection.find()))
    if ends == "gone":
        deliver(told, m.AccountDeleted("acc_1", [], clock()))
    else:
        clock.advance(timedelta(hours=1))
        if ends == "unsure":
            carrier.find = lambda *_: None  # type: ignore[method-assign]
        send_all(desk)
        assert set(states(store)) == {"sent" if ends == "sent" else "unsure: unanswered"}
    assert sealed not in str(list(store.deliveries.collection.find()))
    clock.advance(timedelta(hours=1))
    send_all(desk)
    send_all(desk)
    assert len(carrier.carried) == 1
