"""The service's own figures, for the audit that compares them with those of the others."""

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from common.outbox.tables import timers

from schedule_svc.store.tables import reservations, sessions, slots

NUMBER_RESTS = "number_rests"
"""The kind of the timers that make a freed number public again; keyed by its session, its segment and itself."""

_COUNTED = ("held", "sold", "waiting", "entered")
_ADDED = ("capacity", "free", "held", "sold", "blocked", "resting")

_counted = (
    sa.select(
        reservations.c.session_id,
        *(sa.func.sum(sa.case((reservations.c.state == state, 1), else_=0)).label(state) for state in _COUNTED),
        sa.func.sum(sa.case((reservations.c.seen, 1), else_=0)).label("seen"),
    )
    .group_by(reservations.c.session_id)
    .subquery()
)
_totals = (
    sa.select(
        slots.c.session_id,
        *(sa.func.sum(slots.c[name]).label(name) for name in _ADDED),
    )
    .group_by(slots.c.session_id)
    .subquery()
)


def audit_figures(conn: sa.Connection) -> dict[str, Any]:
    """{"reservations": {order_id: {...}}, "sessions": {session_id: {...}}}.

    A session shows its counters and, as counted_*, what a count of its reservations gives: the two must agree, as must
    capacity = free + held + sold + blocked.
    """
    orders = sa.select(
        reservations.c.order_id,
        reservations.c.session_id,
        reservations.c.state,
        reservations.c.seen,
        reservations.c.slot_id,
        reservations.c.queue_number,
    )
    resting = _resting_timers(conn)
    return {
        "reservations": {row.order_id: dict(row._mapping) for row in conn.execute(orders)},  # noqa: SLF001  SQLAlchemy's public name
        "sessions": {
            row.session_id: {**row._mapping, "counted_resting": resting[row.session_id]}  # noqa: SLF001  likewise
            for row in conn.execute(_session_figures())
        },
    }


def _resting_timers(conn: sa.Connection) -> Counter[str]:
    """For each session, how many numbers have the timer that ends their rest."""
    query = sa.select(timers.c.payload).where(timers.c.kind == NUMBER_RESTS)
    return Counter(json.loads(payload)["session_id"] for payload in conn.execute(query).scalars())


def _session_figures() -> sa.Select[Any]:
    numbers = [sa.func.coalesce(_totals.c[name], 0).label(name) for name in _ADDED]
    counted = [sa.func.coalesce(_counted.c[name], 0).label(f"counted_{name}") for name in _COUNTED]
    return (
        sa.select(
            sessions.c.id.label("session_id"),
            sessions.c.stopped,
            sessions.c.seen,
            sessions.c.sold_out,
            sessions.c.waiting,
            sessions.c.entered,
            *numbers,
            *counted,
            sa.func.coalesce(_counted.c.seen, 0).label("counted_seen"),
        )
        .outerjoin(_totals, _totals.c.session_id == sessions.c.id)
        .outerjoin(_counted, _counted.c.session_id == sessions.c.id)
    )
