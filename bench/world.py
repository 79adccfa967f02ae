"""The system to measure, and what is in it: the demo's rosters for browsing, sessions of our own to sell, patients who buy."""

import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pymongo
from common import ids
from common.clock import SHANGHAI
from common.web import sign_token

from bench import load
from demo.client import Client
from demo.seed import PASSWORD, seed
from stack.process import stop_all, wait_until
from stack.servers import SERVICES
from stack.system import System

CAPACITY = 10_000  # numbers of a segment, the most that schedule-svc takes
MOST_ORDERS = 3_000  # a second
TOKEN_SECONDS = "7200"  # noqa: S105  longer than any run


@dataclass(frozen=True)
class Buyer:
    """A patient's account."""

    account_id: str
    token: str

    def order(self, session_id: str, *, extra: str = "") -> bytes:
        """The request that places an order, for somebody who has none yet."""
        body = {"session_id": session_id, "patient_id": ids.mint("pat", self.account_id, about=ids.new_person())}
        return load.post("/api/v1/orders", body, self.token, extra=extra)


@dataclass
class World:
    """A running system with everything that the figures need. `sessions`: hot, paid, free, full -> id."""

    system: System
    buyers: list[Buyer]
    hospital: str
    sessions: dict[str, str]
    seconds: float
    """How long a round lasts."""
    rounds: int
    port: int = field(init=False)
    _connections: dict[str, psycopg.Connection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = self.system.gateway.port

    def orders(self, session: str, seconds: float) -> list[bytes]:
        """More orders than anybody can place in so many seconds: by each buyer in turn, each for a patient of its own.

        The hospital's rules allow a patient one number of a doctor a day. Nobody is registered for it: an id proves itself.
        """
        wanted, buyers = self.sessions[session], self.buyers
        return [buyers[n % len(buyers)].order(wanted) for n in range(round(MOST_ORDERS * seconds))]

    def strangers(self, session: str, count: int) -> list[bytes]:
        """Orders of accounts that no process has seen: each with a token of its own, made with the system's keys."""
        accounts = [ids.mint("acc") for _ in range(count)]
        key = self.system.secrets["JWT_PRIVATE_KEY"]
        return [Buyer(a, sign_token(key, a, ["patient"], "", 3600)).order(self.sessions[session]) for a in accounts]

    def till(self) -> str:
        """The token of a cashier of the hospital."""
        key = self.system.secrets["JWT_PRIVATE_KEY"]
        return sign_token(key, ids.mint("acc"), ["cashier"], self.hospital, int(TOKEN_SECONDS))

    def orders_with_keys(self, session: str, count: int) -> list[bytes]:
        """Orders under an Idempotency-Key of their own each."""
        wanted, buyers = self.sessions[session], self.buyers
        return [
            buyers[n % len(buyers)].order(wanted, extra=f"Idempotency-Key: {secrets.token_hex(12)}\r\n")
            for n in range(count)
        ]

    def confirmed(self) -> int:
        """Orders confirmed so far."""
        return int(self.ask("booking-svc", "SELECT count(*) FROM orders WHERE state = 'confirmed'")[0])

    def unpaid(self) -> list[bytes]:
        """A request to pay for each order of session `paid` that awaits payment."""
        tokens = {buyer.account_id: buyer.token for buyer in self.buyers}
        wanted = self.sessions["paid"]
        query = "SELECT id, account_id FROM orders WHERE state = 'awaiting_payment' AND session_id = %s"
        return [
            load.start_payment(order, tokens[account]) for order, account in self._all("booking-svc", query, wanted)
        ]

    def awaiting_payment(self, count: int) -> list[str]:
        """The provider numbers of so many new payments by WeChat that wait for their payers, written as payment-svc writes them."""
        self._all(
            "payment-svc",
            "WITH made AS (SELECT 'ord_' || gen_random_uuid() AS id FROM generate_series(1, %s)), opened AS ("
            "INSERT INTO intents (order_id, account_id, hospital_id, amount, description, pay_before, state, created_at, updated_at)"
            " SELECT id, 'acc_bench', %s, 5000, 'x', now() + interval '1 hour', 'open', now(), now() FROM made RETURNING order_id)"
            " INSERT INTO attempts (id, order_id, method, number, amount, state, params, request_hash, reason, created_at, updated_at)"
            " SELECT 'pay' || order_id, order_id, 'wechat', 'bench' || substr(md5(order_id), 1, 20), 5000, 'pending',"
            " '{}', '', '', now(), now() FROM opened RETURNING number",
            count,
            self.hospital,
        )
        query = "SELECT number FROM attempts WHERE number LIKE 'bench%%' AND state = 'pending'"
        return [number for (number,) in self._all("payment-svc", query)]

    def undecided(self, session: str) -> int:
        """Orders of a session that schedule-svc has not decided yet."""
        wanted = self.sessions[session]
        placed = self.ask("booking-svc", "SELECT count(*) FROM orders WHERE session_id = %s", wanted)[0]
        return int(
            placed - self.ask("schedule-svc", "SELECT count(*) FROM reservations WHERE session_id = %s", wanted)[0]
        )

    def reserved(self, since: datetime) -> tuple[int, float]:
        """Reservations made since then, and the seconds from the first transaction's start to the last one's."""
        count, first, last = self.ask(
            "schedule-svc",
            "SELECT count(*), min(created_at), max(created_at) FROM reservations WHERE created_at >= %s",
            since,
        )
        return count, (last - first).total_seconds() if count else 0.0

    def waits(self, since: datetime) -> list[float]:
        """Milliseconds from the placing to the reserving of each order of session `free` since then, sorted."""
        patiently(lambda: not self.undecided("free"), 30, "every order decided")
        placed = dict(self._all("booking-svc", "SELECT id, placed_at FROM orders WHERE placed_at >= %s", since))
        served = self._all(
            "schedule-svc", "SELECT order_id, created_at FROM reservations WHERE created_at >= %s", since
        )
        return sorted((at - placed[order]).total_seconds() * 1000 for order, at in served if order in placed)

    def ask(self, service: str, query: LiteralString, *values: Any) -> tuple[Any, ...]:
        """The first row that a service's database answers."""
        return self._all(service, query, *values)[0]

    def _all(self, service: str, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        if service not in self._connections:  # kept: logging in costs PostgreSQL more than the question
            url = self.system.realm.database_url(service).replace("+psycopg", "")
            self._connections[service] = psycopg.connect(url, autocommit=True)
        return self._connections[service].execute(query, values).fetchall()

    def told(self, kind: str) -> int:
        """How many notifications of a kind there are."""
        with pymongo.MongoClient[dict[str, Any]](self.system.realm.mongo_url) as client:
            return client.get_default_database()["notifications"].count_documents({"kind": kind})

    def last_told(self) -> float:
        """When the last notification was delivered, in seconds since 1970."""
        with pymongo.MongoClient[dict[str, Any]](self.system.realm.mongo_url) as client:
            log = client.get_default_database()["delivery_log"]
            return float(max((d["at"] for d in log.find({}, {"at": 1}, batch_size=20_000)), default=0)) / 1000

    def first_slot(self, session: str) -> str:
        """The segment whose numbers go first."""
        wanted = self.sessions[session]
        return str(self.ask("schedule-svc", "SELECT id FROM slots WHERE session_id = %s ORDER BY starts_at", wanted)[0])

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def stop_workers(self) -> None:
        """Stop every service's worker: messages wait in their queues."""
        stop_all([self.system.part(service, "worker").process for service in SERVICES])

    def start_workers(self, *services: str) -> None:
        """Start the workers of these services, or of all, and wait until they work."""
        parts = [self.system.part(service, "worker") for service in services or SERVICES]
        for part in parts:
            part.launch()
        for part in parts:
            part.wait_ready()


def patiently(done: Callable[[], bool], seconds: float, what: str) -> None:
    """As stack.process.wait_until, but it asks seldom: asking costs the system that is being measured."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.3)


@contextmanager
def running(directory: Path, buyers: int, seconds: float, rounds: int) -> Iterator[World]:
    """A fresh system in `directory`, which is emptied first; its logs and data stay to be looked at until the next time."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # logs as production writes them; our own strangers and repeated orders are no abuse
    system = System(directory, env={"LOG_FORMAT": "json"}, env_of={"user-svc": {"ACCESS_TOKEN_SECONDS": TOKEN_SECONDS}})
    with system:
        ids.use_key(system.secrets["ID_KEY"])
        admin, password = system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"]
        seed(system.url, admin, password)
        operator = Client(f"{system.url}/api/v1")
        operator.login(admin, password)
        world = World(system, [_buyer(system, n) for n in range(buyers)], *_publish(operator), seconds, rounds)
        _sell_out(world)
        try:
            yield world
        finally:
            world.close()


def _buyer(system: System, number: int) -> Buyer:
    client = Client(f"{system.url}/api/v1")
    name = f"bench{number}"
    made = client.post("/users", {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    client.login(name, PASSWORD)
    return Buyer(made["id"], client.token)


def _publish(operator: Client) -> tuple[str, dict[str, str]]:
    """The hospital's id, and those of its sessions."""
    tomorrow = datetime.now(SHANGHAI).date() + timedelta(days=1)
    plans = {"hot": (5000, CAPACITY), "paid": (5000, CAPACITY), "free": (0, CAPACITY), "full": (5000, 1)}
    sessions = [_session(code, fee, capacity, tomorrow) for code, (fee, capacity) in plans.items()]
    roster = {
        "hospital": {
            "code": "bench",
            "name": "测量示范医院",
            "grade": "三级甲等",
            "address": "示范路 2 号",
            "version": 1,
        },
        "departments": [{"code": "d", "name": "心血管内科", "version": 1}],
        "doctors": [{"code": "d", "name": "王立群", "title": "主任医师", "department": "d", "version": 1}],
        "sessions": sessions,
    }
    operator.post("/rosters", roster)
    hospital = next(h["id"] for h in operator.get("/hospitals")["items"] if h["code"] == "bench")
    doctor = operator.get(f"/doctors?hospital_id={hospital}")["items"][0]["id"]
    found = operator.get(f"/sessions?doctor_id={doctor}&limit=100")["items"]
    return hospital, dict(zip(plans, (s["id"] for s in sorted(found, key=lambda s: s["starts_at"])), strict=True))


def _session(code: str, fee: int, capacity: int, day: Any) -> dict[str, Any]:
    """A session of seven segments of a quarter; each code starts at an hour of its own, by which it is found again."""
    start = datetime.combine(day, clock_time(8 + 2 * ("hot", "paid", "free", "full").index(code)), SHANGHAI)
    starts = [start + timedelta(minutes=15 * n) for n in range(1 if capacity == 1 else 7)]
    ends = [(at, at + timedelta(minutes=15)) for at in starts]
    return {
        "code": code,
        "doctor": "d",
        "date": day.isoformat(),
        "period": "morning",
        "room": "A101 诊室",
        "fee": {"amount": fee, "currency": "CNY"},
        "release_at": (start - timedelta(days=7)).isoformat(),
        "slots": [{"starts_at": a.isoformat(), "ends_at": b.isoformat(), "capacity": capacity} for a, b in ends],
        "version": 1,
    }


def _sell_out(world: World) -> None:
    """Sell the only number of session `full`, and wait until booking-svc knows."""
    wait_until(lambda: _status(world, world.buyers[0].order(world.sessions["full"])) == 409, 30, "the full session")


def _status(world: World, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as connection:
        connection.sendall(request)
        return int(connection.recv(65_536)[9:12])
