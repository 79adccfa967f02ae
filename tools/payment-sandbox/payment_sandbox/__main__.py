"""`python -m payment_sandbox`: until it is told to stop (SIGINT, SIGTERM)."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TypeVar

from payment_sandbox.app import RefusedInProduction
from payment_sandbox.clock import FASTEST
from payment_sandbox.server import Server

T = TypeVar("T")


def main() -> int:
    """0 after a stop; 1, with the reason, if it cannot start."""
    try:
        level = os.environ.get("LOG_LEVEL") or "INFO"
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        server = Server(
            Path(os.environ.get("PAYMENT_SANDBOX_DIR") or "var/payment-sandbox"),
            int(_number("PAYMENT_SANDBOX_PORT", 65_535, 8090)),
            os.environ.get("PAYMENT_SANDBOX_URL", ""),
            host=os.environ.get("PAYMENT_SANDBOX_HOST") or "127.0.0.1",
            speed=_number("PAYMENT_SANDBOX_SPEED", FASTEST, None),
        )
    except (RefusedInProduction, OSError, ValueError) as reason:
        print(f"payment-sandbox does not start: {reason}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: stop.set())
    server.start()
    print(f"payment-sandbox: {server.url}", flush=True)
    stop.wait()
    server.stop()
    return 0


def _number(name: str, most: float, default: T) -> float | T:
    """A variable's, or the default. Raises ValueError."""
    said = os.environ.get(name)
    if not said:
        return default
    if not 0 <= (number := float(said)) <= most:
        raise ValueError(f"{name}={said}: from 0 to {most:.0f}")
    return number


if __name__ == "__main__":
    sys.exit(main())
