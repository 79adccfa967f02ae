"""How often one may try, by the `limits` library: counted in Redis for all processes together, else in this process.

When Redis is away everybody is let in: logging in matters more than counting, and each password still costs its hash.
"""

import math
import threading
import time
from collections.abc import Mapping

from common.log import get_logger
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

log = get_logger("limiter")

REST_SECONDS = 5.0
"""How long an absent Redis is left alone, so that not every login waits for it."""
_PATIENCE = 0.25  # seconds to wait for Redis


class Limiter:
    """`rules` maps a rule's name to a limit such as "60/minute"; "" turns a rule off."""

    def __init__(self, redis_url: str, rules: Mapping[str, str]) -> None:
        options = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE} if redis_url else {}
        self._windows = SlidingWindowCounterRateLimiter(storage_from_string(redis_url or "memory://", **options))
        self._rules = {name: parse(limit) for name, limit in rules.items() if limit}
        self._lock = threading.Lock()
        self._away_until = 0.0

    def wait(self, rule: str, subject: str) -> int:
        """Count a try of `subject`. 0 if it may go on, else the seconds after which it may try again."""
        limit = self._rules.get(rule)
        if limit is None or time.monotonic() < self._away_until:
            return 0
        try:
            if self._windows.hit(limit, rule, subject):
                return 0
            resets_at = self._windows.get_window_stats(limit, rule, subject).reset_time
        except Exception as error:  # noqa: BLE001  whatever the storage raises: it is away, and we fail open
            with self._lock:
                self._away_until = time.monotonic() + REST_SECONDS
            log.warning("rate_limits_off", error=str(error)[:200], seconds=REST_SECONDS)
            return 0
        return max(1, math.ceil(resets_at - time.time()))
