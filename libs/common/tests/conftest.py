"""Fixtures of the chassis' delivery tests."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from delivery_rig import OTHER, RECEIVER, SENDER, Party, parties, until


@pytest.fixture
def ends() -> Callable[[Callable[[], object]], None]:
    """`ends(stop)` fails if `stop` waits for what never comes. A machine may take its time, so the deadline is far."""

    def watch(work: Callable[[], object]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        until(lambda: not thread.is_alive(), 120, f"the end of {work}")

    return watch


@pytest.fixture
def sqlite_parties(tmp_path: Path) -> list[Party]:
    return parties({name: f"sqlite:///{tmp_path}/{name}.db" for name in (SENDER, RECEIVER, OTHER)})


@pytest.fixture(scope="module")
def rabbit_url(request: pytest.FixtureRequest) -> str:
    """A virtual host of this module's own, or the broker that the gate of the mutants lends to its runs."""
    return os.environ.get("TEST_BROKER_URL") or request.getfixturevalue("rabbit_url")
