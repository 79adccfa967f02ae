"""`make run`: PORT (8000), HOST (127.0.0.1), DATA_DIR (./var/embedded). Ctrl-C ends it; kill -9 loses nothing."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from common.log import configure

from demo.seed import ACCOUNTS, PASSWORD, seed
from demo.walkthrough import walkthrough
from embedded.system import System


def main() -> int:
    """Run until Ctrl-C or SIGTERM."""
    began = time.monotonic()
    configure("haoyuan", os.environ.get("LOG_FORMAT", "console"), os.environ.get("LOG_LEVEL", "WARNING"))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    system = System(Path(os.environ.get("DATA_DIR", "var/embedded")), port=int(os.environ.get("PORT", "8000")))
    try:
        system.start()
    except OSError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    try:
        done = seed(system.url, system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"])
        _say(system, done, time.monotonic() - began)
        stop.wait()
        print("\nending: requests first, then messages", flush=True)
    finally:
        system.stop()
    return 0


def _say(system: System, done: str, seconds: float) -> None:
    url = system.url.replace("127.0.0.1", "localhost")
    print(f"\nHaoyuan 号源 is up after {seconds:.1f} s (demo roster: {done}). Data: {system.directory}\n")
    print(f"  API    {url}/api/v1\n  docs   {url}/docs\n")
    print("  accounts (password " + PASSWORD + ")")
    for account in ACCOUNTS:
        print(f"    {account.username:<10} {account.about}")
    print(f"    {system.secrets['ADMIN_USERNAME']:<10} sees everything (password {system.secrets['ADMIN_PASSWORD']})")
    print("\n  a registration from end to end, to paste into another terminal:\n")
    print(walkthrough(url))  # not indented: Python's lines in it must begin where they begin
    print("  Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
