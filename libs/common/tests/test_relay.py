"""The relay alone, before a publisher that does what the test tells it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.outbox import Database, Relay, relay, tables
from common.outbox.tables import OutboxRow
from delivery_rig import NOW, placed, until


class FakePublisher:
    """Keeps what it gets; the test says what became of it."""

    def __init__(self) -> None:
        self.rows: list[OutboxRow] = []
        self.stopped = False

    def start(self, relay: Relay) -> None:
        self.relay = relay

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        self.rows += rows

    def stop(self) -> None:
        self.stopped = True

    def settle_all(self) -> None:
        self.relay.settled([row.id for row in self.rows])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def database(tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/relay.db", clock)
    tables.metadata.create_all(database.engine)
    yield database
    database.close()


Start = Callable[..., FakePublisher]


@pytest.fixture
def start(database: Database) -> Iterator[Start]:
    """Starts a relay on the database; its publisher is the answer."""
    started: list[Relay] = []

    def go(**how: Any) -> FakePublisher:
        publisher = FakePublisher()
        started.append(Relay(database, publisher, **how))
        started[-1].start()
        return publisher

    yield go
    for relay_ in started:
        relay_.stop(timeout=0)


def send(database: Database, *numbers: int) -> None:
    with database.transaction() as tx:
        for n in numbers:
            tx.send(placed("a", n))


def left(database: Database) -> list[Any]:
    with database.reading() as conn:
        return list(conn.execute(tables.outbox.select().order_by(tables.outbox.c.id)))


def test_rows_go_out_right_after_the_commit_and_leave_the_table_when_settled(database: Database, start: Start) -> None:
    publisher = start(sweep_seconds=None)
    send(database, 1, 2)
    send(database, 3)
    assert [row.id for row in publisher.rows] == [1, 2, 3]
    assert len(left(database)) == 3
    publisher.settle_all()
    until(lambda: left(database) == [])


def test_a_transaction_that_fails_sends_nothing(database: Database, start: Start) -> None:
    publisher = start(sweep_seconds=None)

    def fail() -> None:
        with database.transaction() as tx:
            tx.send(placed("a", 1))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    send(database, 2)
    assert len(publisher.rows) == len(left(database)) == 1


def test_an_api_process_sweeps_nothing(database: Database, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    send(database, 1)
    looks: list[object] = []
    monkeypatch.setattr(Relay, "_sweep", lambda self: looks.append(self) if self._database is database else None)
    publisher = start(sweep_seconds=None)
    send(database, 2)
    publisher.settle_all()
    until(lambda: len(left(database)) == 1)
    assert [row.id for row in publisher.rows] == [2]
    assert looks == []


def test_a_sweep_leaves_young_rows_to_those_who_wrote_them(
    database: Database, start: Start, clock: ManualClock
) -> None:
    send(database, 1)
    publisher = start(sweep_seconds=0.02, grace=timedelta(seconds=5))
    send(database, 2)
    until(lambda: publisher.rows)
    clock.advance(timedelta(seconds=4))
    assert [row.id for row in publisher.rows] == [2]
    clock.advance(timedelta(seconds=2))
    until(lambda: [row.id for row in publisher.rows] == [2, 1])


def test_of_two_sweepers_one_takes_a_row_until_its_lease_ends(
    database: Database, start: Start, clock: ManualClock
) -> None:
    send(database, 1, 2)
    clock.advance(timedelta(minutes=1))
    first = start(sweep_seconds=0.02)
    until(lambda: len(first.rows) == 2)
    second = start(sweep_seconds=0.02)
    clock.advance(relay.LEASE - timedelta(seconds=1))
    send(database, 3)
    until(lambda: second.rows, what="the newest relay hears of the commit")
    assert [row.id for row in second.rows] == [3]
    clock.advance(timedelta(seconds=2))
    until(lambda: [row.id for row in second.rows] == [3, 1, 2], what="the first has died with its rows")


def test_a_row_in_flight_is_not_swept_again(database: Database, start: Start, clock: ManualClock) -> None:
    publisher = start(sweep_seconds=0.02)
    send(database, 1)
    clock.advance(timedelta(hours=1))
    with database.transaction() as tx:
        row = {"message_id": "m", "type": "t", "subject": "s", "partition": "p", "body": b"", "created_at": NOW}
        tx.conn.execute(tables.outbox.insert().values(**row))
    until(lambda: len(publisher.rows) == 2)
    assert [row.id for row in publisher.rows] == [1, 2]


def test_a_backlog_is_swept_in_order_without_waiting_for_the_next_round(
    database: Database, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "SWEEP_ROWS", 10)
    send(database, *range(55))
    publisher = start(sweep_seconds=60, grace=timedelta(0))
    until(lambda: len(publisher.rows) == 55)
    assert [row.id for row in publisher.rows] == list(range(1, 56))


def test_more_than_can_be_carried_waits_in_the_table(
    database: Database, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 5)
    publisher = start(sweep_seconds=0.02, grace=timedelta(0))
    send(database, *range(4))
    send(database, 4, 5)
    assert len(publisher.rows) == 4
    publisher.settle_all()
    until(lambda: len(publisher.rows) == 6)


def test_a_returned_row_is_tried_again_later_and_later(database: Database, start: Start, clock: ManualClock) -> None:
    publisher = start(sweep_seconds=0.02, grace=timedelta(0))
    send(database, 1)
    for attempts, pause in ((1, 10), (2, 20), (3, 40)):
        until(lambda n=attempts: len(publisher.rows) == n)
        publisher.relay.returned(1, "NO_ROUTE")
        until(lambda n=attempts: left(database)[0].attempts == n)
        assert left(database)[0].next_attempt_at == clock() + timedelta(seconds=pause)
        assert left(database)[0].error == "NO_ROUTE"
        clock.advance(timedelta(seconds=pause))
    until(lambda: len(publisher.rows) == 4)
    publisher.settle_all()
    until(lambda: left(database) == [])


def test_a_database_that_fails_while_deleting_is_tried_again(
    database: Database, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = start(sweep_seconds=None)
    send(database, 1)
    transaction, failures = database.transaction, [1, 2]

    def failing() -> Any:
        if failures:
            failures.pop()
            raise ConnectionError("away")
        return transaction()

    monkeypatch.setattr(database, "transaction", failing)
    publisher.settle_all()
    until(lambda: left(database) == [])
    assert failures == []


def test_stopping_waits_for_what_is_in_flight_but_not_for_ever(database: Database, start: Start, ends: Any) -> None:
    publisher = start(sweep_seconds=None)
    send(database, 1)
    ends(lambda: publisher.relay.stop(timeout=0.2))
    assert publisher.stopped
    assert len(left(database)) == 1
