"""Who listens to the in-app inbox, and how they hear what is put there: one look into the database for everybody in this process.

What is new is found by when it was stored, not by when it happened. That time is the writing process's, and what is written shows
a moment later: so each look goes back a little, now and then further, and what was seen is not handed out again.
"""

import hashlib
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from common.log import get_logger
from common.web.stream import Hub, Listener

from notify_svc.domain import Notification, milliseconds
from notify_svc.store import MongoStore

log = get_logger("listeners")

PAUSE = 0.3  # seconds between two looks
LOOKBACK = timedelta(seconds=30) // timedelta(milliseconds=1)
"""Milliseconds: so late what was stored may show, the difference of two hosts' clocks included."""
SHORT_LOOKBACK = 3_000
FULL_LOOK = 5.0  # seconds between two that go back all the way
MOST_MISSED = 500
"""Who has missed more in one inbox reads it anew."""
MOST_LOOKED = 20_000
"""What one look reads at most, the newest: if there is more, everybody is told to read the inbox."""
_MOST_TAGS = 40
_CURSOR = re.compile(r"(\d{1,15})-((?:[0-9a-f]{8})*)")

Item = tuple[int, Notification | None]
"""When it was stored (milliseconds), and what. None: more than could be looked at; read the inbox."""


def _tag(notification_id: str) -> str:
    return hashlib.blake2b(notification_id.encode(), digest_size=4).hexdigest()


@dataclass(slots=True)
class Cursor:
    """What one listener has heard: until when, and what of the moments before that. As text it is an event's id.

    It survives a change of process: with Last-Event-ID nothing is missed, and nothing comes twice. Where too much was heard at
    once for an id, the id is none that can be read, and who comes again with it reads the inbox.
    """

    at: int
    tags: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """None if it is none of ours."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            return None
        at, tags = int(found[1]), found[2]
        return cls(at, {tags[n : n + 8]: at for n in range(0, len(tags), 8)})

    def __str__(self) -> str:
        return f"{self.at}-{''.join(self.tags)}" if len(self.tags) <= _MOST_TAGS else f"{self.at}+"

    def takes(self, at: int, notification_id: str) -> bool:
        """True if it is new; then it is noted as heard."""
        tag = _tag(notification_id)
        if at < self.at - LOOKBACK or tag in self.tags:
            return False
        self.tags[tag] = at
        if at > self.at:
            self.at = at
            self.tags = {old: when for old, when in self.tags.items() if when >= at - LOOKBACK}
        return True


class Inboxes:
    """The live side of the inbox. The thread that looks is started by the first who listens, and rests while nobody does."""

    def __init__(self, store: MongoStore, limit: int) -> None:
        self.hub = Hub(limit)
        self._store = store
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(
        self, recipients: Sequence[str], last: str, owner: str = ""
    ) -> tuple[Listener, Cursor, list[Item] | None]:
        """From now on, or from where `last` (Last-Event-ID) says. Answers what was stored since; None: too much, or unknown.

        Raises Unavailable.
        """
        listener = self.hub.listen(recipients, owner)  # before the first look: what comes after it is not missed
        try:
            self._look_on()
            cursor = Cursor.read(last) if last else None
            if cursor is not None and cursor.at > milliseconds(self._store.clock()) + LOOKBACK:
                cursor = None  # of a clock that was wrong: nothing would be new to it
            stored = None if cursor is None else self._since(recipients, cursor.at)
            if cursor is None or stored is None:
                return listener, self._now(recipients), None if last else []
        except BaseException:
            listener.close()
            raise
        return listener, cursor, stored

    def _since(self, recipients: Sequence[str], at: int) -> list[Item] | None:
        found: list[Item] = [*self._store.notifications.stored_for(recipients, at - LOOKBACK, MOST_MISSED)]
        return found if len(found) < MOST_MISSED else None

    def _now(self, recipients: Sequence[str]) -> Cursor:
        """Everything that shows in these inboxes now is no news."""
        cursor = Cursor(milliseconds(self._store.clock()))
        for at, n in self._since(recipients, cursor.at) or ():
            if n is not None:
                cursor.takes(at, n.id)
        return cursor

    # --- the look for everybody

    def _look_on(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="inboxes", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        seen: dict[str, int] = {}
        full_at = 0.0
        while not self.hub.closed:
            if not self.hub.wait_for_listeners(1.0):
                seen.clear()
                full_at = 0.0
                continue
            full = time.monotonic() >= full_at
            try:
                seen = self._look(seen, LOOKBACK if full else SHORT_LOOKBACK)
            except Exception as error:
                if not self._store.is_transient(error):
                    log.exception("look_failed")
            else:
                full_at = time.monotonic() + FULL_LOOK if full else full_at
            time.sleep(PAUSE)

    def _look(self, seen: dict[str, int], back: int) -> dict[str, int]:
        """Hand out what was stored so long ago at most and is not among `seen`; answers what is now."""
        now = milliseconds(self._store.clock())
        found = self._store.notifications.stored_since(now - back, MOST_LOOKED)
        for at, recipient, notification_id in found:
            if notification_id not in seen:
                if self.hub.heard(recipient):
                    notification = self._store.notifications.get(notification_id)
                    if notification is not None:
                        self.hub.publish(recipient, (at, notification))
                seen[notification_id] = at
        if len(found) >= MOST_LOOKED:
            log.warning("too_much_to_look_at", most=MOST_LOOKED)
            self.hub.publish_to_all((now, None))
            return {notification_id: at for at, _, notification_id in found}
        return {notification_id: at for notification_id, at in seen.items() if at >= now - LOOKBACK}
