"""`make run`: PORT (8000), HOST (127.0.0.1), DATA_DIR (./var/embedded). Ctrl-C ends it; kill -9 loses nothing.

APP_ENV=production: without the demo's roster and accounts, whose password is published, and without the payment sandbox and
the mailbox.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from common.log import configure
from common.settings import BadSettings

from demo.seed import ACCOUNTS, PASSWORD, seed
from demo.today import enliven
from demo.walkthrough import walkthrough
from embedded.system import System
from stack import pages


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    began = time.monotonic()
    os.umask(0o077)  # what patients are told is theirs alone
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        configure("haoyuan", os.environ.get("LOG_FORMAT") or "console", os.environ.get("LOG_LEVEL") or "WARNING")
        port = int(os.environ.get("PORT") or 8000)
        system = System(Path(os.environ.get("DATA_DIR") or "var/embedded"), port=port)
        system.start()
    except (OSError, ValueError, BadSettings) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    try:
        demo = os.environ.get("APP_ENV") != "production"
        box = system.mailbox.url if system.mailbox else ""
        admin = system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"]
        done = seed(system.url, *admin, mailbox=box) if demo else ""
        for fault in enliven(system.url, *admin) if demo else ():
            print(fault, file=sys.stderr)
        _say(system, done, time.monotonic() - began)
        stop.wait()
        print("\nending: requests first, then messages", flush=True)
    finally:
        system.stop()
    return 0


def _say(system: System, done: str, seconds: float) -> None:
    url = system.url.replace("127.0.0.1", "localhost")
    about = f" (demo roster: {done})" if done else ""
    print(f"\nHaoyuan 号源 is up after {seconds:.1f} s{about}. Data: {system.directory}\n")
    print(f"  pages  {f'{url}/' if pages.folder() == pages.DIST else 'there are none: `make pages` builds them'}")
    print(f"  API    {url}/api/v1\n  docs   {url}/docs")
    if system.sandbox is not None:
        print(f"  pay    Alipay and WeChat Pay are the payment sandbox here, at {system.sandbox.url}")
    if system.mailbox is not None:
        print(f"  mail   e-mails and SMS arrive at {system.mailbox.url}")
    print()
    print("  accounts" + (f" (password {PASSWORD})" if done else ""))
    for account in ACCOUNTS if done else ():
        print(f"    {account.username:<10} {account.about}")
    print(f"    {system.secrets['ADMIN_USERNAME']:<10} sees everything (password {system.secrets['ADMIN_PASSWORD']})")
    if done:
        print("\n  a registration from end to end, to paste into another terminal:\n")
        print(
            walkthrough(url, system.mailbox.url if system.mailbox else "")
        )  # not indented: Python's lines in it must begin where they begin
    print("  Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
