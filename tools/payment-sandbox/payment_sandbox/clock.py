"""The sandbox's own time: real, until it is told to jump or to run faster. Schedules, expiry, refunds and bills go by it;
timestamps of signatures do not (they are the wire's, and real).
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from payment_sandbox.books import Books

BEIJING = timezone(timedelta(hours=8))
FASTEST = 100_000.0  # times real time


class Clock:
    """Kept in the books: it goes on after a restart as if it had never stopped."""

    def __init__(self, books: Books, real: Callable[[], float] = time.time) -> None:
        self._books, self._real, self._lock = books, real, threading.Lock()
        self._load()

    def _load(self) -> None:
        kept = self._books.note("clock") or {"since": 0.0, "then": 0.0, "speed": 1.0}
        self._since, self._then, self.speed = kept["since"], kept["then"], kept["speed"]

    def seconds(self) -> float:
        """Now, as seconds since 1970."""
        with self._lock:
            return float(self._then + (self._real() - self._since) * self.speed)

    def now(self) -> datetime:
        """Now, as Beijing reads it."""
        return datetime.fromtimestamp(self.seconds(), BEIJING)

    def set(self, *, advance: float = 0.0, speed: float | None = None) -> None:
        """Jump ahead by so many seconds; run that many times as fast as real time, from now on (0: stand still)."""
        now = self.seconds() + advance
        with self._lock:
            self._since, self._then = self._real(), now
            self.speed = self.speed if speed is None else speed
            kept = {"since": self._since, "then": self._then, "speed": self.speed}
        self._books.keep("clock", kept)

    def forget(self) -> None:
        """Be real again."""
        with self._lock:
            self._since, self._then, self.speed = 0.0, 0.0, 1.0

    def wait(self, moment: float) -> float | None:
        """How many real seconds until then (as seconds since 1970); None if it never comes by itself."""
        left = moment - self.seconds()
        if left <= 0:
            return 0.0
        return left / self.speed if self.speed else None
