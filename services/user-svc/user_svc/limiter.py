"""How often one may try, by the `limits` library: counted in Redis for all processes together, else in this process.

A rule whose name ends in _address counts addresses: of IPv6 by the /64, which is what one customer has at least (RFC 6177).

When Redis is away everybody is let in: logging in matters more than counting, and each password still costs its hash.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable, Mapping

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
        return self._ask(self._windows.hit, rule, subject)

    def full(self, rule: str, subject: str) -> int:
        """As `wait`, for what is counted only if it fails: this looks, and counts nothing."""
        return self._ask(self._windows.test, rule, subject)

    def _ask(self, may: Callable[..., bool], rule: str, subject: str) -> int:
        limit = self._rules.get(rule)
        if limit is None or time.monotonic() < self._away_until:
            return 0
        if rule.endswith("_address"):
            subject = _block_of(subject)
        try:
            if may(limit, rule, subject):
                return 0
            resets_at = self._windows.get_window_stats(limit, rule, subject).reset_time
        except Exception as error:  # noqa: BLE001  whatever the storage raises: it is away, and we fail open
            with self._lock:
                self._away_until = time.monotonic() + REST_SECONDS
            log.warning("rate_limits_off", error=str(error)[:200], seconds=REST_SECONDS)
            return 0
        return max(1, math.ceil(resets_at - time.time()))


def _block_of(address: str) -> str:
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return address
    if given.version == 4 or given.ipv4_mapped:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
