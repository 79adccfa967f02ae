"""`make stack`: the real system on one terminal. One Ctrl-C ends all of it; data and secrets stay for the next time.

PORT (8000; 0 takes a free one) is where it listens, STACK_DIR (var/stack) where its data and logs are. What else stands in the
environment reaches every service: WEB_CONCURRENCY, PARTITIONS, PAYMENT_WINDOW_SECONDS ...
"""

import os
import signal
import sys
import time
import zlib
from pathlib import Path

from stack import hospitals
from stack.keeper import Keeper
from stack.process import listening
from stack.server import ServersUnavailable
from stack.system import System

LOOK_SECONDS = 0.1
COLOURS = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)
WIDTH = 20
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(name: str, text: str) -> None:
    """Print lines behind the coloured name of who says them."""
    label = f"{name:<{WIDTH}}"
    if sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        label = f"\033[{COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]}m{label}\033[0m"
    for line in text.splitlines():
        print(f"{label} {line}", flush=True)


class Tail:
    """Follows the log files of processes, from where they end now."""

    def __init__(self, logs: dict[str, Path]) -> None:
        self._logs = logs
        self._read = {name: path.stat().st_size if path.exists() else 0 for name, path in logs.items()}

    def show(self) -> None:
        """Print what is new, whole lines only."""
        for name, path in self._logs.items():
            if not path.exists() or path.stat().st_size <= self._read[name]:
                continue
            with path.open("rb") as file:
                file.seek(self._read[name])
                lines, newline, _rest = file.read().rpartition(b"\n")
            self._read[name] += len(lines) + len(newline)
            say(name, lines.decode(errors="replace"))


def _welcome(system: System) -> str:
    logs = system.directory / "logs"
    operator, password = system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"]
    return (
        f"ready: {system.url} (API: {system.url}/api/v1, its documents: {system.url}/docs)\n"
        f"Alipay and WeChat Pay are the payment sandbox: {system.sandbox.url if system.sandbox else 'none'}\n"
        f"e-mails and SMS arrive at the mailbox: {system.mailbox.url if system.mailbox else 'none'}\n"
        f"the operator's account: {operator} / {password}\n"
        f"demo data: ADMIN_USERNAME={operator} ADMIN_PASSWORD={password} MAILBOX_URL={system.mailbox.url if system.mailbox else ''} "
        f"{sys.executable} -m demo.seed {system.url}\n"
        f"{_hospitals(system)}\n"
        f"logs: {logs}; data stays in {system.directory}; Ctrl-C ends it"
    )


def _hospitals(system: System) -> str:
    """How the demo's hospitals publish."""
    code, *others = hospitals.DEMO
    url = hospitals.url(system.realm, code, hospitals.DEMO[code])
    return (
        f"hospital {code} publishes rosters: HAOYUAN_ROSTER_HOSPITAL={code} HAOYUAN_ROSTER_URL={url} haoyuan-roster publish FILE"
        f" (so does {', '.join(others)})"
    )


def _run(system: System, tail: Tail) -> None:
    """Show what the services say and keep everything running, until interrupted."""
    keeper = Keeper([*system.servers.all, *system.parts], say)
    while True:
        keeper.tend()
        tail.show()
        time.sleep(LOOK_SECONDS)


def _interrupt(*_: object) -> None:
    """Break off whatever is going on, once: the ending itself is not to be disturbed."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP. Exit status 1 if it could not start."""
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    port = int(os.environ.get("PORT") or 8000)
    if port and listening(port):
        say("stack", f"port {port} is taken; choose another: make stack PORT=8001 (0 takes a free one)")
        return 1
    try:
        system = System(Path(os.environ.get("STACK_DIR") or "var/stack"), port=port, say=say)
        tail = Tail({part.name: part.process.log for part in system.parts})
        with system:
            hospitals.admit(system.realm, hospitals.DEMO)
            tail.show()  # first what the start has said: the welcome is to stand where one looks
            say("stack", _welcome(system))
            try:
                _run(system, tail)
            except KeyboardInterrupt:
                say("stack", "ends everything")
        tail.show()
    except (ServersUnavailable, OSError) as error:  # of which ChildProcessError and TimeoutError are kinds
        say("stack", str(error))
        return 1
    except KeyboardInterrupt:
        say("stack", "ended before it was ready")
        return 130
    say("stack", "ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
