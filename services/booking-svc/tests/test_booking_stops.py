"""停诊: a session is stopped; substitutes are taken, declined or lapse; the board goes down to zero."""

from dataclasses import replace
from datetime import timedelta

import pytest
from booking_patient import (
    FACTS,
    ME,
    OTHER,
    SESSION,
    do,
    fire,
    paid_order,
    place,
    reserved,
    see,
    state,
)
from booking_world import FEE, NOW, VISIT
from common import ids
from common.messages import (
    ClosePayment,
    OrderCancelled,
    PaymentClosed,
    PaymentMoved,
    RefundFailed,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    ReserveSlot,
    SessionChanged,
    SessionPublished,
    SessionStopped,
    SlotRejected,
    Substitute,
    SubstitutesOffered,
)
from common.testing import assert_bad_input_is_refused, assert_problem, bearer, deliver, sent, take_sent

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


def stopped_order(service, client):
    order_id = paid_order(service, client)
    deliver(service, STOPPED)
    return order_id


def test_a_stop_offers_substitutes_to_those_who_have_paid(service, client):
    order_id = paid_order(service, client)
    unpaid, free = place(client).json["id"], place(client).json["id"]
    deliver(service, reserved(unpaid), reserved(free, 0))
    take_sent(service.database)
    deliver(service, STOPPED)
    assert [state(client, o) for o in (order_id, unpaid, free)] == ["substitute_offered", "withdrawing", "cancelled"]
    offer = sent(service.database, SubstitutesOffered)
    until = NOW + timedelta(hours=24)
    assert offer == [SubstitutesOffered(order_id, ME, VISIT, FEE, SUBSTITUTES, until)]
    assert ReleaseSlot(order_id, SESSION, "session_stopped") in sent(service.database)
    assert sent(service.database, RefundPayment) == [], "her money stays while she chooses"
    assert [see(client, o)["substitutes"] for o in (unpaid, free)] == [[], []], "shown where they are offered, only"
    shown = see(client, order_id)
    assert [s["session_id"] for s in shown["substitutes"]] == [ELSEWHERE, LATER]
    assert shown["accept_before"] == "2026-11-23T16:00:00+08:00"


def test_a_substitute_is_taken_and_costs_no_more(service, client):
    order_id = stopped_order(service, client)
    response = do(client, order_id, "substitute", {"session_id": LATER})
    assert response.status_code == 202
    new = response.json["id"]
    assert response.headers["Location"] == f"/api/v1/orders/{new}"
    assert (response.json["replaces"], response.json["session_id"]) == (order_id, LATER)
    asked = sent(service.database, ReserveSlot)[-1]
    assert (asked.replaces, asked.substitute) == (order_id, True)
    assert_problem(do(client, order_id, "substitute", {"session_id": ELSEWHERE}), 409, "already_moving")
    deliver(service, reserved(new, 9000, LATER))
    assert (state(client, order_id), state(client, new)) == ("rescheduled", "moving")
    deliver(service, PaymentMoved(new, order_id, ME, FEE, 0))
    shown = see(client, new)
    assert (shown["state"], shown["fee"]["amount"], shown["paid"]["amount"]) == ("confirmed", FEE, FEE)
    old = see(client, order_id)
    assert (old["replaced_by"], old["moved"]["amount"], old["refunded"]["amount"]) == (new, FEE, 0)
    assert_problem(do(client, order_id, "substitute", {"session_id": ELSEWHERE}), 409, "order_ended")


def test_a_substitute_that_is_sold_out_leaves_the_others(service, client):
    order_id = stopped_order(service, client)
    first = do(client, order_id, "substitute", {"session_id": LATER}).json["id"]
    deliver(service, SlotRejected(first, LATER, "sold_out", None, None))
    assert state(client, order_id) == "substitute_offered"
    assert do(client, order_id, "substitute", {"session_id": ELSEWHERE}).status_code == 202


def test_declining_gives_the_money_back(service, client):
    order_id = stopped_order(service, client)
    assert do(client, order_id, "cancel").json["state"] == "refunding"
    deliver(service, RefundSucceeded(order_id, ME, "r", FEE, "order", "sandbox", "cancelled"))
    assert sent(service.database, OrderCancelled)[0].cause == "session_stopped", "none of it is her doing"


def test_not_choosing_gives_the_money_back_too(service, client, clock):
    order_id = stopped_order(service, client)
    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    fire(service)
    assert state(client, order_id) == "substitute_offered"
    clock.advance(timedelta(microseconds=1))
    assert_problem(do(client, order_id, "substitute", {"session_id": ELSEWHERE}), 409, "offer_over")
    fire(service)
    assert state(client, order_id) == "refunding"


def test_the_end_waits_for_a_choice_that_is_being_decided(service, client, clock):
    order_id = stopped_order(service, client)
    new = do(client, order_id, "substitute", {"session_id": ELSEWHERE}).json["id"]
    clock.advance(timedelta(hours=24))
    fire(service)
    assert state(client, order_id) == "substitute_offered"
    deliver(service, SlotRejected(new, ELSEWHERE, "sold_out", None, None))
    clock.advance(timedelta(minutes=1))
    fire(service)
    assert state(client, order_id) == "refunding"


