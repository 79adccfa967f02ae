"""What all servers have in common: a runner (a local process or a container) and a question that tells if it is ready."""

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from stack.process import wait_until

READY_SECONDS = 60.0


class ServersUnavailable(Exception):  # noqa: N818  a state of the machine, rather than a fault of ours
    """The servers cannot be had on this machine; the text says why."""


class Runner(Protocol):
    """Runs one server: `stack.process.Process`, or a container."""

    name: str

    @property
    def alive(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self, seconds: float = 15) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def last_words(self, lines: int = 20) -> str: ...


class Server(ABC):
    """One server, on the same port and data from start to start."""

    def __init__(self, runner: Runner, port: int) -> None:
        self.runner = runner
        self.port = port

    @abstractmethod
    def ready(self) -> bool:
        """True if it serves clients now. Answers False, and never raises, while it does not."""

    def launch(self) -> None:
        """Start it without waiting."""
        self.runner.start()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Raises TimeoutError (too slow) or ChildProcessError (it ended), with the end of its log."""
        name = self.runner.name

        def look() -> bool:
            if not self.runner.alive:
                raise ChildProcessError(f"{name} ended while it started:\n{self.runner.last_words()}")
            return self.ready()

        try:
            wait_until(look, seconds, f"{name} ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.runner.last_words()}") from None

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        self.runner.stop()

    def kill(self) -> None:
        """Kill it as a power cut would, without a word of warning."""
        self.runner.kill()

    def restart(self) -> None:
        """Start it again (stop it first if it runs), on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing answers."""
        self.runner.pause()

    def resume(self) -> None:
        self.runner.resume()


def find_program(name: str, *folders: str) -> str | None:
    """The path of a program in one of `folders` (globs; the highest version wins), in PATH, or where root's programs live."""
    for folder in folders:
        hits = sorted(Path("/").glob(f"{folder.lstrip('/')}/{name}"), key=lambda path: (len(str(path)), str(path)))
        if hits:
            return str(hits[-1])
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def program(name: str, *folders: str) -> str:
    """As find_program. Raises ServersUnavailable if there is none."""
    found = find_program(name, *folders)
    if found is None:
        raise ServersUnavailable(f"{name} is not installed")
    return found
