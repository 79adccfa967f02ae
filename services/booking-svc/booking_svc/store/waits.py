"""What waiting times are learnt from, and what was told of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import Visit, VisitClass
from common.outbox import Tx

from booking_svc.clinic.visits import ENDED, Move, VisitState
from booking_svc.store.clinic_tables import estimates, visit_moves, visits
from booking_svc.store.tables import among

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_visit = msgspec.json.Decoder(Visit).decode
_done = among({VisitState.DONE})
_at = visits.c.ended_at.type

# --- how long consultations take -------------------------------------------------------------------------------------

UNENDED = timedelta(hours=4)
"""Who was at a desk for longer had left it, and nobody had said so."""
_took = (
    sa.select(visits.c.desk_seconds)
    .where(
        _done, visits.c.desk_seconds < UNENDED.total_seconds(), visits.c.ended_at < sa.bindparam("before", type_=_at)
    )
    .order_by(visits.c.ended_at.desc())
    .limit(sa.bindparam("most"))
)
_took_by_doctor = _took.where(visits.c.served_by == sa.bindparam("whose"))
_took_in_department = _took.where(visits.c.department_id == sa.bindparam("whose"))


def consultations_of_doctor(conn: sa.Connection, doctor_id: str, before: datetime, most: int) -> list[float]:
    """Seconds for which a doctor's latest patients occupied her desk, each for the first time; the newest first. Of who was ended by
    the clock nobody knows.
    """
    return _seconds(conn, _took_by_doctor, doctor_id, before, most)


def consultations_of_department(conn: sa.Connection, department_id: str, before: datetime, most: int) -> list[float]:
    """As of a doctor, of all doctors of a department."""
    return _seconds(conn, _took_in_department, department_id, before, most)


def _seconds(conn: sa.Connection, query: sa.Select[Any], whose: str, before: datetime, most: int) -> list[float]:
    return list(conn.scalars(query, {"whose": whose, "before": before, "most": most}))


# --- what days were like ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DayVisit:
    """One visit, as far as it says what a day was like. `starts_at`: the start of her segment."""

    id: str
    session_id: str
    queue_id: str
    order_id: str | None
    visit_class: VisitClass
    state: VisitState
    served_by: str | None
    passes: int
    calls: int
    starts_at: datetime
    checked_in_at: datetime | None
    called_at: datetime | None
    ended_at: datetime | None

    @property
    def came(self) -> bool:
        return self.checked_in_at is not None


_DAY_VISIT = [f.name for f in fields(DayVisit)]
_day_visits = sa.select(*(visits.c[name] for name in _DAY_VISIT)).where(
    visits.c.state.not_in([VisitState.WITHDRAWN, VisitState.LAPSED])
)


def visits_of_days(
    conn: sa.Connection, department_id: str, since: datetime, before: datetime, most: int
) -> list[DayVisit]:
    """Visits of a department that were due from `since` on and before `before`, the latest first; without those whose orders ended,
    and those of queues that nobody kept.
    """
    c = visits.c
    query = _day_visits.where(c.department_id == department_id, c.starts_at >= since, c.starts_at < before)
    return _days(conn, query.order_by(c.starts_at.desc(), c.id).limit(most))


def segments_booked(conn: sa.Connection, session_id: str) -> list[tuple[datetime, datetime]]:
    """From when until when each of those is to come who are booked for a session."""
    booked = sa.select(visits.c.visit).where(visits.c.session_id == session_id, visits.c.order_id.is_not(None))
    query = booked.where(visits.c.state.not_in([VisitState.WITHDRAWN, VisitState.LAPSED]))
    return [(visit.starts_at, visit.ends_at) for visit in map(_decode_visit, conn.scalars(query))]


def visits_of_line(conn: sa.Connection, queue_id: str) -> list[DayVisit]:
    """Those who stand, or stood last, in a queue."""
    return _days(conn, _day_visits.where(visits.c.queue_id == queue_id).order_by(visits.c.starts_at, visits.c.id))


_IN_AND_OUT = [Move.CALL, Move.SEND_AWAY, Move.COME_BACK, Move.FINISH]


def examinations(
    conn: sa.Connection, department_id: str, since: datetime, before: datetime, most: int
) -> dict[str, list[tuple[Move, datetime]]]:
    """Of those visits_of_days answers, who were sent to an examination: when each was called, sent, came back and was finished."""
    c, m = visits.c, visit_moves.c
    days = sa.select(c.id).where(c.department_id == department_id, c.starts_at >= since, c.starts_at < before)
    latest = days.order_by(c.starts_at.desc(), c.id).limit(most).subquery()
    sent = sa.select(m.visit_id).where(m.visit_id.in_(sa.select(latest.c.id)), m.move == Move.SEND_AWAY)
    query = sa.select(m.visit_id, m.move, m.at).where(m.visit_id.in_(sent), m.move.in_(_IN_AND_OUT)).order_by(m.id)
    found: dict[str, list[tuple[Move, datetime]]] = {}
    for visit_id, move, at in conn.execute(query):
        found.setdefault(visit_id, []).append((Move(move), at))
    return found


def sessions_seen(conn: sa.Connection, department_id: str, since: datetime, before: datetime, most: int) -> list[str]:
    """Sessions in whose lines patients of a department were seen who were due in this time, the latest first."""
    c = visits.c
    latest = sa.func.max(c.starts_at)
    query = sa.select(c.queue_id).where(
        c.department_id == department_id, _done, c.starts_at >= since, c.starts_at < before
    )
    return list(conn.scalars(query.group_by(c.queue_id).order_by(latest.desc(), c.queue_id).limit(most)))


def ended_by_clock(conn: sa.Connection, queue_id: str) -> set[str]:
    """Visits of a queue that counted as seen when its day was over: nobody had said when they left."""
    c = visit_moves.c
    return set(
        conn.scalars(sa.select(c.visit_id).where(c.queue_id == queue_id, c.move == Move.FINISH, c.why == "day_over"))
    )


def hospital_of(conn: sa.Connection, department_id: str) -> str | None:
    """The hospital of a department, once somebody was booked for it."""
    query = sa.select(visits.c.hospital_id).where(visits.c.department_id == department_id)
    return conn.execute(query.limit(1)).scalar()


def _days(conn: sa.Connection, query: sa.Select[Any]) -> list[DayVisit]:
    return [DayVisit(**{**row._asdict(), "state": VisitState(row.state)}) for row in conn.execute(query)]


# --- what was told ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An estimate: seconds from `made_at` until she is called. `promised`: made when she checked in."""

    visit_id: str
    queue_id: str
    department_id: str
    made_at: datetime
    promised: bool
    ahead: int
    expected: int
    low: int
    high: int
    basis: Mapping[str, Any]


