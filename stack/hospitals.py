"""Hospitals as users of the broker, made by deploy/rabbitmq/definitions.py as an operator would."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stack.servers import Realm

SCRIPT = Path(__file__).resolve().parent.parent / "deploy" / "rabbitmq" / "definitions.py"
DEMO = {"renji": "development", "tongde": "development"}
"""The hospitals of the demo (demo/roster.py) and their published passwords: for brokers on the loopback only."""


def admit(realm: Realm, passwords: Mapping[str, str]) -> None:
    """Let hospitals, by their codes, use the broker of this realm; with new passwords, if they could already.

    Raises ValueError with the reason for a code that cannot be.
    """
    variables = {"BROKER_PASSWORD_" + re.sub(r"\W", "_", code).upper(): text for code, text in passwords.items()}
    vhost = unquote(urlsplit(realm.broker_url).path[1:])
    made = subprocess.run(
        [sys.executable, str(SCRIPT), "-", vhost],
        env={"PATH": os.environ.get("PATH", ""), "HOSPITALS": " ".join(passwords), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise ValueError(made.stderr.strip())
    realm.servers.rabbitmq.load(made.stdout)


def url(realm: Realm, code: str, password: str) -> str:
    """The broker's URL for a hospital."""
    vhost = unquote(urlsplit(realm.broker_url).path[1:])
    return realm.servers.rabbitmq.url(vhost, code, password)
