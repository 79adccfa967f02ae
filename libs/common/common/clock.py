"""Time is passed in: `Clock` is a function that answers the aware UTC time. Tests pass a `ManualClock`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""Hospitals' dates, periods and deadlines are Beijing time, whatever the host's zone is."""


def local(time: datetime | None) -> datetime | None:
    """A time as people see it, in answers of every service: Beijing's, RFC 3339 with +08:00."""
    try:
        return None if time is None else time.astimezone(SHANGHAI)
    except OverflowError:  # within hours of the year 1 or 10000: nobody's appointment, and no reason to fail
        return time


def system_clock() -> datetime:
    return datetime.now(UTC)


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by

    def set(self, to: datetime) -> None:
        self._now = to
