"""Codes that prove an address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import codes


def lock_address(tx: Tx, to_index: str) -> None:
    """What counts codes or accounts of one address does so one after the other. SQLite has one writer anyway."""
    if tx.postgres:
        tx.conn.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (to_index,))


def codes_since(conn: sa.Connection, indexes: Sequence[str], purpose: str, since: datetime) -> Sequence[Any]:
    """Network and time of each code that was asked for to this address for this purpose, the newest first."""
    wanted = sa.and_(codes.c.to_index.in_(indexes), codes.c.purpose == purpose, codes.c.created_at > since)
    query = sa.select(codes.c.network, codes.c.created_at).where(wanted)
    return conn.execute(query.order_by(codes.c.created_at.desc(), codes.c.id)).all()


def add_code(tx: Tx, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.insert(codes).values(values))


def code(conn: sa.Connection, code_id: str) -> Any:
    """The row, or None."""
    return conn.execute(sa.select(codes).where(codes.c.id == code_id)).one_or_none()


def issue_code(tx: Tx, code_id: str, code_hash: str) -> bool:
    """Give a code that was asked for its number, once. False if it has one."""
    statement = sa.update(codes).where(codes.c.id == code_id, codes.c.code_hash == "").values(code_hash=code_hash)
    return bool(tx.conn.execute(statement).rowcount)


def newest_codes(tx: Tx, indexes: Sequence[str], purpose: str, account_id: str | None, network: str) -> list[Any]:
    """The newest code of all, and the newest that was asked for in a network: no, one or two rows, locked."""
    whose = codes.c.account_id.is_(None) if account_id is None else codes.c.account_id == account_id
    query = sa.select(codes).where(codes.c.to_index.in_(indexes), codes.c.purpose == purpose, whose)
    newest = query.order_by(codes.c.created_at.desc(), codes.c.id).limit(1).with_for_update()
    found = [*tx.conn.execute(newest), *tx.conn.execute(newest.where(codes.c.network == network))]
    return list({row.id: row for row in found}.values())


def count_try(tx: Tx, code_id: str, *, elsewhere: bool) -> None:
    counted = codes.c.tries_elsewhere if elsewhere else codes.c.tries
    tx.conn.execute(sa.update(codes).where(codes.c.id == code_id).values({counted: counted + 1}))


def spend_code(tx: Tx, code_id: str) -> bool:
    """False if it was spent before."""
    unspent = sa.and_(codes.c.id == code_id, codes.c.used_at.is_(None))
    return bool(tx.conn.execute(sa.update(codes).where(unspent).values(used_at=tx.now)).rowcount)


def purge_codes(tx: Tx, before: datetime) -> int:
    """Forget codes that were asked for before then; answers how many."""
    return int(tx.conn.execute(sa.delete(codes).where(codes.c.created_at < before)).rowcount)
