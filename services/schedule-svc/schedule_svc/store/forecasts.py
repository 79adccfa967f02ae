"""Forecasts and what came of them; what a forecast for a waitlist is made of."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common.outbox import UtcDateTime

from schedule_svc.chance import Releases
from schedule_svc.store.sql import postgres
from schedule_svc.store.tables import entries, forecast_scores, forecasts, reservations, sessions, slots

PAST = timedelta(days=28)
"""How far back it is looked at which numbers were given back."""

# --- what was forecast -----------------------------------------------------------------------------------------------

_FROM_WEIGHTS = (
    "INSERT INTO forecasts (order_id, kind, session_id, hospital_id, probability, made_at, outcome)"
    " SELECT e.order_id, :kind, e.session_id, :hospital_id, {probability}, :now, e.rank <= :numbers"
    " FROM entries AS e JOIN {weights} ON {weight} = e.weight WHERE e.session_id = :session_id"
    " ON CONFLICT (order_id, kind) DO NOTHING"
)
_of_draw_on_postgres = sa.text(
    _FROM_WEIGHTS.format(
        probability="w.p", weight="w.w", weights="json_to_recordset(CAST(:told AS json)) AS w (w int, p float8)"
    )
).bindparams(sa.bindparam("now", type_=UtcDateTime))
_of_draw_on_sqlite = sa.text(
    _FROM_WEIGHTS.format(
        probability="json_extract(j.value, '$.p')",
        weight="json_extract(j.value, '$.w')",
        weights="json_each(:told) AS j",
    )
).bindparams(sa.bindparam("now", type_=UtcDateTime))
_score = sa.text(
    "INSERT INTO forecast_scores (hospital_id, kind, forecasts, squares) VALUES (:hospital_id, :kind, :n, :squares)"
    " ON CONFLICT (hospital_id, kind) DO UPDATE SET forecasts = forecast_scores.forecasts + excluded.forecasts,"
    " squares = forecast_scores.squares + excluded.squares"
)


def keep_draw(
    conn: sa.Connection,
    session: Any,
    told: Mapping[int, float],
    numbers: int,
    now: datetime,
) -> None:
    """The forecast of each entrant of a draw, by the weight that is stored, with its outcome."""
    statement = _of_draw_on_postgres if postgres(conn) else _of_draw_on_sqlite
    values = {
        "kind": session.policy,
        "session_id": session.id,
        "hospital_id": session.hospital_id,
        "numbers": numbers,
        "now": now,
        "told": json.dumps([{"w": weight, "p": probability} for weight, probability in told.items()]),
    }
    conn.execute(statement, values)


_WAITING = "INSERT INTO forecasts (order_id, kind, session_id, hospital_id, probability, made_at, outcome)"
_waiting_on_postgres = sa.text(
    f"{_WAITING} SELECT u.o, 'waitlist', :session_id, :hospital_id, u.p, :now, NULL"  # noqa: S608  names of ours
    " FROM json_to_recordset(CAST(:told AS json)) AS u (o text, p float8) ON CONFLICT (order_id, kind) DO NOTHING"
).bindparams(sa.bindparam("now", type_=UtcDateTime))
_waiting_on_sqlite = sa.text(
    f"{_WAITING} SELECT u.key, 'waitlist', :session_id, :hospital_id, u.value, :now, NULL FROM json_each(:told) AS u"  # noqa: S608  likewise
    " WHERE true ON CONFLICT (order_id, kind) DO NOTHING"
).bindparams(sa.bindparam("now", type_=UtcDateTime))


def keep_waiting(conn: sa.Connection, session: Any, told: Mapping[str, float], now: datetime) -> None:
    """The forecast of each order that has joined the waitlist; the first one told is the one that counts."""
    values = {"session_id": session.id, "hospital_id": session.hospital_id, "now": now}
    if postgres(conn):
        conn.execute(_waiting_on_postgres, {**values, "told": json.dumps([{"o": o, "p": p} for o, p in told.items()])})
    else:
        conn.execute(_waiting_on_sqlite, {**values, "told": json.dumps(told)})


_had_a_number = sa.select(reservations.c.slot_id.is_not(None)).where(reservations.c.order_id == forecasts.c.order_id)
_decided = sa.select(reservations.c.order_id).where(
    reservations.c.order_id == forecasts.c.order_id,
    # one who left by herself before her turn proves nothing either way
    sa.or_(reservations.c.slot_id.is_not(None), reservations.c.state == "rejected"),
)
_settle = (
    sa.update(forecasts)
    .where(
        forecasts.c.session_id == sa.bindparam("of"),
        forecasts.c.kind == "waitlist",
        forecasts.c.outcome.is_(None),
        sa.exists(_decided),
    )
    .values(outcome=_had_a_number.scalar_subquery())
    .returning(forecasts.c.probability, forecasts.c.outcome)
)


def settle_waiting(conn: sa.Connection, session_id: str) -> list[tuple[float, bool]]:
    """Nobody waits any more: note what came of each forecast; answers probability and outcome of those noted now."""
    return [(row.probability, bool(row.outcome)) for row in conn.execute(_settle, {"of": session_id})]


def add_scores(conn: sa.Connection, hospital_id: str, kind: str, n: int, squares: float) -> None:
    """`n` more forecasts are decided; `squares`: the sum of their squared errors."""
    if n:
        conn.execute(_score, {"hospital_id": hospital_id, "kind": kind, "n": n, "squares": min(squares, float(n))})


def scores_of(conn: sa.Connection, hospital_id: str, kind: str) -> tuple[int, float]:
    """How many forecasts are decided, and the sum of their squared errors."""
    c = forecast_scores.c
    row = conn.execute(
        sa.select(c.forecasts, c.squares).where(c.hospital_id == hospital_id, c.kind == kind)
    ).one_or_none()
    return (0, 0.0) if row is None else (row.forecasts, row.squares)


# --- what a forecast is made of --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Situation:
    """A session as it stands, for its chance. `free`, `taken` and `resting`: numbers of segments that are not over."""

    session_id: str
    hospital_id: str
    policy: str
    draw_state: str
    stopped: bool
    release_at: datetime
    starts_at: datetime
    ends_at: datetime
    entered: int
    waiting: int
    free: int
    taken: int
    resting: int
    """Freed, and public in a while; they too go to the line."""


_situation = (
    sa.select(
        sessions.c.id,
        sessions.c.hospital_id,
        sessions.c.policy,
        sessions.c.draw_state,
        sessions.c.stopped,
        sessions.c.release_at,
        sessions.c.starts_at,
        sessions.c.ends_at,
        sessions.c.entered,
        sessions.c.waiting,
        sa.func.coalesce(sa.func.sum(slots.c.free), 0).label("free"),
        sa.func.coalesce(sa.func.sum(slots.c.held + slots.c.sold), 0).label("taken"),
        sa.func.coalesce(sa.func.sum(slots.c.resting), 0).label("resting"),
    )
    .outerjoin(
        slots, sa.and_(slots.c.session_id == sessions.c.id, slots.c.ends_at > sa.bindparam("now", type_=UtcDateTime))
    )
    .where(sessions.c.id == sa.bindparam("of"), ~sessions.c.draft)
    .group_by(sessions.c.id)
)


def situation(conn: sa.Connection, session_id: str, now: datetime) -> Situation | None:
    row: Any = conn.execute(_situation, {"of": session_id, "now": now}).one_or_none()
    return None if row is None else Situation(*row)


@dataclass(frozen=True, slots=True)
class Mine:
    """An order's own part in a session: what it has, and how many wait before it."""

    state: str
    wanted: str | None
    ahead: int
    weight: int | None
    taken: int
    resting: int
    """Numbers where it may have one: of the segment it wants, or of all."""


