"""`Database.execute_alone` goes past SQLAlchemy's execution and must fail as SQLAlchemy does."""

from collections.abc import Iterator

import pytest
from common.outbox import Database
from sqlalchemy import exc


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Database]:
    made = Database(postgres_url)
    with made.transaction() as tx:
        tx.conn.exec_driver_sql("CREATE TABLE things (id text PRIMARY KEY)")
    yield made
    made.close()


def _count(database: Database) -> int:
    return int(database.execute_alone("SELECT count(*) FROM things", {})[0][0])


def test_it_commits_and_answers_rows(database: Database) -> None:
    before = _count(database)
    rows = database.execute_alone("INSERT INTO things VALUES (%(id)s) RETURNING id", {"id": "answered"})
    assert rows == [("answered",)]
    with database.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM things").scalar() == before + 1


def test_a_violated_constraint_is_sqlalchemys_error(database: Database) -> None:
    database.execute_alone("INSERT INTO things VALUES (%(id)s)", {"id": "twice"})
    with pytest.raises(exc.IntegrityError) as raised:
        database.execute_alone("INSERT INTO things VALUES (%(id)s)", {"id": "twice"})
    assert not database.is_transient(raised.value)
    assert _count(database) >= 1  # the connection serves on


def test_a_connection_lost_in_the_middle_is_transient_and_replaced(database: Database) -> None:
    with pytest.raises(exc.OperationalError) as raised:
        database.execute_alone("SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert database.is_transient(raised.value)
    assert _count(database) >= 0


def test_a_transaction_after_it_is_a_transaction(database: Database) -> None:
    before = _count(database)

    def fail() -> None:
        with database.transaction() as tx:
            tx.conn.exec_driver_sql("INSERT INTO things VALUES ('rolled back')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _count(database) == before


def test_a_server_that_is_away_is_transient() -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(exc.OperationalError) as raised:
        away.execute_alone("SELECT 1", {})
    assert away.is_transient(raised.value)
