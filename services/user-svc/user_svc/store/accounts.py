"""Accounts. One that its owner has ended is found by nobody."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.parts import insert
from user_svc.store.tables import accounts

_lives = accounts.c.deleted_at.is_(None)
_PROVED = {
    "email": (accounts.c.email_index, accounts.c.email_verified_at),
    "sms": (accounts.c.phone_index, accounts.c.phone_verified_at),
}


def add_account(tx: Tx, values: dict[str, Any]) -> bool:
    """False if the username is taken."""
    adding = insert(tx, accounts).values(values).on_conflict_do_nothing(index_elements=["username_key"])
    return tx.conn.execute(adding.returning(accounts.c.id)).first() is not None  # an INSERT's rowcount may be -1


def is_reserved(conn: sa.Connection, reserved_key: str) -> bool:
    """True of the name of an account that has ended: nobody is to be taken for her."""
    return conn.execute(sa.select(accounts.c.id).where(accounts.c.username_key == reserved_key)).first() is not None


def account_by_key(conn: sa.Connection, username_key: str) -> Any:
    """The row, or None."""
    return conn.execute(sa.select(accounts).where(accounts.c.username_key == username_key, _lives)).one_or_none()


def account(conn: sa.Connection, account_id: str, *, lock: bool = False) -> Any:
    """The row, or None. With `lock` it is ours until the end of the transaction."""
    query = sa.select(accounts).where(accounts.c.id == account_id, _lives)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def accounts_at(conn: sa.Connection, channel: str, indexes: Sequence[str]) -> Sequence[Any]:
    """The rows of those whose proved address this is (channel: email or sms), the oldest first."""
    index, verified_at = _PROVED[channel]
    query = sa.select(accounts).where(index.in_(indexes), verified_at.is_not(None), _lives)
    return conn.execute(query.order_by(accounts.c.created_at, accounts.c.id)).all()


def change_account(tx: Tx, account_id: str, values: dict[str, Any]) -> bool:
    """False if there is no such account."""
    mine = sa.and_(accounts.c.id == account_id, _lives)
    return bool(tx.conn.execute(sa.update(accounts).where(mine).values(values)).rowcount)
