"""What all servers have in common: a runner (a local process or a container) and a question that tells if it is ready."""

import os
import shutil
from abc import ABC, abstractmethod
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Lock
from typing import Protocol

from stack.process import Process, wait_until

READY_SECONDS = 60.0
SYSTEM_FOLDERS = ":/usr/sbin:/sbin:/usr/local/sbin"  # not in the PATH of users who are not root


class ServersUnavailable(Exception):
    """The servers cannot be had on this machine; the text says why."""


class Runner(Protocol):
    """Runs one server: `stack.process.Process`, or a container."""

    name: str

    @property
    def alive(self) -> bool: ...
    @property
    def fate(self) -> str: ...
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
        self.wanted = False
        """True from start to stop: while it is wanted and not alive, something has killed it."""
        self._starting = Lock()

    @property
    def name(self) -> str:
        return self.runner.name

    @property
    def alive(self) -> bool:
        return self.runner.alive

    @abstractmethod
    def ready(self) -> bool:
        """True if it serves clients now. Answers False, and never raises, while it does not."""

    def launch(self) -> None:
        """Start it without waiting; does nothing if it runs."""
        with self._starting:
            self.wanted = True
            self.runner.start()

    def revive(self) -> None:
        """Start it after it died by itself."""
        self.launch()

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Raises TimeoutError (too slow) or ChildProcessError (it ended), with the end of its log."""

        def look() -> bool:
            if not self.alive:
                raise ChildProcessError(f"{self.name} ended while it started:\n{self.runner.last_words()}")
            return self.ready()

        try:
            wait_until(look, seconds, f"{self.name} ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.runner.last_words()}") from None

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        self.wanted = False
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


class HttpServer(Server):
    """A local process that tells over HTTP whether it is ready."""

    def __init__(self, process: Process, port: int, path: str) -> None:
        super().__init__(process, port)
        self.process = process
        self._path = path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it answers 200 within 5 s."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self._path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def find_program(name: str, *folders: str) -> str | None:
    """The path of a program in one of `folders` (globs; the highest version wins), in PATH, or where root's programs live."""
    for folder in folders:
        hits = sorted(Path("/").glob(f"{folder.lstrip('/')}/{name}"), key=lambda path: (len(str(path)), str(path)))
        if hits:
            return str(hits[-1])
    return shutil.which(name, path=os.environ.get("PATH", "") + SYSTEM_FOLDERS)


def program(name: str, *folders: str) -> str:
    """As find_program. Raises ServersUnavailable if there is none."""
    found = find_program(name, *folders)
    if found is None:
        raise ServersUnavailable(f"{name} is not installed")
    return found
