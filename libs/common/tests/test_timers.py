"""Timers fire once, never early, and never when cancelled; jobs are leased and repeated until they say that they are done."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Database, Timer, TimerLoop, Tx, tables, timers
from delivery_rig import NOW, placed, until

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def database(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/t.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(url, clock)
    tables.metadata.create_all(database.engine)
    yield database
    tables.metadata.drop_all(database.engine)
    database.close()


class Fired:
    """A timer's handler that writes down what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, tx: Tx, timer: Timer) -> None:
        self.calls.append((timer.key, dict(timer.payload)))
        if timer.payload.get("fails"):
            raise ValueError("cannot")
        tx.send(placed("a", timer.key))

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.calls]


@pytest.fixture
def fired() -> Fired:
    return Fired()


@pytest.fixture
def loop(database: Database, fired: Fired) -> TimerLoop:
    return TimerLoop(database, {"window": fired})


def set_timers(database: Database, *keys: str, due_in: float = 0, **payload: Any) -> None:
    with database.transaction() as tx:
        for key in keys:
            tx.set_timer("window", key, tx.now + due_in * SECOND, payload)


def rows(database: Database) -> list[Any]:
    with database.reading() as conn:
        return list(conn.execute(sa.select(tables.timers).order_by(tables.timers.c.key)))


def sent(database: Database) -> int:
    with database.reading() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(tables.outbox)).scalar() or 0)


def test_a_timer_fires_when_it_is_due_once_and_not_before(
    database: Database, clock: ManualClock, loop: TimerLoop, fired: Fired
) -> None:
    set_timers(database, "o1", due_in=10, amount=5)
    clock.advance(9.999 * SECOND)
    assert loop.fire_due() == 0
    clock.advance(0.001 * SECOND)
    assert loop.fire_due() == 1
    assert loop.fire_due() == 0
    assert fired.calls == [("o1", {"amount": 5})]
    assert (rows(database), sent(database)) == ([], 1)


def test_a_cancelled_timer_never_fires(database: Database, clock: ManualClock, loop: TimerLoop, fired: Fired) -> None:
    set_timers(database, "o1", "o2", due_in=1)
    with database.transaction() as tx:
        tx.cancel_timer("window", "o1")
    clock.advance(SECOND)
    loop.fire_due()
    assert fired.keys == ["o2"]


def test_setting_a_timer_again_moves_it(database: Database, clock: ManualClock, loop: TimerLoop, fired: Fired) -> None:
    set_timers(database, "o1", due_in=1)
    set_timers(database, "o1", due_in=5)
    clock.advance(2 * SECOND)
    assert loop.fire_due() == 0
    clock.advance(3 * SECOND)
    loop.fire_due()
    assert fired.keys == ["o1"]


