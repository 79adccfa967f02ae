"""Every process exits hard at every point where it could lose or double something; the scenario still ends right.

For each point, all processes of all services are set to crash there, once each; the latches prove which did.
"""

from pathlib import Path

import pytest
from actors import FEE, Hospital, eventually
from common.crash import POINTS
from stubborn import Repeating, Stubborn

from audit.figures import settle
from stack.process import stop_all, wait_until
from stack.servers import SERVICES
from stack.system import ROLES, System

WRITERS = {"user-svc", "schedule-svc", "booking-svc", "payment-svc"}
CONSUMERS = {"schedule-svc", "booking-svc", "payment-svc", "notify-svc"}
SENDING_APIS = {("user-svc", "api"), ("schedule-svc", "api"), ("booking-svc", "api"), ("payment-svc", "api")}
SENDING_WORKERS = {(s, "worker") for s in WRITERS & CONSUMERS}
HANDLING = {(s, "worker") for s in CONSUMERS}

MUST_CRASH = {
    "db_commit": SENDING_APIS | SENDING_WORKERS,
    "publish": SENDING_APIS | SENDING_WORKERS,
    "confirm": SENDING_APIS | SENDING_WORKERS,
    "outbox_delete": SENDING_APIS | SENDING_WORKERS,
    "effect": HANDLING,
    "inbox_insert": HANDLING,
    "ack": HANDLING,
}


def plan_crashes(system: System, point: str, latches: Path) -> None:
    """Start all processes again, each to crash once at `point`."""
    parts = {(service, role): system.part(service, role) for service in SERVICES for role in ROLES}
    for part in parts.values():
        part.wanted = False
    stop_all([part.process for part in parts.values()], 20)
    for (service, role), part in parts.items():
        part.process.set_env(CRASH_AT=point, CRASH_LATCH=str(latches / f"{service}.{role}"))
        part.launch()
    for part in parts.values():
        wait_until(part.ready, 60, f"{part.name} ready")  # it may crash, and be started again, before it is


def crashed(latches: Path) -> set[tuple[str, str]]:
    return {tuple(latch.name.split(".")) for latch in latches.iterdir()}


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_the_scenario_ends_right(respawning: System, tmp_path: Path, point: str):
    plan_crashes(respawning, point, tmp_path)
    base = f"{respawning.url}/api/v1"
    operator = stubborn_operator(respawning)
    hospital = Hospital(base, operator, Repeating)
    session = hospital.session(4)
    people = [Stubborn(base) for _ in range(4)]
    orders = [p.order(session) for p in people]
    assert sorted(o["queue_number"] for o in orders) == [1, 2, 3, 4]
    for person, order in zip(people[:2], orders[:2], strict=True):
        person.press_until_paid(order["id"])
        person.state(order["id"], "confirmed", 60)
    # at the counter: there payment-svc's api is sure to tell of it, where a query might have been before the callback
    payment = people[2].attempt(orders[2]["id"], "window")
    hospital.cashier.post(f"/payments/{payment['id']}/receipt", {})
    people[2].state(orders[2]["id"], "confirmed", 60)
    # and of this one its worker is
    people[3].post(f"/orders/{orders[3]['id']}/cancel")
    people[3].state(orders[3]["id"], "cancelled", 60)
    people[0].post(f"/orders/{orders[0]['id']}/cancel")
    assert people[0].state(orders[0]["id"], "cancelled", 60)["refunded"]["amount"] == FEE
    eventually(lambda: hospital.see(session)["remaining"] == 2, "the numbers are back", 60)
    eventually(lambda: "order_cancelled" in people[0].inbox(), "she was told", 60)
    try:
        eventually(lambda: MUST_CRASH[point] <= crashed(tmp_path), "all crash that must", 60)
    except AssertionError as error:
        raise AssertionError(f"{error}; these did not: {MUST_CRASH[point] - crashed(tmp_path)}") from None
    assert settle(operator, 60) == []


def stubborn_operator(system: System) -> Repeating:
    operator = Repeating(f"{system.url}/api/v1")
    operator.login(system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"])
    return operator
