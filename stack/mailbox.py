"""The mailbox of development as a local process: where e-mails and SMS arrive."""

import os
import subprocess
import sys
from pathlib import Path

from stack.process import Command, Process
from stack.sandbox import kept_port
from stack.server import HttpServer

PORT = 8091
"""Where its page is to be found, if it is for people."""

RECEIPTS = "/api/v1/notifications/receipts/{provider}/"
"""Where notify-svc hears of deliveries; the token follows."""

CREDENTIALS = {
    "ALIBABA_SMS_KEY_ID": "haoyuan-mailbox",
    "ALIBABA_SMS_KEY_SECRET": "haoyuan-mailbox",
    "ALIBABA_SMS_SIGN": "号源",
    "TENCENT_SMS_SECRET_ID": "haoyuan-mailbox",
    "TENCENT_SMS_SECRET_KEY": "haoyuan-mailbox",
    "TENCENT_SMS_APP_ID": "1400000001",
    "TENCENT_SMS_SIGN": "号源",
}
"""As tools/mailbox publishes them; notify-svc refuses them in production."""


class Mailbox(HttpServer):
    """tools/mailbox with its letters under `home`."""

    def __init__(self, process: Process, port: int, smtp_port: int, home: Path) -> None:
        super().__init__(process, port, "/healthz")
        self.smtp_port, self._home = smtp_port, home

    @property
    def ca(self) -> Path:
        """The certificate by which its e-mail server is believed; there once it is ready."""
        return self._home / "ca.pem"

    def launch(self) -> None:
        if not self.alive:
            self._tell_texts()
        super().launch()

    def _tell_texts(self) -> None:
        """What notify-svc has the providers approve. Without it the page shows what texts are filled with instead."""
        asked = [sys.executable, "-m", "notify_svc.sms_templates"]
        said = subprocess.run(asked, capture_output=True, check=False, text=True, encoding="utf-8")
        (self._home / "texts.json").write_text(said.stdout if said.returncode == 0 else "{}", encoding="utf-8")


def mailbox(directory: Path, *, known: bool, url: str, token: str) -> Mailbox:
    """Tools/mailbox with its letters under `directory`. MAILBOX_PORT of the environment reaches it.

    known: where people look for it, if nobody has that port; else on a free one. url: where it tells notify-svc of deliveries,
    without a path; token: of RECEIPTS_TOKEN.
    """
    home = directory / "mailbox"
    home.mkdir(parents=True, exist_ok=True)
    port = kept_port(home / "port", int(os.environ.get("MAILBOX_PORT", PORT)) if known else 0)
    smtp_port = kept_port(home / "smtp-port", 0)
    env = dict(os.environ) | {
        "APP_ENV": "dev",
        "MAILBOX_PORT": str(port),
        "MAILBOX_SMTP_PORT": str(smtp_port),
        "MAILBOX_DIR": str(home),
        "MAILBOX_RECEIPTS": f"{url}{RECEIPTS}{token}",
        "MAILBOX_TEMPLATES": str(home / "texts.json"),
        "PYTHONUNBUFFERED": "1",
    }
    command = Command([sys.executable, "-m", "mailbox_sandbox"], env=env)
    return Mailbox(Process("mailbox", command, directory / "logs" / "mailbox.log"), port, smtp_port, home)


def of_notify_svc(box: Mailbox, url: str) -> dict[str, str]:
    """What notify-svc must know to write to it; `url` is where people reach the platform, without a path."""
    return {
        "PUBLIC_URL": url,
        "SMTP_URL": f"smtp://haoyuan-mailbox:haoyuan-mailbox@127.0.0.1:{box.smtp_port}",
        "SMTP_CA": str(box.ca),
        "SMS_PROVIDERS": "alibaba,tencent",
        "ALIBABA_SMS_URL": box.url,
        "TENCENT_SMS_URL": box.url,
        **CREDENTIALS,
    }
