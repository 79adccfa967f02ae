"""The same scenarios on both systems: `embedded` (one process) and `stack` (RabbitMQ, PostgreSQL, gunicorn, nginx)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from actors import Hospital, Mailbox, Patient, Sandbox
from common.settings import Settings

from audit.figures import settle
from demo.client import Client
from embedded.system import System as Embedded
from stack.servers import Servers
from stack.system import System as Stack

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


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every scenario ends with an audit that finds nothing, in our books or beside the payment sandbox's."""
    if "system" not in request.fixturenames:
        yield
        return
    operator, system = request.getfixturevalue("operator"), request.getfixturevalue("system")
    yield
    found = settle(operator, 30, system.sandbox.url)
    assert not found, "\n".join(map(str, found))
