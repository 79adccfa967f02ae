"""Consuming from RabbitMQ: kombu's connection, and a small loop of our own, a thread and a connection for each queue.

Why not kombu's ConsumerMixin: when the broker goes, it hangs in a polite farewell, and its cancelling breaks the order on
single-active-consumer queues. Here every trouble ends in `collect()`, which closes the socket and says nothing: RabbitMQ
then gives what was not acknowledged to the next consumer, in order.
"""

import random
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from amqp.serialization import PROPERTY_CLASSES, decode_properties_basic
from amqp.spec import Basic
from kombu.connection import Connection

from common.broker.topology import DELIVERY_LIMIT, connect, dead_exchange, dead_queue, declare
from common.crash import reach
from common.envelope import unseal
from common.errors import InvalidMessage, Transient
from common.foreign import MAX_BYTES, Foreign, foreign
from common.log import get_logger
from common.metrics import CONSUMER_PAUSES
from common.outbox.keeping import Parked
from common.processor import Processor, given_up, unreadable_id

log = get_logger("consumer")

BATCH = 50
BATCH_BYTES = MAX_BYTES  # of bodies, so that a transaction ends in time and memory suffices
PREFETCH = 2 * BATCH  # the next batch travels while one is worked on
PREFETCH_FOREIGN = 16  # of MAX_BYTES each at worst
LOOK_SECONDS = 0.2  # how soon a stop is seen
IO_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between attempts to connect, or to reach the database


