"""What the operator's pages are made of, on both systems: parked messages, orders that are not settled, the invariants."""

import secrets
from typing import Any

import pytest
from actors import Patient, eventually
from common.envelope import seal
from common.messages import PatientSaved
from common.outbox import Database, Parked
from common.platform import SERVICES

from demo.client import Client, Refused
from embedded.system import System as Embedded


def park(system: Any) -> str:
    """A good message that booking-svc could not take once, by a bug say. Answers its id."""
    at_hand = isinstance(system, Embedded)
    store = system.services["booking-svc"].store if at_hand else Database(system.realm.database_url("booking-svc"))
    name = secrets.token_hex(8)
    sealed = seal(PatientSaved(f"pat_{name}", f"acc_{name}", 1, "张*", removed=False), store.clock())
    store.park([Parked(sealed.id, sealed.type, sealed.body, "ValueError: a bug", store.clock())])
    if not at_hand:
        store.close()
    return sealed.id


def test_a_parked_message_is_seen_and_replayed(system: Any, operator: Client) -> None:
    message_id = park(system)
    (listed,) = operator.get("/parked/booking-svc")["items"]
    assert (listed["id"], listed["type"]) == (message_id, "user.patient_saved.v1")
    body = operator.get(f"/parked/booking-svc/{message_id}")["body"]
    assert '"masked_name"' in body
    assert "张" not in body
    broken = {item["code"]: item for item in eventually(lambda: not_held(operator), "it is seen in the invariants")}
    assert [f["about"] for f in broken["work_is_done"]["findings"]] == ["booking-svc"]
    assert operator.post(f"/parked/booking-svc/{message_id}/replay")["outcome"] == "replayed"
    assert operator.get("/parked/booking-svc")["items"] == []


def test_a_message_that_nobody_needs_is_dropped(system: Any, operator: Client) -> None:
    message_id = park(system)
    with pytest.raises(Refused, match="422"):
        operator.post(f"/parked/booking-svc/{message_id}/drop")
    assert operator.post(f"/parked/booking-svc/{message_id}/drop", {"why": "a test"})["outcome"] == "dropped"
    with pytest.raises(Refused, match="message_not_found"):
        operator.post(f"/parked/booking-svc/{message_id}/replay")


def test_every_service_shows_what_it_has_parked(operator: Client) -> None:
    assert [operator.get(f"/parked/{service}")["items"] for service in SERVICES] == [[]] * len(SERVICES)


def unsettled(operator: Client) -> dict[str, dict[str, Any]]:
    """All of them, by their orders: other tests of a system leave some behind."""
    found, cursor = {}, ""
    while cursor is not None:
        page = operator.get(f"/sagas?limit=200{f'&cursor={cursor}' if cursor else ''}")
        found |= {saga["order_id"]: saga for saga in page["items"]}
        cursor = page["next_cursor"]
    return found


def test_an_order_is_among_the_unsettled_until_it_is_paid(base: str, hospital: Any, operator: Client) -> None:
    patient = Patient(base)
    order = patient.order(hospital.session(1))
    saga = unsettled(operator)[order["id"]]
    assert (saga["state"], saga["waits_for"], saga["stuck"]) == ("awaiting_payment", "payer", False)
    assert saga["hospital_id"] == hospital.id
    assert saga["until"] == order["pay_before"]
    patient.pay(order["id"])
    patient.state(order["id"], "confirmed")
    assert order["id"] not in unsettled(operator)


def not_held(operator: Client) -> list[dict[str, Any]]:
    return [item for item in operator.get("/invariants")["items"] if item["state"] != "held"]


def test_the_invariants_hold_live(base: str, hospital: Any, operator: Client) -> None:
    patient = Patient(base)
    patient.order(hospital.session(1))
    picture = eventually(lambda: (p := operator.get("/invariants"))["state"] == "held" and p, "all of them hold")
    assert picture["silent"] == []
    assert {item["state"] for item in picture["items"]} == {"held"}, "the sandbox's books too"


def test_a_service_that_is_down_is_unknown_and_not_held(stack: Any) -> None:
    from houses import operator_of

    operator = operator_of(stack)
    stack.kill("notify-svc", "api")
    try:
        silent = eventually(lambda: operator.get("/invariants")["silent"], "it is missed")
        assert [one["service"] for one in silent] == ["notify-svc"]
        states = {item["code"]: item["state"] for item in operator.get("/invariants")["items"]}
        assert (states["everybody_was_told_once"], states["no_letter_is_stuck"]) == ("unknown", "unknown")
    finally:
        stack.restart("notify-svc", "api")
    eventually(lambda: operator.get("/invariants")["state"] == "held", "it is back")
