"""A late cancellation, from the mark to the verdict, over HTTP only, on both systems; and a voucher from hand to hand."""

import contextlib
from datetime import datetime, timedelta

from actors import GENEROUS, Hospital, Patient, eventually, refusal
from common.clock import SHANGHAI

from demo.client import Refused

STRICT = {
    **GENEROUS,
    "cancel": {"hours": 0},
    "penalties": [{"kind": "late_cancel", "count": 1, "within_days": 30, "notice_hours": 72, "blocked_days": 30}],
}
"""One cancellation with less than three days' notice blocks for thirty days."""


def test_a_late_cancellation_blocks_until_its_appeal_is_heard(base, operator):
    hospital, patient = Hospital(base, operator, rules=STRICT), Patient(base)
    soon, later = hospital.session(1, days=1), hospital.session(3, fee=0, days=6)
    path = f"/users/me/patients/{patient.patient}/credit"
    assert patient.get(path)["items"] == []
    order = patient.confirmed(soon)["id"]
    patient.post(f"/orders/{order}/cancel")
    patient.state(order, "cancelled")
    (mark,) = eventually(lambda: patient.get(path)["items"], "the cancellation is marked")
    assert (mark["kind"], mark["state"], mark["evidence"]["order_id"]) == ("late_cancel", "standing", order)
    assert "王医生" in mark["evidence"]["zh-CN"]
    eventually(lambda: "credit_recorded" in patient.inbox(), "she is told")

    refused = eventually(lambda: blocked(patient, later), "she is blocked")
    assert refused["rule"].startswith("penalties[0]: 1 late_cancel")
    until = datetime.fromisoformat(refused["until"])
    assert timedelta(days=29) < until - datetime.now(SHANGHAI) <= timedelta(days=30)
    rules = patient.get(f"/hospitals/{hospital.id}/rules")
    words = {word["rule"]: word["zh-CN"] for word in rules["words"]}
    assert "临时退号（距就诊不足 72 小时）满 1 次" in words["penalties[0]"], "the rule that refused her can be read"
    assert patient.confirmed(Hospital(base, operator).session(1, fee=0))["state"] == "confirmed", "not elsewhere"

    patient.post(f"{path}/{mark['id']}/appeal", {"reason": "急诊住院"})
    assert refusal(lambda: patient.get("/credit/appeals"))[0] == 403
    (appeal,) = hospital.registrar.get("/credit/appeals")["items"]
    assert appeal["appeal"]["reason"] == "急诊住院"
    hospital.registrar.post(f"/credit/appeals/{appeal['id']}", {"verdict": "lifted", "reason": "有住院证明"})
    eventually(lambda: "credit_lifted" in patient.inbox(), "she is told")
    eventually(lambda: booked(patient, later), "she may book again")
    assert patient.get(path)["items"][0]["state"] == "lifted"


def blocked(patient: Patient, session: str):
    """A refused order; None if there was a number still, because the news was on its way, which is given back."""
    order = patient.order(session)
    if order["reason"] == "credit_blocked":
        return order
    patient.post(f"/orders/{order['id']}/cancel")
    patient.state(order["id"], "cancelled")
    return None


def booked(patient: Patient, session: str):
    """A confirmed order, or None."""
    with contextlib.suppress(Refused):
        order = patient.order(session)
        return patient.state(order["id"], "confirmed") if order["state"] != "rejected" else None
    return None


def test_a_voucher_serves_its_patient_once(base, hospital):
    patient, stranger = Patient(base), Patient(base)
    session = hospital.session(2, fee=0)
    body = {"channel": "referral", "urgency": "soon", "patient_id": patient.patient}
    code = hospital.registrar.post(f"/sessions/{session}/vouchers", body)["code"]
    assert refusal(lambda: patient.get(f"/sessions/{session}/vouchers"))[0] == 403
    assert stranger.order(session, voucher=code)["reason"] == "voucher_invalid"
    order = patient.order(session, voucher=code)
    patient.state(order["id"], "confirmed")
    (voucher,) = hospital.registrar.get(f"/sessions/{session}/vouchers")["items"]
    assert (voucher["state"], voucher["order_id"]) == ("used", order["id"])
    patient.post(f"/orders/{order['id']}/cancel")
    patient.state(order["id"], "cancelled")
    eventually(lambda: not used(hospital, session), "the voucher is free again")


def used(hospital: Hospital, session: str) -> bool:
    (voucher,) = hospital.registrar.get(f"/sessions/{session}/vouchers")["items"]
    assert (voucher["state"] == "used") == (voucher["order_id"] is not None)
    return voucher["state"] == "used"


def test_a_stop_lifts_a_late_cancellation_of_before_it(base, operator):
    hospital, patient = Hospital(base, operator, rules=STRICT), Patient(base)
    soon = hospital.session(1, days=1)
    order = patient.confirmed(soon)["id"]
    patient.post(f"/orders/{order}/cancel")
    patient.state(order, "cancelled")
    path = f"/users/me/patients/{patient.patient}/credit"
    eventually(lambda: [mark["state"] for mark in patient.get(path)["items"]] == ["standing"], "it is marked")
    hospital.stop(soon)
    eventually(lambda: [mark["state"] for mark in patient.get(path)["items"]] == ["lifted"], "nothing of it counts")
    eventually(lambda: "credit_lifted" in patient.inbox(), "she is told")
