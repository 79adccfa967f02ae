"""One service's own database: PostgreSQL, or SQLite as its fast double."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from common.clock import Clock, system_clock
from common.crash import reach
from common.envelope import CONTENT_TYPE, Outgoing, seal
from common.foreign import MAX_BYTES
from common.jsons import encode
from common.log import current_trace
from common.messages import Message
from common.outbox import tables
from common.outbox.clock import DatabaseClock
from common.outbox.engine import make_engine
from common.outbox.keeping import Keeping
from common.outbox.tables import OutboxRow, UtcDateTime


@dataclass(slots=True)
class Tx:
    """A running transaction. Messages and timers gather here and are written, set-based, right before the commit."""

    conn: sa.Connection
    now: datetime
    outgoing: list[Outgoing] = field(default_factory=list)
    timers: dict[tuple[str, str], tuple[datetime, str] | None] = field(default_factory=dict)

    @property
    def postgres(self) -> bool:
        return self.conn.dialect.name == "postgresql"

    def send(self, message: Message, *, traceparent: str = "") -> None:
        """Let `message` leave with this commit; its trace is the cause's, by default that of the running request."""
        self.outgoing.append(seal(message, self.now, traceparent or current_trace()))

    def send_out(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        message_id: str,
        content_type: str = CONTENT_TYPE,
    ) -> None:
        """Let `body` leave the platform with this commit, by an exchange that is an `Outlet` of the service.

        What is sent in this transaction keeps its order. Embedded mode has nobody outside: there it goes no further.
        message_id: one for each message; its receivers tell repetitions by it, and the broker's answers are told apart.
        Raises ValueError for names that are empty, longer than 255 bytes or not printable, and for a body that the broker
        would refuse, which would end the connection that all other messages need.
        """
        for name in (exchange, routing_key, message_id, content_type):
            if not name.isprintable() or not 0 < len(name.encode()) <= 255:
                raise ValueError(f"no name for AMQP: {name[:50]!r}")
        if len(body) > MAX_BYTES:
            raise ValueError(f"a body of {len(body)} bytes; {MAX_BYTES} at most")
        self.outgoing.append(Outgoing(message_id, routing_key, "", routing_key, body, exchange, content_type))

    def set_timer(self, kind: str, key: str, due_at: datetime, payload: Mapping[str, Any] | None = None) -> None:
        """Fire timer (kind, key) at `due_at`; replaces the one that is set."""
        self.timers[kind, key] = (due_at, json.dumps(payload or {}))

    def cancel_timer(self, kind: str, key: str) -> None:
        self.timers[kind, key] = None

    def first_time(self, message_ids: Sequence[str]) -> set[str]:
        """Enter the ids into the inbox; answers those that were not there."""
        fresh = list(dict.fromkeys(message_ids))
        if self.postgres:
            rows = self.conn.exec_driver_sql(
                "INSERT INTO inbox (message_id, received_at) SELECT unnest(%s::text[]), %s"
                " ON CONFLICT DO NOTHING RETURNING message_id",
                (fresh, self.now),
            )
        else:
            rows = self.conn.execute(
                sa.text(
                    "INSERT INTO inbox (message_id, received_at) SELECT value, :now FROM json_each(:ids) WHERE true"
                    " ON CONFLICT DO NOTHING RETURNING message_id"
                ).bindparams(sa.bindparam("now", self.now, UtcDateTime), ids=json.dumps(fresh)),
            )
        return {row[0] for row in rows}

    def flush(self) -> list[OutboxRow]:
        """Write what has gathered. Called by the transaction itself."""
        self._flush_timers()
        if not self.outgoing:
            return []
        ids: list[int] = []
        for leaves, run in groupby(self.outgoing, key=lambda o: bool(o.exchange)):
            out = list(run)
            if self.postgres and not leaves:
                values = _outbox_values(out, self.now)
                ids += self.conn.exec_driver_sql(f"{_INSERT_OUTBOX} RETURNING id", values).scalars()
            else:  # what leaves may be no text, which JSON could not carry to PostgreSQL
                ids += [self._insert_outgoing(o) for o in out]
        return _rows(ids, self.outgoing)

    def _insert_outgoing(self, o: Outgoing) -> int:
        result = self.conn.execute(
            sa.insert(tables.outbox).values(
                message_id=o.id,
                type=o.type,
                subject=o.subject,
                partition=o.partition,
                body=o.body,
                created_at=self.now,
                exchange=o.exchange or None,
                content_type=o.content_type or None,
            )
        )
        return int(result.inserted_primary_key[0])  # type: ignore[index]

    def _flush_timers(self) -> None:
        gone = [{"old_kind": kind, "old_key": key} for (kind, key), value in self.timers.items() if value is None]
        if gone:
            self.conn.execute(_delete_timer, gone)
        rows = [
            {"kind": kind, "key": key, "due_at": value[0], "payload": value[1]}
            for (kind, key), value in self.timers.items()
            if value is not None
        ]
        if rows:
            self.conn.execute(_set_timer, rows)


