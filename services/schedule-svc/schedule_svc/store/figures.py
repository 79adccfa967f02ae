"""The service's own figures, for the audit that compares them with those of the others."""

from typing import Any

import sqlalchemy as sa

from schedule_svc.store.tables import reservations, sessions, slots

_counted = (
    sa.select(
        reservations.c.session_id,
        sa.func.sum(sa.case((reservations.c.state == "held", 1), else_=0)).label("held"),
        sa.func.sum(sa.case((reservations.c.state == "sold", 1), else_=0)).label("sold"),
        sa.func.sum(sa.case((reservations.c.state == "waiting", 1), else_=0)).label("waiting"),
    )
    .group_by(reservations.c.session_id)
    .subquery()
)
_totals = (
    sa.select(
        slots.c.session_id,
        *(sa.func.sum(slots.c[name]).label(name) for name in ("capacity", "free", "held", "sold", "blocked")),
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
        reservations.c.slot_id,
        reservations.c.queue_number,
    )
    return {
        "reservations": {row.order_id: dict(row._mapping) for row in conn.execute(orders)},  # noqa: SLF001  SQLAlchemy's public name
        "sessions": {row.session_id: dict(row._mapping) for row in conn.execute(_session_figures())},  # noqa: SLF001  likewise
    }


def _session_figures() -> sa.Select[Any]:
    numbers = [
        sa.func.coalesce(_totals.c[name], 0).label(name) for name in ("capacity", "free", "held", "sold", "blocked")
    ]
    counted = [sa.func.coalesce(_counted.c[name], 0).label(f"counted_{name}") for name in ("held", "sold", "waiting")]
    return (
        sa.select(
            sessions.c.id.label("session_id"),
            sessions.c.stopped,
            sessions.c.sold_out,
            sessions.c.waiting,
            *numbers,
            *counted,
        )
        .outerjoin(_totals, _totals.c.session_id == sessions.c.id)
        .outerjoin(_counted, _counted.c.session_id == sessions.c.id)
    )
