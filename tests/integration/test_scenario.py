"""A registration from end to end, over HTTP only, on both systems."""

import contextlib
from datetime import datetime, timedelta

import pytest
from actors import FEE, Hospital, Patient, eventually, refusal
from common.clock import SHANGHAI

from demo.client import Client, Refused


def remaining(hospital: Hospital, session: str, wanted: int) -> None:
    """Wait until this many numbers are left."""
    eventually(lambda: hospital.see(session)["remaining"] == wanted, f"{wanted} numbers are left")


def test_she_registers_books_pays_changes_her_mind_and_is_told_of_each_step(base, hospital):
    patient = Patient(base)
    session = hospital.session(2, days=6)  # in good time: a late cancellation is told as a mark in her credit record
    order = patient.order(session)
    assert order["state"] == "awaiting_payment"
    assert order["fee"] == {"amount": FEE, "currency": "CNY"}
    remaining(hospital, session, 1)
    patient.pay(order["id"])
    paid = patient.state(order["id"], "confirmed")
    assert paid["paid"]["amount"] == FEE
    assert paid["queue_number"] == 1
    patient.post(f"/orders/{order['id']}/cancel")
    over = patient.state(order["id"], "cancelled")
    assert over["refunded"]["amount"] == FEE
    remaining(hospital, session, 2)
    told = [
        "user_registered",
        "order_placed",
        "order_held",
        "payment_succeeded",
        "order_confirmed",
        "order_withdrawn",
        "refund_succeeded",
        "order_cancelled",
    ]
    eventually(lambda: sorted(patient.inbox()) == sorted(told), f"the inbox tells all: {patient.inbox()}")


def test_the_freed_number_is_sold_again(base, hospital):
    first, second = Patient(base), Patient(base)
    session = hospital.session(1)
    order = first.order(session)
    assert eventually(lambda: hospital.see(session)["state"] == "sold_out", "sold out")
    first.post(f"/orders/{order['id']}/cancel")
    remaining(hospital, session, 1)
    again = eventually(lambda: try_to_order(second, session), "the number is had again")
    assert (again["state"], again["queue_number"]) == ("awaiting_payment", order["queue_number"])
    first.state(order["id"], "cancelled")


def try_to_order(patient: Patient, session: str):
    """An order, or None while the news of the freed number is on its way."""
    with contextlib.suppress(Refused):
        order = patient.order(session)
        return order if order["state"] == "awaiting_payment" else None
    return None


def test_at_the_counter_the_cashier_takes_and_returns_the_money(base, hospital):
    patient = Patient(base)
    order = patient.order(hospital.session(1, days=6))
    payment = patient.attempt(order["id"], "window")
    assert payment["show"]["type"] == "counter"
    hospital.cashier.post(f"/payments/{payment['id']}/receipt", {})
    patient.state(order["id"], "confirmed")
    patient.post(f"/orders/{order['id']}/cancel")

    def refunds():
        return [r for r in hospital.cashier.get("/refunds?limit=200")["items"] if r["order_id"] == order["id"]]

    waiting = eventually(refunds, "the refund waits at the counter")
    eventually(
        lambda: patient.inbox()[-1] == "order_withdrawn", "she knows that she need not come, and where the money is"
    )
    assert patient.see(order["id"])["state"] == "refunding"
    hospital.cashier.post(f"/refunds/{waiting[0]['id']}/paid-out", {})
    patient.state(order["id"], "cancelled")


def test_a_free_order_needs_no_payment(base, hospital):
    patient = Patient(base)
    session = hospital.session(1, fee=0)
    order = patient.order(session)
    patient.state(order["id"], "confirmed")
    patient.post(f"/orders/{order['id']}/cancel")
    patient.state(order["id"], "cancelled")
    remaining(hospital, session, 1)


def test_what_is_sold_out_is_refused_or_waited_for(base, hospital):
    lucky, late, patient = Patient(base), Patient(base), Patient(base)
    session = hospital.session(1)
    first = lucky.order(session)
    eventually(lambda: refusal_or_none(late, session) == (409, "sold_out"), "sold out is answered at once")
    waiting = patient.order(session, join_waitlist=True)
    patient.state(waiting["id"], "waitlisted")
    lucky.post(f"/orders/{first['id']}/cancel")
    patient.state(waiting["id"], "awaiting_payment")
    patient.pay(waiting["id"])
    patient.state(waiting["id"], "confirmed")
    eventually(lambda: "order_waitlisted" in patient.inbox(), "she was told that she waits")


def refusal_or_none(patient: Patient, session: str):
    """How an order is refused; None if it was taken in (and then rejected by schedule-svc)."""
    try:
        return refusal(lambda: patient.order(session))
    except AssertionError:
        return None


def test_nothing_is_sold_before_its_release(base, hospital):
    patient = Patient(base)
    release = datetime.now(SHANGHAI) + timedelta(hours=1)
    session = hospital.session(1, release_at=release)
    eventually(lambda: refusal_or_none(patient, session) == (409, "not_released"), "refused with the release time")


