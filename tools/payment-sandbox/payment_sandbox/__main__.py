"""`python -m payment_sandbox`: until it is told to stop (SIGINT, SIGTERM)."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from payment_sandbox.app import RefusedInProduction
from payment_sandbox.server import Server


def main() -> int:
    """0 after a stop; 1, with the reason, if it cannot start."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: stop.set())
    try:
        speed = os.environ.get("PAYMENT_SANDBOX_SPEED")
        server = Server(
            Path(os.environ.get("PAYMENT_SANDBOX_DIR") or "var/payment-sandbox"),
            int(os.environ.get("PAYMENT_SANDBOX_PORT") or 8090),
            os.environ.get("PAYMENT_SANDBOX_URL", ""),
            host=os.environ.get("PAYMENT_SANDBOX_HOST") or "127.0.0.1",
            speed=float(speed) if speed else None,
        )
    except (RefusedInProduction, OSError, ValueError) as reason:
        print(f"payment-sandbox does not start: {reason}", file=sys.stderr)
        return 1
    server.start()
    print(f"payment-sandbox: {server.url}", flush=True)
    stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
