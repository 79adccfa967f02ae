"""payment-svc in a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from payment_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()
