"""Gets the services' figures over HTTP, as an operator; and the payment sandbox's books, which are open to everybody."""

import json
import time
from typing import Any
from urllib.request import urlopen

from common.platform import SERVICES

from audit.invariants import Broken, broken
from demo.client import Client


def fetch(client: Client, sandbox: str = "") -> dict[str, Any]:
    """The figures of all services, one after the other: they agree only when the system is at rest.

    `sandbox`: the payment sandbox's address, if its books are to be compared too. Raises OSError if it does not answer.
    """
    figures = {service: client.get(f"/audit/{service}") for service in SERVICES}
    if sandbox:
        figures["payment-svc"]["books"] = books(sandbox)
    return figures


def books(sandbox: str) -> dict[str, Any]:
    """Fen that the payment sandbox took in and gave back, by provider, as it keeps them itself. Raises OSError."""
    if not sandbox.startswith(("http://", "https://")):
        raise OSError(f"{sandbox!r} is no address of a payment sandbox")
    with urlopen(f"{sandbox.rstrip('/')}/_ctl/books", timeout=10) as answer:  # noqa: S310  the scheme was looked at
        found: dict[str, Any] = json.load(answer)
    return found


def settle(client: Client, seconds: float, sandbox: str = "") -> list[Broken]:
    """Look until nothing is broken, for `seconds` at most; answers what still is."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while (found := broken(fetch(client, sandbox))) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    return found
