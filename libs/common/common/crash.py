"""Crash points: CRASH_AT=<point>[:n] makes this process exit hard the n-th time that it comes by. For fault tests only.

With CRASH_LATCH=<path> it exits only if that file is not there yet, and makes it: once, however often the process is
started again, and the file proves that it happened.

The points: db_commit, publish, confirm, outbox_delete, effect, inbox_insert, ack. Settings refuse CRASH_AT in production.
"""

import os
import threading

POINTS = ("db_commit", "publish", "confirm", "outbox_delete", "effect", "inbox_insert", "ack")
EXIT_STATUS = 86

_lock = threading.Lock()
_point, _, _nth = os.environ.get("CRASH_AT", "").partition(":")
_left = int(_nth or 1)
_latch = os.environ.get("CRASH_LATCH", "")


def reach(point: str) -> None:
    """Exit without any clean-up if this is the planned point."""
    global _left  # noqa: PLW0603  a countdown of this process
    if point != _point:
        return
    with _lock:
        _left -= 1
        if _left == 0 and _take_latch():
            os._exit(EXIT_STATUS)


def _take_latch() -> bool:
    if not _latch:
        return True
    try:
        os.close(os.open(_latch, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
