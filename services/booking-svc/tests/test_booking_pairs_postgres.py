"""Two who want the same money at once, on PostgreSQL: the order that replaces, and the patient who cancels what it replaces."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from booking_patient import FACTS, SESSION, do, paid_order, reserved, see, state
from booking_svc import store
from booking_svc.app import Settings, build
from booking_world import NOW
from common import ids
from common.clock import ManualClock
from common.messages import MovePayment, RefundPayment, SessionPublished
from common.service import Service
from common.testing import deliver, sent

THERE = ids.mint("ses")


@pytest.fixture
def service(postgres_url: str) -> Iterator[Service]:
    service = build(Settings(database_url=postgres_url), ManualClock(NOW))
    service.migrate()
    deliver(service, SessionPublished(SESSION, FACTS), SessionPublished(THERE, replace(FACTS, session_id=THERE)))
    yield service
    service.database.close()


def test_money_moves_or_goes_back_but_never_both(service: Service) -> None:
    client = service.app.test_client()
    for _ in range(12):
        old = paid_order(service, client)
        new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
        cancel = threading.Thread(target=lambda order=old: do(service.app.test_client(), order, "cancel"))
        take = threading.Thread(target=lambda order=new: deliver(service, reserved(order, session=THERE)))
        for thread in (cancel, take):
            thread.start()
        for thread in (cancel, take):
            thread.join()
        ended = (state(client, old), state(client, new))
        moved = [m.amount for m in sent(service.database, MovePayment) if m.from_order_id == old]
        returned = [m for m in sent(service.database, RefundPayment) if m.order_id == old]
        assert len(moved) + len(returned) == 1
        assert ended == (("rescheduled", "moving") if moved else ("refunding", "awaiting_payment"))


def test_nobody_is_asked_for_a_difference_to_what_is_gone_whoever_comes_first(service: Service) -> None:
    client = service.app.test_client()
    for _ in range(12):
        old = paid_order(service, client)
        new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
        cancel = threading.Thread(target=lambda order=old: do(service.app.test_client(), order, "cancel"))
        take = threading.Thread(target=lambda order=new: deliver(service, reserved(order, 8000, session=THERE)))
        for thread in (cancel, take):
            thread.start()
        for thread in (cancel, take):
            thread.join()
        assert state(client, old) == "refunding"
        shown = see(client, new)
        if shown["state"] == "awaiting_payment":
            assert shown["due"] == shown["fee"]
        else:
            assert (shown["state"], shown["reason"]) == ("withdrawing", "replacement_ended")


def test_a_stop_locks_the_orders_and_those_that_are_to_replace_them(service: Service) -> None:
    client = service.app.test_client()
    old, alone = paid_order(service, client), paid_order(service, client)
    new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
    deliver(service, reserved(new, 8000, session=THERE))
    with service.database.transaction() as tx:
        found = store.lock_orders_of_sessions(tx, [SESSION])
        assert {old, alone, new} <= set(found)
        assert list(found) == sorted(found)
