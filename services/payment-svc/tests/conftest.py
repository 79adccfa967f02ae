"""payment-svc in a database of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from payment_world import World

from stack.servers import Servers


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind; PostgreSQL only where the servers are."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/payment.db"
        return
    yield request.getfixturevalue("postgres_url")


@pytest.fixture
def postgres_url(servers: Servers) -> Iterator[str]:
    """An empty database of PostgreSQL."""
    name = f"p{secrets.token_hex(4)}"
    yield servers.postgres.add_database(name)
    servers.postgres.drop_database(name)


@pytest.fixture
def any_world(any_url: str) -> Iterator[World]:
    """On both databases."""
    made = World(any_url)
    yield made
    made.database.close()
