"""Who works at a hospital."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from user_svc.store.tables import accounts


def staff_of(conn: sa.Connection, hospital_id: str, after: str | None, limit: int) -> Sequence[Any]:
    """The accounts that have roles at a hospital, by their names. after: the `username_key` of the last one that was shown."""
    here = sa.and_(accounts.c.hospital_id == hospital_id, accounts.c.deleted_at.is_(None))
    query = sa.select(accounts).where(here, accounts.c.username_key > (after or ""))
    return conn.execute(query.order_by(accounts.c.username_key).limit(limit)).all()