_oldest_outgoing = sa.select(tables.outbox.c.created_at).order_by(tables.outbox.c.id).limit(1)
_delete_timer = sa.delete(tables.timers).where(
    tables.timers.c.kind == sa.bindparam("old_kind"), tables.timers.c.key == sa.bindparam("old_key")
)
_set_timer = sa.text(
    "INSERT INTO timers (kind, key, due_at, payload) VALUES (:kind, :key, :due_at, :payload)"
    " ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload,"
    " attempts = 0, error = NULL"
).bindparams(sa.bindparam("due_at", type_=UtcDateTime))
# One JSON document in place of an array per column: psycopg takes 3 times as long to write arrays (1.3 -> 0.4 ms for 100 rows).
_INSERT_OUTBOX = (
    "INSERT INTO outbox (message_id, type, subject, partition, body, created_at)"
    " SELECT u.id, u.type, u.subject, u.partition, convert_to(u.body, 'UTF8'), %(out_now)s"
    " FROM json_to_recordset(%(out)s::json) AS u (id text, type text, subject text, partition text, body text)"
)


def _outbox_values(out: Sequence[Outgoing], now: datetime) -> dict[str, Any]:
    rows = [
        {"id": o.id, "type": o.type, "subject": o.subject, "partition": o.partition, "body": o.body.decode()}
        for o in out
    ]
    return {"out_now": now, "out": encode(rows).decode()}


def _rows(ids: Iterable[int], out: Sequence[Outgoing]) -> list[OutboxRow]:
    return [
        OutboxRow(i, o.id, o.type, o.partition, o.body, o.exchange, o.content_type)
        for i, o in zip(ids, out, strict=True)
    ]


