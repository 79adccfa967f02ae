"""Sends what is due in the background. Several senders may run beside each other, in as many processes."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from common.log import get_logger

from notify_svc.store import is_transient

log = get_logger("sender")

THREADS = 8
IDLE = 0.5  # seconds between two looks when nothing is due

Job = Callable[[], bool]
"""Sends one delivery; False if there is no room for it in this second."""


class Loop:
    """A `common.service.Part` that does one turn after the other; each answers how many seconds it pauses then."""

    def __init__(self, name: str, turn: Callable[[], float]) -> None:
        self._turn = turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self._turn()
            except Exception as error:
                if is_transient(error):
                    log.warning("database_away", loop=self._thread.name, error=str(error)[:300])
                else:
                    log.exception("loop_failed", loop=self._thread.name)
                pause = 1.0
            self._stopping.wait(pause)


class Sender(Loop):
    """Sends by one channel, with some threads: a provider that hangs holds up those that wait for it.

    due: what is to be done now, as much as one second has room for, so that what is urgent waits for no more than that.
    """

    def __init__(self, channel: str, due: Callable[[], Sequence[Job]]) -> None:
        super().__init__(f"sender-{channel}", self._send_some)
        self._due = due
        self._idle = threading.BoundedSemaphore(THREADS)
        self._full = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"send-{channel}")

    def stop(self) -> None:
        super().stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _send_some(self) -> float:
        self._full.clear()
        jobs = self._due()
        for job in jobs:
            self._idle.acquire()  # so that no more are in memory than are looked at, and none is taken before its turn
            if self._stopping.is_set() or self._full.is_set():
                self._idle.release()
                break
            self._pool.submit(self._do, job)
        if self._full.is_set():
            return 1.0 - time.time() % 1.0
        return 0.0 if jobs else IDLE

    def _do(self, job: Job) -> None:
        try:
            if not job():
                self._full.set()
        except Exception as error:  # the lease makes it good
            if is_transient(error):
                log.warning("database_away", error=str(error)[:300])
            else:
                log.exception("send_failed")
        finally:
            self._idle.release()
