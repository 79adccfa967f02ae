"""payment-svc in a database of its own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from payment_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """On both databases; PostgreSQL only where the servers are."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    postgres = request.getfixturevalue("servers").postgres
    name = f"p{secrets.token_hex(4)}"
    made = World(postgres.add_database(name))
    yield made
    made.database.close()
    postgres.drop_database(name)
