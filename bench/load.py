"""Clients as cheap as Python makes them: prepared bytes over keep-alive sockets, one epoll loop in a process of its own.

A client is a generator: it yields a request (bytes) and gets the `Answer`, or yields seconds (float) to pause. It shares two
cores with the system that it measures, so its own CPU time is part of what it reports.
"""

import json
import multiprocessing
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

PATIENCE = 30.0  # seconds without any progress after which a run is broken
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


Client = Generator[bytes | float, Answer | None, None]
MakeClient = Callable[["Load", int], Client]


@dataclass(frozen=True)
class Load:
    """What to ask of 127.0.0.1:`port` for `seconds`. `requests` are whole prepared requests, taken in turns."""

    port: int
    requests: Sequence[bytes]
    seconds: float
    connections: int
    expect: int
    pause: float = 0.0
    """Seconds: between two requests of a client, or for a saga between placing and paying."""
    till: str = ""
    """The token of the cashier who takes the money."""


@dataclass
class Outcome:
    """What came of it. `latencies` in seconds, of every request; `cpu` is the generator's own, in seconds."""

    started_at: float = 0.0
    """Seconds since 1970."""
    done: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.done / self.seconds


def repeat(load: Load, index: int) -> Client:
    """One request after the other."""
    turns = _turns(load, index)
    while True:
        answer = yield next(turns)
        _check(answer, load.expect)
        if load.pause:
            yield load.pause


def once(load: Load, index: int) -> Client:
    """Each request a single time, as far as the seconds go."""
    for request in load.requests[index :: load.connections]:
        _check((yield request), load.expect)


def order_and_pay(load: Load, index: int) -> Client:
    """A patient: places an order, looks at it for a moment, asks to pay, pays at the counter. `requests` place orders."""
    turns = _turns(load, index)
    while True:
        placing = next(turns)
        placed = _check((yield placing), 202)
        yield load.pause
        token = placing.split(b"Authorization: Bearer ", 1)[1].split(b"\r\n", 1)[0].decode()
        yield from _pay(load, start_payment(json.loads(placed.body)["id"], token))


def pay(load: Load, index: int) -> Client:
    """Pays orders that hold their numbers already. `requests` start the payments, each once."""
    for request in load.requests[index :: load.connections]:
        yield from _pay(load, request)


def start_payment(order_id: str, token: str) -> bytes:
    """The request that asks for the code that is said at the counter: no provider but our own code is measured."""
    return post(f"/api/v1/orders/{order_id}/payments", {"method": "window"}, token)


def _pay(load: Load, starting: bytes) -> Client:
    """Start a payment, and have the cashier record its receipt."""
    shown = _check((yield starting), 201)
    payment_id = json.loads(shown.body)["id"]
    _check((yield post(f"/api/v1/payments/{payment_id}/receipt", {}, load.till)), 200)


def _turns(load: Load, index: int) -> Iterator[bytes]:
    at = index
    while True:
        yield load.requests[at % len(load.requests)]
        at += load.connections


def _check(answer: Answer | None, expect: int) -> Answer:
    if answer is None or answer.status != expect:
        raise AssertionError(f"{answer} instead of {expect}")
    return answer


def post(path: str, body: Any, token: str = "", *, kind: str = "application/json", extra: str = "") -> bytes:
    """A whole request. `extra` are further header lines, each with its line end."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\n{bearer}{extra}Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def get(path: str, token: str = "") -> bytes:
    """A whole request."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n".encode()


def run(load: Load, client: MakeClient = repeat, *, counts: int = 1) -> Outcome:
    """Run in a fresh process. `counts`: requests that make one operation. Raises what a client raises: a wrong answer."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        outcome = pool.apply(_run, (load, client))
    outcome.done //= counts
    return outcome


def _run(load: Load, client: MakeClient) -> Outcome:
    return _Loop(load, client).run()


class _Connection:
    """A keep-alive connection and the client that uses it."""

    __slots__ = ("_port", "client", "closing", "received", "sent_at", "sock")

    def __init__(self, port: int, client: Client) -> None:
        self._port = port
        self.client = client
        self.sent_at = 0.0
        self.connect()

    def connect(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.closing = False
        """The server ends the connection after the answer that has come: nginx does, every few thousand requests."""

    def read(self) -> Answer | None:
        """Take in what has come; the answer when it is whole."""
        data = self.sock.recv(262_144)
        if not data:
            raise ConnectionError("the server has closed a connection")
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = _LENGTH.search(self.received, 0, end)
        empty = self.received[9:12] == b"204"
        if length is None and not empty:
            raise ValueError(f"no length in {self.received[:end]!r}")
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.received) < whole:
            return None
        self.closing = self.received.find(b"onnection: close", 0, end) > 0
        answer = Answer(int(self.received[9:12]), self.received[end + 4 : whole])
        self.received = b""
        return answer


class _Loop:
    def __init__(self, load: Load, client: MakeClient) -> None:
        self._load = load
        self._outcome = Outcome()
        self._epoll = select.epoll()
        self._by_fd: dict[int, _Connection] = {}
        self._paused: list[tuple[float, int]] = []
        self._busy = 0
        for index in range(load.connections):
            self._watch(_Connection(load.port, client(load, index)))

    def _watch(self, connection: _Connection) -> None:
        self._by_fd[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock, select.EPOLLIN)

    def _reconnect(self, connection: _Connection) -> None:
        self._epoll.unregister(connection.sock)
        del self._by_fd[connection.sock.fileno()]
        connection.sock.close()
        connection.connect()
        self._watch(connection)

    def run(self) -> Outcome:
        started, cpu = time.perf_counter(), time.process_time()
        self._outcome.started_at = time.time()
        self._deadline = started + self._load.seconds
        for connection in list(self._by_fd.values()):
            self._go_on(connection, None, started)
        while self._busy or self._paused:
            self._turn()
        self._outcome.seconds = time.perf_counter() - started
        self._outcome.cpu = time.process_time() - cpu
        return self._outcome

    def _turn(self) -> None:
        wait = max(0.0, self._paused[0][0] - time.perf_counter()) if self._paused else PATIENCE
        events = self._epoll.poll(wait)
        now = time.perf_counter()
        if not events and not self._paused:
            raise TimeoutError(f"no answer within {PATIENCE:g} s")
        for fd, _ in events:
            connection = self._by_fd[fd]
            answer = connection.read()
            if answer is not None:
                self._busy -= 1
                self._outcome.done += 1
                self._outcome.statuses[answer.status] += 1
                self._outcome.latencies.append(now - connection.sent_at)
                self._go_on(connection, answer, now)
        while self._paused and self._paused[0][0] <= now:
            self._go_on(self._by_fd[heappop(self._paused)[1]], None, now)

    def _go_on(self, connection: _Connection, answer: Answer | None, now: float) -> None:
        """Let a client take its next step; past the deadline it finishes what it has begun and begins nothing new."""
        try:
            step = next(connection.client) if answer is None else connection.client.send(answer)
        except StopIteration:
            self._epoll.unregister(connection.sock)  # that the server closes it now is no news
            return
        if connection.closing:
            self._reconnect(connection)
        if isinstance(step, float):
            heappush(self._paused, (now + step, connection.sock.fileno()))
        elif now < self._deadline or step not in self._load.requests:
            connection.sent_at = now
            connection.sock.sendall(step)
            self._busy += 1
