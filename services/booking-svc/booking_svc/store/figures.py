"""Sums over orders: for the board of a stopped session, and for the audit."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from booking_svc.domain import FINAL, WAITS_FOR, State
from booking_svc.store.clinic_tables import desks, visits
from booking_svc.store.days import unvisited
from booking_svc.store.sagas import NONE, list_sagas
from booking_svc.store.tables import orders

_MOVING = [State.MOVING, State.RETURNING]
# of an order whose money is on the move, all of it counts: what has been paid and what follows
_ours = sa.case((orders.c.state.in_(_MOVING), sa.func.coalesce(orders.c.fee, 0)), else_=orders.c.paid)
# who took a cheaper substitute is owed the difference
_owed = sa.and_(
    orders.c.state == State.RESCHEDULED,
    orders.c.cause == "session_stopped",
    orders.c.paid > orders.c.moved + orders.c.refunded,
)
_open = sa.and_(orders.c.session_id == sa.bindparam("session_id"), sa.or_(orders.c.state.not_in(sorted(FINAL)), _owed))
_unsettled = (
    sa.select(
        orders.c.state,
        sa.func.count().label("orders"),
        sa.cast(sa.func.sum(_ours - orders.c.refunded - orders.c.moved), sa.BigInteger).label("amount"),
    )
    .where(_open)
    .group_by(orders.c.state)
    .order_by(orders.c.state)
)


def unsettled(conn: sa.Connection, session_id: str) -> list[tuple[str, int, int]]:
    """(state, how many, fen that are with us) of a session's orders that have not ended, or whose difference to a substitute is not
    back yet.
    """
    return [tuple(row) for row in conn.execute(_unsettled, {"session_id": session_id})]


def audit_figures(conn: sa.Connection, now: datetime) -> dict[str, Any]:
    """What the audit compares: every order with its state and money (fen), those that are stuck, as nobody owes anything at rest, every
    visit with the desk at which it is, and `unvisited`: confirmed orders whose time is not over and that have no visit.
    """
    names = (
        "id", "account_id", "state", "fee", "paid", "moved", "refunded", "session_id", "replaces", "replaced_by", "updated_at",
    )  # fmt: skip
    query = sa.select(*(orders.c[name] for name in names))
    stuck = list_sagas(conn, now, NONE, stuck=True)
    at_desks = sa.select(desks.c.queue_id, desks.c.room, desks.c.visit_id).where(desks.c.visit_id.is_not(None))
    return {
        "orders": [row._asdict() for row in conn.execute(query)],
        "stuck": [
            {"order_id": s.order_id, "state": s.state, "since": s.since, "waits_for": WAITS_FOR[s.state]} for s in stuck
        ],
        "visits": [row._asdict() for row in conn.execute(_visits)],
        "desks": [row._asdict() for row in conn.execute(at_desks)],
        "unvisited": _unvisited(conn, now),
    }


_visits = sa.select(visits.c.id, visits.c.order_id, visits.c.state, visits.c.queue_id, visits.c.room)


def _unvisited(conn: sa.Connection, now: datetime) -> list[str]:
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        lacking, after = unvisited(conn, after, 1000, now)
        found += lacking
    return found
