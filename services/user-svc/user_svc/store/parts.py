"""What the two databases say differently."""

from typing import Any

import sqlalchemy as sa
from common.outbox import Tx
from sqlalchemy.dialects import postgresql, sqlite


def insert(tx: Tx, table: sa.Table) -> Any:
    """An INSERT that may be given ON CONFLICT."""
    return (postgresql.insert if tx.postgres else sqlite.insert)(table)
