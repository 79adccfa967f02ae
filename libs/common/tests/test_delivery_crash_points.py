"""A process that exits hard at each of the crash points loses nothing and doubles nothing, on either broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.broker.topology import connect, declare, queue_names
from common.crash import EXIT_STATUS, POINTS
from common.outbox import tables
from crash_app import MESSAGES
from delivery_rig import RECEIVER, Store, effects

APP = Path(__file__).with_name("crash_app.py")
NTH = {"db_commit": 9, "publish": 7, "confirm": 7}  # the others are passed once for a batch: the second time

pytestmark = pytest.mark.faults


@pytest.fixture
def embedded(tmp_path: Path) -> list[str]:
    return [f"sqlite:///{tmp_path}/sender.db", f"sqlite:///{tmp_path}/receiver.db"]


@pytest.fixture(scope="module")
def crash_databases(servers: Any) -> Iterator[list[str]]:
    names = ("crash_sender", "crash_receiver")
    yield [servers.postgres.add_database(name) for name in names]
    for name in names:
        servers.postgres.drop_database(name)


@pytest.fixture
def stack(crash_databases: list[str], rabbit_url: str) -> list[str]:
    connection = connect(rabbit_url)
    for queue in queue_names(RECEIVER):
        connection.default_channel.queue_delete(queue)
    declare(connection.default_channel, RECEIVER, ["booking.order_placed.v2"])
    connection.collect()
    return [*crash_databases, rabbit_url]


def run(where: list[str], crash_at: str = "") -> int:
    done = subprocess.run(
        [sys.executable, str(APP), *where],
        env={**os.environ, "CRASH_AT": crash_at},
        timeout=90,
        check=False,
        capture_output=True,
    )
    assert done.returncode in {0, EXIT_STATUS}, done.stderr.decode()[-2000:]
    return done.returncode


def prepare(url: str) -> Store:
    store = Store(url)
    for metadata in (tables.metadata, effects.metadata):
        metadata.drop_all(store.engine)
        metadata.create_all(store.engine)
    return store


def numbers(store: Store) -> list[int]:
    with store.reading() as conn:
        return [int(n) for n in conn.execute(sa.select(effects.c.number).order_by(effects.c.id)).scalars()]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("where", ["embedded", "stack"])
def test_nothing_is_lost_or_doubled(where: str, point: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(where)
    sender, receiver = prepare(place[0]), prepare(place[1])
    try:
        assert run(place, f"{point}:{NTH.get(point, 2)}") == EXIT_STATUS, "it should have crashed"
        assert run(place) == 0
        assert numbers(sender) == list(range(MESSAGES))
        assert sorted(numbers(receiver)) == list(range(MESSAGES))
        assert receiver.parked() == []
    finally:
        sender.close()
        receiver.close()
