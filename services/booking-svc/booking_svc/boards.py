"""Who looks at live queues, boards and phones, and how they hear of what moves: one look into the database for everybody here.

What is told is the newest state, all of it, so a screen that was away has missed nothing. A queue is read when its revision has
changed, once for all who look at it; each phone's own place is made of the same reading.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from common.log import get_logger
from common.outbox import Database
from common.web.stream import Hub, Listener, no_streams

from booking_svc import store
from booking_svc.store.boards import Board

log = get_logger("boards")

PAUSE = 0.25  # seconds between two looks
DEPTH = 20
"""Readings that may wait for a screen: all of a queue each. One who is slower is cut off, comes again, and has missed nothing."""
LONGEST_PAUSE = 128
"""Looks at most until one is tried again that fails: half a minute."""
NOT_FOR_PHONES, NOT_FOR_WALLS = 10, 20
"""One in so many streams is kept for desks and screens on walls: a rush of phones must not leave the hall without them; and one in so
many for desks."""
MOST_WALLS = 2
"""All screens on walls together get one in so many streams, whatever has become of their tokens: phones and desks get the others."""
EACH_WALL = 24
"""Streams of one account of a hospital's screens."""

Kind = Literal["phone", "desk", "wall"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A board, and the events that tell it to each kind of screen. `begun`: when the reading began, by time.monotonic."""

    board: Board
    events: Mapping[str, bytes]
    begun: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told of a queue."""

    marks: Mapping[str, int]
    pause_ends: datetime | None


@dataclass(slots=True)
class _Failing:
    """A queue that could not be read when its marks were these: nobody tries four times a second. In looks."""

    marks: Mapping[str, int]
    left: int = 1
    pause: int = 1

    def is_over(self) -> bool:
        """Whether to try again now."""
        self.left -= 1
        if self.left < 0:
            self.left = self.pause = min(2 * self.pause, LONGEST_PAUSE)
            return True
        return False


@dataclass(slots=True)
class _Wrong:
    """What went wrong in all of the last looks."""

    pause: int = 1
    """In PAUSEs, until the next look."""
    _said: str = field(default="", repr=False)

    def is_new(self, error: Exception) -> bool:
        """Whether the log has to tell of it."""
        before, self._said = self._said, repr(error)
        self.pause = min(2 * self.pause, LONGEST_PAUSE // 4)
        return before != self._said


class Boards:
    """The live side of queues. The thread that looks is started by the first who listens, and rests while nobody does.

    tell: makes of a board the events that all screens of a kind get.
    """

    def __init__(self, database: Database, limit: int, tell: Callable[[Board], Mapping[str, bytes]]) -> None:
        self.hub = Hub(limit, DEPTH)
        self._limit = limit
        self._failing: dict[str, _Failing] = {}
        self._wrong = _Wrong()
        self._database = database
        self._tell = tell
        self._known: dict[str, _Known] = {}
        self._asked: deque[tuple[str, Listener]] = deque()
        self._moved: deque[tuple[str, Listener]] = deque()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, queue_id: str, owner: str, kind: Kind) -> Listener:
        """From now on. The first reading comes with the next look; one that began before this call may come before it.

        Raises Unavailable.
        """
        kept = {"phone": self._limit // NOT_FOR_PHONES, "wall": self._limit // NOT_FOR_WALLS, "desk": 0}[kind]
        if kept and len(self.hub) >= self._limit - kept:
            raise no_streams()
        if kind == "wall" and self.hub.count(kind) >= self._limit // MOST_WALLS:
            raise no_streams()
        listener = self.hub.listen([queue_id], owner, kind=kind, most=EACH_WALL if kind == "wall" else None)
        self._asked.append((queue_id, listener))
        self._look_on()
        return listener

    def follow(self, visit_id: str, listener: Listener) -> None:
        """She stands in another queue now. The next look finds which, and its reading comes."""
        self._moved.append((visit_id, listener))

    # --- the look for everybody

    def _look_on(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="boards", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self.hub.closed:
            if not self.hub.wait_for_listeners(1.0):
                self._known.clear()
                self._failing.clear()
                self._asked.clear()
                self._moved.clear()
                continue
            try:
                self._look()
                self._wrong = _Wrong()
            except Exception as error:
                if not self._database.is_transient(error) and self._wrong.is_new(error):
                    log.exception("look_failed")
            time.sleep(PAUSE * self._wrong.pause)

    def _look(self) -> None:
        """Read what has changed, for all who listen to it, and what somebody has asked for, for those alone."""
        with self._database.reading() as conn:
            self._go_after(conn)
            asked, topics = list(self._asked), self.hub.topics()
            self._known = {queue_id: self._known[queue_id] for queue_id in topics if queue_id in self._known}
            now, marks = self._database.clock(), store.boards.marks(conn, topics)
            self._failing = {queue_id: self._failing[queue_id] for queue_id in topics if queue_id in self._failing}
            changed = {queue_id for queue_id in topics if self._is_news(queue_id, marks[queue_id], now)}
            wanted = changed | {queue_id for queue_id, _ in asked if self.hub.heard(queue_id)}
            readings = {queue_id: self._try(conn, queue_id, marks.get(queue_id, {})) for queue_id in sorted(wanted)}
        for queue_id, reading in readings.items():
            if reading is not None and queue_id in changed:
                self._known[queue_id] = _Known(reading.board.marks, reading.board.pause_ends)
                self.hub.publish(queue_id, reading)
        for queue_id, listener in asked:
            reading = readings.get(queue_id)
            if reading is not None and queue_id not in changed:
                listener.put(reading)
            self._asked.popleft()

    def _go_after(self, conn: store.Connection) -> None:
        """Let those who follow a visit listen where it stands now."""
        moved = list(self._moved)
        queues = store.boards.queues_of(conn, {visit_id for visit_id, _ in moved}) if moved else {}
        for visit_id, listener in moved:
            if (queue_id := queues.get(visit_id)) is not None:
                self.hub.move(listener, [queue_id])
                self._asked.append((queue_id, listener))
            self._moved.popleft()

    def _is_news(self, queue_id: str, marks: Mapping[str, int], now: datetime) -> bool:
        known = self._known.get(queue_id)
        if known is None or known.marks != marks:
            return True
        return known.pause_ends is not None and known.pause_ends <= now

    def _try(self, conn: store.Connection, queue_id: str, marks: Mapping[str, int]) -> Reading | None:
        """None for one that cannot be shown: no reason to be silent about the others. It is tried again now and then, and at once when
        something in it has changed; of each change the log tells once.
        """
        failing = self._failing.get(queue_id)
        if failing is not None and failing.marks == marks and not failing.is_over():
            return None
        try:
            reading = self._read(conn, queue_id)
        except Exception as error:
            if self._database.is_transient(error):
                raise
            if failing is None or failing.marks != marks:
                log.exception("not_shown", queue_id=queue_id)
                self._failing[queue_id] = _Failing(marks)
            return None
        self._failing.pop(queue_id, None)
        return reading

    def _read(self, conn: store.Connection, queue_id: str) -> Reading:
        begun = time.monotonic()
        board = store.boards.read_board(conn, queue_id, self._database.clock())
        return Reading(board, self._tell(board), begun)
