"""Misfortune after misfortune, seeded; then everything heals, comes to rest, and the audit finds nothing."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from actors import Hospital
from stubborn import Repeating, Stubborn

from audit.figures import settle
from stack.process import wait_until
from stack.servers import SERVICES
from stack.system import ROLES, System

STRIKES = 14
SEED = 20261122
CROWD = 4  # people at a time
ENDS = {"confirmed", "cancelled", "rejected", "expired"}


class Misfortune:
    """Kills and freezes what it likes, until told to stop; then everything runs again."""

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._dice = random.Random(seed)
        self.done: Counter[str] = Counter()

    def strike(self) -> None:
        """One misfortune. What it takes away it gives back, or the keeper starts it again."""
        servers = self._system.servers
        kind = self._dice.choices(["process", "pause", "broker", "database"], [8, 3, 1, 1])[0]
        self.done[kind] += 1
        if kind == "process":
            self._system.kill(self._dice.choice(SERVICES), self._dice.choice(ROLES))
        elif kind == "pause":
            process = self._system.part(self._dice.choice(SERVICES), self._dice.choice(ROLES)).process
            process.pause()
            time.sleep(self._dice.uniform(0.5, 2.0))
            process.resume()
        elif kind == "broker":
            servers.rabbitmq.kill()
            servers.rabbitmq.start()
        else:
            servers.postgres.kill()
            servers.postgres.start()

    def rage(self, strikes: int) -> None:
        for _ in range(strikes):
            self.strike()
            time.sleep(self._dice.uniform(0.4, 2.0))


def live_through(base: str, session: str, dice: random.Random) -> tuple[str, bool]:
    """One patient's registration: she pays, or does not, or cancels. Answers the order's end, and that each 2xx was kept."""
    person = Stubborn(base)
    order = person.order(session)
    if order["state"] == "rejected":
        return "rejected", True
    if dice.random() < 0.8:
        person.press_until_paid(order["id"])
    if dice.random() < 0.4:
        person.post(f"/orders/{order['id']}/cancel")
        return person.state(order["id"], "cancelled", 120)["state"], True
    return person.see(order["id"])["state"], person.see(order["id"])["id"] == order["id"]


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_nothing_is_lost(respawning: System):
    base = f"{respawning.url}/api/v1"
    operator = Repeating(base)
    operator.login(respawning.secrets["ADMIN_USERNAME"], respawning.secrets["ADMIN_PASSWORD"])
    hospital = Hospital(base, operator, Repeating)
    session = hospital.session(500, slots=2)
    misfortune = Misfortune(respawning, SEED)
    over = threading.Event()
    ends: list[tuple[str, bool]] = []

    def crowd(seed: int) -> None:
        dice = random.Random(seed)
        while not over.is_set():
            ends.append(live_through(base, session, dice))

    with ThreadPoolExecutor(CROWD) as pool:
        people = [pool.submit(crowd, SEED + i) for i in range(CROWD)]
        misfortune.rage(STRIKES)
        over.set()
        for service in SERVICES:
            for role in ROLES:
                wait_until(respawning.part(service, role).ready, 60, f"{service} {role} is back")
        for person in people:
            person.result(timeout=200)
    assert set(misfortune.done) == {"process", "pause", "broker", "database"}, "the seed is to bring all kinds"
    assert ends, "nobody got through"
    assert all(kept for _, kept in ends)
    found = settle(operator, 90)
    assert found == [], f"seed {SEED}, {misfortune.done}: " + "\n".join(map(str, found))
