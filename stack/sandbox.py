"""The payment sandbox as a local process: Alipay and WeChat Pay of development."""

import os
import sys
from pathlib import Path

from stack.process import Command, Process, free_port, listening
from stack.server import HttpServer

PORT = 8090
"""Where it is to be found, if it is for people."""


def payment_sandbox(directory: Path, *, known: bool) -> HttpServer:
    """Tools/payment-sandbox with its books under `directory`. PAYMENT_SANDBOX_URL and _SPEED of the environment reach it.

    known: on its own port, if nobody has that; else on a free one.
    """
    port = PORT if known and not listening(PORT) else free_port()
    env = dict(os.environ) | {
        "APP_ENV": "dev",
        "PAYMENT_SANDBOX_PORT": str(port),
        "PAYMENT_SANDBOX_DIR": str(directory / "payment-sandbox"),
        "PYTHONUNBUFFERED": "1",
    }
    command = Command([sys.executable, "-m", "payment_sandbox"], env=env)
    return HttpServer(Process("payment-sandbox", command, directory / "logs" / "payment-sandbox.log"), port, "/healthz")


def of_payment_svc(sandbox: HttpServer, url: str) -> dict[str, str]:
    """What payment-svc must know to work with it; `url` is where the sandbox reaches the platform, without a path."""
    return {
        "WECHAT_URL": sandbox.url,
        "ALIPAY_URL": f"{sandbox.url}/gateway.do",
        "PUBLIC_URL": url,
    }
