"""Visits that were confirmed under a release without reminders get theirs."""

from datetime import timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.reminders import SOON, TOMORROW
from notify_svc.store import MongoStore
from notify_svc.usecases import visits
from post_world import contact, store_of
from reminder_world import MONDAY, cancelled, confirmed, drain, visits_told


@pytest.fixture
def former(service: Service, clock: ManualClock) -> MongoStore:
    """What the release before left: inboxes, and no visits."""
    store = store_of(service)
    clock.set(MONDAY + timedelta(hours=9))
    deliver(service, contact(), contact("acc_2"), *(confirmed(f"ord_{n}", 9 + n) for n in range(3)))
    deliver(service, cancelled("ord_1"), confirmed("ord_7", 9, "acc_2"), confirmed("ord_8", -30), confirmed("ord_9"))
    deliver(service, m.AccountDeleted("acc_2", [], clock()))
    store.notifications.collection.update_many({"order_id": "ord_9"}, {"$set": {"params": {"order_id": "ord_9"}}})
    store.visits.collection.delete_many({})
    store.reminders.collection.delete_many({})
    return store


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_they_are_reminded_of_what_stands_and_is_to_come(
    service: Service, former: MongoStore, clock: ManualClock, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "BATCH", batch)
    service.migrate()
    service.migrate()
    assert {d["_id"] for d in former.visits.collection.find()} == {"ord_0", "ord_2"}
    for hour in range(10, 40):
        clock.set(MONDAY + timedelta(hours=hour))
        drain(former)
        if hour == 20:
            service.migrate()
    soon = [(SOON, "ord_0"), (SOON, "ord_2")]
    assert visits_told(former) == [*soon, (TOMORROW, "ord_0"), (TOMORROW, "ord_2")]
