"""Child processes that can be killed, frozen and restarted at will, and that never outlive us.

Each is the leader of a session of its own, so a Ctrl-C in our terminal reaches us alone; and it asks the kernel
(PR_SET_PDEATHSIG, through setpriv of util-linux) to be killed when the thread that started it ends. So start processes from a
thread that lives as long as they shall.
"""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import IO

POLL = 0.05  # seconds between two looks at a state that we wait for


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `done()`. Raises TimeoutError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(POLL)


def free_port() -> int:
    """A free TCP port of the loopback, kept for the servers that we start until this process ends.

    It stays bound, which keeps others away who look for a free port, also while our server is down; a server that sets
    SO_REUSEADDR, as all do, may listen on it nevertheless. It is none of those that the kernel gives to clients: a client
    that tries to reconnect to a server's port could be given that very port, and connect to itself.
    """
    for _ in range(200):
        port = random.randrange(10_000, 32_000)  # noqa: S311  not a secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))  # not yet reusable, so it fails if anybody has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.detach()
            return port
    raise OSError("no free port between 10000 and 32000")


def listening(port: int) -> bool:
    """True if somebody accepts connections on this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Command:
    """What to run. `env` is the whole environment. `user` is whom to become (root only)."""

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: str | None = None
    stop_signal: Signals = SIGTERM
    files: Mapping[Path, str] = field(default_factory=dict)  # its configuration, written before every start
    death_signal: Signals = SIGKILL  # sent when we die; SIGTERM where SIGKILL would orphan its children


class Process:
    """One child process and what it started, its output in a log file."""

    def __init__(self, name: str, command: Command, log: Path) -> None:
        self.name = name
        self.command = command
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError if it was never started."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_status(self) -> int | None:
        """As in subprocess: negative for a signal; None while it runs or before it ran."""
        return self._child.poll() if self._child else None

    @property
    def fate(self) -> str:
        """How it ended, in words."""
        status = self.exit_status
        if status is None:
            return "runs" if self.alive else "never started"
        return Signals(-status).name if status < 0 else f"exit status {status}"

    def set_env(self, **variables: str) -> None:
        """Change its environment, from the next start on."""
        environment = dict(os.environ if self.command.env is None else self.command.env)
        self.command = replace(self.command, env=environment | variables)

    def start(self) -> None:
        """Start it, after whatever is left of its former life has gone."""
        if self.alive:
            return
        self._sweep()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for path, text in self.command.files.items():
            path.write_text(text)
        with self.log.open("ab") as output:
            self._child = self._spawn(output)

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        command = self.command
        other = pwd.getpwnam(command.user) if command.user else None
        return subprocess.Popen(
            [*_bound_to_us(command.death_signal), *command.argv],
            env=None if command.env is None else dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=other.pw_uid if other else None,
            group=other.pw_gid if other else None,
            extra_groups=[] if other else None,
        )

    def _sweep(self) -> None:
        """Kill what a leader that died by itself left in its process group."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, SIGKILL)

    def signal(self, number: Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def stop(self, seconds: float = 15) -> None:
        """Ask it to end, and kill it if it has not within `seconds`."""
        stop_all([self], seconds)

    def kill(self) -> None:
        """SIGKILL to it and all of its descendants at once; returns when none of them is left."""
        if self._child is None:
            return
        tree = self._tree()
        self._signal_tree(tree, SIGKILL)
        self._sweep()
        self._child.wait()
        wait_until(lambda: not any(map(_runs, tree)), 10, f"{self.name}: the end of its processes")

    def pause(self) -> None:
        """SIGSTOP to it and all of its descendants."""
        self._signal_tree(self._tree(), SIGSTOP)

    def resume(self) -> None:
        self._signal_tree(self._tree(), SIGCONT)

    def _tree(self) -> list[int]:
        return [self.pid, *descendants(self.pid)] if self.alive else []

    @staticmethod
    def _signal_tree(tree: Iterable[int], number: Signals) -> None:
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def last_words(self, lines: int = 20) -> str:
        """The end of its log, for an error message."""
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def stop_all(processes: Iterable[Process], seconds: float = 15) -> None:
    """Ask all of them to end together, then kill those that have not within `seconds`."""
    running = [process for process in processes if process.alive]
    for process in running:
        process.resume()  # a frozen process would not hear the request
        process.signal(process.command.stop_signal)
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not any(process.alive for process in running), seconds, "a graceful end")
    for process in running:
        process.kill()


def finish(processes: Sequence[Process], seconds: float) -> None:
    """Wait for commands to end well. Raises ChildProcessError with the last words of one that did not; kills the rest."""
    try:
        wait_until(lambda: not any(process.alive for process in processes), seconds, processes[0].name)
    finally:
        stop_all(processes, seconds=0)
    for process in processes:
        if process.exit_status:
            raise ChildProcessError(f"{process.name} ended with {process.exit_status}:\n{process.last_words()}")


def descendants(pid: int) -> list[int]:
    """The children of a process, their children and so on, itself left out. Reads /proc; empty elsewhere than on Linux."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _runs(pid: int) -> bool:
    """False for a zombie too: whoever adopted it will reap it in its own time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _bound_to_us(death_signal: Signals) -> list[str]:
    """The prefix of a command that ties its life to ours: a program, as fork hooks are unsafe beside threads."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", death_signal.name.removeprefix("SIG")] if setpriv else []
