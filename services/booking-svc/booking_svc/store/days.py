"""What is looked for among all days' visits: orders that have none yet, queues to which nobody has set an end, walk-ins."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from common.messages import Visit
from common.outbox import Tx
from common.outbox.tables import timers

from booking_svc.clinic.visits import Move
from booking_svc.domain import State
from booking_svc.store.clinic_tables import estimates, opened, visit_moves, visits
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


_says_something = sa.or_(visits.c.name.is_not(None), visits.c.reason.is_not(None))


def forget_names(tx: Tx, account_id: str) -> None:
    """What walk-ins of this account were called, and what was said of its visits and why. Under the locks of their queues: whoever
    moves them writes their names too.
    """
    c = visits.c
    _forget_words(tx, visit_moves.c.visit_id.in_(sa.select(c.id).where(c.account_id == account_id)))
    named = tx.conn.scalars(sa.select(c.id).where(c.account_id == account_id, _says_something)).all()
    if not named:
        return
    locked = lock_lines(tx, named)
    for visit in locked.visits.values():
        visit.name = visit.reason = None
    save_visits(tx, list(locked.visits.values()))
    for queue in locked.queues.values():
        save_queue(tx, queue)


def _forget_words(tx: Tx, of: sa.ColumnElement[bool]) -> None:
    """Why these moves were made, as somebody wrote it, and what they say of the reason of a class."""
    moves = visit_moves.c
    tx.conn.execute(sa.update(visit_moves).where(of, moves.why != "").values(why=""))
    classes = moves.move == Move.RECLASS
    tx.conn.execute(sa.update(visit_moves).where(of, classes, moves.facts.is_not(None)).values(facts=None))


def forget_before(tx: Tx, before: datetime, after: int, limit: int) -> int | None:
    """Of what happened before this time: what walk-ins were called, the reasons of classes, what was written, and what was told of
    waiting times. `after`: the last move that is done with; answers the last one now, None when there is no more for today.
    """
    moves = visit_moves.c
    page = tx.conn.execute(
        sa.select(moves.id, moves.visit_id, moves.at).where(moves.id > after).order_by(moves.id).limit(limit)
    ).all()
    old = [row for row in page if row.at < before]
    if old:
        _forget_words(tx, moves.id.in_([row.id for row in old]))
        of_old = visits.c.id.in_(sorted({row.visit_id for row in old if row.visit_id}))
        # nobody moves who was here so long ago
        tx.conn.execute(sa.update(visits).where(of_old, visits.c.starts_at < before).values(name=None, reason=None))
    first = sa.select(estimates.c.id, estimates.c.made_at).order_by(estimates.c.id).limit(limit)
    told = [row.id for row in tx.conn.execute(first) if row.made_at < before]
    if told:
        tx.conn.execute(sa.delete(estimates).where(estimates.c.id.in_(told)))
    more = len(told) == limit or len(old) == limit
    return max((row.id for row in old), default=after) if more else None
