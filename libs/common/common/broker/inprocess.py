"""Embedded mode's broker: committed outbox rows go straight to the subscribers in this process.

The promises are RabbitMQ's: every subscriber of a type gets the row, in the order in which its sender committed it, at
least once. The outbox is the store: a row is settled when each subscriber has committed it, and what is not settled when
the process ends is handed out again by the relay's sweep on the next start. Memory is bounded by what relays let be in
flight. Why not kombu's memory:// transport: docs/adr tells.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import islice

from common.crash import reach
from common.errors import Transient
from common.log import get_logger
from common.metrics import CONSUMER_PAUSES
from common.outbox.relay import Relay
from common.outbox.tables import OutboxRow
from common.processor import Processor

log = get_logger("inprocess")

BATCH = 50
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to reach the database


class InProcessBroker:
    """Subscribe all processors, start the broker, then the relays. Stop the relays, then the broker."""

    def __init__(self) -> None:
        self._subscribers: list[_Subscriber] = []
        self._takers: dict[str, list[_Subscriber]] = defaultdict(list)
        self._in_use = False

    def subscribe(self, processor: Processor) -> None:
        """Let a service have the messages that its processor takes.

        Raises RuntimeError once messages flow: a late subscriber would miss some, and nobody would know.
        """
        if self._in_use:
            raise RuntimeError(f"{processor.service} subscribes after the first message")
        subscriber = _Subscriber(processor)
        self._subscribers.append(subscriber)
        for type_ in processor.types:
            self._takers[type_].append(subscriber)

    def publisher(self, source: str) -> "InProcessPublisher":
        """A Publisher for the relay of service `source`."""
        return InProcessPublisher(self, source)

    def start(self) -> None:
        for subscriber in self._subscribers:
            subscriber.thread.start()

    def stop(self) -> None:
        """Let each subscriber end the batch that is in its hands. What waits stays in the outboxes."""
        for subscriber in self._subscribers:
            subscriber.stop()
        for subscriber in self._subscribers:
            if subscriber.thread.is_alive():
                subscriber.thread.join(timeout=10)

    def hand_out(self, rows: Sequence[OutboxRow], relay: Relay) -> None:
        """Queue rows at their subscribers; tells the relay of those that nobody takes."""
        self._in_use = True
        queues: dict[_Subscriber, list[_Delivery]] = defaultdict(list)
        for row in rows:
            if row.exchange:  # for somebody outside, and here nobody is
                relay.settled([row.id])
                continue
            takers = self._takers.get(row.type)
            if not takers:
                relay.returned(row.id, f"NO_ROUTE: {row.type}")
                continue
            delivery = _Delivery(row, relay, len(takers))
            for subscriber in takers:
                queues[subscriber].append(delivery)
        for subscriber, deliveries in queues.items():
            subscriber.put(deliveries)


class InProcessPublisher:
    """A Publisher: what RabbitPublisher is to RabbitMQ."""

    def __init__(self, broker: InProcessBroker, source: str) -> None:
        self.source = source
        self._broker = broker

    def start(self, relay: Relay) -> None:
        self._relay = relay

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        self._broker.hand_out(rows, self._relay)
        for _ in rows:
            reach("publish")

    def stop(self) -> None:
        """Nothing to close."""


class _Delivery:
    """A row on its way to `left` more subscribers."""

    __slots__ = ("_lock", "left", "relay", "row")

    def __init__(self, row: OutboxRow, relay: Relay, left: int) -> None:
        self.row = row
        self.relay = relay
        self.left = left
        self._lock = threading.Lock()

    def committed(self) -> bool:
        """One subscriber has it; True if it was the last."""
        with self._lock:
            self.left -= 1
            return self.left == 0


class _Subscriber:
    """One service's queue, and the thread that works on it."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._queue: deque[_Delivery] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"subscriber {processor.service}", daemon=True)

    def put(self, deliveries: Sequence[_Delivery]) -> None:
        with self._changed:
            self._queue.extend(deliveries)
            self._changed.notify()

    def stop(self) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping.is_set())
                batch = list(islice(self._queue, BATCH))
            if batch and self._commit([delivery.row.body for delivery in batch]):
                with self._changed:
                    for _ in batch:
                        self._queue.popleft()
                _settle(batch)

    def _commit(self, bodies: Sequence[bytes]) -> bool:
        """Handle a batch, however long the database is away. False if we were stopped before."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                self._processor.process(bodies)
            except Transient as error:
                log.warning("consumer_paused", service=self._processor.service, error=str(error)[:300])
            except Exception:
                log.exception("consumer_failed", service=self._processor.service)
            else:
                return True
            CONSUMER_PAUSES.labels(self._processor.service).inc()
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return False


def _settle(batch: Sequence[_Delivery]) -> None:
    """Tell the relays which rows every subscriber has committed."""
    settled: dict[Relay, list[int]] = defaultdict(list)
    for delivery in batch:
        if delivery.committed():
            settled[delivery.relay].append(delivery.row.id)
    reach("ack")
    for relay, row_ids in settled.items():
        relay.settled(row_ids)
