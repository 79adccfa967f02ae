"""Timers are rows: set and cancelled in the transaction that needs them, fired once, never early, whatever crashes.

Two kinds of work hang on them. A *timer* runs inside the transaction that removes its row. A *job* does I/O: its row is
leased, the work runs without a transaction, and its own last transaction cancels the timer or sets it anew; a job that
crashed is run again when its lease ends, so a job must bear repetition.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from common.crash import reach
from common.log import get_logger
from common.metrics import TIMERS_FAILED, TIMERS_FIRED
from common.outbox import tables
from common.outbox.database import Database, Tx

log = get_logger("timers")

BATCH = 50
JOB_THREADS = 4
LEASE = timedelta(seconds=30)
BUSY_SLEEP = 0.05  # seconds: what is due is in the hands of another process, or all job threads are busy
LONGEST_SLEEP = 0.5  # seconds: an api process may set a timer that we do not hear of
LONGEST_BACKOFF = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Timer:
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, Any]
    attempts: int = 0


TimerHandler = Callable[[Tx, Timer], None]
JobHandler = Callable[[Any, Timer], None]


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A job that computes: a process runs one of its kind at a time, however many are due, so that others find idle threads."""

    job: JobHandler

    def __call__(self, service: Any, timer: Timer) -> None:
        self.job(service, timer)


