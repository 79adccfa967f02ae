"""Publishing to RabbitMQ: pika, with a window of outstanding publisher confirms that are matched by their tags.

One thread and one connection per process, apart from the consumers'. Everything but `publish` and `stop` runs in that
thread. A row that is not confirmed is kept and sent again, in order, after a reconnect: at least once, and the receivers'
inboxes make it once. Why not kombu's confirms: they do not match tags, a late one counts for the wrong message.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import pika
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError
from pika.exchange_type import ExchangeType

from common.broker.topology import EVENTS, PARTITION_HEADER
from common.crash import reach
from common.envelope import CONTENT_TYPE
from common.log import get_logger
from common.outbox.relay import Relay
from common.outbox.tables import OutboxRow

log = get_logger("publisher")

WINDOW = 1000  # unconfirmed messages at a time
HEARTBEAT = 30  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between attempts to connect
_TRACEPARENT = re.compile(rb'"traceparent":"([0-9a-f-]{55})"')  # as our envelope writes it
STALL_SECONDS = 60.0
"""A broker that has confirmed nothing for so long, though it does not say that it is blocked, is tried anew."""


class _Connection(pika.SelectConnection):  # type: ignore[misc]  # pika has no types
    """Sends what is published together in one write, at once: pika makes three of each message, in two turns of its loop.

    Measured: 0.017 -> 0.011 ms of CPU a message; and crash point `publish` is where the bytes have left.
    """

    _corked: list[bytes] | None = None

    @contextmanager
    def one_write(self) -> Iterator[None]:
        self._corked = []
        try:
            yield
        finally:
            frames, self._corked = self._corked, None
            if frames:
                self._output_marshaled_frames([b"".join(frames)])
                self._transport._on_socket_writable()  # noqa: SLF001  now, not when the loop comes round

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        if self._corked is None:
            super()._output_marshaled_frames(marshaled_frames)
        else:
            self._corked.extend(marshaled_frames)


class RabbitPublisher:
    """A Publisher for `amqp://` URLs. `name` shows among the broker's connections."""

    def __init__(self, url: str, name: str = "publisher", *, window: int = WINDOW) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT
        self._parameters.socket_timeout = self._parameters.stack_timeout = 5
        self._parameters.client_properties = {"connection_name": f"{name} publisher"}
        self._name = name
        self._window = window
        self._waiting: deque[OutboxRow] = deque()
        self._woken = False
        self._wake = threading.Event()  # ends a pause between connections
        self._stopping = False
        self._connection: _Connection | None = None
        self._channel: Channel | None = None
        self._blocked = False
        self._tag = 0
        self._unconfirmed: dict[int, OutboxRow] = {}
        self._returned: dict[str, str] = {}
        self._settled: list[int] = []
        self._confirmed = False
        self._progress = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    # --- for the relay, in any thread ---

    def start(self, relay: Relay) -> None:
        self._relay = relay
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it tells a lost connection six times; we tell it once
        self._thread.start()

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        """Send rows, in order, as soon as the window and the broker allow."""
        self._waiting.extend(rows)
        if not self._woken:  # one wake-up for all that comes until the thread looks
            self._woken = True
            self._call(self._send)

    def stop(self) -> None:
        """Close the connection; what is not confirmed stays in the outbox. Takes at most 3 s."""
        self._stopping = True
        self._wake.set()
        self._call(self._close)
        self._thread.join(timeout=3)

    def _call(self, action: Callable[[], None]) -> None:
        if (connection := self._connection) is not None:
            connection.ioloop.add_callback_threadsafe(action)

    # --- in the publisher's own thread ---

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping:
            connection = _Connection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_lost,
                on_close_callback=self._on_lost,
            )
            self._connection = connection
            try:
                connection.ioloop.start()
            except Exception:  # a fault of ours in a callback: as good as a lost connection
                log.exception("publisher_failed")
            pause = FIRST_PAUSE if self._channel is not None else min(pause * 2, LONGEST_PAUSE)
            self._keep_unconfirmed()
            connection.ioloop.close()
            self._wake.wait(pause)

    def _on_open(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._on_blocked(False))
        connection.channel(on_open_callback=self._on_channel)
        if self._stopping:
            self._close()

    def _on_channel(self, channel: Channel) -> None:
        def confirm(_frame: Any) -> None:
            channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(self._on_channel_closed)
        channel.exchange_declare(EVENTS, ExchangeType.topic, durable=True, callback=confirm)

    def _on_ready(self, channel: Channel) -> None:
        self._channel = channel
        self._progress = time.monotonic()
        log.info("publisher_connected", waiting=len(self._waiting))
        self._watch()
        self._send()

    def _on_blocked(self, blocked: bool) -> None:
        log.warning("publisher_blocked" if blocked else "publisher_unblocked")
        self._blocked = blocked
        self._progress = time.monotonic()
        self._send()

    def _on_channel_closed(self, channel: Channel, error: Exception) -> None:
        if channel.connection.is_open:
            log.error("publisher_channel_closed", error=str(error))
            channel.connection.close()

    def _on_lost(self, connection: pika.SelectConnection, error: BaseException) -> None:
        if not self._stopping:
            log.warning("publisher_disconnected", error=repr(error)[:300], unconfirmed=len(self._unconfirmed))
        connection.ioloop.stop()

    def _keep_unconfirmed(self) -> None:
        """Put what was not confirmed back at the head, in order."""
        self._tell_settled()
        self._waiting.extendleft(list(reversed(self._unconfirmed.values())))
        self._unconfirmed.clear()
        self._returned.clear()
        self._connection = self._channel = None
        self._blocked = self._confirmed = False
        self._tag = 0

    def _send(self) -> None:
        """Publish what waits, as far as the window goes."""
        self._woken = False
        if self._channel is None or not self._channel.is_open or self._blocked:
            return
        waiting, unconfirmed = self._waiting, self._unconfirmed
        if waiting and not unconfirmed:
            self._progress = time.monotonic()
        count = min(len(waiting), self._window - len(unconfirmed))
        with self._channel.connection.one_write():
            for _ in range(count):
                row = waiting.popleft()
                self._tag += 1
                unconfirmed[self._tag] = row
                self._channel.basic_publish(EVENTS, row.type, row.body, _properties(row), mandatory=True)
        for _ in range(count):
            reach("publish")

    def _on_confirm(self, frame: Any) -> None:
        """Basic.Ack or Basic.Nack, of one tag or of all up to it."""
        tag, refused = frame.method.delivery_tag, isinstance(frame.method, pika.spec.Basic.Nack)
        for t in list(takewhile(tag.__ge__, self._unconfirmed)) if frame.method.multiple else [tag]:
            row = self._unconfirmed.pop(t)
            reason = "refused by the broker" if refused else self._returned.pop(row.message_id, "")
            if reason:  # a returned message is confirmed, too, which settles nothing
                self._relay.returned(row.id, reason)
            else:
                self._settled.append(row.id)
        if self._connection and not self._confirmed:  # go on once, after all confirms that can be read now
            self._confirmed = True
            self._connection.ioloop.call_later(0, self._go_on)

    def _on_return(self, _channel: Channel, method: Any, properties: Any, _body: bytes) -> None:
        self._returned[properties.message_id] = f"{method.reply_text}: {method.routing_key}"

    def _go_on(self) -> None:
        self._confirmed = False
        self._progress = time.monotonic()
        self._tell_settled()
        if self._waiting:
            self._send()

    def _tell_settled(self) -> None:
        if self._settled:
            settled, self._settled = self._settled, []
            self._relay.settled(settled)

    def _watch(self) -> None:
        """Every few seconds: has the broker gone silent?"""
        connection = self._connection
        if connection is None or not connection.is_open:
            return
        if self._unconfirmed and not self._blocked and time.monotonic() - self._progress > STALL_SECONDS:
            log.error("publisher_stalled", unconfirmed=len(self._unconfirmed))
            self._close()
        else:
            connection.ioloop.call_later(STALL_SECONDS / 10, self._watch)

    def _close(self) -> None:
        """Politely, or after a second without an answer not so."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        if not connection.is_closing:
            connection.close()
        error = AMQPConnectionError("no answer to our farewell")
        connection.ioloop.call_later(1.0, lambda: connection._terminate_stream(error))  # noqa: SLF001  pika has no public abort


def _properties(row: OutboxRow) -> pika.BasicProperties:
    headers = {PARTITION_HEADER: row.partition}
    if trace := _TRACEPARENT.search(row.body):
        headers["traceparent"] = trace[1].decode()
    return pika.BasicProperties(CONTENT_TYPE, headers=headers, delivery_mode=2, message_id=row.message_id)
