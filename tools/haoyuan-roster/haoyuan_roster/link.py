"""The broker, by pika: events out with publisher confirms, results in. A lost connection is made again, and what was not confirmed is
sent again under the same id; the receiver knows it by that.

One event at a time is enough: it carries hundreds of rows, and its confirmation takes some milliseconds.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import pika
from haoyuan_roster_format import event_type
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException, AMQPConnectorStackTimeout

from haoyuan_roster import interruption
from haoyuan_roster.faults import Undelivered, Unusable
from haoyuan_roster.parts import Letter

ROSTERS = "roster.in"
"""The exchange that takes hospitals' events."""
CONTENT_TYPE = "application/cloudevents+json"
HEARTBEAT, CONNECT = 20, 10  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between attempts to connect
LOOK_SECONDS = 0.2  # how soon a listener looks up


def results_queue(hospital: str) -> str:
    """Where a hospital finds what became of its events."""
    return f"roster.results.{hospital}"


_LOST = (exceptions.AMQPConnectionError, AMQPConnectorException)
"""The second is no AMQPError, though a broker that accepts a connection and says nothing ends in it."""


class Link:
    """A connection for as long as it is needed. `patience`: seconds in which a lost connection must have come back.

    Raises Undelivered, with the reason in words, whenever the broker cannot be had or refuses.
    """

    def __init__(self, url: str, say: Callable[[str], None], patience: float = 60.0) -> None:
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it tells the same thing six times; we tell it once
        try:
            if not url.startswith(("amqp://", "amqps://")):
                raise ValueError("its scheme is neither amqp nor amqps")
            self._parameters = pika.URLParameters(url)
        except Exception as error:  # pika raises what it stumbles over
            raise Unusable("the broker's URL must be such as amqps://user:password@host/vhost", "usage") from error
        self._parameters.heartbeat = HEARTBEAT
        self._parameters.socket_timeout = self._parameters.stack_timeout = CONNECT
        self._parameters.blocked_connection_timeout = patience
        self._parameters.client_properties = {"connection_name": "haoyuan-roster"}
        self._say = say
        self._patience = patience
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._was_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    @property
    def user(self) -> str:
        """Who logs in: a hospital's code, if it is a hospital's user."""
        return str(self._parameters.credentials.username)

    @property
    def place(self) -> str:
        """The broker, without the password."""
        p = self._parameters
        return f"{p.host}:{p.port}, virtual host {p.virtual_host}, as {self.user}"

    def send(self, letter: Letter) -> None:
        """Publish an event; it is with the broker, on disk, when this returns. Raises Undelivered."""
        properties = pika.BasicProperties(
            message_id=letter.id,
            content_type=CONTENT_TYPE,
            delivery_mode=2,
            type=event_type(letter.kind),
            user_id=self.user,  # the broker compares it with who has logged in
        )

        def publish(channel: BlockingChannel) -> None:
            channel.basic_publish(ROSTERS, letter.key, letter.body, properties, mandatory=True)

        self._persist(publish)

    def listen(self, queue: str, show: Callable[[bytes], None], done: Callable[[], bool]) -> None:
        """Show each message of a queue and acknowledge it then, until `done`. Raises Undelivered."""

        def consume(channel: BlockingChannel) -> None:
            channel.basic_qos(prefetch_count=1)
            for method, _, body in channel.consume(queue, inactivity_timeout=LOOK_SECONDS):
                if method is not None:
                    show(body)
                    channel.basic_ack(method.delivery_tag)
                if done():
                    channel.cancel()
                    return
            raise Undelivered(f"the queue {queue} has been deleted")

        if not done():
            self._persist(consume, lasting=True)

    def _persist(self, action: Callable[[BlockingChannel], None], *, lasting: bool = False) -> None:
        """Do it on a channel; when the connection is lost, again on the next one.

        What is `lasting` is at work as long as it lasts: a connection that is lost later is a new trouble.
        """
        pause, since = FIRST_PAUSE, 0.0
        while True:
            began_at = time.monotonic()
            try:
                action(self._open(again=bool(since)))
            except exceptions.NackError as error:
                trouble: Exception = error  # a full queue: somebody may be emptying it
            except exceptions.AMQPChannelError as error:
                raise Undelivered(_refusal(error)) from error
            except _LOST as error:
                self._drop()
                trouble = error
            else:
                return
            if interruption.pressed.is_set():
                raise KeyboardInterrupt
            now = time.monotonic()
            if not since or (lasting and now - began_at > LONGEST_PAUSE):
                pause, since = FIRST_PAUSE, now
            in_vain = _final(trouble) or (not self._was_there and _is_unreachable(trouble))
            if in_vain or now - since > self._patience:
                raise Undelivered(f"{_words(trouble)}: {self.place}") from trouble
            if pause == FIRST_PAUSE:
                self._say(f"{_words(trouble)}; trying again for {self._patience:.0f} s")
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _open(self, *, again: bool) -> BlockingChannel:
        if self._channel is None or not self._channel.is_open:
            self._drop()
            self._connection = self._connect()
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
            self._was_there = True
            if again:
                self._say(f"connected again to {self.place}")
        return self._channel

    def _connect(self) -> pika.BlockingConnection:
        try:
            return pika.BlockingConnection(self._parameters)
        except OSError as error:  # of the name, or of TLS; elsewhere an OSError is not the broker's
            raise exceptions.AMQPConnectionError(error) from error

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            with contextlib.suppress(exceptions.AMQPError, OSError):
                connection.close()


