"""Somebody has ended her account: what can be cancelled is, by the saga's own way; her people's names are forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from booking_patient import FACTS, ME, OTHER, PATIENT, SESSION, do, fire, paid_order, place, reserved, see, state
from booking_svc import store
from booking_svc.usecases import leaving
from booking_world import FEE, NOW
from common import ids
from common.messages import (
    AccountDeleted,
    ClosePayment,
    OrderCancelled,
    OrderWithdrawn,
    PatientSaved,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    SessionChanged,
    SlotEntered,
    SlotRejected,
    SlotWaitlisted,
)
from common.testing import assert_problem, bearer, deliver, sent, take_sent

GONE = AccountDeleted(ME, [PATIENT], NOW)


def leave(service, *messages):
    """What is told of the end of accounts, and the job that sees to them."""
    deliver(service, *messages)
    fire(service)


def test_what_was_paid_is_withdrawn_and_goes_back(service, client):
    order_id = paid_order(service, client)
    leave(service, GONE)
    assert state(client, order_id) == "refunding"
    told = take_sent(service.database)
    assert [type(m) for m in told] == [ReleaseSlot, RefundPayment, OrderWithdrawn]
    assert told[2].cause == "patient"
    deliver(service, RefundSucceeded(order_id, ME, "rfd", FEE, "order", "sandbox", "cancelled"))
    assert state(client, order_id) == "cancelled"


def test_everything_that_waits_is_cancelled(service, client):
    reserving, entered, waiting, offered, held = (place(client).json["id"] for _ in range(5))
    deliver(
        service,
        SlotEntered(entered, SESSION, NOW + timedelta(hours=1), "p1", 1, ()),
        SlotWaitlisted(waiting, SESSION, 1),
        reserved(offered, offered=True),
        reserved(held),
    )
    take_sent(service.database)
    leave(service, GONE)
    states = [state(client, order) for order in (reserving, entered, waiting, offered, held)]
    assert states == ["cancelled"] * 4 + ["withdrawing"]
    assert {m.order_id for m in sent(service.database, ReleaseSlot)} == {reserving, entered, waiting, offered, held}
    assert [m.order_id for m in sent(service.database, ClosePayment)] == [held]
    assert {m.order_id for m in sent(service.database, OrderCancelled)} == {reserving, entered, waiting, offered}


def test_what_is_past_its_deadline_stays(service, client, clock):
    order_id = paid_order(service, client)
    clock.advance(timedelta(days=1))  # the deadline is exclusive
    leave(service, GONE)
    assert state(client, order_id) == "confirmed"
    assert take_sent(service.database) == []


def test_told_twice_it_is_done_once(service, client):
    order_id = paid_order(service, client)
    leave(service, GONE, GONE)
    leave(service, GONE)
    assert [m.order_id for m in sent(service.database, RefundPayment)] == [order_id]


def test_others_are_left_alone(service, client):
    theirs = client.post(
        "/api/v1/orders", json={"session_id": SESSION, "patient_id": ids.mint("pat", OTHER)}, headers=bearer(OTHER)
    ).json["id"]
    leave(service, GONE)
    assert client.get(f"/api/v1/orders/{theirs}", headers=bearer(OTHER)).json["state"] == "reserving"


def test_the_name_is_forgotten_and_nothing_is_booked_any_more(service, client):
    deliver(service, PatientSaved(PATIENT, ME, 3, "张*", removed=False))
    order_id = place(client).json["id"]
    assert see(client, order_id)["patient_name"] == "张*"
    leave(service, GONE)
    deliver(service, PatientSaved(PATIENT, ME, 4, "张*", removed=False))  # late
    assert see(client, order_id)["patient_name"] is None
    with service.database.reading() as conn:
        assert "张" not in str(conn.execute(sa.text("SELECT * FROM patients")).all())
    assert_problem(place(client), 404, "patient_not_found")


def test_one_whom_we_never_heard_of_is_not_booked_for_either(service, client):
    leave(service, GONE)
    assert_problem(place(client), 404, "patient_not_found")


def test_an_account_without_people(service):
    deliver(service, AccountDeleted(ME, [], NOW))
    assert service.database.parked() == []


def test_an_order_that_was_just_being_placed_is_seen_to(service, client, clock, monkeypatch):
    """The request looked before we heard, and committed after: as if nobody had told of the patient yet."""
    with monkeypatch.context() as late:
        late.setattr(store, "forget_patients", lambda *_: None)
        deliver(service, GONE)
    order_id = place(client).json["id"]
    clock.advance(leaving.LOOK_AGAIN)
    fire(service)
    assert state(client, order_id) == "cancelled"


def test_who_was_moving_loses_both_and_gets_the_money_back(service, client):
    other = ids.mint("ses")
    old = paid_order(service, client)
    deliver(service, SessionChanged(other, replace(FACTS, session_id=other)))
    new = do(client, old, "reschedule", {"session_id": other}).json["id"]
    take_sent(service.database)
    leave(service, GONE)
    assert [state(client, order) for order in (old, new)] == ["refunding", "cancelled"]
    assert [m.order_id for m in sent(service.database, RefundPayment)] == [old]
    take_sent(service.database)
    deliver(service, reserved(new, session=other))  # it was on its way
    assert state(client, new) == "cancelled"
    assert sent(service.database, RefundPayment) == []


@pytest.mark.parametrize("answer", ["number", "rejected"])
def test_an_answer_that_comes_after_all_changes_nothing(service, client, answer):
    order_id = place(client).json["id"]
    leave(service, GONE)
    take_sent(service.database)
    late = reserved(order_id) if answer == "number" else SlotRejected(order_id, SESSION, "sold_out", None, None)
    deliver(service, late)
    assert state(client, order_id) == "cancelled"
