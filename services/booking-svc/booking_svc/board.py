"""What this process remembers of sessions, so that "sold out" is answered without the database.

Each entry is believed for a moment only. The projection behind it follows schedule-svc's events; schedule-svc decides.
"""

import time
from collections.abc import Callable

from common.messages import SessionFacts

BELIEVED = 0.25  # seconds
_MOST = 50_000


class SessionBoard:
    """A small cache over the projection of sessions. Threads may race on it: the worst is a second look-up."""

    def __init__(self, look_up: Callable[[str], SessionFacts | None], believed: float = BELIEVED) -> None:
        self._look_up = look_up
        self._believed = believed
        self._known: dict[str, tuple[float, SessionFacts | None]] = {}

    def get(self, session_id: str) -> SessionFacts | None:
        now = time.monotonic()
        known = self._known.get(session_id)
        if known is not None and now < known[0]:
            return known[1]
        facts = self._look_up(session_id)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[session_id] = (now + self._believed, facts)
        return facts
