"""What is kept for how long: by MongoDB's TTL, and by a sweep that works on every server."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.store import MongoStore
from notify_svc.store import mongo as module
from notify_svc.store.mongo import FORGET_ON, Document
from notify_svc.usecases import upkeep
from notify_world import SAMPLES
from post_world import Counting, contact, log_of, post, send_all, store_of, tell_confirmed
from pymongo.collection import Collection

NOTIFICATIONS, DELIVERIES = timedelta(days=730), timedelta(days=180)


def ttl_of(collection: Collection[Document]) -> list[tuple[int, list[str]]]:
    """The indexes by which a server deletes: after how many seconds, by which fields."""
    ttl = [i for i in collection.index_information().values() if "expireAfterSeconds" in i]
    return [(i["expireAfterSeconds"], [name for name, _ in i["key"]]) for i in ttl]


def test_each_document_says_when_it_is_to_be_forgotten(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "expires", lambda _: True)
    service.migrate()
    deliver(service, contact())
    tell_confirmed(service)
    store = store_of(service)
    for collection, kept in (
        (store.notifications.collection, NOTIFICATIONS),
        (store.notifications.log, NOTIFICATIONS),
        (store.deliveries.collection, DELIVERIES),
    ):
        assert {d[FORGET_ON].replace(tzinfo=UTC) for d in collection.find()} == {clock() + kept}
        assert ttl_of(collection) == [(0, [FORGET_ON])]


def test_a_mongodb_deletes_by_itself_and_its_double_does_not(mongo: str, is_double: bool) -> None:
    """The double reads all documents for that before every query."""
    store = MongoStore(f"{mongo}/t{secrets.token_hex(4)}")
    store.migrate()
    try:
        for collection in (store.notifications, store.deliveries, store.visits):
            assert ttl_of(collection.collection) == ([] if is_double else [(0, [FORGET_ON])])
    finally:
        store.client.drop_database(store.database.name)
        store.close()


def test_it_stays_a_date_when_the_delivery_changes(service: Service) -> None:
    """nx-27017 makes a string of a date that is set anew, and MongoDB deletes by dates only."""
    deliver(service, contact())
    tell_confirmed(service)
    store = store_of(service)
    send_all(post(store, Counting("smtp", "email"), Counting("alibaba", "sms")))
    assert set(log_of(store).values()) == {"sent"}
    assert all(isinstance(d[FORGET_ON], datetime) for d in store.deliveries.collection.find())


def test_the_log_goes_first_and_then_what_was_told_and_nothing_too_early(service: Service, clock: ManualClock) -> None:
    store = store_of(service)
    deliver(service, contact())
    tell_confirmed(service, order_id="ord_1")
    clock.advance(timedelta(days=10))
    tell_confirmed(service, order_id="ord_2")

    def kept() -> tuple[int, int, int]:
        told = len(list(store.notifications.all_told()))
        return told, len(list(store.notifications.all_delivered())), len(log_of(store))

    assert kept() == (2, 2, 4)
    clock.advance(DELIVERIES - timedelta(days=10))
    upkeep.turn(store)
    assert kept() == (2, 2, 4)
    clock.advance(timedelta(seconds=1))
    upkeep.turn(store)
    assert kept() == (2, 2, 2)
    clock.advance(NOTIFICATIONS - DELIVERIES)
    upkeep.turn(store)
    assert kept() == (1, 1, 0)
    assert service.figures()["undelivered"] == service.figures()["untold"] == []


def test_the_sweep_goes_on_until_there_is_nothing_left(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "AT_ONCE", 3)
    for n in range(7):
        tell_confirmed(service, order_id=f"ord_{n}")
    clock.advance(NOTIFICATIONS + timedelta(days=1))
    store, pauses = store_of(service), []
    while len(pauses) < 10 and (not pauses or pauses[-1] == 0.0):
        pauses.append(upkeep.turn(store))
    assert pauses == [0.0, 0.0, upkeep.PAUSE]
    assert list(store.notifications.all_told()) == []


def test_what_an_older_release_has_kept_is_forgotten_too(service: Service, clock: ManualClock) -> None:
    deliver(service, SAMPLES["order_confirmed"])
    store = store_of(service)
    store.notifications.collection.update_many({"recipient": "acc_1"}, {"$unset": {FORGET_ON: 1}})
    clock.advance(NOTIFICATIONS + timedelta(days=1))
    upkeep.turn(store)
    assert list(store.notifications.all_told()) == []


def test_counted_seconds_do_not_pile_up(service: Service, clock: ManualClock) -> None:
    store = store_of(service)
    for _ in range(5):
        assert store.rates.take("smtp", 1, clock())
        assert not store.rates.take("smtp", 1, clock())
        clock.advance(timedelta(minutes=2))
    upkeep.turn(store)
    assert store.rates.collection.count_documents({}) == 2
