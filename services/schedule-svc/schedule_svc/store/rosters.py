"""What hospitals have said: registers, what waits for what it refers to, snapshots, and the log of intake."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import UtcDateTime

from schedule_svc.store.sql import AmongQuery
from schedule_svc.store.tables import roster_registers, roster_snapshots, rosters, sessions

_r = roster_registers.c
_by_code = AmongQuery(
    lambda among: sa.select(roster_registers).where(_r.hospital_id == sa.bindparam("hospital_id"), among(_r.code))
)
_by_needs = AmongQuery(
    lambda among: (
        sa.select(roster_registers)
        .where(_r.hospital_id == sa.bindparam("hospital_id"), among(_r.needs))
        .order_by(_r.aspect, _r.code, _r.version)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
)
_keep = sa.text(
    "INSERT INTO roster_registers (hospital_id, aspect, code, version, digest, content, needs)"
    " VALUES (:hospital_id, :aspect, :code, :version, :digest, :content, :needs)"
    " ON CONFLICT (hospital_id, aspect, code, version) DO UPDATE"
    " SET digest = excluded.digest, content = excluded.content, needs = excluded.needs"
)
_drop = sa.delete(roster_registers).where(
    _r.hospital_id == sa.bindparam("of_hospital"),
    _r.aspect == sa.bindparam("of_aspect"),
    _r.code == sa.bindparam("of_code"),
    _r.version <= sa.bindparam("to_version"),
)
_serve = (
    sa.update(roster_registers)
    .where(_r.hospital_id == sa.bindparam("of_hospital"), _r.needs == sa.bindparam("of_needs"))
    .values(needs=None)
)


def registers_of(conn: sa.Connection, hospital_id: str, codes: Iterable[str]) -> Sequence[sa.Row[Any]]:
    """All that is kept of things with these codes."""
    return _by_code.rows(conn, codes, hospital_id=hospital_id)


def waiting_for(conn: sa.Connection, hospital_id: str, needs: Iterable[str], most: int) -> Sequence[sa.Row[Any]]:
    """What waits for one of these, older versions first."""
    return _by_needs.rows(conn, needs, hospital_id=hospital_id, most=most)


def needed(conn: sa.Connection, hospital_id: str) -> list[str]:
    """What something waits for."""
    query = sa.select(_r.needs).where(_r.hospital_id == hospital_id, _r.needs.is_not(None)).distinct()
    return [str(needs) for needs in conn.execute(query).scalars()]


def keep(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter registers; one of the same version is overwritten."""
    if rows:
        conn.execute(_keep, list(rows))


def serve(conn: sa.Connection, hospital_id: str, needs: Iterable[str]) -> None:
    """What needed these needs nothing any more."""
    rows = [{"of_hospital": hospital_id, "of_needs": need} for need in sorted(needs)]
    if rows:
        conn.execute(_serve, rows)


def drop(conn: sa.Connection, hospital_id: str, aspect: str, versions: Mapping[str, int]) -> None:
    """Forget what is kept of these codes, up to these versions."""
    gone = [
        {"of_hospital": hospital_id, "of_aspect": aspect, "of_code": code, "to_version": version}
        for code, version in versions.items()
    ]
    if gone:
        conn.execute(_drop, gone)


_name_sessions = AmongQuery(
    lambda among: (
        sa.update(sessions)
        .where(among(sessions.c.id), sessions.c.named_at < sa.bindparam("at", type_=UtcDateTime))
        .values(named_at=sa.bindparam("at", type_=UtcDateTime))
    )
)


def name_sessions(conn: sa.Connection, session_ids: Iterable[str], at: datetime) -> None:
    """The hospital named these sessions at that time, or later."""
    _name_sessions.change(conn, session_ids, at=at)


# --- snapshots -------------------------------------------------------------------------------------------------------

_s = roster_snapshots.c
_save_snapshot = sa.text(
    "INSERT INTO roster_snapshots (hospital_id, id, first, last, as_of, count, parts, complete)"
    " VALUES (:hospital_id, :id, :first, :last, :as_of, :count, :parts, :complete)"
    " ON CONFLICT (hospital_id, id) DO UPDATE SET parts = excluded.parts, complete = excluded.complete"
).bindparams(
    sa.bindparam("first", type_=sa.Date), sa.bindparam("last", type_=sa.Date), sa.bindparam("as_of", type_=UtcDateTime)
)


def snapshot(conn: sa.Connection, hospital_id: str, snapshot_id: str) -> sa.Row[Any] | None:
    """The snapshot, as far as its parts have come."""
    return conn.execute(
        sa.select(roster_snapshots).where(_s.hospital_id == hospital_id, _s.id == snapshot_id)
    ).one_or_none()


def parts_of(row: sa.Row[Any] | None) -> list[int]:
    """The numbers of the parts that have come."""
    return [] if row is None else json.loads(row.parts)


def save_snapshot(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    conn.execute(_save_snapshot, {**row, "parts": json.dumps(row["parts"])})


def complete_snapshots(conn: sa.Connection, hospital_id: str) -> Sequence[Any]:
    """Those that say something of days that are not over, newest first."""
    query = sa.select(_s.first, _s.last, _s.as_of).where(_s.hospital_id == hospital_id, _s.complete)
    return conn.execute(query.order_by(_s.as_of.desc())).all()


def forget_snapshots(conn: sa.Connection, hospital_id: str, today: date, by: Mapping[str, Any]) -> None:
    """Those of days that are over, and those of which `by`, complete and newer, says all."""
    over = _s.last < today
    replaced = sa.and_(_s.complete, _s.as_of <= by["as_of"], _s.first >= by["first"], _s.last <= by["last"])
    conn.execute(
        sa.delete(roster_snapshots).where(_s.hospital_id == hospital_id, _s.id != by["id"], sa.or_(over, replaced))
    )


def not_named_since(
    conn: sa.Connection, hospital_id: str, first: date, last: date, as_of: datetime, now: datetime
) -> list[str]:
    """Ids of the sessions of these days that are to come and that the hospital has not named since `as_of`.

    Those that our staff made, without a code of the hospital's, are none of its.
    """
    query = (
        sa.select(sessions.c.id)
        .where(
            sessions.c.hospital_id == hospital_id,
            sessions.c.date >= first,
            sessions.c.date <= last,
            sessions.c.ends_at > now,
            sessions.c.named_at < as_of,
            sessions.c.code.not_like(r"own\_%", escape="\\"),
        )
        .order_by(sessions.c.id)
    )
    return list(conn.execute(query).scalars())


# --- the log ---------------------------------------------------------------------------------------------------------


def log_roster(conn: sa.Connection, row: Mapping[str, Any]) -> None:
    conn.execute(sa.insert(rosters), dict(row))


def roster_by_id(conn: sa.Connection, roster_id: str) -> sa.Row[Any] | None:
    """One input with what was said of its rows."""
    return conn.execute(sa.select(rosters).where(rosters.c.id == roster_id)).one_or_none()


def page_of_rosters(
    conn: sa.Connection, hospital_id: str, after: Sequence[Any] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """A hospital's inputs, newest first, without their rows. `after`: time and id of the last one seen."""
    c = rosters.c
    shown = [column for column in c if column.name != "rows"]
    query = sa.select(*shown).where(c.hospital_id == hospital_id)
    if after is not None:
        query = query.where(c.received_at <= after[0], sa.or_(c.received_at < after[0], c.id < after[1]))
    return conn.execute(query.order_by(c.received_at.desc(), c.id.desc()).limit(limit)).all()
