"""Live streams (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html) by threads.

A `Hub` hands out what is published under a topic to everybody who listens to it; a `Stream` is the body of one answer. Each stream
holds a thread of its server while it is open, so a hub has a limit; see docs/adr/0030.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self, cast

from flask import Response, request

from common.errors import Unavailable
from common.jsons import encode
from common.metrics import STREAMS

DEPTH = 200
"""Items that may wait for a listener; one who is slower is cut off, and resumes."""

HEARTBEAT = 15.0  # seconds of silence at most: proxies close what is silent for longer
LOOK = 1.0  # seconds between two looks whether the client is still there: who has gone keeps nobody's place
LONGEST = 600.0  # seconds; then the client comes again, perhaps to another process
RETRY = 2000  # milliseconds until a client comes again

EACH = 6
"""Streams of one owner; browsers open no more to one host. A further one ends the oldest: it is often of a connection that is gone."""

EXPIRED, SLOW, STOPPING, AGAIN, ELSEWHERE = "token_expired", "too_slow", "stopping", "come_again", "elsewhere"
"""Why a stream ends, as its last event says."""


class Listener:
    """What waits for one who listens. Made by `Hub.listen`; whoever has it must `close` it."""

    def __init__(self, hub: "Hub", topics: frozenset[str], depth: int, owner: str, kind: str) -> None:
        self.topics = topics
        self.owner = owner
        self.kind = kind
        self.ended = ""
        self._hub = hub
        self._depth = depth
        self._items: deque[Any] = deque()
        self._ready = threading.Condition()

    def put(self, item: Any) -> None:
        with self._ready:
            if self.ended:
                return
            if len(self._items) < self._depth:
                self._items.append(item)
            else:
                self._items.clear()
                self.ended = SLOW
            self._ready.notify()

    def end(self, reason: str) -> None:
        """What waits is still handed out."""
        with self._ready:
            self.ended = self.ended or reason
            self._ready.notify()

    def get(self, seconds: float) -> Any | None:
        """The next item; None if there was none for so long, or there will be no more (`ended` says why)."""
        with self._ready:
            if not self._items and not self.ended:
                self._ready.wait(max(seconds, 0.0))
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Nobody listens any more."""
        self._hub.leave(self)


