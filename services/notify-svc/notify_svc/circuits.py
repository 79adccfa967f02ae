"""Leaves a provider alone that fails again and again, for a growing while: the other one takes over meanwhile.

By process: a worker that was just started finds out by itself, at the price of some calls.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_IN_A_ROW = 5
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(slots=True)
class _Line:
    in_a_row: int = 0
    rests: int = 0
    until: datetime | None = None


class Circuits:
    """What is known of each provider. Bears several threads."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()

    def rests_until(self, provider: str, now: datetime) -> datetime | None:
        """None: it may be called."""
        with self._lock:
            until = self._lines.setdefault(provider, _Line()).until
        return until if until is not None and until > now else None

    def answered(self, provider: str) -> None:
        with self._lock:
            self._lines[provider] = _Line()

    def failed(self, provider: str, now: datetime) -> None:
        """After the first rest one more failure is enough for the next, which is twice as long."""
        with self._lock:
            line = self._lines.setdefault(provider, _Line())
            line.in_a_row += 1
            resting = line.until is not None and line.until > now  # calls that were under way when it began
            if line.in_a_row >= MOST_IN_A_ROW and not resting:
                doublings: int = 2 ** min(line.rests, 10)
                line.until = now + min(FIRST_REST * doublings, LONGEST_REST)
                line.rests += 1
