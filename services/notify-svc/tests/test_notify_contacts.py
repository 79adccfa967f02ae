"""What is told is planned for the addresses that a person has: once, whatever comes twice or late."""

import dataclasses
from datetime import timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.envelope import seal
from common.service import Service
from common.testing import deliver
from notify_svc import domain, templates
from notify_svc.kinds import KINDS
from notify_world import SAMPLES, Reader
from post_world import EMAIL, PHONE, VAULT, Counting, code, contact, log_of, post, send_all, store_of, tell_confirmed


def test_every_kind_says_how_it_goes_out_and_nothing_else_does() -> None:
    assert set(KINDS) == set(templates.kinds())
    assert {kind for kind, how in KINDS.items() if "sms" in how.channels} <= set(templates.sms_kinds())
    told = {kind for message in SAMPLES.values() for _, kind in domain.kinds_of(message, "hos_1")}
    assert told <= set(KINDS)


def test_a_notification_goes_to_every_address_of_its_owner(service: Service) -> None:
    deliver(service, contact())
    body = seal(SAMPLES["order_confirmed"], store_of(service).clock()).body
    service.processor.process([body])
    service.processor.process([body, body])
    (told,) = Reader(service, "acc_1").items()
    assert set(log_of(store_of(service))) == {f"{told['id']}:email", f"{told['id']}:sms"}
    email, sms = Counting("smtp", "email"), Counting("alibaba", "sms")
    assert send_all(post(store_of(service), email, sms)) == 2
    assert [letter.to for letter in (*email.carried, *sms.carried)] == [EMAIL, PHONE]
    assert set(log_of(store_of(service)).values()) == {"sent"}


def test_staff_and_strangers_and_those_without_an_address_get_none(service: Service) -> None:
    deliver(service, contact("acc_2", email=None, phone=None), SAMPLES["refund_stalled"], SAMPLES["roster_applied"])
    tell_confirmed(service, "acc_2")
    assert log_of(store_of(service)) == {}
    assert Reader(service, "acc_2").kinds() == ["order_confirmed"]


def test_the_welcome_waits_for_the_first_address_and_not_for_long(service: Service, clock: ManualClock) -> None:
    deliver(service, SAMPLES["user_registered"], m.UserRegistered("acc_2", "bob", "en"))
    clock.advance(timedelta(minutes=9))
    deliver(service, contact())
    deliver(service, contact())
    clock.advance(timedelta(minutes=2))
    deliver(service, contact("acc_2"))
    found = store_of(service).deliveries.newest({}, None, 10)
    assert [(d.account_id, d.kind, d.channel) for d in found] == [("acc_1", "user_registered", "email")]


def test_a_crash_between_inbox_and_plan_is_made_good(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(service, contact())
    store = store_of(service)
    body = seal(SAMPLES["order_confirmed"], store.clock()).body

    def dies(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.deliveries, "plan", dies)
        with pytest.raises(KeyboardInterrupt):
            service.processor.process([body])
    assert (len(Reader(service, "acc_1").kinds()), log_of(store)) == (1, {})
    service.processor.process([body])
    assert len(log_of(store)) == 2


def test_addresses_that_are_heard_late_change_nothing_and_nothing_is_kept_in_clear(service: Service) -> None:
    deliver(service, contact(email="new@example.com", revision=3), contact(email="old@example.com", revision=2))
    kept = store_of(service).contacts.get("acc_1")
    assert VAULT.open(kept.addresses["email"], "acc_1/email") == "new@example.com"
    (document,) = store_of(service).contacts.collection.find()
    assert "example.com" not in str(document)
    assert PHONE not in str(document)


def test_codes_go_to_the_address_in_their_message_and_are_wiped(service: Service, clock: ManualClock) -> None:
    deliver(service, code("cod_1", clock() + timedelta(minutes=10)), code("cod_2", clock() + timedelta(minutes=10)))
    store, sms = store_of(service), Counting("alibaba", "sms")
    assert list(store.notifications.all_told()) == []
    assert [d.lane for d in store.deliveries.due("sms", clock(), 10)] == [0, 0]
    (first, _) = store.deliveries.due("sms", clock(), 10)
    post(store, sms).send(first)
    (letter,) = sms.carried
    assert (letter.to, letter.facts["code"]) == (PHONE, "123456")
    clock.advance(timedelta(minutes=11))
    send_all(post(store, sms))
    assert log_of(store) == {"cod_1:sms": "sent", "cod_2:sms": "failed: expired"}
    for document in store.deliveries.collection.find():
        assert document["sealed"] == {}
        assert "123456" not in str(document)


def test_what_happens_to_an_account_is_told_at_the_former_address_too(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email="new@example.com"))
    former = VAULT.seal("former@example.com", "sec_2/former")
    noted = m.SecurityNoted("sec_2", "acc_1", "email_changed", clock(), "Firefox", "email", former)
    deliver(service, noted)
    deliver(service, noted)
    email = Counting("smtp", "email")
    send_all(post(store_of(service), email, Counting("alibaba", "sms")))
    assert sorted(letter.to for letter in email.carried) == ["former@example.com", "new@example.com"]
    (told,) = store_of(service).notifications.collection.find({"recipient": "acc_1"})
    assert former not in str(told)


def test_an_account_that_ends_is_forgotten_and_still_hears_that_it_has(service: Service, clock: ManualClock) -> None:
    store, email = store_of(service), Counting("smtp", "email")
    deliver(service, contact())
    tell_confirmed(service)
    former = VAULT.seal(EMAIL, "sec_3/former")
    end = m.SecurityNoted("sec_3", "acc_1", "account_deleted", clock(), "Firefox", "email", former)
    deliver(service, end, m.AccountDeleted("acc_1", ["pat_1"], clock()))
    tell_confirmed(service, order_id="ord_2")
    deliver(service, contact(revision=9))
    assert list(log_of(store)) == ["sec_3:former:email"]
    assert store.contacts.get("acc_1").addresses == {}
    assert Reader(service, "acc_1").items() == []
    send_all(post(store, email))
    assert [letter.to for letter in email.carried] == [EMAIL]
    everything = [*store.contacts.collection.find(), *store.deliveries.collection.find()]
    assert former not in str(everything)
    assert service.figures()["by_order"]["ord_1"] == {"order_confirmed": 1}, "the audit still sees that it was told"


def test_the_log_of_who_has_gone_shows_no_address(service: Service, clock: ManualClock) -> None:
    deliver(service, contact())
    tell_confirmed(service)
    send_all(post(store_of(service), Counting("smtp", "email"), Counting("alibaba", "sms")))
    shown = {d.masked_to for d in store_of(service).deliveries.newest({}, None, 10)}
    assert shown == {"a***@example.com", "138****1234"}
    deliver(service, m.AccountDeleted("acc_1", [], clock()))
    assert {d.masked_to for d in store_of(service).deliveries.newest({}, None, 10)} == {""}


def test_news_that_are_too_old_are_not_sent(service: Service, clock: ManualClock) -> None:
    deliver(service, contact())
    held = dataclasses.replace(SAMPLES["order_held"], pay_before=clock() - timedelta(minutes=1))
    deliver(service, held)
    assert log_of(store_of(service)) == {}
