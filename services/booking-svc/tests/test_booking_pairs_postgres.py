"""Two who want the same money at once, on PostgreSQL: the order that replaces, and the patient who cancels what it replaces."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from booking_patient import FACTS, SESSION, do, paid_order, reserved, state
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
