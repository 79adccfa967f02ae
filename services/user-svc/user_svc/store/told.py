"""What others were told of accounts' addresses, and by which key these were sealed then."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import accounts


def next_contact_revision(tx: Tx, account_id: str, key: str) -> int:
    """Count a change of where an account's owner is reached, which is told sealed by this key (`Vault.prefix`)."""
    counted = sa.update(accounts).where(accounts.c.id == account_id)
    growing = counted.values(contact_revision=accounts.c.contact_revision + 1, contact_key=key)
    return int(tx.conn.execute(growing.returning(accounts.c.contact_revision)).scalar_one())


def _by_others(key: str) -> Any:
    """Of accounts with a proved address that was told last under another key than this one."""
    reached = sa.or_(accounts.c.email_index.is_not(None), accounts.c.phone_index.is_not(None))
    return sa.and_(reached, accounts.c.deleted_at.is_(None), accounts.c.contact_key.is_distinct_from(key))


def told_by_others(conn: sa.Connection, key: str, after: str, limit: int) -> Sequence[str]:
    """The ids of those who must be told anew, in their order."""
    query = sa.select(accounts.c.id).where(accounts.c.id > after, _by_others(key))
    return conn.scalars(query.order_by(accounts.c.id).limit(limit)).all()


def count_told_by_others(conn: sa.Connection, key: str) -> int:
    return conn.execute(sa.select(sa.func.count()).select_from(accounts).where(_by_others(key))).scalar_one()


def is_told_by_others(tx: Tx, account_id: str, key: str) -> bool:
    """Whether this account must be told anew; it is ours until the end of the transaction."""
    mine = sa.select(accounts.c.id).where(accounts.c.id == account_id, _by_others(key))
    return tx.conn.execute(mine.with_for_update()).first() is not None
