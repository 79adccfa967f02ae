"""Publishing to RabbitMQ: pika, with a window of outstanding publisher confirms that are matched by their tags.

One thread and one connection per process, apart from the consumers'. Everything but `publish` and `stop` runs in that
thread. A row that is not confirmed is kept and sent again, in order, after a reconnect: at least once, and the receivers'
inboxes make it once. Why not kombu's confirms: they do not match tags, a late one counts for the wrong message.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import pika
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError
from pika.exchange_type import ExchangeType

from common.broker import wire
from common.broker.topology import EVENTS, declare_outlet
from common.crash import reach
from common.foreign import Outlet
from common.log import get_logger
from common.outbox.relay import Relay
from common.outbox.tables import OutboxRow

log = get_logger("publisher")

WINDOW = 1000  # unconfirmed messages at a time
HEARTBEAT = 30  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between attempts to connect
STALL_SECONDS = 60.0
"""A broker that has confirmed nothing for so long, though it does not say that it is blocked, is tried anew."""


class _Connection(pika.SelectConnection):  # type: ignore[misc]  # pika has no types
    """Writes at once what is published together, and reads runs of confirms: half of pika's CPU on these paths."""

    on_confirms: Callable[[list[tuple[int, bool]]], None] | None = None

    def publish(self, rows: Sequence[OutboxRow]) -> None:
        largest = self._body_max_length
        self._output_marshaled_frames([b"".join([wire.publish(row, largest) for row in rows])])
        self._transport._on_socket_writable()  # noqa: SLF001  now, not when the loop comes round

    def _on_data_available(self, data_in: bytes) -> None:
        if self._frame_buffer or not self.on_confirms or (confirms := wire.confirms(data_in)) is None:
            super()._on_data_available(data_in)
        else:
            self.bytes_received += len(data_in)  # heartbeats look at it
            self.frames_received += len(confirms)
            self.on_confirms(confirms)


class RabbitPublisher:
    """A Publisher for `amqp://` URLs. `name` shows among the broker's connections.

    What is addressed to an exchange that is none of `outlets`, or that cannot be declared, is returned: published, it would
    close the channel that everything else needs.
    """

    def __init__(
        self, url: str, name: str = "publisher", *, window: int = WINDOW, outlets: Sequence[Outlet] = ()
    ) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT
        self._parameters.socket_timeout = self._parameters.stack_timeout = 5
        self._parameters.client_properties = {"connection_name": f"{name} publisher"}
        self._name = name
        self._window = window
        self._outlets = outlets
        self._open = {""}  # the exchanges that rows may be addressed to
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
        if self._thread.is_alive():
            self._thread.join(timeout=3)

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping

    def _call(self, action: Callable[[], None]) -> None:
        if (connection := self._connection) is not None:
            connection.ioloop.add_callback_threadsafe(action)

    # --- in the publisher's own thread ---

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping:
            connection: _Connection | None = None
            try:
                connection = _Connection(
                    self._parameters,
                    on_open_callback=self._on_open,
                    on_open_error_callback=self._on_lost,
                    on_close_callback=self._on_lost,
                )
                self._connection = connection
                connection.ioloop.start()
            except Exception:  # no file left to open, or a fault of ours in a callback: as good as a lost connection
                log.exception("publisher_failed")
            pause = FIRST_PAUSE if self._channel is not None else min(pause * 2, LONGEST_PAUSE)
            self._keep_unconfirmed()
            if connection is not None:
                connection.ioloop.close()
            self._wake.wait(pause)

    def _on_open(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._on_blocked(False))
        if self._outlets:
            connection.channel(wire.CHANNEL + 1, on_open_callback=self._declare_outlets)
        else:
            connection.channel(wire.CHANNEL, on_open_callback=self._on_channel)
        if self._stopping:
            self._close()

    def _declare_outlets(self, channel: Channel) -> None:
        """On a channel of their own, whose end opens the one that we publish on: their refusal must not stop all else."""

        def declared(_frame: Any) -> None:
            self._open = {"", *(outlet.exchange for outlet in self._outlets)}
            channel.close()

        def closed(_channel: Channel, reason: Exception) -> None:
            if not channel.connection.is_open:
                return
            if len(self._open) == 1:
                log.error("outlets_refused", error=str(reason))
            channel.connection.channel(wire.CHANNEL, on_open_callback=self._on_channel)

        channel.add_on_close_callback(closed)
        for outlet in self._outlets:
            declare_outlet(channel, outlet)
        channel.exchange_declare(EVENTS, ExchangeType.topic, durable=True, callback=declared)

    def _on_channel(self, channel: Channel) -> None:
        def confirm(_frame: Any) -> None:
            channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(self._on_channel_closed)
        channel.exchange_declare(EVENTS, ExchangeType.topic, durable=True, callback=confirm)

    def _on_ready(self, channel: Channel) -> None:
        self._channel = channel
        channel.connection.on_confirms = self._on_confirms
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
        self._waiting.extendleft(list(reversed(self._unconfirmed.values())))
        self._unconfirmed.clear()
        self._returned.clear()
        self._connection = self._channel = None
        self._blocked = False
        self._open = {""}
        self._tag = 0

    def _send(self) -> None:
        """Publish what waits, as far as the window goes."""
        self._woken = False
        channel, waiting, unconfirmed = self._channel, self._waiting, self._unconfirmed
        if channel is None or not channel.is_open or self._blocked:
            return
        rows: list[OutboxRow] = []
        while waiting and len(unconfirmed) + len(rows) < self._window:
            row = waiting.popleft()
            if row.exchange in self._open:
                rows.append(row)
            else:
                self._relay.returned(row.id, f"no outlet: {row.exchange}")
        if not rows:
            return
        if not unconfirmed:
            self._progress = time.monotonic()
        unconfirmed.update(enumerate(rows, self._tag + 1))
        self._tag += len(rows)
        channel.connection.publish(rows)
        for _ in rows:
            reach("publish")

    def _on_confirm(self, frame: Any) -> None:
        """A confirm that pika has read, among other things."""
        method = frame.method
        self._on_confirms([(method.delivery_tag, method.multiple)], refused=isinstance(method, pika.spec.Basic.Nack))

    def _on_confirms(self, confirms: list[tuple[int, bool]], *, refused: bool = False) -> None:
        """Each is of one tag, or of all up to it."""
        settled: list[int] = []
        for tag, multiple in confirms:
            for t in list(takewhile(tag.__ge__, self._unconfirmed)) if multiple else [tag]:
                row = self._unconfirmed.pop(t)
                reason = "refused by the broker" if refused else self._returned.pop(row.message_id, "")
                if reason:  # a returned message is confirmed, too, which settles nothing
                    self._relay.returned(row.id, reason)
                else:
                    settled.append(row.id)
        self._progress = time.monotonic()
        if settled:
            self._relay.settled(settled)
        if self._waiting:
            self._send()

    def _on_return(self, _channel: Channel, method: Any, properties: Any, _body: bytes) -> None:
        self._returned[properties.message_id] = f"{method.reply_text}: {method.routing_key}"

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