_mine = (
    sa.select(reservations.c.state, reservations.c.wanted, reservations.c.wait_seq, entries.c.weight)
    .outerjoin(entries, entries.c.order_id == reservations.c.order_id)
    .where(reservations.c.order_id == sa.bindparam("order"), reservations.c.session_id == sa.bindparam("of"))
)
_ahead = sa.select(sa.func.count()).where(
    reservations.c.session_id == sa.bindparam("of"),
    reservations.c.state == sa.literal_column("'waiting'"),
    reservations.c.wait_seq < sa.bindparam("before"),
    sa.or_(
        sa.bindparam("segment", type_=sa.Text).is_(None),
        reservations.c.wanted.is_(None),
        reservations.c.wanted == sa.bindparam("segment"),
    ),
)
_taken = sa.select(
    sa.func.coalesce(sa.func.sum(slots.c.held + slots.c.sold), 0), sa.func.coalesce(sa.func.sum(slots.c.resting), 0)
).where(
    slots.c.session_id == sa.bindparam("of"),
    slots.c.ends_at > sa.bindparam("now", type_=UtcDateTime),
    sa.or_(sa.bindparam("segment", type_=sa.Text).is_(None), slots.c.id == sa.bindparam("segment")),
)


def mine(conn: sa.Connection, session_id: str, order_id: str, now: datetime) -> Mine | None:
    """None if the order has not been decided on yet."""
    row = conn.execute(_mine, {"of": session_id, "order": order_id}).one_or_none()
    if row is None:
        return None
    ahead = taken = resting = 0
    if row.state == "waiting":
        where = {"of": session_id, "segment": row.wanted}
        ahead = int(conn.execute(_ahead, {**where, "before": row.wait_seq}).scalar_one())
        taken, resting = conn.execute(_taken, {**where, "now": now}).one()
    return Mine(row.state, row.wanted, ahead, row.weight, taken, resting)


