"""A stack of its own for what kills processes: those that die are started again, as an orchestrator would."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from stack.servers import Servers
from stack.system import System

ROOMY = {
    "LIMIT_LOGINS_USERNAME": "100000/minute",
    "LIMIT_LOGINS_ADDRESS": "100000/minute",
    "LIMIT_REGISTRATIONS_ADDRESS": "100000/minute",
    "PASSWORD_TIME_COST": "1",
    "PASSWORD_MEMORY": "1024",
    "WEB_CONCURRENCY": "1",
}


@pytest.fixture(scope="session")
def respawning(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole stack, whose processes are started again when they die."""
    with System(tmp_path_factory.mktemp("faults"), servers=servers, env=ROOMY, respawn=True) as system:
        yield system
