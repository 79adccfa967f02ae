"""400 want 50 numbers, all at once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from actors import Hospital, Patient, eventually

from audit.figures import fetch, settle
from audit.invariants import inventory_adds_up, no_slot_is_sold_twice
from demo.client import Refused

NUMBERS, WISHES, ACCOUNTS = 50, 400, 20


def rush(base: str, hospital: Hospital, session: str, in_the_middle=lambda: None):
    """Place all orders in parallel; answers the outcome of each: an order id, or the code of its refusal."""
    patients = [Patient(base) for _ in range(ACCOUNTS)]
    half = threading.Event()
    done: list[int] = []

    def wish(i: int):
        patient = patients[i % ACCOUNTS]
        done.append(i)
        if len(done) == WISHES // 4:
            half.set()
        try:
            return patient, patient.order(session, wait=0)["id"]
        except Refused as refused:
            return patient, refused.problem["code"]

    with ThreadPoolExecutor(32) as pool:
        wishes = [pool.submit(wish, i) for i in range(WISHES)]
        half.wait(60)
        in_the_middle()
        return [w.result() for w in wishes]


def check(outcomes, hospital: Hospital, session: str, operator) -> None:
    """Exactly as many as there are numbers hold one; everybody else was refused or rejected."""
    placed = [(p, o) for p, o in outcomes if o.startswith("ord_")]
    refused = Counter(o for _, o in outcomes if not o.startswith("ord_"))
    assert set(refused) <= {"sold_out"}, refused
    states: Counter[str] = Counter()
    numbers = []
    for patient, order_id in placed:
        order = eventually(
            lambda p=patient, o=order_id: (s := p.see(o))["state"] != "reserving" and s, "every order is decided", 60
        )
        states[order["state"]] += 1
        if order["queue_number"]:
            numbers.append(order["queue_number"])
    assert states["awaiting_payment"] == NUMBERS
    assert states["rejected"] + refused["sold_out"] == WISHES - NUMBERS
    assert sorted(numbers) == list(range(1, NUMBERS + 1)), "every number once"
    assert hospital.see(session)["remaining"] == 0
    figures = fetch(operator)
    assert not [*inventory_adds_up(figures), *no_slot_is_sold_twice(figures)]


def test_exactly_as_many_as_there_are_numbers(base, hospital, operator):
    session = hospital.session(10, slots=5)
    check(rush(base, hospital, session), hospital, session, operator)


def test_the_same_when_the_workers_are_killed_in_the_middle(stack):
    from houses import operator_of

    operator = operator_of(stack)
    base = f"{stack.url}/api/v1"
    hospital = Hospital(base, operator)
    session = hospital.session(10, slots=5)

    def kill() -> None:
        for service in ("schedule-svc", "booking-svc"):
            stack.kill(service, "worker")
        for service in ("schedule-svc", "booking-svc"):
            stack.restart(service, "worker")

    check(rush(base, hospital, session, kill), hospital, session, operator)
    assert settle(operator, 30) == []
