"""One run at a time for a directory of data."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sole_user(directory: Path) -> Iterator[None]:
    """Hold `directory` for this process; the kernel lets go of it however we end.

    Raises BlockingIOError if another run holds it.
    """
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"another run uses {directory}") from None
        yield
