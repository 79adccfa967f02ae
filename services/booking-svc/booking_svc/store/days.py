"""What is looked for among all days' visits: orders that have none yet, queues to which nobody has set an end, walk-ins."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from common.messages import Visit
from common.outbox.tables import timers

from booking_svc.domain import State
from booking_svc.store.clinic_tables import opened, visits
from booking_svc.store.tables import orders

_decode_visit = msgspec.json.Decoder(Visit).decode
_starts_at = visits.c.starts_at.type


def unwatched(conn: sa.Connection, kind: str, now: datetime, limit: int) -> Sequence[str]:
    """Sessions in whose lines somebody has not ended whose time has come, and that have no timer of this kind."""
    return conn.scalars(_unwatched, {"kind": kind, "now": now, "most": limit}).all()


_timed = sa.select(timers.c.key).where(timers.c.kind == sa.bindparam("kind"), timers.c.key == visits.c.queue_id)
_unwatched = (
    sa.select(visits.c.queue_id)
    .where(opened, visits.c.starts_at <= sa.bindparam("now", type_=_starts_at), ~_timed.exists())
    .distinct()
    .limit(sa.bindparam("most"))
)


def unvisited(conn: sa.Connection, after: str, limit: int, since: datetime) -> tuple[list[str], str | None]:
    """Of the next `limit` orders behind `after`, by their ids: those that are confirmed for a time that ends after `since`, and have
    no visit; and up to where that is, None at the end.
    """
    ids = conn.scalars(_next_ids, {"after": after, "most": limit}).all()
    if not ids:
        return [], None
    rows = conn.execute(_without_visits, {"after": after, "upto": ids[-1]})
    found = [row.id for row in rows if _decode_visit(row.visit).ends_at > since]
    return found, ids[-1] if len(ids) == limit else None


_id = orders.c.id
_next_ids = sa.select(_id).where(_id > sa.bindparam("after")).order_by(_id).limit(sa.bindparam("most"))
_has_visit = sa.select(visits.c.id).where(visits.c.order_id == _id)
_without_visits = (
    sa.select(_id, orders.c.visit)
    .where(_id > sa.bindparam("after"), _id <= sa.bindparam("upto"), orders.c.state == State.CONFIRMED)
    .where(orders.c.visit.is_not(None), ~_has_visit.exists())
    .order_by(_id)
)


def walk_ins_of(conn: sa.Connection, session_ids: Collection[str]) -> Sequence[str]:
    """The visits of sessions that have no order and have not ended."""
    c = visits.c
    query = sa.select(c.id).where(c.session_id.in_(sorted(session_ids)), c.order_id.is_(None), opened)
    return conn.scalars(query).all()


def forget_names(conn: sa.Connection, account_id: str) -> None:
    """What walk-ins of this account were called."""
    c = visits.c
    conn.execute(sa.update(visits).where(c.account_id == account_id, c.name.is_not(None)).values(name=None))