class Database(Keeping):
    """Owns the engine, and tells the time: PostgreSQL's, unless a test passes a clock.

    `on_commit` gets the rows of each committed transaction, `on_timer` hears when one is due that was set.
    """

    def __init__(self, url: str, clock: Clock = system_clock, *, pool_size: int = 20) -> None:
        self.on_commit: Callable[[list[OutboxRow]], None] = lambda _rows: None
        self.on_timer: Callable[[datetime], None] = lambda _due_at: None
        self.engine = make_engine(url, pool_size)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.clock = clock if self.sqlite or clock is not system_clock else DatabaseClock(self.engine)
        # spares PostgreSQL a BEGIN and a ROLLBACK for each query; SQLite opens no transaction of itself
        self._reader = self.engine if self.sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._shared: ContextVar[Tx | None] = ContextVar("shared_transaction", default=None)
        # SQLite has one writer at a time: queue for it here, fairly, and not in its busy handler, which starves
        self._writer: threading.Lock | None = threading.Lock() if self.sqlite else None

    @contextmanager
    def transaction(self, *, share: bool = False) -> Iterator[Tx]:
        """Commit state, messages and timers together; then wake the relay.

        With `share`, transactions that are opened inside of this one, in the same thread, are part of it.
        """
        shared = self._shared.get()
        if shared is not None:
            yield shared
            return
        with self._commit() as tx:
            token = self._shared.set(tx) if share else None
            try:
                yield tx
            finally:
                if token is not None:
                    self._shared.reset(token)

    @contextmanager
    def _commit(self) -> Iterator[Tx]:
        with self._one_writer():
            with self.engine.connect() as conn:
                conn.begin()
                if self.sqlite:
                    conn.exec_driver_sql("BEGIN IMMEDIATE")
                tx = Tx(conn, self.clock())
                yield tx
                rows = tx.flush()
                conn.commit()
            reach("db_commit")
            if rows:  # still under the writer's lock: SQLite's commits are handed over in their order
                self.on_commit(rows)
        if due := [timer[0] for timer in tx.timers.values() if timer]:
            self.on_timer(min(due))

    def insert_with_messages(self, insert: str, values: Mapping[str, Any], messages: Sequence[Message]) -> bool:
        """Commit one INSERT together with the messages that it causes; for hot paths.

        `insert` has %(name)s for its values and may end in a condition; False when it inserted nothing, and then no
        message leaves. PostgreSQL does all of it in one statement and so in one round trip, where a transaction needs five.
        """
        if self.sqlite:
            return self._insert_with_messages_sqlite(insert, values, messages)
        now = self.clock()
        out = [seal(m, now, current_trace()) for m in messages]
        statement = (
            f"WITH written AS ({insert} RETURNING 1) {_INSERT_OUTBOX} WHERE EXISTS (SELECT FROM written) RETURNING id"
        )
        ids = self.execute_alone(statement, {**values, **_outbox_values(out, now)})
        reach("db_commit")
        if ids:
            self.on_commit(_rows([row[0] for row in ids], out))
        return bool(ids)

    def _insert_with_messages_sqlite(self, insert: str, values: Mapping[str, Any], messages: Sequence[Message]) -> bool:
        text = sa.text(re.sub(r"%\((\w+)\)s", r":\1", insert))
        times = [sa.bindparam(k, type_=UtcDateTime) for k, v in values.items() if isinstance(v, datetime)]
        with self.transaction() as tx:
            if tx.conn.execute(text.bindparams(*times), values).rowcount == 0:
                return False
            for message in messages:
                tx.send(message)
        return True

    def execute_alone(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run one statement as a transaction of its own and answer its rows; PostgreSQL only, for hot paths.

        It takes one round trip where BEGIN and COMMIT would make three, and goes past SQLAlchemy's execution, which takes as
        long as psycopg's: 0.33 -> 0.20 ms. Raises what SQLAlchemy would.
        """
        driver: Any = self.engine.dialect.dbapi
        try:
            pooled = self.engine.raw_connection()
        except driver.Error as error:  # SQLAlchemy translates what fails later, and not this
            raise exc.DBAPIError.instance(statement, {}, error, driver.Error) from error
        connection: Any = pooled.driver_connection
        try:
            connection.autocommit = True
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except driver.Error as error:
            lost = connection.closed
            if lost:  # then so are the others, most likely
                pooled.invalidate(error)
                self.engine.dispose()
            raise exc.DBAPIError.instance(
                statement,
                dict(values),
                error,
                driver.Error,
                hide_parameters=True,
                connection_invalidated=lost,
            ) from error
        finally:
            if not connection.closed:
                connection.autocommit = False
            pooled.close()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries alone: each statement sees what is committed."""
        with self._reader.connect() as conn:
            yield conn

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self._writer is None:
            yield
        else:
            with self._writer:
                yield

    def is_transient(self, error: BaseException) -> bool:
        """True if the database is away, locked or asks to try again: nothing is wrong with the work itself."""
        return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) or (
            isinstance(error, exc.DBAPIError) and error.connection_invalidated
        )

    def backlog(self, conn: sa.Connection) -> dict[str, Any]:
        """What is not done: unsettled messages, parked ones, timers overdue by more than a minute."""
        overdue = sa.select(tables.timers.c.kind, tables.timers.c.key).where(
            tables.timers.c.due_at < self.clock() - timedelta(minutes=1)
        )
        return {
            "outbox": conn.execute(sa.select(sa.func.count()).select_from(tables.outbox)).scalar_one(),
            "outbox_since": conn.execute(_oldest_outgoing).scalar(),
            "parked": [{"message_id": p.message_id, "reason": p.reason} for p in self.parked(largest=0)],
            "overdue": [f"{row.kind} {row.key}" for row in conn.execute(overdue)],
        }

    def close(self) -> None:
        self.engine.dispose()
