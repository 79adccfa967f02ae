"""Crash points: CRASH_AT=<point>[:n] makes this process exit hard the n-th time that it comes by. For fault tests only.

With CRASH_MARKS=<path> it takes away a file <path>.<point> where it finds one at a point, and exits: such marks may be set
while it runs, count once however often it is started again, and one that is gone proves that it happened.

The points: db_commit, publish, confirm, outbox_delete, effect, inbox_insert, ack. Settings refuse both in production.
"""

import os
import threading

POINTS = ("db_commit", "publish", "confirm", "outbox_delete", "effect", "inbox_insert", "ack")
EXIT_STATUS = 86

_lock = threading.Lock()
_point, _, _nth = os.environ.get("CRASH_AT", "").partition(":")
_left = int(_nth or 1)
_marks = os.environ.get("CRASH_MARKS", "")


def reach(point: str) -> None:
    """Exit without any clean-up if this is the planned point, or marked."""
    global _left  # noqa: PLW0603  a countdown of this process
    if _marks and _take_mark(point):
        os._exit(EXIT_STATUS)
    if point != _point:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os._exit(EXIT_STATUS)


def _take_mark(point: str) -> bool:
    try:
        os.unlink(f"{_marks}.{point}")  # noqa: PTH108  on the way of every message
    except FileNotFoundError:
        return False
    return True
