"""The payment sandbox as a local process: Alipay and WeChat Pay of development."""

import os
import sys
from pathlib import Path

from stack.process import Command, Process, free_port, listening
from stack.server import HttpServer

PORT = 8090
"""Where it is to be found, if it is for people."""


def payment_sandbox(directory: Path, *, known: bool) -> HttpServer:
    """Tools/payment-sandbox with its books under `directory`. PAYMENT_SANDBOX_PORT, _URL and _SPEED of the environment reach it.

    known: where people look for it, if nobody has that port; else on a free one.
    """
    home = directory / "payment-sandbox"
    home.mkdir(parents=True, exist_ok=True)
    port = kept_port(home / "port", int(os.environ.get("PAYMENT_SANDBOX_PORT", PORT)) if known else 0)
    env = dict(os.environ) | {
        "APP_ENV": "dev",
        "PAYMENT_SANDBOX_PORT": str(port),
        "PAYMENT_SANDBOX_DIR": str(home),
        "PYTHONUNBUFFERED": "1",
    }
    command = Command([sys.executable, "-m", "payment_sandbox"], env=env)
    return HttpServer(Process("payment-sandbox", command, directory / "logs" / "payment-sandbox.log"), port, "/healthz")


def kept_port(kept: Path, wanted: int) -> int:
    """The same as the last time if it can be had: codes and links that patients still have lead there. Else `wanted`, 0: any."""
    if kept.exists():
        wanted = int(kept.read_text())
    port = wanted if wanted and not listening(wanted) else free_port()
    kept.write_text(str(port))
    return port


def of_payment_svc(sandbox: HttpServer, url: str) -> dict[str, str]:
    """What payment-svc must know to work with it; `url` is where the sandbox reaches the platform, without a path.

    Payers are led back to the name by which `make run` greets: a browser keeps a login for each name of a place.
    """
    return {
        "WECHAT_URL": sandbox.url,
        "ALIPAY_URL": f"{sandbox.url}/gateway.do",
        "PUBLIC_URL": url.replace("127.0.0.1", "localhost"),
        "CALLBACK_URL": url,
    }
