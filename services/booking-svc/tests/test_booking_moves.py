"""Rescheduling (改约): the new number first, then the old one back, and the money follows."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from booking_patient import FACTS, ME, OTHER, PATIENT, SESSION, do, fire, paid_order, place, reserved, see, state
from booking_svc import store, usecases
from booking_world import FEE, HOLD, NOW, VISIT
from common import ids
from common.messages import (
    ClosePayment,
    MovePayment,
    OrderConfirmed,
    OrderPlaced,
    OrderRescheduled,
    OrderWithdrawn,
    PatientSaved,
    PaymentClosed,
    PaymentMoved,
    PaymentSucceeded,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    ReserveSlot,
    SessionChanged,
    SessionPublished,
    SessionStopped,
    SlotRejected,
)
from common.testing import assert_bad_input_is_refused, assert_problem, bearer, deliver, sent, take_sent

OTHER_DAY = ids.mint("ses")
THERE = replace(FACTS, session_id=OTHER_DAY)


@pytest.fixture(autouse=True)
def sessions(service):
    deliver(service, SessionPublished(SESSION, FACTS), SessionPublished(OTHER_DAY, THERE))


def ask(client, order_id, **body):
    return do(client, order_id, "reschedule", {"session_id": OTHER_DAY, **body})


def states(client, *orders):
    return tuple(state(client, order) for order in orders)


def moving(service, client, old_fee=FEE, new_fee=FEE):
    """A confirmed order, and the one that has just got its number in its place."""
    old = paid_order(service, client, old_fee)
    new = ask(client, old).json["id"]
    take_sent(service.database)
    deliver(service, reserved(new, new_fee, OTHER_DAY))
    return old, new


def test_the_new_order_asks_for_its_number_and_the_old_one_stays(service, client):
    old = paid_order(service, client)
    response = ask(client, old, slot_id="slt_9")
    assert (response.status_code, response.json["state"], response.json["replaces"]) == (202, "reserving", old)
    new = response.json["id"]
    assert response.headers["Location"] == f"/api/v1/orders/{new}"
    placed, reserve = take_sent(service.database)
    assert isinstance(placed, OrderPlaced)
    assert reserve == ReserveSlot(new, OTHER_DAY, "slt_9", PATIENT, False, True, None, old, False, NOW)
    deliver(service, SlotRejected(new, OTHER_DAY, "sold_out", None, None))
    assert states(client, old, new) == ("confirmed", "rejected")
    assert ask(client, old).status_code == 202, "she may try another"


def test_for_the_same_fee_the_money_moves(service, client):
    old, new = moving(service, client)
    assert states(client, old, new) == ("rescheduled", "moving")
    move, told, release = take_sent(service.database)
    assert (type(move), move.from_order_id, move.amount) == (MovePayment, old, FEE)
    assert told == OrderRescheduled(old, ME, new, VISIT)
    assert release == ReleaseSlot(old, SESSION, "rescheduled")
    deliver(service, PaymentMoved(new, old, ME, FEE, 0))
    assert [type(m) for m in take_sent(service.database)] == [OrderConfirmed]
    assert [h["event"] for h in see(client, old)["history"]][-1] == "replaced"
    assert see(client, new)["paid"]["amount"] == FEE


def test_a_cheaper_one_gives_the_difference_back(service, client):
    old, new = moving(service, client, new_fee=2000)
    assert sent(service.database, MovePayment)[0].amount == 2000
    deliver(service, PaymentMoved(new, old, ME, 2000, 3000))
    shown = see(client, old)
    assert (shown["paid"]["amount"], shown["moved"]["amount"], shown["refunded"]["amount"]) == (FEE, 2000, 0)
    deliver(service, RefundSucceeded(old, ME, "r", 3000, "surplus", "sandbox", "fee_difference"))
    assert see(client, old)["refunded"]["amount"] == 3000
    assert states(client, old, new) == ("rescheduled", "confirmed")


def test_a_dearer_one_awaits_the_difference(service, client, clock):
    old, new = moving(service, client, new_fee=8000)
    assert states(client, old, new) == ("confirmed", "awaiting_payment")
    shown = see(client, new)
    assert (shown["fee"]["amount"], shown["due"]["amount"]) == (8000, 3000)
    deliver(service, PaymentSucceeded(new, ME, "pay", 3000, "sandbox", NOW))
    assert sent(service.database, MovePayment)[0].amount == FEE
    deliver(service, PaymentMoved(new, old, ME, FEE, 0))
    assert see(client, new)["paid"]["amount"] == 8000
    clock.advance(timedelta(seconds=HOLD))
    fire(service)
    assert states(client, old, new) == ("rescheduled", "confirmed"), "no window is left"


def test_a_difference_that_is_not_paid_leaves_all_as_it_was(service, client, clock):
    old, new = moving(service, client, new_fee=8000)
    clock.advance(timedelta(seconds=HOLD))
    fire(service)
    deliver(service, PaymentClosed(new))
    assert states(client, old, new) == ("confirmed", "expired")
    assert sent(service.database, RefundPayment) == []


def test_a_free_one_gives_all_the_money_back(service, client):
    old, new = moving(service, client, new_fee=0)
    assert states(client, old, new) == ("refunding", "confirmed")
    deliver(service, RefundSucceeded(old, ME, "r", FEE, "order", "sandbox", "cancelled"))
    assert states(client, old, new) == ("rescheduled", "confirmed")
    assert len(sent(service.database, OrderRescheduled)) == 1


def test_from_free_to_free_is_done_at_once(service, client):
    old, new = moving(service, client, 0, 0)
    assert states(client, old, new) == ("rescheduled", "confirmed")


def test_who_cancels_while_it_moves_has_all_of_it_back(service, client):
    old, new = moving(service, client)
    take_sent(service.database)
    assert do(client, new, "cancel").json["state"] == "returning"
    release, withdrawn = take_sent(service.database)
    assert release == ReleaseSlot(new, OTHER_DAY, "patient")
    assert (withdrawn.amount, withdrawn.was_confirmed) == (FEE, True)
    deliver(service, PaymentMoved(new, old, ME, FEE, 0))
    assert sent(service.database) == [RefundPayment(new, "patient")]
    deliver(service, RefundSucceeded(new, ME, "r", FEE, "order", "sandbox", "cancelled"))
    assert states(client, old, new) == ("rescheduled", "cancelled")


def test_a_move_that_is_not_answered_is_asked_for_again(service, client, clock):
    _, new = moving(service, client)
    take_sent(service.database)
    clock.advance(usecases.OVERDUE + timedelta(seconds=1))
    fire(service)
    assert [(m.order_id, m.amount) for m in sent(service.database, MovePayment)] == [(new, FEE)]


def test_who_gave_up_the_old_one_goes_on_as_anybody(service, client):
    old = paid_order(service, client)
    new = ask(client, old).json["id"]
    do(client, old, "cancel")
    deliver(service, reserved(new, 8000, OTHER_DAY))
    assert (state(client, old), see(client, new)["due"]["amount"]) == ("refunding", 8000)
    deliver(service, PaymentSucceeded(new, ME, "pay", 8000, "sandbox", NOW))
    assert state(client, new) == "confirmed"


STOP = SessionStopped(SESSION, replace(FACTS, revision=9, state="stopped"), "医生生病", [])


def test_nobody_is_asked_for_a_difference_to_what_she_cancelled(service, client, clock):
    old, new = moving(service, client, new_fee=8000)
    take_sent(service.database)
    do(client, old, "cancel")
    assert states(client, old, new) == ("refunding", "withdrawing")
    told = [m for m in take_sent(service.database) if m.order_id == new]
    assert [type(m) for m in told] == [ReleaseSlot, ClosePayment, OrderWithdrawn]
    shown = see(client, new)
    assert (shown["reason"], shown["history"][-1]["event"]) == ("replacement_ended", "replacement_ended")
    deliver(service, PaymentClosed(new))
    clock.advance(timedelta(seconds=HOLD))
    fire(service)
    assert state(client, new) == "cancelled", "no window is left"


def test_nobody_is_asked_for_a_difference_to_a_stopped_session(service, client):
    old, new = moving(service, client, new_fee=8000)
    deliver(service, STOP)
    assert states(client, old, new) == ("refunding", "withdrawing")
    assert see(client, new)["reason"] == "replacement_ended"


def test_nobody_is_asked_for_a_difference_to_a_visit_that_was_missed(service, client, clock):
    old, new = moving(service, client, new_fee=8000)
    clock.set(VISIT.starts_at)
    assert do(client, old, "missed", headers=bearer(OTHER, "operator")).status_code == 200
    assert states(client, old, new) == ("no_show", "withdrawing")


def test_who_moves_within_a_session_that_is_stopped_hears_of_the_stop(service, client):
    old = paid_order(service, client)
    new = ask(client, old, session_id=SESSION, slot_id="slt_2").json["id"]
    deliver(service, reserved(new, 8000))
    assert state(client, new) == "awaiting_payment"
    take_sent(service.database)
    deliver(service, STOP)
    assert states(client, old, new) == ("refunding", "withdrawing")
    assert {m.cause for m in sent(service.database, OrderWithdrawn)} == {"session_stopped"}


def test_one_at_a_time(service, client):
    old = paid_order(service, client)
    answers = []

    def post():
        answers.append(ask(service.app.test_client(), old))

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [202] + [409] * 9
    placed = next(a.json["id"] for a in answers if a.status_code == 202)
    refused = [assert_problem(a, 409, "already_moving") for a in answers if a.status_code == 409]
    assert {problem["order_id"] for problem in refused} == {placed}


def test_the_same_key_answers_the_same_new_order(service, client):
    old = paid_order(service, client)
    headers = {**bearer(ME), "Idempotency-Key": "k"}
    first, second = (do(client, old, "reschedule", {"session_id": OTHER_DAY}, headers) for _ in range(2))
    assert first.json["id"] == second.json["id"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(sent(service.database, ReserveSlot)) == 1
    other = do(client, old, "reschedule", {"session_id": SESSION, "slot_id": "slt_2"}, headers)
    assert_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hospital_id": "h2"}, "other_hospital"),
        ({"state": "stopped"}, "session_stopped"),
        ({"sold_out": True}, "sold_out"),
        ({"release_at": NOW + timedelta(hours=1)}, "not_released"),
        ({"ends_at": NOW}, "session_over"),
        ({"policy": "lottery", "draw_at": NOW + timedelta(hours=1)}, "not_drawn_yet"),
    ],
)
def test_where_one_cannot_go(service, client, changes, code):
    old = paid_order(service, client)
    deliver(service, SessionChanged(OTHER_DAY, replace(THERE, revision=2, **changes)))
    assert_problem(ask(client, old), 409, code)


def test_what_cannot_be_moved(service, client, clock):
    unpaid = place(client).json["id"]
    assert_problem(ask(client, unpaid), 409, "not_confirmed")
    do(client, unpaid, "cancel")
    assert_problem(ask(client, unpaid), 409, "order_ended")
    old = paid_order(service, client)
    assert_problem(do(client, old, "reschedule", {"session_id": OTHER_DAY}, bearer(OTHER)), 404, "order_not_found")
    assert_problem(ask(client, old, session_id=ids.mint("ses")), 404, "session_not_found")
    assert_problem(ask(client, old, session_id=SESSION), 409, "nothing_to_change")
    assert_problem(ask(client, old, session_id=SESSION, slot_id="slot"), 409, "nothing_to_change")
    clock.set(NOW + timedelta(days=1))
    assert_problem(ask(client, old), 409, "too_late_to_cancel")


def test_another_time_of_the_same_session_is_a_move_too(service, client):
    assert ask(client, paid_order(service, client), session_id=SESSION, slot_id="slt_2").status_code == 202


def test_a_removed_patient_is_not_moved(service, client):
    old = paid_order(service, client)
    deliver(service, PatientSaved(PATIENT, ME, 2, "张*", removed=True))
    assert_problem(ask(client, old), 404, "patient_not_found")


def test_bad_input_is_refused(service, client):
    path = f"/api/v1/orders/{paid_order(service, client)}/reschedule"
    assert_bad_input_is_refused(client, path, {"session_id": OTHER_DAY, "slot_id": None}, bearer(ME), skip=["slot_id"])
    body = {"session_id": OTHER_DAY, "surprise": 1}
    assert_problem(client.post(path, json=body, headers=bearer(ME)), 422, field="surprise")


def test_the_audit_sees_what_moved(service, client):
    old, new = moving(service, client, new_fee=2000)
    deliver(
        service,
        PaymentMoved(new, old, ME, 2000, 3000),
        RefundSucceeded(old, ME, "r", 3000, "surplus", "sandbox", "fee_difference"),
    )
    with service.database.reading() as conn:
        figures = {o["id"]: o for o in store.audit_figures(conn, service.database.clock())["orders"]}
    assert [figures[old][name] for name in ("paid", "moved", "refunded", "replaced_by")] == [FEE, 2000, 3000, new]
    assert (figures[new]["paid"], figures[new]["replaces"], figures[new]["account_id"]) == (2000, old, ME)
