"""Wrong passwords in a row, by name."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.parts import insert
from user_svc.store.tables import login_failures as failures


def count_try(tx: Tx, key: str) -> int | None:
    """Count a try, whatever becomes of it: how many there are in a row. None if the name is locked, and then it does not count.

    The row is ours until the end of the transaction.
    """
    first = insert(tx, failures).values(key=key, count=1, under_way=1, last_at=tx.now)
    free = sa.or_(failures.c.locked_until.is_(None), failures.c.locked_until <= tx.now)
    again = first.on_conflict_do_update(
        index_elements=["key"],
        set_={"count": failures.c.count + 1, "under_way": failures.c.under_way + 1, "last_at": tx.now},
        where=free,
    )
    return tx.conn.execute(again.returning(failures.c.count)).scalar_one_or_none()


def was_wrong(tx: Tx, key: str) -> None:
    """One of the tries that are under way is no longer."""
    tx.conn.execute(
        sa.update(failures)
        .where(failures.c.key == key, failures.c.under_way > 0)
        .values(under_way=failures.c.under_way - 1)
    )


def lock(tx: Tx, key: str, until: datetime | None) -> None:
    tx.conn.execute(sa.update(failures).where(failures.c.key == key).values(locked_until=until))


def standing(conn: sa.Connection, key: str) -> Any:
    """A name's row; None if nobody has tried it, or its tries are forgotten."""
    return conn.execute(sa.select(failures).where(failures.c.key == key)).one_or_none()


def forget(tx: Tx, keys: Collection[str]) -> None:
    tx.conn.execute(sa.delete(failures).where(failures.c.key.in_(keys)))


def purge(tx: Tx, before: datetime) -> int:
    """Forget the names that nobody has tried since; answers how many."""
    return int(tx.conn.execute(sa.delete(failures).where(failures.c.last_at < before)).rowcount)
