"""Who gets a number, and what becomes of it, over HTTP only, on both systems: draws, offers, moves, 停诊, limits, 加号."""

import contextlib
from collections import Counter
from datetime import datetime, timedelta

import pytest
from actors import FEE, GENEROUS, Hospital, Patient, eventually, refusal
from common.clock import SHANGHAI
from test_embedded import running

from audit.figures import settle
from demo.client import Refused


def left(hospital: Hospital, session: str, wanted: int) -> None:
    """Wait until this many numbers are to be had."""
    eventually(lambda: hospital.see(session)["remaining"] == wanted, f"{wanted} numbers are left")


def waits(patient: Patient, session: str, **body: object) -> str:
    """An order that has joined the waitlist."""
    order = patient.order(session, join_waitlist=True, **body)["id"]
    patient.state(order, "waitlisted")
    return order


# --- draws -----------------------------------------------------------------------------------------------------------


def test_a_lottery_gives_each_number_once_and_the_others_wait_or_are_told(base, hospital):
    patients = [Patient(base) for _ in range(5)]
    draw_at = datetime.now(SHANGHAI) + timedelta(seconds=8)
    session = hospital.session(2, policy="lottery", draw_at=draw_at)
    orders = {}
    for number, patient in enumerate(patients):
        placed = patient.post(
            "/orders", {"session_id": session, "patient_id": patient.patient, "join_waitlist": number < 3}
        )
        orders[placed["id"]] = patient
    for order, patient in orders.items():
        entry = patient.state(order, "entered")["entry"]
        assert (entry["weight"], datetime.fromisoformat(entry["draw_at"])) == (1, draw_at)

    def seen():
        return {order: patient.see(order) for order, patient in orders.items()}

    eventually(lambda: "entered" not in {o["state"] for o in seen().values()}, "the draw is made")
    found = seen()
    assert Counter(o["state"] == "awaiting_payment" for o in found.values()) == {True: 2, False: 3}
    assert {o["queue_number"] for o in found.values() if o["state"] == "awaiting_payment"} == {1, 2}
    for number, (order, patient) in enumerate(orders.items()):
        shown = found[order]
        if shown["state"] == "awaiting_payment":
            patient.pay(order)
            patient.state(order, "confirmed")
        else:
            assert (shown["state"], shown["reason"]) == (
                ("waitlisted", None) if number < 3 else ("rejected", "not_drawn")
            )
    record = eventually(lambda: (r := hospital.see(f"{session}/draw")).get("seed") and r, "the record is public")
    assert (record["winners"], len(record["entries"]), len(record["ranking"])) == (2, 5, 5)


def test_in_a_draw_nobody_chooses_a_time(base, hospital):
    patient = Patient(base)
    session = hospital.session(1, policy="lottery", draw_at=datetime.now(SHANGHAI) + timedelta(hours=1))
    slot = hospital.see(session)["slots"][0]["id"]
    order = {"session_id": session, "patient_id": patient.patient, "slot_id": slot}

    def refused():
        try:
            return refusal(lambda: patient.post("/orders", order)) == (409, "slot_not_choosable")
        except AssertionError:
            return False  # it was on its way here, and schedule-svc has rejected it

    eventually(refused, "no time is chosen")
    entered = patient.order(session)
    patient.post(f"/orders/{patient.state(entered['id'], 'entered')['id']}/cancel")
    patient.state(entered["id"], "cancelled")


# --- offers ----------------------------------------------------------------------------------------------------------


def test_a_freed_number_is_offered_to_one_who_wants_to_be_asked(base, hospital):
    first, second = Patient(base), Patient(base)
    session = hospital.session(1)
    taken = first.confirmed(session)["id"]
    order = waits(second, session, auto_book=False)
    first.post(f"/orders/{taken}/cancel")
    offered = second.state(order, "offered")
    assert datetime.fromisoformat(offered["accept_before"]) > datetime.now(SHANGHAI)
    assert second.post(f"/orders/{order}/accept")["state"] == "awaiting_payment"
    second.pay(order)
    second.state(order, "confirmed")
    eventually(lambda: {"order_offered", "order_held"} <= set(second.inbox()), "she was told of the offer")
    first.state(taken, "cancelled")