@pytest.mark.parametrize("method", ["wechat", "alipay"])
def test_two_payments_for_one_order_one_comes_back_by_itself(base, hospital, sandbox, method):
    patient = Patient(base)
    order = patient.order(hospital.session(1))
    page, counter = patient.attempt(order["id"], method), patient.attempt(order["id"], "window")
    with sandbox.failing(method, "close", "drop-before"):  # else the page would be closed by the receipt
        hospital.cashier.post(f"/payments/{counter['id']}/receipt", {})
        patient.press(page)
    patient.state(order["id"], "confirmed")
    eventually(lambda: "surplus_refunded" in patient.inbox(), "the second payment comes back, and she is told")


def test_a_failed_payment_leaves_the_order_payable(base, hospital):
    patient = Patient(base)
    order = patient.order(hospital.session(1))
    payment = patient.attempt(order["id"])
    patient.press(payment, "fail")  # neither provider tells of it: the trade can still be paid
    patient.press(payment)
    patient.state(order["id"], "confirmed")


@pytest.mark.parametrize("method", ["wechat", "alipay"])
def test_cancelled_while_unpaid_and_paid_nevertheless(base, hospital, sandbox, method):
    """The provider cannot be told to close, and her payment comes after she has cancelled: it came, and it goes back."""
    patient = Patient(base)
    order = patient.order(hospital.session(1))
    payment = patient.attempt(order["id"], method)
    with sandbox.failing(method, "close", "drop-before"):
        patient.post(f"/orders/{order['id']}/cancel")
        patient.press(payment)
        eventually(lambda: patient.get(f"/payments/{payment['id']}")["state"] == "succeeded", "the money came")
    over = patient.state(order["id"], "cancelled")
    assert (over["paid"]["amount"], over["refunded"]["amount"]) == (FEE, FEE)
    eventually(lambda: "refund_succeeded" in patient.inbox(), "she is told that it went back")


def test_a_stopped_session_ends_all_orders_with_their_money_back(base, operator):
    hospital = Hospital(base, operator)  # with no other session, so that nothing stands in for this one
    session = hospital.session(3)
    paid, unpaid, waiting, gone = (Patient(base) for _ in range(4))
    orders = [p.order(session) for p in (paid, unpaid, gone)]
    orders.append(waiting.order(session, join_waitlist=True))
    paid.pay(orders[0]["id"])
    paid.state(orders[0]["id"], "confirmed")
    gone.post(f"/orders/{orders[2]['id']}/cancel")
    gone.state(orders[2]["id"], "cancelled")
    hospital.stop(session)
    for patient, order in zip((paid, unpaid, gone, waiting), orders, strict=True):
        patient.state(order["id"], "cancelled")
    assert paid.see(orders[0]["id"])["refunded"]["amount"] == FEE
    eventually(
        lambda: {"visit_stopped", "session_stopped"} <= set(paid.inbox()), "she was told why, at once and at the end"
    )
    # what an api remembers of a session may be a fraction of a second older than the orders' ends
    late = Patient(base)
    eventually(lambda: refusal_or_none(late, session) == (409, "session_stopped"), "refused from now on")


@pytest.mark.parametrize("method", ["wechat", "alipay"])
def test_a_refused_refund_goes_to_staff_and_ends_well(base, hospital, sandbox, method):
    patient = Patient(base)
    order = patient.order(hospital.session(1))
    patient.pay(order["id"], method)
    patient.state(order["id"], "confirmed")
    with sandbox.having(refund_outcome="refused"):
        patient.post(f"/orders/{order['id']}/cancel")
        patient.state(order["id"], "refund_failed")
    eventually(lambda: "refund_stalled" in patient.inbox(), "the patient is told that we see to it")
    eventually(
        lambda: any(n["order_id"] == order["id"] for n in hospital.cashier.get("/notifications?limit=200")["items"]),
        "the cashiers are alarmed",
    )
    failed = [
        r for r in hospital.cashier.get("/refunds?state=failed&limit=200")["items"] if r["order_id"] == order["id"]
    ]
    hospital.cashier.post(f"/refunds/{failed[0]['id']}/retry", {})
    patient.state(order["id"], "cancelled")


def test_callbacks_that_do_not_come_are_found_by_asking(base, hospital, sandbox):
    session = hospital.session(2)
    people = {method: Patient(base) for method in ("wechat", "alipay")}
    orders = {method: person.order(session)["id"] for method, person in people.items()}
    with sandbox.having(hold_callbacks=True):
        for method, person in people.items():
            person.pay(orders[method], method)
        for method, person in people.items():
            person.state(orders[method], "confirmed", 60)
        sandbox.release()  # late, and news to nobody


@pytest.mark.parametrize(
    "path", ["/orders", "/users/me", "/notifications", "/ledger", "/refunds", "/orders/ord_x", "/audit/booking-svc"]
)
def test_nothing_private_without_a_token(base, path):
    assert refusal(lambda: Client(base).get(path)) == (401, "unauthenticated")


def test_a_saved_patient_is_bookable_in_the_very_next_request(base, hospital):
    session = hospital.session(20)
    for _ in range(5):
        patient = Patient(base)
        assert patient.post("/orders", {"session_id": session, "patient_id": patient.patient})["state"] == "reserving"
