"""The curl walk-through that `make run` prints: works when pasted."""

import shlex
import sys
from datetime import datetime
from pathlib import Path

from common.clock import SHANGHAI

from demo.roster import GUEST_CODE, IN_A_WEEK, SOON
from demo.seed import PASSWORD


def walkthrough(url: str, mailbox: str) -> str:
    """The commands for a system at `url`, whose letters arrive at `mailbox`."""
    today = datetime.now(SHANGHAI).date()
    text = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")
    values = {
        "URL": url,
        "MAILBOX": mailbox,
        "PASSWORD": PASSWORD,
        "PYTHON": shlex.quote(sys.executable),
        "GUEST": GUEST_CODE,
        "SOON": str(today + SOON),
        "IN_A_WEEK": str(today + IN_A_WEEK),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
