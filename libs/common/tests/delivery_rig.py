"""Two or three small services, on either broker, that tests can start, crash and start again."""

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common.broker.consumer import RabbitConsumer
from common.broker.inprocess import InProcessBroker
from common.broker.publisher import RabbitPublisher
from common.broker.topology import connect, queue_names, settle
from common.envelope import Received, seal
from common.foreign import Foreign, Intake, Outlet
from common.messages import OrderPlaced, OrderRejected, SlotReleased
from common.outbox import Database, Publisher, Relay, tables
from common.outbox.tables import OutboxRow
from common.processor import Processor, Subscriptions
from sqlalchemy.exc import OperationalError

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SENDER, RECEIVER, OTHER = "alpha-svc", "beta-svc", "gamma-svc"
POISON = "poison"

effects = sa.Table(
    "effects",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("number", sa.Text),
)


def placed(subject: str, number: object) -> OrderPlaced:
    """The message that everybody takes; `number` travels as its session."""
    return OrderPlaced(order_id=subject, account_id="acc", patient_id="pat", session_id=str(number), placed_at=NOW)


def poison(subject: str) -> OrderRejected:
    return OrderRejected(order_id=subject, account_id="acc", session_id="s", reason=POISON, rule=None, until=None)


def unroutable(subject: str) -> SlotReleased:
    """Nobody takes these."""
    return SlotReleased(order_id=subject, session_id="s")


PATIENCE = float(os.environ.get("TEST_PATIENCE", "20"))  # seconds; a run that is meant to fail sets less


def until(done: Callable[[], object], seconds: float = PATIENCE, what: str = "") -> None:
    """Poll until `done()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or done}")
        time.sleep(0.01)


def record(tx: Any, run: Sequence[Received]) -> None:
    """The handler: writes down what it got, and chokes on poison."""
    if any(isinstance(r.message, OrderRejected) and r.message.reason == POISON for r in run):
        raise ValueError("this one kills me")
    rows = [{"message_id": r.id, "subject": r.subject, "number": r.message.session_id} for r in run]
    tx.conn.execute(sa.insert(effects), rows)


class Store(Database):
    """A database that can be away, and whose owner can die between the commit and the acknowledgement."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=5)
        self.away = False
        self.refused = 0

    @contextmanager
    def _commit(self) -> Iterator[Any]:
        if self.away:
            self.refused += 1
            raise OperationalError("BEGIN", None, Exception("the database is away"))
        with super()._commit() as tx:
            yield tx


class MortalProcessor(Processor):
    """Dies with its thread after a batch took effect, and before anybody can acknowledge it."""

    dies_after: int | None = None

    def process(self, bodies: Sequence[bytes]) -> None:
        super().process(bodies)
        self._die(len(bodies))

    def take(self, queue: str, messages: Sequence[Foreign]) -> None:
        super().take(queue, messages)
        self._die(len(messages))

    def _die(self, handled: int) -> None:
        if self.dies_after is not None:
            self.dies_after -= handled
            if self.dies_after <= 0:
                raise SystemExit  # ends the thread without a word, whatever it catches


@dataclass
class Party:
    """A small service: its database, its processor and, while it runs, its relay."""

    name: str
    store: Store
    subscriptions: Subscriptions
    partitions: int = 1
    intakes: Sequence[Intake] = ()
    outlets: Sequence[Outlet] = ()
    sweep_seconds: float | None = None
    relay: Relay | None = None
    processor: MortalProcessor = field(init=False)

    def __post_init__(self) -> None:
        tables.metadata.drop_all(self.store.engine)
        effects.metadata.drop_all(self.store.engine)
        tables.metadata.create_all(self.store.engine)
        effects.metadata.create_all(self.store.engine)
        self.processor = MortalProcessor(self.name, self.store, self.subscriptions, self.intakes)

    def send(self, *messages: Any) -> None:
        """Commit messages, in one transaction."""
        with self.store.transaction() as tx:
            for message in messages:
                tx.send(message)

    def put(self, type_: str, body: bytes, message_id: str) -> None:
        """Write a raw outbox row, as a sender with a fault might, for the sweep."""
        row = {"message_id": message_id, "type": type_, "subject": "s", "partition": "s", "body": body}
        with self.store.transaction() as tx:
            tx.conn.execute(sa.insert(tables.outbox).values(created_at=NOW, **row))

    @property
    def effects(self) -> list[tuple[str, str]]:
        """(subject, number) of what took effect, in order."""
        with self.store.reading() as conn:
            query = sa.select(effects.c.subject, effects.c.number).order_by(effects.c.id)
            return [(r.subject, r.number) for r in conn.execute(query)]

    @property
    def outbox(self) -> list[Any]:
        with self.store.reading() as conn:
            return list(conn.execute(sa.select(tables.outbox).order_by(tables.outbox.c.id)))

    def at_rest(self) -> bool:
        return not self.outbox and (self.relay is None or self.relay.in_flight == 0)


