"""Crash points: CRASH_AT=<point>[:n] makes this process exit hard the n-th time that it comes by. For fault tests only.

The points: db_commit, publish, confirm, outbox_delete, effect, inbox_insert, ack. Settings refuse CRASH_AT in production.
"""

import os
import threading

POINTS = ("db_commit", "publish", "confirm", "outbox_delete", "effect", "inbox_insert", "ack")
EXIT_STATUS = 86

_lock = threading.Lock()
_point, _, _nth = os.environ.get("CRASH_AT", "").partition(":")
_left = int(_nth or 1)


def reach(point: str) -> None:
    """Exit without any clean-up if this is the planned point."""
    global _left  # noqa: PLW0603  a countdown of this process
    if point != _point:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os._exit(EXIT_STATUS)
