"""What shall go wrong, and when: planned for a call, so many times; or at random, from a seed. Both are kept, and are used up
in the order of the calls, restarts or not.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from payment_sandbox.books import Books
from payment_sandbox.parts import AFTER, BEFORE, Fault

FLAWS = tuple(name for name in AFTER if name not in {"drop-after", "500-after"})
"""What is wrong with an answer, or a delivery, that does arrive."""
OF_CALLS = (*BEFORE, *AFTER)
OF_CALLBACKS = ("delay", "drop", "drop-before", "drop-after", "duplicate", *FLAWS)
"""What can go wrong with a delivery: not sent at all (`drop` and `drop-before` are one), sent but its answer lost, sent twice, or sent with a flaw."""
EVERY = (*OF_CALLS, "drop", "duplicate")


def possible(call: str) -> tuple[str, ...]:
    """The faults that a call can have."""
    return OF_CALLBACKS if call == "callback" else OF_CALLS


class Faults:
    """Who asks takes one away: `take`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def plan(self, provider: str, call: str, fault: Fault, *, number: str = "*", times: int = 1) -> None:
        """Have the next `times` calls of that name fail; `number`: only those about it (`*`: all)."""
        self._books.run(
            'INSERT INTO plans (provider, "call", number, times, fault, seconds) VALUES (?, ?, ?, ?, ?, ?)',
            *(provider, call, number, times, fault.name, fault.seconds),
        )

    def at_random(self, rate: float, seed: int, names: Sequence[str]) -> None:
        """Have that share of all calls and deliveries fail from now on, in an order that the seed decides."""
        self._books.keep("random", {"rate": rate, "seed": seed, "faults": list(names), "drawn": 0})

    def take(self, provider: str, call: str, number: str) -> Fault | None:
        """What shall go wrong with this call. What was planned for its number goes before what was planned for any."""
        with self._books.changing():
            planned = self._books.run(
                "SELECT place, fault, seconds FROM plans WHERE provider = ? AND \"call\" = ? AND number IN (?, '*') "
                "ORDER BY number = '*', place LIMIT 1",
                *(provider, call, number),
            )
            if not planned:
                return self._draw(call)
            self._books.run("UPDATE plans SET times = times - 1 WHERE place = ?", planned[0]["place"])
            self._books.run("DELETE FROM plans WHERE times <= 0")
            return Fault(planned[0]["fault"], planned[0]["seconds"])

    def _draw(self, call: str) -> Fault | None:
        kept = self._books.note("random")
        if not kept:
            return None
        self._books.keep("random", {**kept, "drawn": kept["drawn"] + 1})
        # One generator per draw: the sequence goes on after a restart where it was.
        draw = random.Random(f"{kept['seed']}:{kept['drawn']}")  # noqa: S311 - faults are no secrets
        if draw.random() >= kept["rate"]:
            return None
        names = [name for name in kept["faults"] if name in possible(call)]
        return Fault(draw.choice(names), round(draw.random() / 5, 3)) if names else None

    def forget(self) -> None:
        """Plan nothing any more."""
        with self._books.changing():
            self._books.run("DELETE FROM plans")
            self._books.run("DELETE FROM options WHERE name = 'random'")

    def shown(self) -> Mapping[str, Any]:
        """What is planned still."""
        rows = self._books.run('SELECT provider, "call", number, times, fault, seconds FROM plans ORDER BY place')
        return {"faults": [dict(row) for row in rows], "random": self._books.note("random")}