class TimerLoop:
    """Fires the due timers of one database. Several may run beside each other: rows are claimed with SKIP LOCKED.

    `alone`: nobody else does, so that jobs need no lease, and one that a death interrupted is run again at once.
    """

    def __init__(
        self,
        database: Database,
        timers: Mapping[str, TimerHandler],
        jobs: Mapping[str, JobHandler] | None = None,
        service: Any = None,
        *,
        alone: bool = False,
    ) -> None:
        self._database = database
        self._timers = timers
        self._jobs = jobs or {}
        self._service = service
        self._wake = threading.Event()
        self._stopping = False
        self._alone = alone
        self._running: set[tuple[str, str]] = set()
        self._counting = threading.Lock()
        self._pool = ThreadPoolExecutor(JOB_THREADS, thread_name_prefix="job") if self._jobs else None
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        self._database.on_timer = self._heard
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=10)
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping

    def _heard(self, due_at: datetime) -> None:
        """A timer was set in this process: wake up for it, unless the next look comes in time anyway."""
        if due_at <= self._database.clock() + timedelta(seconds=LONGEST_SLEEP):
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            try:
                pause = self._until_next()
                if pause <= 0:
                    pause = 0.0 if self.fire_due() else BUSY_SLEEP
            except Exception:  # the database is away
                log.exception("timers_failed")
                pause = LONGEST_SLEEP
            if pause and self._wake.wait(pause):
                self._wake.clear()

    def fire_due(self) -> int:
        """Fire what is due now, at most a batch of each kind of work; answers how many."""
        return self._fire_timers() + self._start_jobs()

    def _fire_timers(self) -> int:
        try:
            with self._database.transaction() as tx:
                due = self._claim(tx, list(self._timers), BATCH)
                for timer in sorted(due, key=lambda timer: timer.key):  # as everybody locks: in the order of the ids
                    self._fire(tx, timer)
        except Exception as error:
            if self._database.is_transient(error):
                raise
            return self._fire_one_by_one()
        return len(due)

    def _fire(self, tx: Tx, timer: Timer) -> None:
        if (timer.kind, timer.key) in tx.timers:
            return  # one that fired before it in this transaction has set or cancelled it
        if tx.conn.execute(_delete_timer, _as_seen(timer)).rowcount == 0:
            return  # it was fired by somebody else, set anew or cancelled since we claimed it
        self._timers[timer.kind](tx, timer)
        reach("effect")
        TIMERS_FIRED.labels(timer.kind).inc()

    def _fire_one_by_one(self) -> int:
        """A batch failed: fire each alone, and put off the one that cannot be fired."""
        with self._database.transaction() as tx:
            due = self._claim(tx, list(self._timers), BATCH)
        for timer in due:
            try:
                with self._database.transaction() as tx:
                    self._fire(tx, timer)
            except Exception as error:
                if self._database.is_transient(error):
                    raise
                self._put_off(timer, error)
        return len(due)

    def _start_jobs(self) -> int:
        """Lease as many jobs as there are idle threads: a lease does not run out in a queue."""
        with self._counting:
            running = set(self._running)
        idle = JOB_THREADS - len(running)
        if self._pool is None or idle <= 0:
            return 0
        with self._database.transaction() as tx:
            claimed = self._claim(tx, self._startable(running), JOB_THREADS)
            due = self._one_by_one(timer for timer in claimed if (timer.kind, timer.key) not in running)[:idle]
            until = tx.now + LEASE
            for timer in () if self._alone else due:
                tx.conn.execute(_postpone_timer, {**_as_seen(timer), "until": until})
        for timer in due:
            with self._counting:
                self._running.add((timer.kind, timer.key))
            self._pool.submit(self._run_job, timer, timer.due_at if self._alone else until)
        return len(due)

    def _startable(self, running: Collection[tuple[str, str]]) -> list[str]:
        """The kinds of jobs of which another one may start."""
        busy = {kind for kind, _ in running if isinstance(self._jobs[kind], OneByOne)}
        return [kind for kind in self._jobs if kind not in busy]

    def _one_by_one(self, due: Iterable[Timer]) -> list[Timer]:
        """Without all but the first of each kind of which one runs at a time."""
        alone: dict[str, Timer] = {}
        return [t for t in due if not isinstance(self._jobs[t.kind], OneByOne) or alone.setdefault(t.kind, t) is t]

    def _run_job(self, timer: Timer, until: datetime) -> None:
        try:
            self._jobs[timer.kind](self._service, timer)
            if self._alone:  # where it is as it was, it comes again when its lease would be over
                with self._database.transaction() as tx:
                    tx.conn.execute(_postpone_timer, {**_as_seen(timer), "until": tx.now + LEASE})
            TIMERS_FIRED.labels(timer.kind).inc()
        except Exception as error:  # noqa: BLE001  whatever a job dies of, it is said, and done again later
            try:
                self._put_off(replace(timer, due_at=until), error)
            except Exception:
                log.exception("timers_failed")  # its lease ends, then it runs again
        finally:
            with self._counting:
                self._running.discard((timer.kind, timer.key))
            self._wake.set()

    def _put_off(self, timer: Timer, error: Exception) -> None:
        """Try a failed timer again later, unless it has been set anew or cancelled since."""
        TIMERS_FAILED.labels(timer.kind).inc()
        log.error("timer_failed", kind=timer.kind, key=timer.key, attempts=timer.attempts + 1, exc_info=error)
        backoff = min(timedelta(seconds=2 ** min(timer.attempts, 10)), LONGEST_BACKOFF)
        with self._database.transaction() as tx:
            values = {"until": tx.now + backoff, "n": timer.attempts + 1, "why": repr(error)[:500]}
            tx.conn.execute(_fail_timer, {**_as_seen(timer), **values})

    def _claim(self, tx: Tx, kinds: Sequence[str], limit: int) -> list[Timer]:
        t = tables.timers.c
        query = (
            sa.select(tables.timers)
            .where(t.kind.in_(kinds), t.due_at <= tx.now)
            .order_by(t.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [Timer(r.kind, r.key, r.due_at, json.loads(r.payload), r.attempts) for r in tx.conn.execute(query)]

    def _until_next(self) -> float:
        """Seconds until the next timer is due, at most LONGEST_SLEEP; zero or less if it is."""
        t = tables.timers.c
        query = sa.select(t.due_at).where(t.kind.in_([*self._timers, *self._jobs])).order_by(t.due_at).limit(1)
        with self._database.reading() as conn:
            due_at = conn.execute(query).scalar()
        if due_at is None:
            return LONGEST_SLEEP
        seconds: float = (due_at - self._database.clock()).total_seconds()
        return min(seconds, LONGEST_SLEEP)


def _as_seen(timer: Timer) -> dict[str, Any]:
    """Names a timer as it was when we read it: if it has been set anew meanwhile, it is another one."""
    return {"k": timer.kind, "x": timer.key, "due": timer.due_at}


_columns = tables.timers.c
_this_timer = sa.and_(
    _columns.kind == sa.bindparam("k"), _columns.key == sa.bindparam("x"), _columns.due_at == sa.bindparam("due")
)
_delete_timer = sa.delete(tables.timers).where(_this_timer)
_postpone_timer = sa.update(tables.timers).where(_this_timer).values(due_at=sa.bindparam("until"))
_fail_timer = (
    sa.update(tables.timers)
    .where(_this_timer)
    .values(due_at=sa.bindparam("until"), attempts=sa.bindparam("n"), error=sa.bindparam("why"))
)
