"""Connections that the database closed while they were idle are replaced, and nobody notices. Errors tell no secrets."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Database
from common.outbox.clock import DatabaseClock
from common.settings import BadSettings
from sqlalchemy.exc import DBAPIError

from stack.process import free_port


@pytest.fixture
def database(postgres_url):
    database = Database(postgres_url, pool_size=3)
    yield database
    database.close()


def idle_connections(database: Database, count: int) -> list[int]:
    """Fill the pool with this many idle connections; answers their backends' process ids."""
    held = [database.engine.connect() for _ in range(count)]
    pids = [conn.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() for conn in held]
    for conn in held:
        conn.close()
    return pids


def test_closed_connections_are_replaced(database, postgres_url):
    pids = idle_connections(database, 3)
    killer = sa.create_engine(postgres_url)
    with killer.connect() as conn:
        for pid in pids:
            assert conn.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid}).scalar_one()
    killer.dispose()
    for _ in range(3):
        with database.reading() as conn:
            assert conn.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_healthy_connections_are_kept(database):
    pids = idle_connections(database, 1)
    for _ in range(5):
        with database.reading() as conn:
            assert conn.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() == pids[0]


def test_errors_do_not_tell_their_parameters(database, tmp_path):
    local = Database(f"sqlite:///{tmp_path}/e.db")
    for store in (database, local):
        with store.reading() as conn, pytest.raises(DBAPIError) as failed:
            conn.execute(sa.text("SELECT :value FROM nowhere"), {"value": "张晓梅"})
        assert "张晓梅" not in str(failed.value)
    with pytest.raises(DBAPIError) as failed:
        database.execute_alone("SELECT %(value)s::text FROM nowhere", {"value": "张晓梅"})
    assert "张晓梅" not in str(failed.value)
    local.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "postgresql://host/db"])
def test_what_is_no_database_of_ours_is_named(url):
    with pytest.raises(BadSettings, match="DATABASE_URL"):
        Database(url)


def test_the_time_is_the_databases_whatever_the_host_says(database):
    ahead = DatabaseClock(database.engine, host=lambda: datetime.now(UTC) + timedelta(hours=1))
    with database.reading() as conn:
        before = conn.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        told = ahead()
        after = conn.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    assert before - timedelta(seconds=5) < told < after + timedelta(seconds=5)
    assert isinstance(database.clock, DatabaseClock), "it is what a service's timers go by"


def test_while_the_database_is_away_time_goes_on():

    clock = DatabaseClock(sa.create_engine(f"postgresql+psycopg://nobody:x@127.0.0.1:{free_port()}/none"))
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_passed_clock_is_kept(postgres_url):
    moment = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    database = Database(postgres_url, moment)
    assert database.clock is moment
    database.close()
