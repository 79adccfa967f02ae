"""Sending: what stands in its way, who takes over, how fast, and what is urgent."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Later, Letter, Outcome, Refused, Sent, Unknown
from notify_svc.circuits import FIRST_REST, LONGEST_REST, MOST_IN_A_ROW, Circuits
from notify_svc.delivery import FIRST_PAUSE, LONGEST_PAUSE, Delivery, pause_after
from notify_svc.usecases import sending
from notify_world import SAMPLES, Reader
from post_world import Counting, code, contact, log_of, post, send_all, states, store_of, tell_confirmed


def busy(_: Letter) -> Outcome:
    return Later("throttled", "too many")


def refuses(_: Letter) -> Outcome:
    return Refused("no_template", "not approved")


def nobody_there(_: Letter) -> Outcome:
    return Refused("unknown_number", "nobody is there", address=True)


def silent(_: Letter) -> Outcome:
    return Unknown("no answer")


def only(service: Service) -> Delivery:
    (delivery,) = store_of(service).deliveries.newest({}, None, 10)
    return delivery


def until_next(service: Service, clock: ManualClock) -> None:
    """When it is due, or a second later while all providers rest."""
    clock.set(max(clock() + timedelta(seconds=1), only(service).due_at))


def pair(first: Any) -> tuple[Counting, Counting]:
    return Counting("alibaba", "sms", first), Counting("tencent", "sms")


@pytest.mark.parametrize("says", [busy, refuses])
def test_when_one_provider_does_not_send_the_next_does_at_once(service: Service, says: Any) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    first, second = pair(says)
    send_all(post(store_of(service), first, second))
    assert (len(first.carried), len(second.carried)) == (0, 1)
    sent = only(service)
    assert (sent.state, sent.provider) == ("sent", "tencent")
    assert [(a.provider, a.outcome) for a in sent.attempts] == [
        ("alibaba", says(None).__class__.__name__.lower()),
        ("tencent", "sent"),
    ]


def test_what_one_provider_perhaps_has_no_other_gets(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    first, second = pair(silent)
    desk = post(store_of(service), first, second)
    send_all(desk)
    assert states(store_of(service)) == {"handed": 1}
    clock.advance(sending.ASK_AFTER)
    send_all(desk)
    assert (states(store_of(service)), len(first.carried), len(second.carried)) == ({"sent": 1}, 1, 0)


def test_what_nobody_can_be_asked_about_is_unsure_and_left_alone(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    carrier = Counting("alibaba", "sms", silent, knows=False)
    desk = post(store_of(service), carrier)
    for _ in range(5):
        send_all(desk)
        clock.advance(timedelta(hours=1))
    assert (states(store_of(service)), len(carrier.carried)) == ({"unsure: unanswered": 1}, 1)


def test_a_provider_that_goes_on_not_knowing_is_asked_ever_more_seldom_and_not_for_ever(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    carrier = Counting("alibaba", "sms", silent)
    asked: list[datetime] = []
    monkeypatch.setattr(carrier, "find", lambda _l, _at: asked.append(clock()) or Unknown("still"))
    desk = post(store_of(service), carrier)
    send_all(desk)
    while states(store_of(service)) == {"handed": 1}:
        until_next(service, clock)
        send_all(desk)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)
    assert states(store_of(service)) == {"unsure: unanswered": 1}
    assert len(asked) < 30


def test_what_all_refuse_has_failed_with_the_reason_and_what_none_carries_too(service: Service) -> None:
    deliver(service, contact())
    tell_confirmed(service)
    send_all(post(store_of(service), Counting("alibaba", "sms", refuses), Counting("tencent", "sms", refuses)))
    assert states(store_of(service)) == {"failed: no_template": 1, "failed: no_carrier": 1}


def test_a_busy_provider_is_tried_again_later_and_later_and_not_too_late(service: Service, clock: ManualClock) -> None:
    held = dataclasses.replace(SAMPLES["order_held"], pay_before=clock() + timedelta(hours=3))
    deliver(service, contact(email=None), held)
    desk, tried = post(store_of(service), Counting("alibaba", "sms", busy)), []
    send_all(desk)
    while (delivery := only(service)).state == "waiting":
        tried.extend({delivery.attempts[-1].at} - set(tried))
        until_next(service, clock)
        send_all(desk)
    assert (delivery.reason, delivery.ended_at) == ("expired", clock())
    assert delivery.attempts[-1].at < delivery.expires_at <= clock()
    pauses = [after - before for before, after in itertools.pairwise(tried)]
    assert max(pauses) <= LONGEST_PAUSE
    assert pauses[-1] > 10 * pauses[0]


def test_pauses_double_with_jitter_up_to_a_limit() -> None:
    for tries in range(1, 40):
        pauses = [pause_after(tries) for _ in range(20)]
        longest = min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_a_provider_that_fails_again_and_again_is_left_alone_for_a_growing_while() -> None:
    circuits, now = Circuits(), datetime(2026, 11, 22, tzinfo=UTC)
    rests = []
    for _ in range(MOST_IN_A_ROW - 1):
        circuits.failed("alibaba", now)
    assert circuits.rests_until("alibaba", now) is None
    for _ in range(12):
        circuits.failed("alibaba", now)
        until = circuits.rests_until("alibaba", now)
        assert until is not None
        circuits.failed("alibaba", now)
        assert circuits.rests_until("alibaba", now) == until, "calls that were under way"
        assert circuits.rests_until("tencent", now) is None
        rests.append(until - now)
        now = until
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests[-1] == LONGEST_REST
    circuits.answered("alibaba")
    circuits.failed("alibaba", now)
    assert circuits.rests_until("alibaba", now) is None


def test_while_one_rests_the_other_carries_all(service: Service) -> None:
    deliver(service, contact(email=None))
    for n in range(MOST_IN_A_ROW + 4):
        tell_confirmed(service, order_id=f"ord_{n}")
    first, second = pair(busy)
    calls: list[Letter] = []
    first.says = lambda letter: calls.append(letter) or busy(letter)
    send_all(post(store_of(service), first, second))
    assert (len(calls), len(second.carried)) == (MOST_IN_A_ROW, MOST_IN_A_ROW + 4)


def test_when_all_rest_letters_wait_until_the_first_does_not(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    carrier = Counting("alibaba", "sms")
    desk = post(store_of(service), carrier)
    for _ in range(MOST_IN_A_ROW):
        desk.circuits.failed("alibaba", clock())
    tell_confirmed(service)
    planned = only(service)
    assert send_all(desk) == 0
    assert only(service) == planned, "it is not taken up in vain"
    clock.advance(FIRST_REST)
    send_all(desk)
    assert len(carrier.carried) == 1


def test_a_second_has_room_for_so_many_by_all_senders_together(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    for n in range(20):
        tell_confirmed(service, order_id=f"ord_{n}")
    carrier, spare = Counting("alibaba", "sms"), Counting("tencent", "sms")
    desks = [post(store_of(service), carrier, spare, most={"alibaba": 7}) for _ in range(2)]
    sent = []
    while len(carrier.carried) < 20:
        for desk in desks:
            send_all(desk)
        sent.append(len(carrier.carried))
        clock.advance(timedelta(seconds=1))
    assert sent == [7, 14, 20]
    assert spare.carried == [], "the next provider is for failures"
    assert sum(carrier.keys.values()) == len(carrier.keys) == 20


def test_what_is_urgent_goes_first_and_then_the_oldest(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service, order_id="ord_1")
    clock.advance(timedelta(seconds=1))
    tell_confirmed(service, order_id="ord_2")
    deliver(service, code("cod_1", clock() + timedelta(minutes=5)))
    carrier = Counting("alibaba", "sms")
    send_all(post(store_of(service), carrier))
    told = store_of(service).notifications
    orders = [n.order_id if (n := told.get(c.key.removesuffix(":sms"))) else c.key for c in carrier.carried]
    assert orders == ["cod_1:sms", "ord_1", "ord_2"]


def test_the_address_of_now_counts(service: Service) -> None:
    deliver(service, contact(email="old@example.com", phone=None))
    tell_confirmed(service)
    deliver(service, contact(email="new@example.com", phone=None, revision=2))
    email = Counting("smtp", "email")
    send_all(post(store_of(service), email))
    assert {letter.to for letter in email.carried} == {"new@example.com"}


def test_a_dead_address_is_told_once_and_gets_nothing_more_until_there_is_another(
    service: Service, clock: ManualClock
) -> None:
    store = store_of(service)
    deliver(service, contact())
    for n in range(3):
        tell_confirmed(service, order_id=f"ord_{n}")
    sms, email = Counting("alibaba", "sms", nobody_there), Counting("smtp", "email")
    desk = post(store, sms, email)
    for _ in range(3):
        send_all(desk)
        clock.advance(timedelta(minutes=1))
    found = log_of(store, channel="sms")
    assert sorted(found.values()) == ["failed: address: unknown_number", *["skipped: address_dead"] * 2]
    assert Reader(service, "acc_1").kinds().count("address_dead") == 1
    assert [letter.kind for letter in email.carried].count("address_dead") == 1
    tell_confirmed(service, order_id="ord_8")
    assert len(log_of(store, channel="sms")) == 3
    deliver(service, contact(phone="13900005678", revision=2))
    sms.says = lambda letter: Sent(letter.key)
    tell_confirmed(service, order_id="ord_9")
    send_all(desk)
    assert "13900005678" in {letter.to for letter in sms.carried}


def test_a_code_to_nobody_says_nothing_about_any_account(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(), code("cod_1", clock() + timedelta(minutes=5)))
    send_all(post(store_of(service), Counting("alibaba", "sms", nobody_there)))
    assert log_of(store_of(service)) == {"cod_1:sms": "failed: address: unknown_number"}
    assert store_of(service).contacts.get("acc_1").dead == frozenset()


class TestOneFaultyRecipientStopsNobody:
    """Fault 17."""

    @pytest.fixture(autouse=True)
    def five(self, service: Service) -> None:
        for n in range(1, 6):
            deliver(service, contact(f"acc_{n}", email=None, phone=None if n == 1 else f"1380000000{n}"))
            tell_confirmed(service, f"acc_{n}", f"ord_{n}")

    def outcomes(self, service: Service) -> dict[str, str]:
        return {f"{d.account_id}": d.state + d.reason for d in store_of(service).deliveries.newest({}, None, 20)}

    def test_without_a_phone(self, service: Service) -> None:
        send_all(post(store_of(service), Counting("alibaba", "sms")))
        assert self.outcomes(service) == dict.fromkeys(["acc_2", "acc_3", "acc_4", "acc_5"], "sent")

    def test_sealed_by_a_key_that_nobody_knows(self, service: Service) -> None:
        broken = m.ContactChanged("acc_3", 9, "en", None, "deadbeef.AAAA")
        deliver(service, broken)
        send_all(post(store_of(service), Counting("alibaba", "sms")))
        assert self.outcomes(service) == {
            **dict.fromkeys(["acc_2", "acc_4", "acc_5"], "sent"),
            "acc_3": "failedunreadable",
        }

    def test_a_template_that_fails(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        honest = sending.compose

        def fails(notification: Any, *args: Any, **kwargs: Any) -> Letter:
            if notification.recipient == "acc_4":
                raise LookupError("planted")
            return honest(notification, *args, **kwargs)

        monkeypatch.setattr(sending, "compose", fails)
        desk = post(store_of(service), Counting("alibaba", "sms"))
        send_all(desk)
        assert self.outcomes(service)["acc_4"] == "failedtemplate: LookupError"
        assert states(store_of(service))["sent"] == 3
        assert desk.due("sms") == [], "it does not come back"

    def test_a_carrier_that_breaks_its_word_and_raises(self, service: Service, clock: ManualClock) -> None:
        def raises(letter: Letter) -> Outcome:
            if letter.to.endswith("5"):
                raise RuntimeError("planted")
            return Sent()

        desk = post(store_of(service), Counting("alibaba", "sms", raises, knows=False))
        send_all(desk)
        clock.advance(timedelta(minutes=10))
        send_all(desk)
        assert self.outcomes(service) == {
            **dict.fromkeys(["acc_2", "acc_3", "acc_4"], "sent"),
            "acc_5": "unsureunanswered",
        }
