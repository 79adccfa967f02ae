"""Gets the services' figures over HTTP, as an operator."""

import time
from typing import Any

from common.platform import SERVICES

from audit.invariants import Broken, broken
from demo.client import Client


def fetch(client: Client) -> dict[str, Any]:
    """The figures of all services, one after the other: they agree only when the system is at rest."""
    return {service: client.get(f"/audit/{service}") for service in SERVICES}


def settle(client: Client, seconds: float) -> list[Broken]:
    """Look until nothing is broken, for `seconds` at most; answers what still is."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (found := broken(fetch(client))) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    return found
