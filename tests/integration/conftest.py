"""The same scenarios on both systems: `embedded` (one process) and `stack` (RabbitMQ, PostgreSQL, gunicorn, nginx)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from houses import base, embedded, hospital, mailbox, operator, patient, sandbox, stack, system  # noqa: F401

from audit.figures import settle


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every scenario ends with an audit that finds nothing, in our books or beside the payment sandbox's."""
    if "system" not in request.fixturenames:
        yield
        return
    caller, running = request.getfixturevalue("operator"), request.getfixturevalue("system")
    yield
    found = settle(caller, 30, running.sandbox.url)
    assert not found, "\n".join(map(str, found))
