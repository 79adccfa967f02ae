"""Fires reminders in the background. Several loops may run beside each other, in as many processes."""

import threading
from collections.abc import Callable

from common.log import get_logger

log = get_logger("reminders")

PAUSE = 1.0  # seconds between two looks when nothing is due


class ReminderLoop:
    """A `common.service.Part`. `fire` tells what is due, at most a batch, and answers 0 if there was nothing to do."""

    def __init__(self, fire: Callable[[], int]) -> None:
        self._fire = fire
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reminders", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                fired = self._fire()
            except Exception:  # the database is away
                log.exception("reminders_failed")
                fired = 0
            if not fired:
                self._stopping.wait(PAUSE)
