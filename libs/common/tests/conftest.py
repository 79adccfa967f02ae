"""Fixtures of the chassis' delivery tests."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from delivery_rig import OTHER, RECEIVER, SENDER, Party, parties


@pytest.fixture
def elapsed() -> Callable[[float], AbstractContextManager[None]]:
    """`with elapsed(at_most=3):` fails when the block takes longer, in seconds."""

    @contextmanager
    def watch(at_most: float) -> Iterator[None]:
        begun = time.monotonic()
        yield
        assert time.monotonic() - begun < at_most

    return watch


@pytest.fixture
def sqlite_parties(tmp_path: Path) -> list[Party]:
    return parties({name: f"sqlite:///{tmp_path}/{name}.db" for name in (SENDER, RECEIVER, OTHER)})


@pytest.fixture(scope="module")
def rabbit_url(request: pytest.FixtureRequest) -> str:
    """A virtual host of this module's own, or the broker that the gate of the mutants lends to its runs."""
    return os.environ.get("TEST_BROKER_URL") or request.getfixturevalue("rabbit_url")
