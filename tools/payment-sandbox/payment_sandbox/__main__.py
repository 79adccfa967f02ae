"""`python -m payment_sandbox`: until it is told to stop (SIGINT, SIGTERM)."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

from payment_sandbox.app import RefusedInProduction
from payment_sandbox.clock import FASTEST
from payment_sandbox.server import Server


def main() -> int:
    """0 after a stop; 1, with the reason, if it cannot start."""
    try:
        level = os.environ.get("LOG_LEVEL") or "INFO"
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        server = Server(
            Path(os.environ.get("PAYMENT_SANDBOX_DIR") or "var/payment-sandbox"),
            _port(),
            _url(),
            host=os.environ.get("PAYMENT_SANDBOX_HOST") or "127.0.0.1",
            speed=_speed(),
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


def _port() -> int:
    """Raises ValueError."""
    said = os.environ.get("PAYMENT_SANDBOX_PORT") or "8090"
    if not (said.isascii() and said.isdigit() and int(said) <= 65_535):
        raise ValueError(f"PAYMENT_SANDBOX_PORT={said} is no port: a whole number from 0 to 65535")
    return int(said)


def _url() -> str:
    """Raises ValueError."""
    said = os.environ.get("PAYMENT_SANDBOX_URL", "")
    try:
        parts = urlsplit(said)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if said and (not good or parts.query or parts.fragment):
        raise ValueError(
            f"PAYMENT_SANDBOX_URL={said} is no address that payers could open, such as http://127.0.0.1:8090"
        )
    return said


def _speed() -> float | None:
    """Raises ValueError."""
    said = os.environ.get("PAYMENT_SANDBOX_SPEED")
    try:
        speed = float(said) if said else None
    except ValueError:
        speed = -1.0
    if speed is not None and not 0 <= speed <= FASTEST:
        raise ValueError(f"PAYMENT_SANDBOX_SPEED={said} is no speed: a number from 0 to {FASTEST:.0f}")
    return speed


if __name__ == "__main__":
    sys.exit(main())
