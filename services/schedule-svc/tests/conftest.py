"""A hospital with one doctor and one session of 12 numbers, on a clock that moves when told to."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from common.outbox import Database
from common.outbox.migrate import migrate
from flask.testing import FlaskClient
from schedule_world import START, World, make_world


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and nothing in it; a copy is had sooner than a migration."""
    file = tmp_path_factory.mktemp("schedule") / "migrated.db"
    database = Database(f"sqlite:///{file}")
    migrate(database, "schedule_svc")
    database.close()
    return file


@pytest.fixture
def make(tmp_path: Path, migrated: Path) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def fresh(**roster_changes: object) -> World:
        file = shutil.copy(migrated, tmp_path / f"{len(worlds)}.db")
        worlds.append(make_world(f"sqlite:///{file}", START, **roster_changes))
        return worlds[-1]

    yield fresh
    for world in worlds:
        world.database.close()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.service.app.test_client()
