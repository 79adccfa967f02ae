"""The trail: rows are added, and given their place in the chain; nothing else is ever done to them."""

from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import trail


def add_act(tx: Tx, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.insert(trail).values(values))


def lock_chain(tx: Tx) -> None:
    """Only one transaction at a time makes the chain longer: the others wait here. SQLite has one writer anyway."""
    if tx.postgres:
        tx.conn.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('user-svc trail'))")


def chain_head(conn: sa.Connection) -> Any:
    """The last row of the chain; None if there is no chain yet."""
    return conn.execute(sa.select(trail).order_by(trail.c.place.desc().nulls_last()).limit(1)).one_or_none()
