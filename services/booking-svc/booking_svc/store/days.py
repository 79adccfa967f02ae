"""What is looked for among all days' visits: orders that have none yet, queues to which nobody has set an end, walk-ins."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from common.messages import Visit
from common.outbox import Tx
from common.outbox.tables import timers

from booking_svc.domain import State
from booking_svc.store.clinic_tables import opened, visits
from booking_svc.store.queues import save_queue
from booking_svc.store.tables import orders
from booking_svc.store.visits import lock_lines, save_visits

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


def ghosts(conn: sa.Connection, after: str, upto: str | None) -> Sequence[str]:
    """Of the orders behind `after` up to `upto` (None: the end), by their ids: those that are over, and whose visits are not."""
    query = _ghosts if upto is None else _ghosts.where(_id <= upto)
    return conn.scalars(query, {"after": after}).all()


_over = orders.c.state.not_in([State.CONFIRMED, State.NO_SHOW, State.FULFILLED])
_open_visit = sa.select(visits.c.id).where(visits.c.order_id == _id, opened)
_ghosts = sa.select(_id).where(_id > sa.bindparam("after"), _over, _open_visit.exists()).order_by(_id)


def walk_ins_of(conn: sa.Connection, queue_ids: Collection[str]) -> Sequence[str]:
    """The visits in these queues that have no order and have not ended."""
    c = visits.c
    query = sa.select(c.id).where(c.queue_id.in_(sorted(queue_ids)), c.order_id.is_(None), opened)
    return conn.scalars(query).all()


def forget_names(tx: Tx, account_id: str) -> None:
    """What walk-ins of this account were called. Under the locks of their queues: whoever moves them writes their names too."""
    c = visits.c
    named = tx.conn.scalars(sa.select(c.id).where(c.account_id == account_id, c.name.is_not(None))).all()
    if not named:
        return
    locked = lock_lines(tx, named)
    for visit in locked.visits.values():
        visit.name = None
    save_visits(tx, list(locked.visits.values()))
    for queue in locked.queues.values():
        save_queue(tx, queue)
