"""Asking what became of a letter: about what was handed over, at the address that it went to."""

from datetime import datetime, timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Absent, Letter, Sent, Unknown
from notify_svc.circuits import FIRST_REST, MOST_IN_A_ROW
from notify_svc.usecases import sending
from post_world import PHONE, Counting, code, contact, post, send_all, states, store_of, tell_confirmed

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


class TestOthersDoNotWaitForIt:
    @pytest.fixture(autouse=True)
    def unanswered(self, told: Service, clock: ManualClock) -> None:
        """Thirty that the first provider did not answer, when it is time to ask."""
        self.store = store_of(told)
        for n in range(29):
            tell_confirmed(told, order_id=f"ord_{n + 2}")
        self.silent = Counting("alibaba", "sms", lambda _: Unknown("no answer"))
        self.other = Counting("tencent", "sms")
        desk = post(self.store, self.silent)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(desk.circuits, "rests_until", lambda *_: None)
            send_all(desk)
        assert states(self.store) == {"handed": 30}
        clock.advance(sending.ASK_AFTER)

    def test_the_urgent_go_before_and_the_asking_is_bounded(self, told: Service, clock: ManualClock) -> None:
        deliver(told, code("cod_1", clock() + timedelta(minutes=5)))
        tell_confirmed(told, order_id="ord_99")
        order: list[str] = []
        self.silent.find = lambda letter, _: order.append("asked") or Sent("found")  # type: ignore[method-assign,func-returns-value]
        self.silent.says = lambda letter: order.append(letter.kind) or Sent("ref")  # type: ignore[func-returns-value]
        desk = post(self.store, self.silent)
        send_all(desk, "sms")
        assert order == ["code_login", *["asked"] * sending.ASKED_AT_ONCE, "order_confirmed"]
        while send_all(desk, "sms"):
            pass
        assert states(self.store) == {"sent": 32}

    def test_one_that_rests_is_not_asked(self, clock: ManualClock) -> None:
        desk = post(self.store, self.silent, self.other)
        for _ in range(MOST_IN_A_ROW):
            desk.circuits.failed("alibaba", clock())
        asking = desk.due("sms")
        assert asking == []
        clock.advance(FIRST_REST)
        send_all(desk)
        assert self.silent.asked == sending.ASKED_AT_ONCE

    def test_nor_is_one_that_began_to_rest_meanwhile_or_has_no_room(self, clock: ManualClock) -> None:
        desk = post(self.store, self.silent, self.other, most={"alibaba": 2})
        jobs = desk.due("sms")
        assert [job() for job in jobs[:3]] == [True, True, False]
        clock.advance(timedelta(seconds=1))
        for _ in range(MOST_IN_A_ROW):
            desk.circuits.failed("alibaba", clock())
        assert jobs[3]()
        assert self.silent.asked == 2

    def test_askings_that_hang_take_no_more_than_their_part(self, clock: ManualClock) -> None:
        desk = post(self.store, self.silent)
        seen: list[int] = []
        self.silent.find = lambda letter, _: seen.append(len(desk.due("sms"))) or Sent("found")  # type: ignore[method-assign,func-returns-value]
        desk.due("sms")[0]()
        assert seen == [sending.ASKED_AT_ONCE - 1]
