"""Accounts."""

from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.parts import insert
from user_svc.store.tables import accounts


def add_account(tx: Tx, values: dict[str, Any]) -> bool:
    """False if the username is taken."""
    statement = insert(tx, accounts).values(values).on_conflict_do_nothing(index_elements=["username_key"])
    return bool(tx.conn.execute(statement).rowcount)


def account_by_key(conn: sa.Connection, username_key: str) -> Any:
    """The row, or None."""
    return conn.execute(sa.select(accounts).where(accounts.c.username_key == username_key)).one_or_none()


def account(conn: sa.Connection, account_id: str, *, lock: bool = False) -> Any:
    """The row, or None. With `lock` it is ours until the end of the transaction."""
    query = sa.select(accounts).where(accounts.c.id == account_id)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def change_account(tx: Tx, account_id: str, values: dict[str, Any]) -> bool:
    """False if there is no such account."""
    return bool(tx.conn.execute(sa.update(accounts).where(accounts.c.id == account_id).values(values)).rowcount)