def test_a_timer_of_a_failed_transaction_does_not_exist(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as tx:
            tx.set_timer("window", "o1", tx.now)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert rows(database) == []


def test_one_that_cannot_be_fired_is_put_off_and_the_others_fire_once(
    database: Database, clock: ManualClock, loop: TimerLoop, fired: Fired
) -> None:
    set_timers(database, "bad", fails=True)
    set_timers(database, "o1", "o2", "o3")
    assert loop.fire_due() == 4
    assert sent(database) == 3
    (bad,) = rows(database)
    assert (bad.key, bad.attempts, bad.due_at) == ("bad", 1, clock() + SECOND)
    assert bad.error == "ValueError('cannot')"
    clock.advance(SECOND)
    loop.fire_due()
    assert rows(database)[0].due_at == clock() + 2 * SECOND


def test_what_an_earlier_timer_of_the_batch_cancels_or_moves_does_not_fire(
    database: Database, clock: ManualClock
) -> None:
    calls: list[str] = []

    def handler(tx: Tx, timer: Timer) -> None:
        calls.append(timer.key)
        tx.cancel_timer("window", "o2")
        tx.set_timer("window", "o3", tx.now + 60 * SECOND)

    for n, key in enumerate(("o1", "o2", "o3")):
        set_timers(database, key, due_in=n)
    clock.advance(5 * SECOND)
    TimerLoop(database, {"window": handler}).fire_due()
    assert calls == ["o1"]
    assert [row.key for row in rows(database)] == ["o3"]


def test_a_timer_that_was_fired_or_cancelled_since_it_was_claimed_does_not_fire_again(
    database: Database, loop: TimerLoop, fired: Fired
) -> None:
    set_timers(database, "o1", "o2")
    with database.transaction() as tx:
        claimed = loop._claim(tx, ["window"], 10)
    with database.transaction() as tx:
        tx.cancel_timer("window", "o2")
    for _ in range(2):
        for timer in claimed:
            with database.transaction() as tx:
                loop._fire(tx, timer)
    assert fired.keys == ["o1"]


def test_several_loops_fire_each_timer_once(database: Database, fired: Fired) -> None:
    set_timers(database, *(f"o{n:03}" for n in range(120)))
    loops = [TimerLoop(database, {"window": fired}) for _ in range(3)]
    for loop in loops:
        loop.start()
    until(lambda: len(fired.calls) >= 120)
    for loop in loops:
        loop.stop()
    assert sorted(fired.keys) == sorted({f"o{n:03}" for n in range(120)})
    assert sent(database) == 120


def test_the_loop_hears_of_a_timer_that_is_set_and_of_its_own_end(
    database: Database, fired: Fired, loop: TimerLoop, ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.outbox.timers.LONGEST_SLEEP", 3600.0)
    loop.start()
    set_timers(database, "o1")
    until(lambda: fired.keys == ["o1"])
    loop.stop()
    ends(loop._thread.join)


# --- jobs ---


Start = Callable[..., TimerLoop]


@pytest.fixture
def start_jobs(database: Database) -> Iterator[Start]:
    loops: list[TimerLoop] = []

    def go(job: Callable[[Any, Timer], None], service: Any = None, *, alone: bool = False) -> TimerLoop:
        loops.append(TimerLoop(database, {}, {"window": job}, service, alone=alone))
        return loops[-1]

    yield go
    for loop in loops:
        if loop._pool:
            loop._pool.shutdown()


def test_a_job_runs_outside_of_a_transaction_until_it_cancels_its_timer(
    database: Database, clock: ManualClock, start_jobs: Start
) -> None:
    runs: list[tuple[Any, str]] = []

    def job(service: Any, timer: Timer) -> None:
        runs.append((service, timer.key))
        if len(runs) == 2:
            with database.transaction() as tx:
                tx.cancel_timer("window", timer.key)

    loop = start_jobs(job, "me")
    set_timers(database, "o1")
    loop.fire_due()
    until(lambda: len(runs) == 1 and not loop._running)
    loop.fire_due()
    assert runs == [("me", "o1")]  # leased
    clock.advance(timers.LEASE)
    loop.fire_due()
    until(lambda: len(runs) == 2 and not loop._running)
    assert rows(database) == []


def test_a_failed_job_is_put_off_unless_it_was_set_anew_meanwhile(
    database: Database, clock: ManualClock, start_jobs: Start
) -> None:
    def job(_service: Any, timer: Timer) -> None:
        if timer.key == "moved":
            set_timers(database, "moved", due_in=500)
        raise ValueError("the provider is away")

    loop = start_jobs(job)
    set_timers(database, "failed", "moved")
    loop.fire_due()
    until(lambda: not loop._running)
    failed, moved = rows(database)
    assert (failed.attempts, failed.due_at) == (1, clock() + SECOND)
    assert (moved.attempts, moved.due_at) == (0, clock() + 500 * SECOND)


def test_no_more_jobs_are_leased_than_run(database: Database, clock: ManualClock, start_jobs: Start) -> None:
    gate = threading.Event()
    loop = start_jobs(lambda _service, _timer: gate.wait(10))
    set_timers(database, *(f"o{n}" for n in range(20)))
    assert loop.fire_due() == timers.JOB_THREADS
    assert loop.fire_due() == 0
    assert sum(row.due_at > clock() for row in rows(database)) == timers.JOB_THREADS
    gate.set()
    until(lambda: not loop._running)
    assert loop.fire_due() == timers.JOB_THREADS


def test_of_jobs_that_compute_one_runs_at_a_time_and_others_find_idle_threads(
    database: Database, clock: ManualClock
) -> None:
    gate, runs = threading.Event(), []

    def job(_service: Any, timer: Timer) -> None:
        runs.append(timer.kind)
        gate.wait(10)

    loop = TimerLoop(database, {}, {"computes": timers.OneByOne(job), "window": job})
    with database.transaction() as tx:
        for n in range(20):
            tx.set_timer("computes", f"o{n}", tx.now)
    clock.advance(SECOND)
    set_timers(database, *(f"o{n}" for n in range(20)))
    try:
        assert loop.fire_due() == 1, "though all threads are idle"
        assert loop.fire_due() == timers.JOB_THREADS - 1, "what is due for longer and may not run keeps nobody waiting"
        assert loop.fire_due() == 0
    finally:
        gate.set()
        loop._pool.shutdown()  # type: ignore[union-attr]  # it has jobs
    assert sorted(runs) == ["computes", *["window"] * (timers.JOB_THREADS - 1)]


def test_alone_a_job_that_a_death_interrupted_runs_again_at_once(
    database: Database, clock: ManualClock, start_jobs: Start
) -> None:
    gate, runs = threading.Event(), []

    def job(_service: Any, timer: Timer) -> None:
        runs.append(timer.key)
        gate.wait(10)

    dying = start_jobs(job, alone=True)
    set_timers(database, "o1")
    assert (dying.fire_due(), dying.fire_due()) == (1, 0), "not twice at a time"
    assert start_jobs(job, alone=True).fire_due() == 1, "whoever comes after it does not wait for a lease"
    gate.set()
    until(lambda: not dying._running and len(runs) == 2)
    (row,) = rows(database)
    assert row.due_at == clock() + timers.LEASE, "a job that leaves its timer as it was does not come again and again"
