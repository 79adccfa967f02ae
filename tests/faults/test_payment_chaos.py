"""Thousands of payments by both providers, of whose calls one in ten goes wrong, while the gateway and payment-svc are killed.

PAYMENTS says how many (make chaos: 2,000; below a hundred it is over before all have been killed). What is chosen at random is seeded, but
not which of the callers comes first. When the dust has settled, the audit finds nothing, and the sandbox's books are ours to
the fen.
"""

import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Self

import pytest
from actors import FEE, Hospital, Sandbox, eventually
from stubborn import Repeating, Stubborn

from audit.figures import settle
from demo.client import Refused
from stack.process import wait_until
from stack.system import System

PAYMENTS = int(os.environ.get("PAYMENTS") or 120)
SEED = 20261123
CROWD = 4  # people at a time
FAULTS = [
    "drop-before", "drop-after", "500", "500-after", "502", "429", "unknown", "malformed", "bad-signature", "signtest", "unsigned",
]  # fmt: skip
ENDS = {"confirmed", "cancelled"}


class Killer:
    """Kills the gateway and payment-svc's processes, again and again; the keeper starts them anew."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._dice = random.Random(SEED)
        self._over = threading.Event()
        self.done: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._rage)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for role in ("api", "worker"):
            wait_until(self._system.part("payment-svc", role).ready, 60, f"payment-svc {role} is back")
        wait_until(self._system.gateway.ready, 60, "the gateway is back")

    def _rage(self) -> None:
        """All of them soon; then each once in a while: what dies within 20 s of its start, the keeper lets wait longer and longer."""
        victims = itertools.cycle(["gateway", "api", "worker"])
        pauses = itertools.chain([2.0, 4.0, 4.0], iter(lambda: self._dice.uniform(7.5, 10.0), None))
        while not self._over.wait(next(pauses)):
            victim = next(victims)
            if victim == "gateway":
                self._system.gateway.kill()
            else:
                self._system.kill("payment-svc", victim)
            self.done[victim] += 1


class Payer(Stubborn):
    """Pays one order, by whatever works; then, sometimes, thinks better of it."""

    def live(self, session: str, dice: random.Random) -> str:
        order = self.order(session)["id"]
        self._pay(order, dice)
        end = "confirmed"
        self.state(order, end, 180)
        if dice.random() < 0.3:
            end = "cancelled"
            self.post(f"/orders/{order}/cancel")
            self.state(order, end, 180)
        return end

    def _pay(self, order: str, dice: random.Random) -> None:
        """A code that does not come, or cannot be paid, makes room for another; some pay two of them."""
        shown = []
        for _ in range(40):
            if self.see(order)["state"] != "awaiting_payment":
                return
            try:
                payment = self.attempt(order, dice.choice(["wechat", "alipay"]))
                if payment["show"]:
                    shown.append(payment)
                    self._press(payment)
                if len(shown) > 1 and dice.random() < 0.2:
                    self._press(shown[0])
            except Refused as refused:
                if refused.problem["code"] not in {"payment_refused", "already_paid", "payment_closed"}:
                    raise
            time.sleep(0.3)
        raise AssertionError(f"{order} could not be paid: {shown}")

    def _press(self, payment: dict[str, Any]) -> None:
        with suppress(OSError, HTTPException):  # the page says no: the trade was closed, or is paid
            self.press(payment)


def sessions(hospital: Hospital) -> Iterator[str]:
    """A new session for every 400 payments."""
    while True:
        session = hospital.session(450)
        yield from itertools.repeat(session, 400)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_the_books_agree_to_the_fen(respawning: System) -> None:
    base = f"{respawning.url}/api/v1"
    operator = Repeating(base)
    operator.login(respawning.secrets["ADMIN_USERNAME"], respawning.secrets["ADMIN_PASSWORD"])
    hospital, sandbox = Hospital(base, operator, Repeating), Sandbox(respawning.sandbox.url)
    numbers, lock = sessions(hospital), threading.Lock()

    def one(turn: int) -> str:
        with lock:
            session = next(numbers)
        return Payer(base).live(session, random.Random(SEED + turn))

    with (
        sandbox.faulty(rate=0.1, seed=SEED, faults=FAULTS),
        Killer(respawning) as killer,
        ThreadPoolExecutor(CROWD) as pool,
    ):
        ends = Counter(pool.map(one, range(PAYMENTS)))
    assert set(ends) <= ENDS
    assert ends.total() == PAYMENTS
    assert set(killer.done) == {"api", "worker", "gateway"}, "all of them are to be killed"
    found = settle(operator, 120, sandbox=respawning.sandbox.url)
    assert found == [], f"seed {SEED}, {killer.done}: " + "\n".join(map(str, found))
    # codes that nobody has scanned are still open; no money is with them, so the books must agree nevertheless
    eventually(lambda: theirs(sandbox) == ours(operator), "the same fen in both books", 60)
    assert sum(theirs(sandbox).values()) >= ends["confirmed"] * FEE


def theirs(sandbox: Sandbox) -> dict[str, int]:
    """What each provider holds for us by its own books."""
    return {name: books["taken_in"] - books["given_back"] for name, books in sandbox.books().items()}


def ours(operator: Repeating) -> dict[str, int]:
    """What it holds by ours."""
    ledger = operator.get("/audit/payment-svc")["ledger"]
    return {name: ledger.get(f"clearing:{name}", 0) for name in ("wechat", "alipay")}