class Hub:
    """Who listens to what, at most `limit` at a time, and EACH of one owner. Safe for threads."""

    def __init__(self, limit: int, depth: int = DEPTH) -> None:
        self._limit = limit
        self._depth = depth
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._by_topic: dict[str, set[Listener]] = {}
        self._by_owner: dict[str, list[Listener]] = {}
        self._closed = False
        self._occupied = threading.Event()

    def __len__(self) -> int:
        return len(self._listeners)

    def listen(self, topics: Iterable[str], owner: str = "", *, kind: str = "", most: int | None = None) -> Listener:
        """From now on. Who has EACH already loses the oldest of them; "" is nobody, and has no limit. most: of an owner who is
        many, and loses none: the one that is too many is refused. kind: what `count` counts.

        Raises Unavailable if there are too many, or this process is ending.
        """
        listener = Listener(self, frozenset(topics), self._depth, owner, kind)
        with self._lock:
            own = self._by_owner.get(owner, [])
            oldest = own[0] if owner and most is None and len(own) >= EACH else None
            full = len(self._listeners) - (oldest is not None) >= self._limit or (most is not None and len(own) >= most)
            if self._closed or full:
                raise no_streams()
            if oldest is not None:
                self._remove(oldest)
            self._listeners.add(listener)
            self._by_owner.setdefault(owner, []).append(listener)
            self._enter(listener)
            STREAMS.inc()
        if oldest is not None:
            oldest.end(ELSEWHERE)
        self._occupied.set()
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._remove(listener)
            if not self._listeners:
                self._occupied.clear()

    def move(self, listener: Listener, topics: Iterable[str]) -> None:
        """From now on it listens to these in place of those before. What waits for it is still handed out."""
        with self._lock:
            if listener not in self._listeners:
                return
            self._leave_topics(listener)
            listener.topics = frozenset(topics)
            self._enter(listener)

    def _enter(self, listener: Listener) -> None:
        for topic in listener.topics:
            self._by_topic.setdefault(topic, set()).add(listener)

    def _leave_topics(self, listener: Listener) -> None:
        for topic in listener.topics:
            _take_out(self._by_topic, topic, listener)

    def _remove(self, listener: Listener) -> None:
        self._listeners.remove(listener)
        STREAMS.dec()
        _take_out(self._by_owner, listener.owner, listener)
        self._leave_topics(listener)

    def count(self, kind: str) -> int:
        """How many of a kind listen."""
        with self._lock:
            return sum(listener.kind == kind for listener in self._listeners)

    def heard(self, topic: str) -> bool:
        """Whether anybody listens to it."""
        return topic in self._by_topic

    def topics(self) -> list[str]:
        """What is listened to now."""
        with self._lock:
            return list(self._by_topic)

    def publish(self, topic: str, item: Any) -> None:
        """Hand it to everybody who listens to this topic. Waits for nobody."""
        with self._lock:
            listeners = list(self._by_topic.get(topic, ()))
        for listener in listeners:
            listener.put(item)

    def publish_to_all(self, item: Any) -> None:
        """Hand it to everybody, whatever they listen to. Waits for nobody."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.put(item)

    def wait_for_listeners(self, seconds: float) -> bool:
        """False if nobody came for so long."""
        return self._occupied.wait(seconds)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """The process ends: all streams do at once, and none begins."""
        with self._lock:
            self._closed = True
            listeners = list(self._listeners)
        for listener in listeners:
            listener.end(STOPPING)
        self._occupied.set()


def no_streams() -> Unavailable:
    return Unavailable("no more streams can be opened here; try again, or ask without", code="no_streams")


def _take_out(of: MutableMapping[str, Any], key: str, listener: Listener) -> None:
    """A list or set that is empty then is no more."""
    of[key].remove(listener)
    if not of[key]:
        del of[key]


def _gone(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """Whether the client, or the gateway for it, has closed the connection of this request, as far as the server lets it be known."""
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return cast("Callable[[], bool]", environ.get("waitress.client_disconnected", lambda: False))

    def is_closed() -> bool:
        try:
            return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    return is_closed


def event(name: str, data: Any, ident: str = "") -> bytes:
    """One event; `data` as JSON, which has no line breaks of its own. `ident` comes back as Last-Event-ID."""
    return b"".join(
        (f"id: {ident}\n".encode() if ident else b"", f"event: {name}\ndata: ".encode(), encode(data), b"\n\n")
    )


class Stream:
    """The body of an answer: `first`, then what `write` makes of what the listener gets, heartbeats, and a last `bye`.

    Ends when the listener's token expires (`expires`, seconds since 1970), and after `longest` seconds. An iterator with a
    `close`, and no generator: one that was never begun would not clean up.
    """

    def __init__(
        self,
        listener: Listener,
        write: Callable[[Any], bytes],
        *,
        expires: float,
        first: Iterable[bytes] = (),
        heartbeat: float = HEARTBEAT,
        longest: float = LONGEST,
    ) -> None:
        left = expires - time.time()
        self._listener = listener
        self._write = write
        self._first = iter(first)
        self._heartbeat = heartbeat
        self._until = time.monotonic() + min(left, longest)
        self._why = EXPIRED if left <= longest else AGAIN
        self._gone: Callable[[], bool] = lambda: False
        self._over = False
        self._begun = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._over:
            raise StopIteration
        if not self._begun:
            self._begun = True
            return f"retry: {RETRY}\n\n".encode()
        if (chunk := next(self._first, None)) is not None:
            return chunk
        return self._wait()

    def _wait(self) -> bytes:
        beat = time.monotonic() + self._heartbeat
        while True:
            now = time.monotonic()
            item = None if now >= self._until else self._listener.get(min(beat, self._until, now + LOOK) - now)
            if item is not None:
                if written := self._write(item):
                    return written
            elif self._listener.ended or time.monotonic() >= self._until:
                self._over = True
                return event("bye", {"reason": self._listener.ended or self._why})
            elif self._gone():
                self._over = True
                raise StopIteration
            elif time.monotonic() >= beat:
                return b":\n\n"

    def close(self) -> None:
        """The server has sent all of it, or the client has gone."""
        self._over = True
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def response(self) -> Response:
        """The answer whose body this is. Proxies must not gather it, nor compress it."""
        self._gone = _gone(request.environ)
        answer = Response(self, content_type="text/event-stream")
        answer.headers["Cache-Control"] = "no-store, no-transform"
        answer.headers["X-Accel-Buffering"] = "no"
        return answer
