"""Somebody ends her account: what she has booked is cancelled in the other services, her money goes back, and she is unknown."""

from actors import PASSWORD, Hospital, Patient, eventually, refusal
from common.ids import person_of

from demo.client import Client


def test_orders_end_and_money_goes_back(base: str, hospital: Hospital, patient: Patient) -> None:
    paid, waiting = patient.confirmed(hospital.session(1, days=6)), patient.order(hospital.session(2, days=6))
    assert waiting["state"] == "awaiting_payment"
    assert refusal(lambda: patient.post("/users/me/delete", {"password": "wrong horse"})) == (403, "wrong_password")
    patient.post("/users/me/delete", {"password": PASSWORD})
    assert refusal(lambda: patient.get("/users/me")) == (401, "account_deleted")
    for order in (paid, waiting):
        ended = patient.state(order["id"], "cancelled")  # her token is good for some minutes yet
        assert ended["refunded"] == ended["paid"]
        assert ended["patient_name"] is None
    place = {"session_id": hospital.session(1), "patient_id": patient.patient}
    assert refusal(lambda: patient.post("/orders", place)) == (404, "patient_not_found")
    assert refusal(lambda: Client(base).login(patient.username, PASSWORD)) == (401, "bad_credentials")


def test_what_she_missed_is_known_when_she_comes_again(base: str, hospital: Hospital, operator: Client) -> None:
    first = Patient(base)
    document = {"id_type": "passport", "id_number": "E55667788", "name": "李小龙", "phone": "13800138000"}
    known = first.post("/users/me/patients", document)["id"]
    first.post("/users/me/delete", {"password": PASSWORD})
    again = Patient(base)
    assert person_of(again.post("/users/me/patients", document)["id"]) == person_of(known)


def test_the_trail_tells_it(base: str, operator: Client) -> None:
    gone = Patient(base)
    account = gone.get("/users/me")["id"]
    gone.post("/users/me/delete", {"password": PASSWORD})
    noted = [act["act"] for act in operator.get(f"/trail?account_id={account}")["items"]]
    assert {"registered", "logged_in", "patient_added", "account_deleted"} <= set(noted)
    eventually(lambda: operator.get(f"/trail?account_id={account}")["items"][-1]["digest"], "the first act is chained")
