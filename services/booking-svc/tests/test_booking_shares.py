"""Who gets a number, and what becomes of it: draws, offers, visits missed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from booking_patient import (
    FACTS,
    ME,
    OTHER,
    PATIENT,
    SESSION,
    do,
    fire,
    paid_order,
    place,
    reserved,
    see,
    state,
)
from booking_svc import usecases
from booking_svc.api.schemas import OrderSchema, StoppageSchema
from booking_world import FEE, HOLD, NOW, VISIT
from common import ids
from common.messages import (
    OrderEntered,
    OrderExpired,
    OrderHeld,
    OrderOffered,
    OrderRejected,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SessionChanged,
    SessionPublished,
    SessionStopped,
    SlotEntered,
    SlotRejected,
    SlotWaitlisted,
    Substitute,
    VisitMissed,
    WeightPart,
)
from common.testing import assert_problem, bearer, deliver, sent, take_sent

DRAW_AT = NOW + timedelta(hours=2)
DRAW = replace(FACTS, policy="weighted", draw_at=DRAW_AT, sold_out=True)
ELSEWHERE, LATER = ids.mint("ses"), ids.mint("ses")
SUBSTITUTES = [
    Substitute(ELSEWHERE, FEE, VISIT),
    Substitute(LATER, 2000, replace(VISIT, starts_at=NOW + timedelta(hours=20))),
]
STOPPED = SessionStopped(SESSION, replace(FACTS, revision=9, state="stopped"), "医生生病", SUBSTITUTES)
REGISTRAR = bearer(ids.mint("acc"), "registrar", hospital_id="h")
STRANGER = bearer(ids.mint("acc"), "registrar", hospital_id="h2")


def entered(order_id):
    return SlotEntered(order_id, SESSION, DRAW_AT, "p7", 3, [WeightPart("base", 1), WeightPart("follow_up", 2)])


# --- draws -----------------------------------------------------------------------------------------------------------


def test_one_enters_a_draw_and_sees_her_weight_with_its_parts(service, client):
    deliver(service, SessionPublished(SESSION, DRAW))
    order_id = place(client, voucher="4821-0937-5526-1804").json["id"]
    assert sent(service.database, ReserveSlot)[0].voucher == "4821-0937-5526-1804"
    take_sent(service.database)
    deliver(service, entered(order_id))
    assert take_sent(service.database) == [OrderEntered(order_id, ME, SESSION, DRAW_AT, 3)]
    shown = see(client, order_id)
    assert shown["state"] == "entered"
    assert (shown["entry"]["pseudonym"], shown["entry"]["weight"]) == ("p7", 3)
    assert shown["entry"]["parts"] == [{"name": "base", "points": 1}, {"name": "follow_up", "points": 2}]
    deliver(service, entered(order_id), reserved(order_id))
    assert state(client, order_id) == "awaiting_payment"


def test_in_a_draw_nobody_chooses_a_time(service, client):
    deliver(service, SessionPublished(SESSION, DRAW))
    assert_problem(place(client, slot_id="slt_1"), 409, "slot_not_choosable")
    deliver(service, SessionChanged(SESSION, replace(DRAW, revision=2, drawn=True, sold_out=False)))
    assert place(client, slot_id="slt_1").status_code == 202, "what the draw has left over is first come"


def test_who_is_not_drawn_waits_or_is_told(service, client):
    loser, waiter = (place(client, join_waitlist=wait).json["id"] for wait in (False, True))
    deliver(service, entered(loser), entered(waiter))
    take_sent(service.database)
    deliver(service, SlotRejected(loser, SESSION, "not_drawn", None, None), SlotWaitlisted(waiter, SESSION, 4))
    assert (state(client, loser), state(client, waiter)) == ("rejected", "waitlisted")
    assert sent(service.database, OrderRejected)[0].reason == "not_drawn"
    assert see(client, waiter)["waitlist_position"] == 4


def test_an_entrant_asks_again_only_when_the_draw_is_long_over(service, client, clock):
    order_id = place(client).json["id"]
    deliver(service, entered(order_id))
    take_sent(service.database)
    clock.set(DRAW_AT + usecases.LONG_OVERDUE)
    fire(service)
    assert sent(service.database, ReserveSlot) == []
    clock.advance(usecases.WATCH_EVERY)
    fire(service)
    assert [m.order_id for m in sent(service.database, ReserveSlot)] == [order_id]


def test_a_rule_that_refuses_is_named_with_its_end(service, client):
    order_id = place(client).json["id"]
    until = NOW + timedelta(days=1)
    deliver(service, SlotRejected(order_id, SESSION, "limit_reached", "per_doctor_and_day", until))
    shown = see(client, order_id)
    assert (shown["reason"], shown["rule"]) == ("limit_reached", "per_doctor_and_day")
    assert shown["until"] == "2026-11-23T16:00:00+08:00"


@pytest.mark.parametrize("typed", ["4821093755261804", " 4821 0937 5526 1804 ", "４８２１-０９３７-５５２６-１８０４"])
def test_a_voucher_may_be_typed_as_one_likes(service, client, typed):
    place(client, voucher=typed)
    assert sent(service.database, ReserveSlot)[0].voucher == "4821-0937-5526-1804"


def test_who_has_a_voucher_is_not_refused_because_the_rest_is_sold_out(service, client):
    deliver(service, SessionPublished(SESSION, replace(FACTS, sold_out=True)))
    assert_problem(place(client), 409, "sold_out")
    assert place(client, voucher="V1").status_code == 202


def test_answers_are_what_the_schema_says(service, client):
    order_id = paid_order(service, client)
    shown = see(client, order_id)
    assert shown.keys() == OrderSchema().fields.keys()
    assert OrderSchema().validate(shown) == {}
    deliver(service, STOPPED, SessionPublished(SESSION, FACTS))
    assert OrderSchema().validate(see(client, order_id)) == {}
    board = client.get(f"/api/v1/sessions/{SESSION}/stoppage", headers=REGISTRAR).json
    assert board.keys() == StoppageSchema().fields.keys()
    assert StoppageSchema().validate(board) == {}


# --- offers ----------------------------------------------------------------------------------------------------------


def offered_order(service, client, fee=FEE):
    order_id = place(client, join_waitlist=True, auto_book=False).json["id"]
    assert sent(service.database, ReserveSlot)[-1].auto_book is False
    deliver(service, SlotWaitlisted(order_id, SESSION, 1))
    take_sent(service.database)
    deliver(service, reserved(order_id, fee, offered=True))
    return order_id


def test_a_freed_number_is_offered_and_taken(service, client, clock):
    order_id = offered_order(service, client)
    until = NOW + timedelta(seconds=HOLD)
    assert take_sent(service.database) == [OrderOffered(order_id, ME, VISIT, 7, FEE, until)]
    assert see(client, order_id)["state"] == "offered"
    assert see(client, order_id)["accept_before"] == "2026-11-22T16:15:00+08:00"
    clock.advance(timedelta(seconds=HOLD - 1))
    for _ in range(2):
        response = do(client, order_id, "accept")
        assert (response.status_code, response.json["state"]) == (202, "awaiting_payment")
    assert [type(m) for m in take_sent(service.database)] == [RequestPayment, OrderHeld], "accepted once"
    clock.advance(timedelta(seconds=HOLD - 1))
    fire(service)
    assert state(client, order_id) == "awaiting_payment", "the window of the payment is its own"
    clock.advance(timedelta(seconds=1))
    fire(service)
    assert state(client, order_id) == "closing"


def test_a_free_number_that_is_taken_is_hers(service, client):
    order_id = offered_order(service, client, fee=0)
    assert do(client, order_id, "accept").json["state"] == "confirmed"


def test_an_offer_that_is_not_taken_goes_to_the_next(service, client, clock):
    order_id = offered_order(service, client)
    take_sent(service.database)
    clock.advance(timedelta(seconds=HOLD))
    assert_problem(do(client, order_id, "accept"), 409, "offer_over")
    fire(service)
    assert take_sent(service.database) == [
        ReleaseSlot(order_id, SESSION, "expired"),
        OrderExpired(order_id, ME, SESSION, VISIT),
    ]
    assert state(client, order_id) == "expired"
    assert_problem(do(client, order_id, "accept"), 409, "order_ended")


def test_only_what_is_offered_can_be_taken_and_only_by_her(service, client):
    order_id = place(client).json["id"]
    assert_problem(do(client, order_id, "accept"), 409, "not_offered")
    assert_problem(do(client, order_id, "accept", headers=bearer(OTHER)), 404, "order_not_found")


def test_an_offer_may_be_declined(service, client):
    order_id = offered_order(service, client)
    assert do(client, order_id, "cancel").json["state"] == "cancelled"
    assert sent(service.database, ReleaseSlot) == [ReleaseSlot(order_id, SESSION, "patient")]


# --- 爽约 ------------------------------------------------------------------------------------------------------------


def test_a_visit_is_missed_when_it_has_begun(service, client, clock):
    order_id = paid_order(service, client)
    early = assert_problem(do(client, order_id, "missed", headers=REGISTRAR), 409, "visit_not_begun")
    assert early["starts_at"].endswith("+08:00")
    clock.set(VISIT.starts_at)
    take_sent(service.database)
    for _ in range(2):
        response = do(client, order_id, "missed", headers=REGISTRAR)
        assert (response.status_code, response.json["state"]) == (200, "no_show")
    missed = take_sent(service.database)
    assert [type(m) for m in missed] == [VisitMissed]
    assert (missed[0].patient_id, missed[0].visit) == (PATIENT, VISIT)
    shown = see(client, order_id)
    assert (shown["paid"]["amount"], shown["refunded"]["amount"]) == (FEE, 0), "the fee stays with the hospital"
    assert shown["history"][-1]["event"] == "visit_missed"
    assert_problem(do(client, order_id, "cancel"), 409, "order_ended")


@pytest.mark.parametrize(("fee", "then"), [(FEE, "refunding"), (0, "cancelled")])
def test_nobody_misses_a_session_that_was_stopped(service, client, clock, fee, then):
    order_id = paid_order(service, client, fee)
    clock.set(VISIT.starts_at)
    do(client, order_id, "missed", headers=REGISTRAR)
    deliver(service, STOPPED)
    assert state(client, order_id) == then
    assert ReleaseSlot(order_id, SESSION, "session_stopped") in sent(service.database)


def test_only_the_hospitals_staff_say_who_missed_a_visit(service, client, clock):
    order_id = paid_order(service, client)
    clock.set(VISIT.starts_at)
    assert_problem(do(client, order_id, "missed"), 403, "wrong_role")
    assert_problem(do(client, order_id, "missed", headers=STRANGER), 404, "order_not_found")
    assert_problem(do(client, "ord_x", "missed", headers=REGISTRAR), 404, "order_not_found")
    assert_problem(do(client, order_id, "missed", headers=bearer(OTHER, "doctor", hospital_id="h")), 403, "wrong_role")
    assert state(client, order_id) == "confirmed"
    assert do(client, order_id, "missed", headers=bearer(OTHER, "hospital_admin", hospital_id="h")).status_code == 200


def test_what_is_not_hers_cannot_be_missed(service, client, clock):
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id))
    clock.set(VISIT.starts_at)
    assert_problem(do(client, order_id, "missed", headers=REGISTRAR), 409, "not_confirmed")
