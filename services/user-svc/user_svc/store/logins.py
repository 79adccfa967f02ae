"""Logins: families of refresh tokens."""

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


def rotate_login(tx: Tx, login_id: str, old_hash: str, new_hash: str, expires_at: datetime) -> str | None:
    """Put a new token in the place of the newest one. The account's id; None if the old one was not the newest."""
    statement = (
        sa.update(logins)
        .where(
            logins.c.id == login_id,
            logins.c.token_hash == old_hash,
            logins.c.ended_at.is_(None),
            logins.c.expires_at > tx.now,
        )
        .values(token_hash=new_hash, refreshed_at=tx.now, expires_at=expires_at)
        .returning(logins.c.account_id)
    )
    return tx.conn.execute(statement).scalar_one_or_none()


def end_login(tx: Tx, login_id: str) -> bool:
    """End a family of refresh tokens. False if it had ended, or never was."""
    statement = sa.update(logins).where(logins.c.id == login_id, logins.c.ended_at.is_(None)).values(ended_at=tx.now)
    return bool(tx.conn.execute(statement).rowcount)