def test_an_offer_that_lapses_goes_to_the_next(tmp_path):
    with running(tmp_path, PAYMENT_WINDOW_SECONDS="3") as run:
        hospital = Hospital(run.base, run.operator())
        first, second, third = (Patient(run.base) for _ in range(3))
        session = hospital.session(1)
        taken = first.confirmed(session)["id"]
        late, next_one = waits(second, session, auto_book=False), waits(third, session)
        first.post(f"/orders/{taken}/cancel")
        second.state(late, "offered")
        second.state(late, "expired")
        eventually(lambda: third.see(next_one)["state"] != "waitlisted", "the next one has it")
        third.pay(next_one)
        third.state(next_one, "confirmed")
        assert refusal(lambda: second.post(f"/orders/{late}/accept")) == (409, "order_ended")
        assert settle(run.operator(), 20) == []


# --- rescheduling ----------------------------------------------------------------------------------------------------


def moved(patient: Patient, old: str, new: str) -> dict:
    """The new order, when both are settled."""
    patient.state(old, "rescheduled")
    return patient.state(new, "confirmed")


def test_she_moves_to_another_day_for_the_same_fee(base, hospital):
    patient = Patient(base)
    there, here = hospital.session(1, days=4), hospital.session(1)
    old = patient.confirmed(here)["id"]
    new = patient.move(old, there)
    assert moved(patient, old, new)["paid"]["amount"] == FEE
    assert patient.see(old)["replaced_by"] == new
    left(hospital, here, 1)
    left(hospital, there, 0)
    eventually(lambda: "order_rescheduled" in patient.inbox(), "she was told")
    patient.post(f"/orders/{new}/cancel")
    assert patient.state(new, "cancelled")["refunded"]["amount"] == FEE, "what moved goes back to where it came from"


def test_a_dearer_day_costs_the_difference(base, hospital):
    patient = Patient(base)
    there, here = hospital.session(1, days=4, fee=8000), hospital.session(1)
    old = patient.confirmed(here)["id"]
    new = patient.move(old, there)
    held = patient.state(new, "awaiting_payment")
    assert (held["fee"]["amount"], held["due"]["amount"]) == (8000, 8000 - FEE)
    assert patient.see(old)["state"] == "confirmed", "she has the old one until the new one is hers"
    patient.pay(new)
    assert moved(patient, old, new)["paid"]["amount"] == 8000
    patient.post(f"/orders/{new}/cancel")
    assert patient.state(new, "cancelled")["refunded"]["amount"] == 8000, "both parts of it"


def test_a_cheaper_day_gives_the_difference_back(base, hospital):
    patient = Patient(base)
    there, here = hospital.session(1, days=4, fee=2000), hospital.session(1)
    old = patient.confirmed(here)["id"]
    new = patient.move(old, there)
    assert moved(patient, old, new)["paid"]["amount"] == 2000
    shown = eventually(lambda: (o := patient.see(old))["refunded"]["amount"] and o, "the difference is on its way")
    assert (shown["moved"]["amount"], shown["refunded"]["amount"]) == (2000, FEE - 2000)


def test_a_free_day_gives_all_of_it_back(base, hospital):
    patient = Patient(base)
    there, here = hospital.session(1, days=4, fee=0), hospital.session(1)
    old = patient.confirmed(here)["id"]
    new = patient.move(old, there)
    moved(patient, old, new)
    assert patient.see(old)["refunded"]["amount"] == FEE


