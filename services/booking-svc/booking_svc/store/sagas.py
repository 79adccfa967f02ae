"""Orders that are not settled, and which of them are stuck: for the operator's page and, the same, for the audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from common.outbox import UtcDateTime
from common.outbox.tables import timers

from booking_svc.domain import IN_FLIGHT, WINDOWED, State
from booking_svc.store.tables import history, orders, sessions, unsettled

WINDOW = "payment_window"
"""The kind of the timers that end an order's waiting for its patient; keyed by the order."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what others owe may take before an order counts as stuck: another service's answer, a provider's refund."""

    answer: timedelta
    refund: timedelta


NONE = Patience(timedelta(0), timedelta(0))
"""Of the audit, which looks at rest: then nobody owes anything."""


@dataclass(frozen=True, slots=True)
class Saga:
    """An order that is not settled. `since`: when its last step was; `until`: when what it waits for ends, if that is known."""

    order_id: str
    state: State
    placed_at: datetime
    since: datetime
    until: datetime | None
    stuck: bool
    session_id: str
    hospital_id: str | None


_o = orders.c
_last_step = sa.select(sa.func.max(history.c.at)).where(history.c.order_id == _o.id).scalar_subquery()
_since = sa.type_coerce(sa.func.coalesce(_last_step, _o.placed_at), UtcDateTime)
_window = sa.select(timers.c.key).where(timers.c.kind == WINDOW, timers.c.key == _o.id)
_answers_owed = _o.state.in_(sorted(IN_FLIGHT - {State.REFUNDING}))
_stuck = sa.or_(
    sa.and_(_answers_owed, _since <= sa.bindparam("answered_by", type_=UtcDateTime())),
    sa.and_(_o.state == State.REFUNDING, _since <= sa.bindparam("refunded_by", type_=UtcDateTime())),
    sa.and_(_o.state.in_(sorted(WINDOWED)), ~_window.exists()),
)
"""An answer is overdue, or nothing will end the wait for its patient. The one definition of it."""

_UNTIL = {
    State.ENTERED: "draw_at",
    State.OFFERED: "accept_before",
    State.AWAITING_PAYMENT: "pay_before",
    State.SUBSTITUTE_OFFERED: "accept_before",
}
_deadlines = [_o[name] for name in sorted(set(_UNTIL.values()))]
_sagas = (
    sa.select(
        _o.id, _o.state, _o.placed_at, _o.session_id, _o.visit, sessions.c.facts, *_deadlines,
        _since.label("since"), _stuck.label("stuck"),
    )
    .select_from(orders.outerjoin(sessions, sessions.c.id == _o.session_id))
    .where(unsettled)
    .order_by(_o.placed_at, _o.id)
)  # fmt: skip


class _OfHospital(msgspec.Struct):
    hospital_id: str | None = None


_decode = msgspec.json.Decoder(_OfHospital).decode


def list_sagas(
    conn: sa.Connection,
    now: datetime,
    patience: Patience,
    *,
    state: str | None = None,
    stuck: bool | None = None,
    limit: int | None = None,
    after: Sequence[Any] | None = None,
) -> list[Saga]:
    """The oldest first, one more than `limit`. `after`: [placed_at, id] of the last one seen."""
    query = _sagas if state is None else _sagas.where(_o.state == state)
    if stuck is not None:
        query = query.where(_stuck if stuck else sa.not_(_stuck))
    if after is not None:
        placed_at, order_id = after
        query = query.where(
            sa.or_(_o.placed_at > placed_at, sa.and_(_o.placed_at == placed_at, _o.id > order_id)),
            _o.placed_at >= placed_at,
        )
    if limit is not None:
        query = query.limit(limit + 1)
    return [_saga(row) for row in conn.execute(query, _by(now, patience))]


def count_sagas(conn: sa.Connection, now: datetime, patience: Patience) -> list[tuple[State, int, int]]:
    """(state, how many, how many of them are stuck), of every state that has any."""
    return [(State(row.state), row.orders, row.stuck) for row in conn.execute(_counts, _by(now, patience))]


_counts = (
    sa.select(_o.state, sa.func.count().label("orders"), sa.func.sum(sa.case((_stuck, 1), else_=0)).label("stuck"))
    .where(unsettled)
    .group_by(_o.state)
    .order_by(_o.state)
)


def _by(now: datetime, patience: Patience) -> dict[str, datetime]:
    return {"answered_by": now - patience.answer, "refunded_by": now - patience.refund}


def _saga(row: Any) -> Saga:
    state = State(row.state)
    until = getattr(row, _UNTIL[state]) if state in _UNTIL else None
    known = row.visit or row.facts
    hospital_id = _decode(known).hospital_id if known else None
    return Saga(row.id, state, row.placed_at, row.since, until, bool(row.stuck), row.session_id, hospital_id)
