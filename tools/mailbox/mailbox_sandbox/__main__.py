"""`python -m mailbox_sandbox`: until it is told to stop (SIGINT, SIGTERM)."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from mailbox_sandbox.app import RefusedInProduction
from mailbox_sandbox.server import Server


def main() -> int:
    """0 after a stop; 1, with the reason, if it cannot start."""
    try:
        level = os.environ.get("LOG_LEVEL") or "INFO"
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        # aiosmtpd's: every line that is said, with every address, and a warning at each login
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        templates = os.environ.get("MAILBOX_TEMPLATES")
        server = Server(
            Path(os.environ.get("MAILBOX_DIR") or "var/mailbox"),
            _port("MAILBOX_PORT", os.environ.get("MAILBOX_PORT") or "8091"),
            _port("MAILBOX_SMTP_PORT", os.environ.get("MAILBOX_SMTP_PORT") or "8025"),
            host=os.environ.get("MAILBOX_HOST") or "127.0.0.1",
            receipts=os.environ.get("MAILBOX_RECEIPTS", ""),
            templates=Path(templates) if templates else None,
            plain=os.environ.get("MAILBOX_PLAIN", "") in {"1", "true"},
        )
    except (RefusedInProduction, OSError, ValueError) as reason:
        print(f"the mailbox does not start: {reason}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: stop.set())
    server.start()
    print(f"mailbox: {server.url}, SMTP at {server.smtp_port}", flush=True)
    stop.wait()
    server.stop()
    return 0


def _port(name: str, said: str) -> int:
    """Raises ValueError."""
    if not (said.isascii() and said.isdigit() and int(said) <= 65_535):
        raise ValueError(f"{name}={said} is no port: a whole number from 0 to 65535")
    return int(said)


if __name__ == "__main__":
    sys.exit(main())
