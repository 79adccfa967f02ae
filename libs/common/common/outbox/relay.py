"""Committed outbox rows on their way out: published by the process that wrote them, right after its commit.

A row is deleted when its publisher says that it is settled: confirmed by RabbitMQ, or committed by every subscriber in
embedded mode. The sweep, in workers, takes what another process left behind when it crashed. A row that the broker
returned gets a time for its next attempt, so that it neither loops hot nor stands in the way of others.
"""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa

from common.crash import reach
from common.log import get_logger
from common.metrics import OUTBOX_RETURNED, OUTBOX_SETTLED, QUEUE_LAG
from common.outbox import tables
from common.outbox.database import Database, Tx
from common.outbox.tables import OutboxRow

log = get_logger("relay")

BATCH_SECONDS = 0.1
"""For so long settled rows are gathered. Nobody waits for their deletion, each is a commit, and what a crash leaves of them is
sent again, which inboxes bear."""
MAX_IN_FLIGHT = 20_000
SWEEP_ROWS = 1000
LEASE = timedelta(seconds=10)
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=10), timedelta(minutes=10)


class Publisher(Protocol):
    """Takes rows in order and says of each, once, through the relay's `settled` or `returned`, what became of it.

    It keeps unsettled rows through lost connections and sends them again, in order.
    """

    def start(self, relay: "Relay") -> None: ...
    def publish(self, rows: Sequence[OutboxRow]) -> None: ...
    def stop(self) -> None: ...