_GUESSES = (exceptions.ProbableAuthenticationError, exceptions.ProbableAccessDeniedError)
"""Pika says so whenever a connection ends before it is open, be it that a cable was pulled; what the broker said stands inside."""
_LOGIN_REFUSED, _HOST_REFUSED = "ConnectionClosedByBroker: (403)", "ConnectionClosedByBroker: (530)"


def _final(error: Exception) -> bool:
    """Whether trying again is in vain: the login or the virtual host is refused."""
    if isinstance(error, _GUESSES):
        return any(sign in str(error) for sign in (_LOGIN_REFUSED, _HOST_REFUSED))
    return isinstance(error, exceptions.AuthenticationError)


def _is_unreachable(error: Exception) -> bool:
    """Whether there was no broker at all: a wrong address, if there has never been one."""
    nobody = (exceptions.IncompatibleProtocolError, AMQPConnectorException)
    return type(error) is exceptions.AMQPConnectionError or isinstance(error, nobody)


def _words(error: Exception) -> str:
    """What keeps us from the broker, for people."""
    text = str(getattr(error, "reply_text", "") or error or "").strip()
    if _final(error) and _HOST_REFUSED in text:
        return f"the virtual host is refused: it does not exist, or this user has no permission for it ({text})"
    if _final(error):
        return "the login is refused (ACCESS_REFUSED): wrong user or password"
    known: dict[type[Exception] | tuple[type[Exception], ...], str] = {
        _GUESSES: "the connection ended during the login",
        exceptions.IncompatibleProtocolError: "what answers there does not speak AMQP 0-9-1",
        exceptions.ConnectionBlockedTimeout: "the broker takes nothing in: it is short of memory or disk",
        (exceptions.AMQPHeartbeatTimeout, AMQPConnectorStackTimeout): "the broker is silent",
        exceptions.NackError: "the broker refuses the event (basic.nack): its queue is full, or not available",
    }
    for kinds, words in known.items():
        if isinstance(error, kinds):
            return words
    return f"no connection to the broker ({text or _cause(error)})"


def _cause(error: BaseException) -> str:
    """Pika wraps what the socket said, some layers deep."""
    inner: Any = error.args[0] if error.args else None
    inner = getattr(inner, "exception", inner)
    if isinstance(inner, BaseException):
        return _cause(inner)
    return str(error) or type(error).__name__


def _refusal(error: exceptions.AMQPChannelError) -> str:
    """What the broker has against an event or a listener, for people."""
    if isinstance(error, exceptions.UnroutableError):
        key = error.messages[0].method.routing_key
        return f"the broker took it and has nobody to give it to: no queue is bound to {ROSTERS} for {key}"
    text = str(getattr(error, "reply_text", error))
    code = getattr(error, "reply_code", 0)
    if code == 403:
        return f"no permission. The broker says: {text}"
    if code == 404:
        return f"Haoyuan has not set this up for the hospital. The broker says: {text}"
    return f"the broker refuses: {text or type(error).__name__}"