def parties(urls: dict[str, str]) -> list[Party]:
    """The contract's three services on databases of their own."""
    return [
        Party(SENDER, Store(urls[SENDER]), {}),
        Party(RECEIVER, Store(urls[RECEIVER]), {OrderPlaced: record, OrderRejected: record}),
        Party(OTHER, Store(urls[OTHER]), {OrderPlaced: record}),
    ]


class Rig(ABC):
    """Parties and what is between them."""

    def __init__(self, parties: Sequence[Party]) -> None:
        self.parties = {party.name: party for party in parties}

    def __getitem__(self, name: str) -> Party:
        return self.parties[name]

    def start(self) -> None:
        self._start_consumers()
        for party in self.parties.values():
            party.relay = Relay(
                party.store, self._publisher(party.name), sweep_seconds=party.sweep_seconds, grace=timedelta(0)
            )
            party.relay.start()

    def stop(self, patience: float = 1.0) -> None:
        for party in self.parties.values():
            if party.relay:
                party.relay.stop(patience)
                party.relay = None
            party.store.on_commit = lambda _rows: None
        self._stop_consumers()

    def restart(self) -> None:
        self.stop(patience=0)
        self.start()

    def close(self) -> None:
        self.stop()
        for party in self.parties.values():
            party.store.close()

    @abstractmethod
    def dead(self, name: str) -> bool:
        """True if a thread that consumes for the party has ended."""

    @abstractmethod
    def _start_consumers(self) -> None: ...

    @abstractmethod
    def _stop_consumers(self) -> None: ...

    @abstractmethod
    def _publisher(self, name: str) -> Publisher: ...


class InProcessRig(Rig):
    def _start_consumers(self) -> None:
        self.broker = InProcessBroker()
        for party in self.parties.values():
            self.broker.subscribe(party.processor)
        self.broker.start()

    def _stop_consumers(self) -> None:
        self.broker.stop()

    def _publisher(self, name: str) -> Publisher:
        return self.broker.publisher(name)

    def dead(self, name: str) -> bool:
        return f"subscriber {name}" not in {thread.name for thread in threading.enumerate()}


def forget_queues(url: str) -> None:
    """Delete what earlier tests have left at the broker."""
    connection = connect(url)
    for name in (SENDER, RECEIVER, OTHER):
        for queue in queue_names(name, 4):
            connection.default_channel.queue_delete(queue)
        connection.default_channel.exchange_delete(name)
    connection.collect()


class RabbitRig(Rig):
    def __init__(self, parties: Sequence[Party], url: str) -> None:
        super().__init__(parties)
        self.url = url
        self.consumers: list[RabbitConsumer] = []

    def _start_consumers(self) -> None:
        for party in self.parties.values():
            settle(self.url, party.name, party.processor.types, party.partitions, party.intakes, party.outlets)
        self.consumers = [
            RabbitConsumer(self.url, queue, party.processor, partitions=party.partitions)
            for party in self.parties.values()
            if party.subscriptions or party.intakes
            for queue in [*queue_names(party.name, party.partitions), *(i.queue for i in party.intakes)]
        ]
        for consumer in self.consumers:
            consumer.start()

    def _stop_consumers(self) -> None:
        for consumer in self.consumers:
            consumer.stop()

    def _publisher(self, name: str) -> Publisher:
        return RabbitPublisher(self.url, name, outlets=self[name].outlets)

    def dead(self, name: str) -> bool:
        return f"consumer {name}" not in {thread.name for thread in threading.enumerate()}


class Witness:
    """Stands in for a relay before a publisher: writes down what it is told."""

    def __init__(self) -> None:
        self.settled_ids: list[int] = []
        self.returned_ids: dict[int, str] = {}

    def settled(self, row_ids: Sequence[int]) -> None:
        self.settled_ids.extend(row_ids)

    def returned(self, row_id: int, reason: str) -> None:
        self.returned_ids[row_id] = reason


def outbox_rows(*messages: Any) -> list[OutboxRow]:
    """Messages as committed rows, numbered from 1."""
    sealed = [seal(message, NOW) for message in messages]
    return [OutboxRow(n, o.id, o.type, o.partition, o.body) for n, o in enumerate(sealed, 1)]
