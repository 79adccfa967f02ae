"""A mark that nobody is at an address stays for as long as the address is the same, however often it is sealed anew."""

from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.usecases import contacts
from post_world import PHONE, contact, store_of

NEW = "13900005678"


@pytest.fixture
def dead(service: Service) -> Service:
    deliver(service, contact())
    store = store_of(service)
    contacts.address_is_dead(store, store.contacts.get("acc_1"), "sms")
    assert store.contacts.get("acc_1").dead == {"sms"}
    return service


def test_it_stays_when_something_else_changes(dead: Service) -> None:
    before = store_of(dead).contacts.get("acc_1").addresses["sms"]
    deliver(dead, contact(revision=2, locale="en", email="other@example.com"))
    after = store_of(dead).contacts.get("acc_1")
    assert (after.dead, after.locale) == ({"sms"}, "en")
    assert after.addresses["sms"] != before, "sealed anew, perhaps by a newer key"


def test_another_address_and_its_return_are_alive(dead: Service) -> None:
    deliver(dead, contact(phone=NEW, revision=2))
    assert store_of(dead).contacts.get("acc_1").dead == set()
    deliver(dead, contact(phone=PHONE, revision=3))
    assert store_of(dead).contacts.get("acc_1").dead == set()


def test_one_that_does_not_open_is_another(dead: Service, clock: ManualClock) -> None:
    store = store_of(dead)
    store.contacts.collection.update_one({"_id": "acc_1"}, {"$set": {"to_sms": "deadbeef.AAAA"}})
    deliver(dead, contact(revision=2))
    assert store.contacts.get("acc_1").dead == set()


def test_a_mark_that_is_made_meanwhile_is_not_undone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(service, contact())
    store = store_of(service)
    honest, marked = store.contacts.get, []

    def get(account_id: str) -> Any:
        found = honest(account_id)
        if not marked:
            marked.append(store.contacts.mark_dead("acc_1", "sms", found.addresses["sms"]))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store.contacts, "get", get)
        deliver(service, contact(revision=2, locale="en"))
    assert marked == [True]
    assert store.contacts.get("acc_1").dead == {"sms"}
