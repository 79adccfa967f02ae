"""Vouchers, as staff see them; store/rules.py has what the desk does with them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from schedule_svc.store.tables import sessions, vouchers
from schedule_svc.vouchers import Voucher

_session = sa.select(sessions.c.hospital_id, sessions.c.stopped, sessions.c.ends_at).where(
    sessions.c.id == sa.bindparam("of")
)


def session(conn: sa.Connection, session_id: str) -> Any:
    """Its hospital, whether it is stopped, and when it ends; None if there is no such session."""
    return conn.execute(_session, {"of": session_id}).one_or_none()


def add(conn: sa.Connection, voucher: Voucher) -> None:
    conn.execute(sa.insert(vouchers), asdict(voucher))


def page(conn: sa.Connection, session_id: str, after: Sequence[Any] | None, limit: int) -> list[Voucher]:
    """In the order in which they were issued."""
    c = vouchers.c
    query = sa.select(vouchers).where(c.session_id == session_id).order_by(c.issued_at, c.code).limit(limit)
    if after is not None:
        query = query.where(sa.or_(c.issued_at > after[0], sa.and_(c.issued_at == after[0], c.code > after[1])))
    return [Voucher(*row) for row in conn.execute(query)]
