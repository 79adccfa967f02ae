"""What queries share."""

from typing import Any

import sqlalchemy as sa
from common.outbox import Tx, tables
from sqlalchemy.dialects import postgresql, sqlite


def insert(tx: Tx, table: sa.Table) -> Any:
    """An INSERT that may be given ON CONFLICT, which the two databases spell differently."""
    return (postgresql.insert if tx.postgres else sqlite.insert)(table)


def job_is_set(tx: Tx, kind: str) -> bool:
    """True if there is a job of this kind; what its payload knows shall survive a migration."""
    return tx.conn.execute(sa.select(tables.timers.c.key).where(tables.timers.c.kind == kind)).first() is not None