class Relay:
    """One per process. `sweep_seconds=None` turns the sweep off (api processes).

    `grace`: the age from which a sweep takes a row that another process wrote. Embedded passes zero: there is no other.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        *,
        sweep_seconds: float | None = 2.0,
        grace: timedelta = timedelta(seconds=3),
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._sweep_seconds = sweep_seconds
        self._grace = grace
        self._in_flight: set[int] = set()
        self._settled: list[int] = []
        self._returned: list[tuple[int, str]] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self._publisher.start(self)
        self._database.on_commit = self.submit
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Let what is in flight settle for `timeout` seconds at most, then stop. What is left stays in the table."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (self._in_flight or self._settled) and time.monotonic() < deadline:
                self._changed.wait(0.05)
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout=5)
        self._publisher.stop()

    def submit(self, rows: Sequence[OutboxRow]) -> None:
        """Send rows that have just been committed. More than we can carry stay for the sweep."""
        with self._changed:
            if len(self._in_flight) + len(rows) > MAX_IN_FLIGHT:
                return
            rows = [row for row in rows if row.id not in self._in_flight]  # a sweep may have been faster
            self._in_flight.update(row.id for row in rows)
            # under the lock: two commits' rows must not overtake each other between here and the publisher's queue
            self._publisher.publish(rows)

    def settled(self, row_ids: Sequence[int]) -> None:
        """The publisher's word: these rows have arrived and may go."""
        for _ in row_ids:
            reach("confirm")
        with self._changed:
            self._settled.extend(row_ids)
            self._changed.notify_all()

    def returned(self, row_id: int, reason: str) -> None:
        """The publisher's word: the broker took this row but could not route or keep it."""
        with self._changed:
            self._returned.append((row_id, reason))
            self._changed.notify_all()

    @property
    def in_flight(self) -> int:
        with self._changed:
            return len(self._in_flight)

    @property
    def dead(self) -> bool:
        """True if its thread, or its publisher's, has ended though nobody stopped it."""
        ended = self._thread.ident is not None and not self._thread.is_alive()
        return (ended and not self._stopping) or bool(getattr(self._publisher, "dead", False))

    def _run(self) -> None:
        next_sweep = time.monotonic() if self._sweep_seconds is not None else float("inf")
        next_prune = time.monotonic() + 3600
        while not self._stopping:
            with self._changed:
                if not (self._settled or self._returned):
                    self._changed.wait(max(0.0, min(next_sweep - time.monotonic(), 1.0)))
                work = bool(self._settled or self._returned)
            try:
                if work:
                    time.sleep(BATCH_SECONDS)
                    self._write_back()
                if self._sweep_seconds is not None and time.monotonic() >= next_sweep:
                    more = self._sweep()
                    next_sweep = time.monotonic() + (BATCH_SECONDS if more else self._sweep_seconds)
                if self._sweep_seconds is not None and time.monotonic() >= next_prune:
                    next_prune = time.monotonic() + 3600
                    self._database.prune()
            except Exception:  # the database is away: rows stay, we try again
                log.exception("relay_failed")
                time.sleep(0.5)
        self._write_back_quietly()

    def _write_back(self) -> None:
        """Delete the settled rows, put off the returned ones. Kept for the next round if the database fails."""
        with self._changed:
            settled, returned = self._settled[:], self._returned[:]
        if settled:
            self._delete(settled)
        if returned:
            with self._database.transaction() as tx:
                for row_id, reason in returned:
                    _put_off(tx, row_id, reason)
        reach("outbox_delete")
        with self._changed:
            del self._settled[: len(settled)], self._returned[: len(returned)]
            self._in_flight.difference_update(settled, (row_id for row_id, _ in returned))
            QUEUE_LAG.set(len(self._in_flight))
            self._changed.notify_all()
        OUTBOX_SETTLED.inc(len(settled))
        for row_id, reason in returned:
            OUTBOX_RETURNED.inc()
            log.error("message_returned", row_id=row_id, reason=reason)

    def _delete(self, row_ids: Sequence[int]) -> None:
        if self._database.sqlite:
            with self._database.transaction() as tx:
                tx.conn.execute(_delete_rows, {"ids": row_ids})
        else:
            array = "{" + ",".join(map(str, row_ids)) + "}"  # one text for any number of ids, so that its plan is kept
            self._database.execute_alone("DELETE FROM outbox WHERE id = ANY(%(ids)s::bigint[])", {"ids": array})

    def _write_back_quietly(self) -> None:
        try:
            self._write_back()
        except Exception:
            log.exception("relay_failed")

    def _sweep(self) -> bool:
        """Claim rows that nobody is sending, by a lease, and send them in the order of their ids. True if more may wait."""
        with self._changed:
            mine = set(self._in_flight)
        most = min(SWEEP_ROWS, MAX_IN_FLIGHT - len(mine))
        if most <= 0 or not self._stray(mine):
            return False
        outbox = tables.outbox.c
        with self._database.transaction() as tx:
            due = self._due(len(mine) + most)
            if tx.postgres:
                due = due.with_for_update(skip_locked=True)
            ids = [i for i in tx.conn.execute(due).scalars() if i not in mine][:most]
            if self._grace:  # others sweep, too
                tx.conn.execute(
                    sa.update(tables.outbox).where(outbox.id.in_(ids)).values(next_attempt_at=tx.now + LEASE)
                )
            rows = tx.conn.execute(sa.select(tables.outbox).where(outbox.id.in_(ids)).order_by(outbox.id)).all()
        log.info("sweep", rows=len(rows))
        self.submit([tables.row_of(r) for r in rows])
        return len(rows) == most

    def _stray(self, mine: set[int]) -> bool:
        """A look without a transaction, which is nearly always all that there is to do."""
        with self._database.reading() as conn:
            return any(i not in mine for i in conn.execute(self._due(len(mine) + 1)).scalars())

    def _due(self, limit: int) -> sa.Select[int]:
        """The ids of rows that are old enough and not put off or leased, in order."""
        outbox = tables.outbox.c
        now = self._database.clock()
        untouched = sa.or_(outbox.next_attempt_at.is_(None), outbox.next_attempt_at <= now)
        old = outbox.created_at <= now - self._grace
        return sa.select(outbox.id).where(old, untouched).order_by(outbox.id).limit(limit)


_delete_rows = sa.delete(tables.outbox).where(tables.outbox.c.id.in_(sa.bindparam("ids", expanding=True)))


def _put_off(tx: Tx, row_id: int, reason: str) -> None:
    """Give a returned row a time of its own for the next attempt: 10 s, doubling, at most 10 minutes."""
    row = tables.outbox.c.id == row_id
    attempts = tx.conn.execute(sa.select(tables.outbox.c.attempts).where(row)).scalar() or 0
    pause = min(FIRST_RETRY * 2 ** min(attempts, 10), LONGEST_RETRY)
    values = {"attempts": attempts + 1, "next_attempt_at": tx.now + pause, "error": reason[:500]}
    tx.conn.execute(sa.update(tables.outbox).where(row).values(values))