def test_she_moves_again_and_again(base, hospital):
    patient = Patient(base)
    sessions = [hospital.session(1, days=days, fee=fee) for days, fee in ((3, FEE), (4, 8000), (5, 2000))]
    first = patient.confirmed(sessions[0], "alipay")["id"]  # WeChat wants a minute between two refunds of a trade
    second = patient.move(first, sessions[1])
    patient.state(second, "awaiting_payment")
    patient.pay(second, "alipay")
    moved(patient, first, second)
    third = patient.move(second, sessions[2])
    assert moved(patient, second, third)["paid"]["amount"] == 2000
    # it came in two payments, and goes back in two
    shown = eventually(lambda: (o := patient.see(second))["refunded"]["amount"] == 6000 and o, "the rest is back")
    assert (shown["paid"]["amount"], shown["moved"]["amount"]) == (8000, 2000)
    patient.post(f"/orders/{third}/cancel")
    assert patient.state(third, "cancelled")["refunded"]["amount"] == 2000


def test_who_gives_up_half_way_keeps_what_she_had(base, hospital):
    patient = Patient(base)
    there, here = hospital.session(2, days=4, fee=8000), hospital.session(1)
    old = patient.confirmed(here)["id"]
    new = patient.move(old, there)
    patient.state(new, "awaiting_payment")
    assert refusal(lambda: patient.move(old, there)) == (409, "already_moving")
    patient.post(f"/orders/{new}/cancel")
    patient.state(new, "cancelled")
    assert patient.see(old)["state"] == "confirmed"
    left(hospital, there, 2)


# --- 停诊 ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clinic(base, operator) -> Hospital:
    """A hospital whose sessions are this scenario's alone: others would stand in for what is stopped."""
    return Hospital(base, operator)


def test_a_stop_down_to_zero_with_substitutes_taken_and_declined(base, clinic):
    dearer, here = clinic.session(1, days=4, fee=9000), clinic.session(4)
    taker, decliner, unpaid, waiting = (Patient(base) for _ in range(4))
    taken, declined = taker.confirmed(here)["id"], decliner.confirmed(here)["id"]
    held = unpaid.order(here)["id"]
    waiter = waiting.order(here)["id"]
    before = clinic.stoppage(here)
    assert (before["stopped"], before["settled"], before["orders"]) == (False, False, 4)
    assert before["amount"]["amount"] == 2 * FEE
    clinic.stop(here)
    offer = taker.state(taken, "substitute_offered")
    assert [s["session_id"] for s in offer["substitutes"]] == [dearer]
    assert datetime.fromisoformat(offer["accept_before"]) <= datetime.now(SHANGHAI) + timedelta(hours=24)
    decliner.state(declined, "substitute_offered")
    for patient, order in ((unpaid, held), (waiting, waiter)):
        patient.state(order, "cancelled")
    board = clinic.stoppage(here)
    assert (board["stopped"], board["settled"], board["amount"]["amount"]) == (True, False, 2 * FEE)
    decliner.post(f"/orders/{declined}/cancel")
    assert decliner.state(declined, "cancelled")["refunded"]["amount"] == FEE
    new = taker.move(taken, dearer, "substitute")
    shown = moved(taker, taken, new)
    assert (shown["fee"]["amount"], shown["paid"]["amount"]) == (FEE, FEE), "at no extra charge"
    board = eventually(lambda: (b := clinic.stoppage(here))["settled"] and b, "nothing is left to settle")
    assert (board["orders"], board["amount"]["amount"], board["states"]) == (0, 0, [])
    eventually(lambda: {"substitutes_offered", "order_rescheduled"} <= set(taker.inbox()), "she was told")


def test_a_substitute_that_is_gone_leaves_the_choice(base, clinic):
    there, here = clinic.session(1, days=4), clinic.session(1)
    patient, rival = Patient(base), Patient(base)
    order = patient.confirmed(here)["id"]
    clinic.stop(here)
    patient.state(order, "substitute_offered")
    rival.confirmed(there)
    eventually(lambda: lost(patient, order, there), "it is sold out")
    assert patient.see(order)["state"] == "substitute_offered"
    patient.post(f"/orders/{order}/cancel")
    patient.state(order, "cancelled")