class RabbitConsumer:
    """Hands the messages of one queue to a processor, in batches of what is there now; acknowledges what it has committed.

    The queue of dead letters is parked, so that the `dlq` command shows what RabbitMQ has given up.
    """

    def __init__(self, url: str, queue: str, processor: Processor, *, partitions: int = 1) -> None:
        self._url = url
        self._queue = queue
        self._processor = processor
        self._partitions = partitions
        self._foreign = queue in processor.intakes
        dead = queue == dead_queue(processor.service)
        self._handle = self._take_foreign if self._foreign else self._park if dead else self._process
        self._stopping = threading.Event()
        self._pause = FIRST_PAUSE
        self._thread = threading.Thread(target=self._run, name=f"consumer {queue}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch that is in work, at most 10 s, and close the connection."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            connection: Connection | None = None
            try:
                connection = connect(self._url)
                self._consume(connection)
            except Exception as error:  # noqa: BLE001  whatever it is, the remedy is the same
                log.warning("consumer_disconnected", queue=self._queue, error=f"{type(error).__name__}: {error}"[:300])
                CONSUMER_PAUSES.labels(self._processor.service).inc()
            finally:
                if connection is not None:
                    connection.collect()
            self._stopping.wait(self._next_pause())

    def _consume(self, connection: Connection) -> None:
        """Work until we are stopped. Raises what the connection raises when it is lost."""
        line = _Line(connection)
        processor = self._processor
        declare(line.channel, processor.service, processor.types, self._partitions, processor.intakes.values())
        line.subscribe(self._queue, PREFETCH_FOREIGN if self._foreign else PREFETCH)
        log.info("consumer_connected", queue=self._queue)
        self._pause = FIRST_PAUSE
        while not self._stopping.is_set():
            line.listen(0 if line.messages else LOOK_SECONDS)
            if batch := line.take(BATCH, BATCH_BYTES):
                self._work(line, batch)

    def _work(self, line: "_Line", batch: Sequence[Any]) -> None:
        """Handle a batch, however long the database is away; then acknowledge it."""
        while not self._stopping.is_set():
            try:
                self._handle(batch)
            except Transient as error:
                log.warning("consumer_paused", queue=self._queue, error=str(error)[:300])
            except Exception:
                log.exception("consumer_failed", queue=self._queue)
            else:
                line.channel.basic_ack(batch[-1].delivery_tag, multiple=True)
                reach("ack")
                self._pause = FIRST_PAUSE
                return
            CONSUMER_PAUSES.labels(self._processor.service).inc()
            resume = time.monotonic() + self._next_pause()
            while (left := resume - time.monotonic()) > 0 and not self._stopping.is_set():
                line.listen(min(left, LOOK_SECONDS))

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return pause

    def _process(self, batch: Sequence[Any]) -> None:
        self._processor.process([_body(message) for message in batch])

    def _take_foreign(self, batch: Sequence[Any]) -> None:
        self._processor.take(self._queue, [_foreign(message) for message in batch])

    def _park(self, batch: Sequence[Any]) -> None:
        """Keep dead letters: our own messages, and those of the intakes."""
        store, letters = self._processor.store, {dead_exchange(queue): queue for queue in self._processor.intakes}
        now = store.clock()
        parked: list[Parked] = []
        for message in batch:
            if queue := letters.get(message.delivery_info["exchange"]):
                parked.append(given_up(_foreign(message), queue, _GIVEN_UP, now))
            else:
                parked.append(_given_up(_body(message), now))
        try:
            store.park(parked)
        except Exception as error:
            raise Transient(f"cannot park: {error}") from error


class _Line:
    """A connection with one channel, and the messages that have come by it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._amqp = connection.connection
        self.messages: deque[Any] = deque()
        self.channel = cast("Any", connection.default_channel)  # py-amqp's, which kombu types as its virtual one
        self.channel.auto_decode = False  # bodies are bytes, whatever content-encoding they claim
        sock = self._amqp.sock
        sock.settimeout(IO_SECONDS)  # for the rest of a frame that has begun to arrive, and for what we send
        self._pending = getattr(sock, "pending", lambda: 0)  # bytes that TLS has already read
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def subscribe(self, queue: str, prefetch: int) -> None:
        # RabbitMQ 4 moves the activity to the consumer of highest priority: chance spreads partitions over replicas
        arguments = {"x-priority": random.randrange(10)}  # noqa: S311  no secret
        self.channel.basic_qos(0, prefetch, a_global=False)
        self.channel.basic_consume(queue, callback=self.messages.append, arguments=arguments)

    def listen(self, seconds: float) -> None:
        """Take in what is there now, waiting at most `seconds` for the first of it; and keep the connection alive."""
        wait = seconds
        while self._pending() or self._poll.poll(wait * 1000):
            self._amqp.blocking_read()  # one frame, where drain_events would wait for a whole message after a heartbeat
            wait = 0
        self._connection.heartbeat_check()

    def take(self, most: int, most_bytes: int) -> list[Any]:
        """The next messages, as many as fit; at least one, if there is one."""
        taken: list[Any] = []
        size = 0
        while self.messages and len(taken) < most:
            size += len(self.messages[0].body)
            if taken and size > most_bytes:
                break
            taken.append(self.messages.popleft())
        return taken


def _body(message: Any) -> bytes:
    return message.body or b""  # an empty one is a str


def _foreign(message: Any) -> Foreign:
    said: dict[str, Any] = message.properties
    key = message.delivery_info["routing_key"]
    return foreign(_body(message), key, said.get("user_id", ""), said.get("content_type", ""))


def _read_properties(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    """What py-amqp cannot decode counts as not said.

    It would raise in the middle of a frame: one strange property from outside would end every connection that takes its
    message, and with it the deliveries of its innocent neighbours.
    """
    try:
        return cast("tuple[dict[str, Any], int]", decode_properties_basic(buffer, offset))
    except Exception as error:  # noqa: BLE001  whatever a stranger made it stumble over
        log.warning("properties_unreadable", error=f"{type(error).__name__}: {error}"[:300])
        return {}, len(buffer)


PROPERTY_CLASSES[Basic.CLASS_ID] = _read_properties

_GIVEN_UP = f"given up by RabbitMQ after {DELIVERY_LIMIT} deliveries"


def _given_up(body: bytes, now: datetime) -> Parked:
    try:
        received = unseal(body)
    except InvalidMessage as error:
        return Parked(unreadable_id(body), "", body, f"given up by RabbitMQ, and: {error}"[:2000], now)
    return Parked(received.id, received.type, body, _GIVEN_UP, now)
