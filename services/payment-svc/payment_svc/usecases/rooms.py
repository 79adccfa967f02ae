"""How many calls of one provider may be under way in a process at once. One that hangs must leave threads for everybody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from payment_svc.providers import Provider

IN_REQUESTS = 3
"""Of the 8 threads that an api process has, for each provider that is called while its payer waits."""
IN_JOBS = 2
"""Of the 4 threads that run a worker's jobs."""


class Rooms:
    """`most` for each provider. Who finds none does not wait for one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._rooms: dict[str, BoundedSemaphore] = {}

    @contextmanager
    def enter(self, method: str, provider: Provider) -> Iterator[bool]:
        """False if there is no room. What is settled by hand needs none: it calls nobody."""
        if provider.by_hand:
            yield True
            return
        room = self._rooms.setdefault(method, BoundedSemaphore(self.most))
        entered = room.acquire(blocking=False)
        try:
            yield entered
        finally:
            if entered:
                room.release()
