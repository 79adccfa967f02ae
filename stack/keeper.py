"""Keeps processes running: what dies is started again, after a pause that grows while it keeps dying."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stack.server import Server

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds
STEADY = 20.0  # seconds of life after which a death counts as the first


@dataclass
class _Record:
    started: float
    pause: float = FIRST_PAUSE
    due: float | None = None


class Keeper:
    """Looks after `parts`. `say(name, text)` is told of deaths; `clock` answers seconds that never run backwards."""

    def __init__(
        self, parts: Iterable[Server], say: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._records = {part: _Record(clock()) for part in parts}

    def tend(self) -> None:
        """One look at all parts. Call it often, from a thread that lives as long as they shall (see `stack.process`)."""
        for part, record in self._records.items():
            if part.alive or not part.wanted:
                record.due = None
            elif record.due is None:
                self._mourn(part, record)
            elif self._clock() >= record.due:
                record.due, record.started = None, self._clock()
                part.revive()

    def _mourn(self, part: Server, record: _Record) -> None:
        now = self._clock()
        record.pause = FIRST_PAUSE if now - record.started > STEADY else min(record.pause * 2, LONGEST_PAUSE)
        record.due = now + record.pause
        self._say(part.name, f"died ({part.runner.fate}); starts again in {record.pause:g} s")
