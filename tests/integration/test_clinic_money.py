"""What a clinic day does to money, credit and numbers, over HTTP only, on both systems: seen, missed, seen after all, stopped."""

from typing import Any

from actors import GENEROUS, Hospital, Patient, eventually

STRICT = {**GENEROUS, "clinic": {"passed": []}}
"""Who does not come when she is called has missed the visit."""
ROOM = "101"


def credit(patient: Patient) -> list[tuple[str, str]]:
    items = patient.get(f"/users/me/patients/{patient.patient}/credit")["items"]
    return [(mark["kind"], mark["state"]) for mark in items]


def test_who_is_seen_pays_and_who_is_not_has_her_money_back(base, operator):
    hospital = Hospital(base, operator, rules=STRICT)
    session = hospital.session(4, begun=True)
    desk, queue = hospital.registrar, f"/sessions/{session}/queue"
    patients = [Patient(base) for _ in range(3)]
    orders = [patient.confirmed(session)["id"] for patient in patients]
    visits = [patient.see(order)["visit_id"] for patient, order in zip(patients, orders, strict=True)]
    for order in orders[:2]:
        desk.post(f"/orders/{order}/check-in", {})
    desk.post(f"{queue}/desks", {"room": ROOM})

    def call(after: str | None, outcome: str = "done") -> Any:
        called = desk.post(f"{queue}/next", {"room": ROOM, "after": after, "outcome": outcome})["visit"]
        return called and called["id"]

    assert call(None) == visits[0]
    assert call(visits[0], "passed") == visits[1]
    patients[0].state(orders[0], "confirmed")  # nobody comes within a second of her call
    desk.post(f"/orders/{orders[0]}/missed")
    patients[0].state(orders[0], "no_show")
    eventually(lambda: credit(patients[0]) == [("no_show", "standing")], "it is held against her")
    desk.post(f"/visits/{visits[0]}/readmit", {"why": "在检验科"})
    assert call(visits[1]) == visits[0]
    assert call(visits[0]) is None
    for patient, order in zip(patients[:2], orders[:2], strict=True):
        patient.state(order, "fulfilled")
    eventually(lambda: credit(patients[0]) == [("no_show", "lifted")], "she was seen: it was a mistake")

    hospital.stop(session)
    patients[2].state(orders[2], "cancelled")
    desk.post(f"/sessions/{session}/resume")
    late = Patient(base)
    eventually(lambda: hospital.stoppage(session)["stopped"] is False, "nobody's number is out: it takes place again")
    taken = eventually(lambda: (o := late.order(session))["state"] == "awaiting_payment" and o, "there are numbers")
    late.pay(taken["id"])
    late.state(taken["id"], "confirmed")
    told = patients[0].inbox()
    kinds = ("visit_called", "visit_missed", "credit_lifted", "visit_completed")
    assert [told.count(kind) for kind in kinds] == [2, 1, 1, 1], "she was called again after she was let in again"
    eventually(lambda: "refund_succeeded" in patients[2].inbox(), "her money is back")
    books = [
        {line["account"]: line["amount"] for e in entries(hospital, order) for line in e["lines"]} for order in orders
    ]
    assert ["revenue" in accounts for accounts in books] == [True, True, False]


def entries(hospital: Hospital, order: str) -> Any:
    """The ledger's, of an order."""
    return hospital.cashier.get(f"/ledger?order_id={order}")["items"]
