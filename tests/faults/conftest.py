"""A stack of its own for what kills processes: those that die are started again, as an orchestrator would."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from stack.servers import SERVICES, Servers
from stack.system import ROLES, System

CRASHES = "crashes"
"""The folder of the marks of a system's processes: `service.role.point`, see `common.crash`."""
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
    directory = tmp_path_factory.mktemp("faults")
    (directory / CRASHES).mkdir()
    marks = {f"{s} {r}": {"CRASH_MARKS": str(directory / CRASHES / f"{s}.{r}")} for s in SERVICES for r in ROLES}
    with System(directory, servers=servers, env=ROOMY, env_of=marks, respawn=True) as system:
        yield system
