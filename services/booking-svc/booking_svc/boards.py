"""Who looks at live queues, boards and phones, and how they hear of what moves: one look into the database for everybody here.

What is told is the newest state, all of it, so a screen that was away has missed nothing. A queue is read when its revision has
changed, once for all who look at it; each phone's own place is made of the same reading.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.errors import Unavailable
from common.log import get_logger
from common.outbox import Database
from common.web.stream import Hub, Listener

from booking_svc import store
from booking_svc.store.boards import Board

log = get_logger("boards")

PAUSE = 0.25  # seconds between two looks
DEPTH = 20
"""Readings that may wait for a screen: all of a queue each. One who is slower is cut off, comes again, and has missed nothing."""
FOR_BOARDS = 10
"""One in so many streams is kept for screens on walls: a rush of phones must not leave the hall without them."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A board, and the events that tell it to each kind of screen. `begun`: when the reading began, by time.monotonic."""

    board: Board
    events: Mapping[str, bytes]
    begun: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told of a queue."""

    revision: int
    pause_ends: datetime | None


class Boards:
    """The live side of queues. The thread that looks is started by the first who listens, and rests while nobody does.

    tell: makes of a board the events that all screens of a kind get.
    """

    def __init__(self, database: Database, limit: int, tell: Callable[[Board], Mapping[str, bytes]]) -> None:
        self.hub = Hub(limit, DEPTH)
        self._for_phones = limit - limit // FOR_BOARDS
        self._database = database
        self._tell = tell
        self._known: dict[str, _Known] = {}
        self._asked: deque[tuple[str, Listener]] = deque()
        self._moved: deque[tuple[str, Listener]] = deque()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, queue_id: str, owner: str = "", *, phone: bool = False) -> Listener:
        """From now on. The first reading comes with the next look; one that began before this call may come before it.

        Raises Unavailable.
        """
        if phone and len(self.hub) >= self._for_phones:
            raise Unavailable("no more streams can be opened here; try again, or ask without", code="no_streams")
        listener = self.hub.listen([queue_id], owner)
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
                self._asked.clear()
                self._moved.clear()
                continue
            try:
                self._look()
            except Exception as error:
                if not self._database.is_transient(error):
                    log.exception("look_failed")
            time.sleep(PAUSE)

    def _look(self) -> None:
        """Read what has changed, for all who listen to it, and what somebody has asked for, for those alone."""
        with self._database.reading() as conn:
            self._go_after(conn)
            asked, topics = list(self._asked), self.hub.topics()
            self._known = {queue_id: self._known[queue_id] for queue_id in topics if queue_id in self._known}
            now, revisions = self._database.clock(), store.boards.revisions(conn, topics)
            changed = {queue_id for queue_id in topics if self._is_news(queue_id, revisions.get(queue_id, 0), now)}
            wanted = changed | {queue_id for queue_id, _ in asked if self.hub.heard(queue_id)}
            readings = {queue_id: self._read(conn, queue_id) for queue_id in sorted(wanted)}
        for queue_id, reading in readings.items():
            if reading is not None and queue_id in changed:
                self._known[queue_id] = _Known(reading.board.revision, reading.board.pause_ends)
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

    def _is_news(self, queue_id: str, revision: int, now: datetime) -> bool:
        known = self._known.get(queue_id)
        if known is None or known.revision != revision:
            return True
        return known.pause_ends is not None and known.pause_ends <= now

    def _read(self, conn: store.Connection, queue_id: str) -> Reading | None:
        """None for one that cannot be shown: no reason to be silent about the others."""
        begun = time.monotonic()
        try:
            board = store.boards.read_board(conn, queue_id, self._database.clock())
            return Reading(board, self._tell(board), begun)
        except Exception as error:
            if self._database.is_transient(error):
                raise
            log.exception("not_shown", queue_id=queue_id)
            return None