def lost(patient: Patient, order: str, session: str) -> bool:
    """True when the substitute is refused as sold out: at once, or by schedule-svc."""
    try:
        return refusal(lambda: patient.state(patient.move(order, session, "substitute"), "rejected")) == (
            409,
            "sold_out",
        )
    except AssertionError:
        return True


# --- rules -----------------------------------------------------------------------------------------------------------


def test_a_second_order_for_the_same_doctor_and_day_is_refused_by_name(base, operator):
    limits = [{"most": 1, "of": "doctor", "per": "day"}]
    hospital = Hospital(base, operator, rules={**GENEROUS, "limits": limits})
    patient = Patient(base)
    first, second, other_day = hospital.session(3), hospital.session(3), hospital.session(3, days=4)
    order = patient.confirmed(first)
    refused = patient.order(second)
    assert (refused["state"], refused["reason"]) == ("rejected", "limit_reached")
    assert refused["rule"].startswith("limits[0]")
    assert refused["until"] is None or datetime.fromisoformat(refused["until"]) > datetime.now(SHANGHAI)
    patient.confirmed(other_day)
    moved(patient, order["id"], patient.move(order["id"], second))  # what it replaces is not counted beside it


def test_an_extra_number_is_hers_for_whom_the_doctor_asked(base, hospital):
    patient, stranger = Patient(base), Patient(base)
    session = hospital.session(1)
    Patient(base).confirmed(session)
    eventually(lambda: refused_at_once(patient, session), "it is sold out, and known to be")
    slot = hospital.see(session)["slots"][0]["id"]
    extra = {"slot_id": slot, "extra": 1, "patient_id": patient.patient}
    hospital.registrar.post(f"/sessions/{session}/slots", extra)
    left(hospital, session, 0)
    eventually(lambda: not refused_at_once(stranger, session), "schedule-svc decides who gets it")
    assert stranger.get("/orders")["items"][0]["state"] in {"reserving", "rejected"}
    eventually(lambda: had(patient, session), "she gets it")
    eventually(lambda: refused_at_once(patient, session), "one, and no more")


def had(patient: Patient, session: str) -> bool:
    """True when she has a number; another process may have remembered for a moment that it is sold out."""
    with contextlib.suppress(Refused):
        return bool(patient.confirmed(session))
    return False


def refused_at_once(patient: Patient, session: str) -> bool:
    """True when an order is refused as sold out; False when it was taken in, and schedule-svc has rejected it."""
    try:
        return refusal(lambda: patient.order(session)) == (409, "sold_out")
    except AssertionError:
        assert patient.get("/orders")["items"][0]["reason"] == "sold_out"
        return False


# --- 爽约 ------------------------------------------------------------------------------------------------------------


def test_a_visit_that_was_missed_is_marked_with_its_evidence(base, hospital):
    patient = Patient(base)
    order = patient.confirmed(hospital.session(1, begun=True))["id"]
    later = patient.confirmed(hospital.session(1))["id"]
    assert refusal(lambda: hospital.registrar.post(f"/orders/{later}/missed")) == (409, "visit_not_begun")
    assert refusal(lambda: patient.post(f"/orders/{order}/missed")) == (403, "wrong_role")
    assert hospital.registrar.post(f"/orders/{order}/missed")["state"] == "no_show"
    eventually(lambda: "visit_missed" in patient.inbox(), "she is told")
    credit = f"/users/me/patients/{patient.patient}/credit"
    marks = eventually(lambda: patient.get(credit)["items"], "it is on her record")
    assert [(m["kind"], m["evidence"]["order_id"]) for m in marks] == [("no_show", order)]
    assert refusal(lambda: patient.post(f"/orders/{order}/cancel")) == (409, "order_ended")
    assert patient.see(order)["paid"]["amount"] == FEE
