"""Logins: families of refresh tokens."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import logins


def add_login(tx: Tx, values: dict[str, Any]) -> None:
    """Begin a family of refresh tokens; the account's families that are over are forgotten."""
    over = sa.delete(logins).where(logins.c.account_id == values["account_id"], logins.c.expires_at < tx.now)
    tx.conn.execute(over)
    tx.conn.execute(sa.insert(logins).values(values))


def networks_of(conn: sa.Connection, account_ids: Collection[str], now: datetime) -> set[str]:
    """Where these accounts have logins that live."""
    query = sa.select(logins.c.network).where(logins.c.account_id.in_(account_ids), _lives(now))
    return set(conn.execute(query).scalars())


def rotate_login(tx: Tx, login_ids: Collection[str], old_hash: str, values: dict[str, Any]) -> Any:
    """Put a new token in the place of the newest one. Id and account of the login; None if the old one was not the newest."""
    newest = sa.and_(logins.c.id.in_(login_ids), logins.c.token_hash == old_hash, _lives(tx.now))
    statement = sa.update(logins).where(newest).values(values).returning(logins.c.id, logins.c.account_id)
    return tx.conn.execute(statement).one_or_none()


def login(tx: Tx, login_ids: Collection[str]) -> Any:
    """The row of a login that lives, ours until the end of the transaction; None if there is none."""
    query = sa.select(logins).where(logins.c.id.in_(login_ids), _lives(tx.now))
    return tx.conn.execute(query.with_for_update()).one_or_none()


def logins_of(
    conn: sa.Connection, account_id: str, now: datetime, after: Sequence[Any] | None = None, limit: int | None = None
) -> Sequence[Any]:
    """An account's logins that live, the newest first. after: time and id of the last one that was shown."""
    query = sa.select(logins).where(logins.c.account_id == account_id, _lives(now))
    if after:
        query = query.where(sa.tuple_(logins.c.created_at, logins.c.id) < sa.tuple_(*_typed(after)))
    return conn.execute(query.order_by(logins.c.created_at.desc(), logins.c.id.desc()).limit(limit)).all()


def end_logins(tx: Tx, login_ids: Collection[str]) -> int:
    """End families of refresh tokens; answers how many had not ended."""
    mine = sa.and_(logins.c.id.in_(login_ids), logins.c.ended_at.is_(None))
    return int(tx.conn.execute(sa.update(logins).where(mine).values(ended_at=tx.now)).rowcount)


def purge(tx: Tx) -> None:
    """Forget the logins that are over, with the devices and networks that they were of."""
    tx.conn.execute(sa.delete(logins).where(sa.not_(_lives(tx.now))))


def _lives(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(logins.c.ended_at.is_(None), logins.c.expires_at > now)


def _typed(after: Sequence[Any]) -> list[sa.ColumnElement[Any]]:
    at, login_id = after
    return [sa.literal(at, logins.c.created_at.type), sa.literal(login_id)]