def test_only_what_is_offered_may_be_had_instead(service, client):
    confirmed = paid_order(service, client)
    assert_problem(do(client, confirmed, "substitute", {"session_id": ELSEWHERE}), 409, "not_offered")
    deliver(service, STOPPED)
    assert_problem(do(client, confirmed, "substitute", {"session_id": ids.mint("ses")}), 409, "not_a_substitute")
    other = bearer(OTHER)
    assert_problem(do(client, confirmed, "substitute", {"session_id": ELSEWHERE}, other), 404, "order_not_found")
    over = replace(FACTS, session_id=ELSEWHERE, sold_out=True)
    deliver(service, SessionPublished(ELSEWHERE, over))
    assert_problem(do(client, confirmed, "substitute", {"session_id": ELSEWHERE}), 409, "sold_out")
    path = f"/api/v1/orders/{confirmed}/substitute"
    assert_bad_input_is_refused(client, path, {"session_id": LATER, "slot_id": None}, bearer(ME), skip=["slot_id"])


def test_a_substitute_that_begins_too_soon_is_none(service, client):
    order_id = paid_order(service, client)
    past = [replace(SUBSTITUTES[0], visit=replace(VISIT, starts_at=NOW))]
    deliver(service, replace(STOPPED, substitutes=past))
    assert state(client, order_id) == "refunding"


@pytest.mark.parametrize("again", [STOPPED, replace(STOPPED, substitutes=[])], ids=["the same", "without substitutes"])
def test_a_stop_that_is_told_again_changes_nothing(service, client, again):
    order_id = stopped_order(service, client)
    take_sent(service.database)
    deliver(service, again)
    assert (state(client, order_id), sent(service.database)) == ("substitute_offered", [])


def test_a_late_stop_does_not_hit_those_who_came_after_it_was_resumed(service, client):
    deliver(service, STOPPED)
    deliver(service, SessionChanged(SESSION, replace(FACTS, revision=10)))
    order_id = paid_order(service, client)
    deliver(service, STOPPED)
    assert state(client, order_id) == "confirmed"
    deliver(service, replace(STOPPED, session=replace(STOPPED.session, revision=11)))
    assert state(client, order_id) == "substitute_offered"


def board(client, headers=REGISTRAR):
    return client.get(f"/api/v1/sessions/{SESSION}/stoppage", headers=headers)


def test_the_board_shows_the_impact_and_then_what_is_left_down_to_zero(service, client):
    deliver(service, SessionPublished(SESSION, FACTS))
    paid, declined = paid_order(service, client), paid_order(service, client)
    deliver(service, reserved(place(client).json["id"]))
    rejected = place(client).json["id"]
    deliver(service, SlotRejected(rejected, SESSION, "sold_out", None, None))
    before = board(client).json
    assert (before["stopped"], before["settled"], before["orders"]) == (False, False, 3)
    assert before["amount"] == {"amount": 2 * FEE, "currency": "CNY"}
    assert before["states"] == [
        {"state": "awaiting_payment", "orders": 1, "amount": {"amount": 0, "currency": "CNY"}},
        {"state": "confirmed", "orders": 2, "amount": {"amount": 2 * FEE, "currency": "CNY"}},
    ]
    deliver(service, replace(STOPPED, substitutes=[SUBSTITUTES[1]]))
    do(client, declined, "cancel")
    after = board(client).json
    assert [(s["state"], s["orders"]) for s in after["states"]] == [
        ("refunding", 1),
        ("substitute_offered", 1),
        ("withdrawing", 1),
    ]
    assert (after["stopped"], after["settled"], after["amount"]["amount"]) == (True, False, 2 * FEE)
    new = do(client, paid, "substitute", {"session_id": LATER}).json["id"]
    deliver(
        service, reserved(new, 2000, LATER), RefundSucceeded(declined, ME, "r", FEE, "order", "sandbox", "cancelled")
    )
    left = board(client).json
    assert [(s["state"], s["amount"]["amount"]) for s in left["states"]] == [("rescheduled", 3000), ("withdrawing", 0)]
    deliver(service, PaymentMoved(new, paid, ME, 2000, 3000))
    deliver(service, *(PaymentClosed(m.order_id) for m in sent(service.database, ClosePayment)))
    deliver(service, RefundFailed(paid, ME, "r1", 3000, "surplus", "refused"))
    owed = board(client).json
    assert (owed["settled"], owed["orders"], owed["amount"]["amount"]) == (False, 1, 3000), "on its way is not yet back"
    assert see(client, paid)["refunded"]["amount"] == 0
    deliver(service, RefundSucceeded(paid, ME, "r2", 3000, "surplus", "window", "fee_difference"))
    assert see(client, paid)["refunded"]["amount"] == 3000
    end = board(client).json
    assert (end["settled"], end["orders"], end["amount"]["amount"], end["states"]) == (True, 0, 0, [])


def test_the_board_is_for_the_hospitals_staff(service, client):
    assert_problem(board(client), 404, "session_not_found")
    deliver(service, SessionPublished(SESSION, FACTS))
    assert_problem(board(client, STRANGER), 403, "other_hospital")
    assert_problem(board(client, bearer(ME)), 403, "wrong_role")
    assert_problem(client.get(f"/api/v1/sessions/{SESSION}/stoppage"), 401)
    assert board(client, bearer(OTHER, "operator")).status_code == 200
    assert_problem(board(client, bearer(OTHER, "cashier", hospital_id="h")), 403, "wrong_role")
    for role in ("doctor", "hospital_admin"):
        assert board(client, bearer(OTHER, role, hospital_id="h")).status_code == 200
        assert_problem(board(client, bearer(OTHER, role, hospital_id="h2")), 403, "other_hospital")
