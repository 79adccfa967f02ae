"""What the watch looks for on the clinic day: orders that have no visit yet, and queues that nobody has set an end."""

from collections.abc import Sequence
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