_TOLD = [f.name for f in fields(Told)]


def keep_told(tx: Tx, told: Sequence[Told]) -> None:
    """Keep what is told now of these visits: in place of what was told last, beside what was promised."""
    if told:
        _forget_told(tx, [t.visit_id for t in told])
        rows = [{**{n: getattr(t, n) for n in _TOLD}, "basis": _encode(t.basis).decode()} for t in told]
        tx.conn.execute(sa.insert(estimates), rows)


def _forget_told(tx: Tx, visit_ids: Sequence[str]) -> None:
    c = estimates.c
    tx.conn.execute(sa.delete(estimates).where(c.visit_id.in_(sorted(set(visit_ids))), c.promised.is_(False)))


def last_told(conn: sa.Connection, visit_id: str) -> Told | None:
    """What was told of her last."""
    query = sa.select(*(estimates.c[n] for n in _TOLD)).where(estimates.c.visit_id == visit_id)
    row = conn.execute(query.order_by(estimates.c.made_at.desc(), estimates.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Told(**{**row._asdict(), "basis": _decode(row.basis)})


def calls_of_waiting(conn: sa.Connection, queue_id: str) -> dict[str, int]:
    """Who waits in a queue, and how often each was called."""
    query = sa.select(visits.c.id, visits.c.calls).where(visits.c.queue_id == queue_id, among({VisitState.WAITING}))
    return {row.id: row.calls for row in conn.execute(query)}


def told_at(conn: sa.Connection, visit_ids: Collection[str]) -> dict[str, datetime]:
    """When something was told last, of those of whom something was."""
    c = estimates.c
    latest = sa.select(c.visit_id, sa.func.max(c.made_at)).where(c.visit_id.in_(sorted(set(visit_ids))))
    return {row[0]: row[1] for row in conn.execute(latest.group_by(c.visit_id))}


def settle_promises(tx: Tx, visit_id: str, called_at: datetime) -> None:
    """She is called: say of each open promise whether it held, and forget what else was told of her."""
    _forget_told(tx, [visit_id])
    c = estimates.c
    promised = sa.select(c.id, c.made_at, c.low, c.high).where(c.visit_id == visit_id, c.called_at.is_(None))
    rows = [
        {
            "told_id": row.id,
            "called": called_at,
            "did": row.low <= (called_at - row.made_at).total_seconds() <= row.high,
        }
        for row in tx.conn.execute(promised)
    ]
    if rows:
        tx.conn.execute(_settle, rows)


_settle = (
    sa.update(estimates)
    .where(estimates.c.id == sa.bindparam("told_id"))
    .values(called_at=sa.bindparam("called"), held=sa.bindparam("did"))
)


def settle_left(tx: Tx, queue_id: str) -> None:
    """Of those of this queue who have ended uncalled: a promise was broken if her time had passed by then, else it says nothing (it
    has no `held`). What else was told of them is forgotten.
    """
    c = estimates.c
    ended = sa.select(c.id, c.visit_id, c.made_at, c.high, visits.c.ended_at).join(visits, visits.c.id == c.visit_id)
    query = ended.where(visits.c.queue_id == queue_id, among(ENDED), visits.c.ended_at.is_not(None))
    left = tx.conn.execute(query.where(c.called_at.is_(None))).all()
    if left:
        _forget_told(tx, [row.visit_id for row in left])
        rows = [
            {"told_id": r.id, "called": r.ended_at, "did": False if _overdue(r, r.ended_at) else None} for r in left
        ]
        tx.conn.execute(_settle, rows)


def _overdue(told: Any, at: datetime) -> bool:
    """She was to be called by then at the latest."""
    return bool(at > told.made_at + timedelta(seconds=told.high))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of `count` promises, the first of which was settled at `since`, `held` were kept; among the others are those to people whose
    time is over and who were never called, or still wait. `left`: besides, so many went before anything could be said of theirs.
    """

    count: int
    held: int
    since: datetime | None
    left: int


def coverage(conn: sa.Connection, department_id: str, latest: int, now: datetime) -> Coverage | None:
    """Of a department's latest promises that are settled, and of those which are overdue; None without any."""
    c = estimates.c
    of = sa.select(c.held, c.called_at).where(c.department_id == department_id, c.called_at.is_not(None), c.promised)
    last = of.order_by(c.called_at.desc()).limit(latest).subquery()
    known = [sa.func.coalesce(sa.func.sum(sa.case((is_so, 1), else_=0)), 0) for is_so in (last.c.held, ~last.c.held)]
    since = sa.func.min(sa.case((last.c.held.is_not(None), last.c.called_at)), type_=_at)
    row = conn.execute(sa.select(*known, sa.func.count(), since)).one()
    held, broken = int(row[0]), int(row[1])
    overdue, gone = _unsettled(conn, department_id, now)
    left = int(row[2]) - held - broken + gone
    count, times = held + broken + len(overdue), [*overdue, *([] if row[3] is None else [row[3]])]
    return Coverage(count, held, min(times, default=None), left) if count or left else None


def _unsettled(conn: sa.Connection, department_id: str, now: datetime) -> tuple[list[datetime], int]:
    """When those were due whose promises are broken though nobody has noted it; and how many have left before."""
    c = estimates.c
    open_ones = sa.select(c.made_at, c.high, visits.c.ended_at).join(visits, visits.c.id == c.visit_id)
    query = open_ones.where(c.department_id == department_id, c.called_at.is_(None), c.promised)
    rows = conn.execute(query).all()
    overdue = [r.made_at + timedelta(seconds=r.high) for r in rows if _overdue(r, r.ended_at or now)]
    gone = sum(r.ended_at is not None and not _overdue(r, r.ended_at) for r in rows)
    return overdue, gone
