"""A hospital with one doctor and one session of 12 numbers, on a clock that moves when told to."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from schedule_world import World, make_world

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def fresh(**roster_changes: object) -> World:
        worlds.append(make_world(f"sqlite:///{tmp_path}/{len(worlds)}.db", START, **roster_changes))
        return worlds[-1]

    yield fresh
    for world in worlds:
        world.database.close()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()