@dataclass(frozen=True, slots=True)
class History:
    """A hospital's recent sessions: how long before its session each number was given back, and how many were taken."""

    leads: Sequence[float]
    """Seconds, ascending."""
    numbers: int

    def releases(self, cut_off: timedelta, left: timedelta) -> Releases:
        """Of those given back from `left` before the cut-off on; it lies `cut_off` before the session."""
        first, last = cut_off.total_seconds(), (cut_off + left).total_seconds()
        return Releases(bisect_right(self.leads, last) - bisect_left(self.leads, first), self.numbers)


_past = (
    sessions.c.hospital_id == sa.bindparam("of"),
    sessions.c.starts_at > sa.bindparam("after", type_=UtcDateTime),
    sessions.c.starts_at <= sa.bindparam("now", type_=UtcDateTime),
    ~sessions.c.stopped,
)
_freed = (
    sa.select(reservations.c.updated_at, sessions.c.starts_at)
    .join(sessions, sessions.c.id == reservations.c.session_id)
    .where(
        reservations.c.hospital_id == sa.bindparam("of"),
        reservations.c.date >= sa.bindparam("first", type_=sa.Date),
        reservations.c.date <= sa.bindparam("last", type_=sa.Date),
        reservations.c.state == sa.literal_column("'released'"),  # literal, so that the partial index serves
        reservations.c.slot_id.is_not(None),
        *_past,
    )
)
_numbers = (
    sa.select(sa.func.coalesce(sa.func.sum(slots.c.held + slots.c.sold), 0))
    .join(sessions, sessions.c.id == slots.c.session_id)
    .where(*_past)
)


def history(conn: sa.Connection, hospital_id: str, now: datetime) -> History:
    """Of the sessions that began in the last weeks."""
    values = {"of": hospital_id, "after": now - PAST, "now": now}
    days = {"first": (now - PAST).date() - timedelta(days=1), "last": now.date() + timedelta(days=1)}
    leads = sorted((starts - freed).total_seconds() for freed, starts in conn.execute(_freed, {**values, **days}))
    numbers = int(conn.execute(_numbers, values).scalar_one())
    return History([lead for lead in leads if lead > 0], numbers)
