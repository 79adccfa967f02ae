"""From a desk's click to the screens: so many boards and phones listen to one queue, through the gateway, while a desk calls.

Each figure begins before the request that calls is sent, and ends when a screen has read the event that shows the call.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from common import ids
from common.clock import SHANGHAI
from common.web import sign_token

from bench.pgbench import PgBench
from bench.report import Figure
from bench.world import World, patiently
from demo.client import Client, Refused
from stack.system import System

BOARDS, PHONES = 50, 450
BOARDS_QUICK, PHONES_QUICK = 10, 90
CALLS, CALLS_QUICK = 20, 5
ROOM = "1"
PATIENCE = 30.0  # seconds
_TOKEN = 3600


@dataclass(frozen=True)
class Times:
    """Seconds from the click, of each call: until its own answer, and until half of the screens and the last one showed it."""

    answered: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)


class Screen:
    """One open stream, read without waiting; of HTTP/1.0, which has no chunks. `shows`: the tickets that it shows at desks."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.shows: set[str] = set()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        request = f"GET /api/v1{path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        self.socket.sendall(request.encode())
        self.socket.setblocking(False)
        self._rest = b""

    def read(self) -> bool:
        """Take in what has come. True if something new is shown. Raises ConnectionError if the stream has ended."""
        found = self.socket.recv(1 << 16)
        if not found:
            raise ConnectionError(self._rest[-300:].decode(errors="replace"))
        *lines, self._rest = (self._rest + found).split(b"\n")
        told = [line for line in lines if line.startswith(b"data: ")]
        if not told:
            return False
        data = json.loads(told[-1][6:])
        there = data["serving"] if "serving" in data else [d["visit"] for d in data["desks"] if d["visit"]]
        self.shows = {visit["ticket"] for visit in there}
        return True


class Hall:
    """Screens that look at a queue, and the desk that calls."""

    def __init__(self, system: System, session: str, visits: Sequence[str], desk: Client, hospital: str) -> None:
        self._session, self._visits, self._desk, self._hospital = session, visits, desk, hospital
        self._port, self._key = system.gateway.port, system.secrets["JWT_PRIVATE_KEY"]
        self._selector = selectors.DefaultSelector()
        self._screens: list[Screen] = []
        self._after: str | None = None

    def open(self, boards: int, phones: int) -> None:
        """Let so many more look; returns when each of them shows something."""
        fresh = [
            self._screen(f"/visits/{self._visits[n % len(self._visits)]}/stream", "registrar") for n in range(phones)
        ]
        fresh += [self._screen(f"/sessions/{self._session}/queue/stream", "board") for _ in range(boards)]
        waiting = set(fresh)
        self._until(lambda screen: waiting.discard(screen), lambda: not waiting)

    def _screen(self, path: str, role: str) -> Screen:
        token = sign_token(self._key, ids.mint("acc"), [role], self._hospital, _TOKEN)
        made = Screen(self._port, path, token)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        self._screens.append(made)
        return made

    def _until(self, shown: Callable[[Screen], None], done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all screens show it within {PATIENCE:g} s")
            for key, _ in self._selector.select(0.1):
                if key.data.read():
                    shown(key.data)

    def call(self, calls: int) -> Times:
        """Call one after the other."""
        times = Times()
        for _ in range(calls):
            clicked = time.monotonic()
            visit = self._desk.post(f"/sessions/{self._session}/queue/next", {"room": ROOM, "after": self._after})[
                "visit"
            ]
            times.answered.append(time.monotonic() - clicked)
            self._after, ticket = visit["id"], visit["ticket"]
            at: dict[Screen, float] = {}

            def note(screen: Screen, ticket: str = ticket, at: dict[Screen, float] = at) -> None:
                if ticket in screen.shows:
                    at.setdefault(screen, time.monotonic())

            self._until(note, lambda at=at: len(at) == len(self._screens))  # type: ignore[misc]
            shown = sorted(moment - clicked for moment in at.values())
            times.half.append(shown[len(shown) // 2])
            times.last.append(shown[-1])
        return times

    def close(self) -> None:
        for screen in self._screens:
            screen.socket.close()
        self._selector.close()


def hall(system: System, hospital: str, walk_ins: int) -> Hall:
    """A session of `hospital` that goes on now, with so many people in its line."""
    key = system.secrets["JWT_PRIVATE_KEY"]
    desk = Client(f"{system.url}/api/v1")
    desk.token = sign_token(key, ids.mint("acc"), ["hospital_admin"], hospital, _TOKEN)
    session = _session(desk, hospital)
    patiently(partial(_known, desk, session), PATIENCE, "booking-svc hears of the session")
    visits = [desk.post(f"/sessions/{session}/queue/walk-ins", {"name": f"王{n}"})["id"] for n in range(walk_ins)]
    desk.post(f"/sessions/{session}/queue/desks", {"room": ROOM})
    return Hall(system, session, visits, desk, hospital)


def _known(desk: Client, session: str) -> bool:
    """booking-svc hears of a session by an event, a moment after schedule-svc has answered."""
    try:
        desk.get(f"/sessions/{session}/queue")
    except Refused:
        return False
    return True


def _session(desk: Client, hospital: str) -> str:
    doctor = desk.get(f"/doctors?hospital_id={hospital}")["items"][0]["id"]
    now = datetime.now(SHANGHAI)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = max(midnight, now - timedelta(minutes=10))
    ends = min(midnight + timedelta(days=1), now + timedelta(hours=2))
    body: dict[str, Any] = {
        "doctor_id": doctor,
        "date": now.date().isoformat(),
        "period": "morning",
        "room": "A101",
        "fee": {"amount": 0, "currency": "CNY"},
        "release_at": (begins - timedelta(days=1)).isoformat(),
        "slots": [{"starts_at": begins.isoformat(), "ends_at": ends.isoformat(), "capacity": 1}],
    }
    made: dict[str, Any] = desk.post("/sessions", body)
    return str(made["id"])


def screens(world: World, _: PgBench) -> list[Figure]:
    """(k) How long after a desk's click the last of all screens shows who is called."""
    quick = world.rounds == 1
    boards, phones, calls = (BOARDS_QUICK, PHONES_QUICK, CALLS_QUICK) if quick else (BOARDS, PHONES, CALLS)
    looking = hall(world.system, world.hospital, walk_ins=calls)
    try:
        looking.open(boards, phones)
        times = looking.call(calls)
    finally:
        looking.close()
    last = Figure(
        f"(k) from a call to the last of {boards} boards and {phones} phones",
        "ms",
        [1000 * seconds for seconds in times.last],
        goal="below 1000",
        better="lower",
    )
    last.met = max(last.values) < 1000
    half = Figure("… to half of them", "ms", [1000 * seconds for seconds in times.half], better="lower")
    return [last, half]
