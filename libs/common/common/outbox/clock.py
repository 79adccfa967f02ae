"""The database's time, for all processes of a service: a host whose clock is off fires no timer early."""

import threading
import time
from datetime import datetime, timedelta

import sqlalchemy as sa

from common.clock import Clock, system_clock
from common.log import get_logger

log = get_logger("clock")

MEASURED_EVERY = 10.0  # seconds
ALARMING = timedelta(seconds=2)


class DatabaseClock:
    """A clock that tells PostgreSQL's time: the host's, corrected by a difference that is measured every few seconds.

    While the database is away the last difference holds.
    """

    def __init__(self, engine: sa.Engine, host: Clock = system_clock) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._host = host
        self._offset = timedelta()
        self._next = 0.0
        self._measuring = threading.Lock()

    def __call__(self) -> datetime:
        if time.monotonic() >= self._next and self._measuring.acquire(blocking=False):
            try:
                self._next = time.monotonic() + MEASURED_EVERY
                self._measure()
            except Exception:  # noqa: BLE001  whoever asks for the time is about to learn that the database is away
                log.info("time_not_measured")
            finally:
                self._measuring.release()
        return self._host() + self._offset

    def _measure(self) -> None:
        with self._engine.connect() as conn:
            before = self._host()
            there: datetime = conn.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
            after = self._host()
        offset = there - (before + (after - before) / 2)
        # a difference smaller than the doubt of its measurement is none: time must not jitter
        self._offset = offset if abs(offset) > after - before else timedelta()
        if abs(self._offset) > ALARMING:
            log.warning("host_clock_is_off", seconds=self._offset.total_seconds())
