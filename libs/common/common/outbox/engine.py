"""The engines: PostgreSQL as in production, SQLite as its double."""

import select
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

from common.settings import BadSettings

_KINDS = ("postgresql+psycopg://", "sqlite://")


def make_engine(url: str, pool_size: int) -> sa.Engine:
    """An engine with its pool; connects to nothing yet. Raises BadSettings for what is no URL of ours.

    Errors hide their parameters: logs and parked messages hold their texts, and parameters hold what users entrust to us.
    """
    if not url.startswith(_KINDS):
        raise BadSettings(f"the environment does not do:\nDATABASE_URL: begins with none of {', '.join(_KINDS)}")
    if url.startswith("sqlite"):
        engine = sa.create_engine(
            url,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=20,
            hide_parameters=True,
            connect_args={"check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,  # the fewest connections, each with its statements prepared and its caches warm
        hide_parameters=True,
        connect_args={
            "options": "-c timezone=UTC -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000",
            "connect_timeout": 5,
        },
    )
    sa.event.listen(engine, "checkout", _refuse_dead)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL with full syncs: a commit survives kill -9 and a power cut. We begin transactions ourselves."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection that the server has closed while it was idle, after a restart of the database, say.

    Costs one system call, where a ping would cost a round trip: a closed socket is readable, a healthy idle one is not.
    Raises DisconnectionError, the pool's signal to take another one.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise exc.DisconnectionError("the server has closed this connection, or said something that nobody asked for")
