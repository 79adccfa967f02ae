"""The same promises on PostgreSQL, and what only a database with many writers can break."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from common.envelope import seal
from common.messages import SlotRejected, SlotReserved
from common.outbox import Database
from common.outbox.migrate import migrate
from common.testing import sent, take_sent
from schedule_svc.store.tables import metadata
from schedule_svc.usecases import sessions
from schedule_world import ROSTER, START, World, check_inventory, make_world, session_row, slot_row
from test_schedule_orders import *  # noqa: F403  the same tests, with the fixture below in place of SQLite
from test_schedule_rosters import *  # noqa: F403
from test_schedule_waitlist import *  # noqa: F403


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    migrate(database, "schedule_svc")
    yield database
    database.close()


@pytest.fixture
def make(database: Database, postgres_url: str) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def fresh(**roster_changes: object) -> World:
        with database.engine.begin() as conn:
            tables = (*metadata.tables, "outbox", "inbox", "parked", "timers")
            full = [name for name in tables if conn.scalar(sa.text(f"SELECT EXISTS (SELECT 1 FROM {name})"))]
            if full:  # all of them would take a tenth of a second
                conn.execute(sa.text(f"TRUNCATE {', '.join(full)} CASCADE"))
        worlds.append(make_world(postgres_url, START, **roster_changes))
        return worlds[-1]

    yield fresh
    for world in worlds:
        world.database.close()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs in parallel, started together; answers what they answered."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        gate.wait(timeout=10)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, job) for job in jobs]]


def test_exactly_k_of_n_with_parallel_consumers(make: Callable[..., World]) -> None:
    """A broker may, for a moment, have two active consumers of one queue; then the row's lock decides."""
    world = make(sessions=[session_row(slots=[slot_row(8, capacity=30), slot_row(9, capacity=20)])])
    bodies = [seal(world.reserve(f"o{i}"), world.clock()).body for i in range(400)]
    batches = [bodies[i : i + 20] for i in range(0, 400, 20)]
    process = world.service.processor.process
    at_once(*(lambda part=batches[n::8]: [process(batch) for batch in part] for n in range(8)))
    answers = take_sent(world.database)
    assert sorted(m.queue_number for m in answers if isinstance(m, SlotReserved)) == list(range(1, 51))
    assert sum(isinstance(m, SlotRejected) for m in answers) == 350
    assert world.database.parked() == []
    check_inventory(world)


def test_one_batch_delivered_to_two_consumers_takes_effect_once(world: World) -> None:
    batch = [seal(world.reserve(f"o{i}"), world.clock()).body for i in range(5)]
    at_once(*[lambda: world.service.processor.process(batch)] * 4)
    assert len(sent(world.database, SlotReserved)) == 5
    check_inventory(world)


def test_staff_and_patients_do_not_lock_each_other_up(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(f"s{i}") for i in range(1, 7)])
    session_ids = [world.session_id(f"s{i}") for i in range(1, 7)]
    slot = world.slot_ids("s3")[0]

    def orders(number: int) -> None:
        for i in range(15):
            mixed = session_ids[number % 6 :] + session_ids[: number % 6]
            world.service.processor.process(
                [seal(world.reserve(f"{number}-{i}-{s}", session=s, wait=True), world.clock()).body for s in mixed]
            )

    def rosters() -> None:
        for version in range(2, 8):
            rows = [session_row(f"s{i}", version=version, room=f"R{version}") for i in (6, 2, 4, 1, 5, 3)]
            world.publish({"hospital": ROSTER["hospital"], "sessions": rows})

    def extras() -> None:
        for _ in range(10):
            with world.database.transaction() as tx:
                sessions.add_numbers(tx, session_ids[2], slot, 1, lambda _hospital: None)

    at_once(lambda: orders(0), lambda: orders(3), lambda: orders(5), rosters, extras)
    assert world.database.parked() == []
    assert world.rows("SELECT DISTINCT room FROM sessions") == [("R7",)]
    check_inventory(world)


def test_two_first_rosters_of_a_new_hospital_make_one(world: World) -> None:
    document = {"hospital": {"code": "new", "name": "新医院"}, "departments": [{"code": "d", "name": "n"}]}
    ids = {summary["hospital_id"] for summary in at_once(*[lambda: world.publish(document)] * 4)}
    assert len(ids) == 1


def test_migrated_schema_is_the_codes(database: Database) -> None:
    options = {"include_object": lambda _o, name, kind, *_: kind != "table" or name in metadata.tables}
    with database.engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []
