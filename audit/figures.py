"""Gets the services' figures over HTTP, as an operator who logs in."""

import time
from typing import Any

from common.platform import SERVICES

from audit.invariants import broken
from audit.parts import Broken
from audit.sources import books
from demo.client import Client


def fetch(client: Client, sandbox: str = "") -> dict[str, Any]:
    """The figures of all services, one after the other: they agree only when the system is at rest.

    `sandbox`: the payment sandbox's address, if its books are to be compared too. Raises OSError if it does not answer.
    """
    figures = {service: client.get(f"/audit/{service}") for service in SERVICES}
    if sandbox:
        figures["payment-svc"]["books"] = books(sandbox)
    return figures


def settle(client: Client, seconds: float, sandbox: str = "") -> list[Broken]:
    """Look until nothing is broken, for `seconds` at most; answers what still is."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (found := broken(fetch(client, sandbox))) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    return found
