"""The trail: rows are added, and given their place in the chain; nothing else is ever done to them.

The database refuses everything else by triggers (migration 0006).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import trail

_loose = trail.c.place.is_(None)


def add_act(tx: Tx, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.insert(trail).values(values))


def acts(
    conn: sa.Connection,
    *,
    account_id: str | None = None,
    act: str | None = None,
    hospital_id: str | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Any]:
    """What was noted, the newest first: by or about an account, from `first` on, before `last`, before the row `before`."""
    query = sa.select(trail).order_by(trail.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(sa.or_(trail.c.actor == account_id, trail.c.about == account_id))
    for column, value in ((trail.c.act, act), (trail.c.hospital_id, hospital_id)):
        if value is not None:
            query = query.where(column == value)
    if first is not None:
        query = query.where(trail.c.at >= first)
    if last is not None:
        query = query.where(trail.c.at < last)
    if before is not None:
        query = query.where(trail.c.id < before)
    return conn.execute(query).all()


def acts_about(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """Everything that was noted about an account, oldest first."""
    return conn.execute(sa.select(trail).where(trail.c.about == account_id).order_by(trail.c.id)).all()


# --- the chain -------------------------------------------------------------------------------------------------------


def lock_chain(tx: Tx) -> None:
    """Only one transaction at a time makes the chain longer: the others wait here. SQLite has one writer anyway."""
    if tx.postgres:
        tx.conn.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('user-svc trail'))")


def loose_acts(tx: Tx, limit: int) -> Sequence[Any]:
    """Rows that have no place in the chain yet, oldest first."""
    return tx.conn.execute(sa.select(trail).where(_loose).order_by(trail.c.id).limit(limit)).all()


def place_acts(tx: Tx, places: Sequence[tuple[int, int, str]]) -> None:
    """Give rows their (id, place, digest) in the chain."""
    statement = (
        sa.update(trail)
        .where(trail.c.id == sa.bindparam("row"), _loose)
        .values(place=sa.bindparam("at_place"), digest=sa.bindparam("link"))
    )
    tx.conn.execute(statement, [{"row": row, "at_place": place, "link": digest} for row, place, digest in places])


def chain_head(conn: sa.Connection) -> Any:
    """The last row of the chain; None while there is none."""
    chained = sa.select(trail).where(trail.c.place.is_not(None))
    return conn.execute(chained.order_by(trail.c.place.desc()).limit(1)).one_or_none()


def digest_at(conn: sa.Connection, place: int) -> str | None:
    """The digest at a place of the chain; None if there is no such place."""
    digest: str | None = conn.execute(sa.select(trail.c.digest).where(trail.c.place == place)).scalar()
    return digest


def links(conn: sa.Connection, after: int, limit: int) -> Sequence[Any]:
    """The chain's rows that follow a place, in their order."""
    return conn.execute(sa.select(trail).where(trail.c.place > after).order_by(trail.c.place).limit(limit)).all()


def looseness(conn: sa.Connection) -> tuple[int, datetime | None]:
    """How many rows are not in the chain yet, and when the oldest of them was noted."""
    count = conn.execute(sa.select(sa.func.count()).select_from(trail).where(_loose)).scalar_one()
    oldest = conn.execute(sa.select(trail.c.at).where(_loose).order_by(trail.c.id).limit(1)).scalar()
    return count, oldest
