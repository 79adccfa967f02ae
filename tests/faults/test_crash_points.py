"""Every process exits hard at every point where it could lose or double something; the scenario still ends right.

For each point, all processes of all services are marked to crash there, once each; the marks that are gone prove which did.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import FEE, Hospital, eventually
from common.crash import POINTS
from stubborn import Repeating, Stubborn

from audit.figures import settle
from stack import keeper
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


@pytest.fixture(scope="module", autouse=True)
def prompt_keeper() -> Iterator[None]:
    """Who dies here at every point in turn is not kept waiting longer and longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper, "LONGEST_PAUSE", keeper.FIRST_PAUSE)
        yield


@pytest.fixture
def marks(respawning: System, point: str) -> Iterator[Path]:
    """All processes are to crash once at the point, which takes their marks out of this folder."""
    folder = respawning.directory / "crashes"
    for service in SERVICES:
        for role in ROLES:
            (folder / f"{service}.{role}.{point}").touch()
    yield folder
    for mark in folder.iterdir():
        mark.unlink()


def still_to_crash(marks: Path, point: str) -> set[tuple[str, str]]:
    left = {tuple(mark.name.split(".")[:2]) for mark in marks.iterdir()}
    return MUST_CRASH[point] & left


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_the_scenario_ends_right(respawning: System, marks: Path, point: str):
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
        eventually(lambda: not still_to_crash(marks, point), "all crash that must", 60)
    except AssertionError as error:
        raise AssertionError(f"{error}; these did not: {still_to_crash(marks, point)}") from None
    assert settle(operator, 60) == []


def stubborn_operator(system: System) -> Repeating:
    operator = Repeating(f"{system.url}/api/v1")
    operator.login(system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"])
    return operator
