"""Reminders in the background: in batches, by their indexes, and what is forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.reminders import TOMORROW
from notify_svc.sender import Loop
from notify_svc.store import MongoStore
from notify_svc.usecases import reminders
from post_world import Counting, contact, log_of, post, send_all
from reminder_world import MONDAY, cancelled, confirmed, drain, told

from stack.process import wait_until


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY + timedelta(hours=9))


@pytest.fixture
def store(service: Service) -> MongoStore:
    assert isinstance(service.store, MongoStore)
    return service.store


def test_many_are_fired_in_batches_of_bounded_size(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, limit, largest = 240, 50, 0
    for first in range(0, count, 120):
        deliver(service, *(confirmed(f"ord_{n}", 9.5, f"acc_{n}") for n in range(first, first + 120)))
    clock.set(MONDAY + timedelta(hours=18))
    honest = store.notifications.add

    def counting(notifications: Any, *args: Any) -> None:
        nonlocal largest
        largest = max(largest, len(notifications))
        honest(notifications, *args)

    monkeypatch.setattr(store.notifications, "add", counting)
    rounds = 0
    while reminders.fire_due(store, limit):
        rounds += 1
    assert len(told(store)) == count
    assert (largest, rounds) == (limit, -(-count // limit))


def test_the_loop_fires_and_ends(service: Service, store: MongoStore, clock: ManualClock) -> None:
    deliver(service, confirmed("a"))
    loop = Loop("reminders", lambda: reminders.turn(store))
    loop.start()
    assert not loop.dead
    clock.set(MONDAY + timedelta(hours=18))
    wait_until(lambda: bool(told(store)), 30, "the reminder")
    loop.stop()
    assert not loop.dead
    assert not loop._thread.is_alive()


def test_every_look_has_its_index(service: Service, store: MongoStore) -> None:
    """But that for the visits of many accounts at once, which MongoDB answers by an index and its double by reading all."""
    looks = [
        store.reminders.collection.find({"due_at": {"$lte": 1}}).sort("due_at", 1).limit(5),
        store.reminders.collection.find({"holder": "x"}),
        store.visits.collection.find({"account_id": "a", "starts_at": {"$gt": 1}}),
        store.visits.collection.find({"forget_at": {"$lte": 1}}).sort("forget_at", 1).limit(5),
        store.notifications.collection.find({"stored_at": {"$gte": 1}}),
        store.notifications.collection.find({"recipient": "a", "stored_at": {"$gte": 1}}).sort("stored_at", 1).limit(5),
    ]
    for look in looks:
        assert "USING INDEX" in str(look.explain()["queryPlanner"]), look.explain()


def test_the_service_fires_reminders_in_the_background(service: Service) -> None:
    assert "reminders" in [loop._thread.name for loop in (make() for make in service.loops) if isinstance(loop, Loop)]


def test_an_account_that_is_gone_is_reminded_of_nothing(
    service: Service, store: MongoStore, clock: ManualClock
) -> None:
    deliver(service, confirmed("a"), confirmed("b", 9.5, "acc_2"))
    deliver(service, m.AccountDeleted("acc_1", ["pat_1"], clock()))
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    assert told(store) == [("acc_2", TOMORROW, ["b"])]


def test_visits_are_forgotten(service: Service, store: MongoStore, clock: ManualClock) -> None:
    deliver(service, confirmed("a"), cancelled("b"))
    assert store.visits.forget(clock() + timedelta(days=89), 10) == 0
    assert store.visits.forget(clock() + timedelta(days=92), 10) == 2


def test_a_letter_is_of_the_visits_that_stand_when_it_is_sent(
    service: Service, store: MongoStore, clock: ManualClock
) -> None:
    """Fired with two visits each; then one is cancelled of the first account, and all of the second."""
    mail = Counting("mail", "email")
    deliver(service, contact("acc_1", phone=None), contact("acc_2", phone=None))
    for account in ("acc_1", "acc_2"):
        deliver(service, *(confirmed(f"{account}_{hour}", hour, account) for hour in (9.0, 15.0)))
    store.deliveries.collection.delete_many({})
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    deliver(service, cancelled("acc_1_9.0", "acc_1"), cancelled("acc_2_9.0", "acc_2"), cancelled("acc_2_15.0", "acc_2"))
    send_all(post(store, mail), "email")
    reminders_sent = [letter for letter in mail.carried if letter.kind == TOMORROW]
    assert [letter.key for letter in reminders_sent] == ["acc_1:2026-11-24:visit_tomorrow:email"]
    assert "15:00" in reminders_sent[0].text
    assert "09:00" not in reminders_sent[0].text
    assert log_of(store)["acc_2:2026-11-24:visit_tomorrow:email"] == "skipped: no_longer_stands"
