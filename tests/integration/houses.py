"""The systems that scenarios run on, and who is there: for the tests of this folder and of the pages."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from actors import Hospital, Mailbox, Patient, Sandbox
from common.settings import Settings

from demo.client import Client
from embedded.system import System as Embedded
from stack.servers import Servers
from stack.system import System as Stack

ROOT = Path(__file__).parents[2]
ROOMY = {
    "LIMIT_LOGINS_USERNAME": "100000/minute",
    "LIMIT_LOGINS_ADDRESS": "100000/minute",
    "LIMIT_REGISTRATIONS_ADDRESS": "100000/minute",
    "LIMIT_FAILED_LOGINS_ADDRESS": "100000/minute",
    "LIMIT_CODES_ADDRESS": "100000/minute",
    "PASSWORD_TIME_COST": "1",
    "PASSWORD_MEMORY": "1024",
}
"""The scenarios' crowds come from one address; production's limits are tested in user-svc."""


def operator_of(system: Embedded | Stack) -> Client:
    client = Client(f"{system.url}/api/v1")
    client.login(system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"])
    return client


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    # this process's key stays what other tests of this run minted their ids with
    with Embedded(tmp_path_factory.mktemp("embedded"), env={**ROOMY, "ID_KEY": Settings().id_key}) as system:
        yield system


@pytest.fixture(scope="session")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), servers=servers, env=ROOMY) as system:
        yield system


@pytest.fixture(params=["embedded", "stack"], scope="module")
def system(request: pytest.FixtureRequest) -> Embedded | Stack:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def base(system) -> str:
    return f"{system.url}/api/v1"


@pytest.fixture(scope="module")
def operator(system) -> Client:
    return operator_of(system)


@pytest.fixture(scope="module")
def hospital(base: str, operator: Client) -> Hospital:
    return Hospital(base, operator)


@pytest.fixture(scope="module")
def sandbox(system) -> Sandbox:
    return Sandbox(system.sandbox.url)


@pytest.fixture(scope="module")
def mailbox(system) -> Mailbox:
    return Mailbox(system.mailbox.url)


@pytest.fixture
def patient(base: str) -> Patient:
    return Patient(base)


# --- make run, as a process ---


class Run:
    """A `python -m embedded` of its own, its output gathered until it says that it is up."""

    def __init__(self, directory: Path, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "embedded"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(directory), "PORT": "0", "PASSWORD_MEMORY": "1024", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.directory = directory
        self.said = ""
        self.logged = ""
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C ends it" in line:
                break
        assert "is up after" in self.said, self.said
        # read on: once a pipe is full that nobody reads, whoever logs waits, and at last everything
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()
        self.url = re.search(r"http://localhost:\d+", self.said)[0]
        self.base = f"{self.url}/api/v1"
        self.sandbox_url, self.mailbox_url = self._address("payment sandbox"), self._address("arrive")

    def _read_on(self) -> None:
        for line in self.process.stdout:
            self.logged += line

    def _address(self, of: str) -> str:
        """What it printed; empty in production, which has neither."""
        found = re.search(rf"{of}.* at (http://\S+)", self.said)
        return found[1] if found else ""

    def operator(self) -> Client:
        client = Client(self.base)
        client.login("operator", re.search(r"operator.*password (\S+)\)", self.said)[1])
        return client

    def walkthrough(self) -> str:
        """The commands that it printed."""
        start = self.said.index("BASE=")
        return self.said[start : self.said.index("Ctrl-C ends it")]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(timeout=40)
        self._reader.join(timeout=10)
        self.process.stdout.close()
        return status


@contextmanager
def running(directory: Path, **env: str) -> Iterator[Run]:
    run = Run(directory, **env)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGKILL)
