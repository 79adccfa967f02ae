"""Draws as they are kept: the seed and its commitment, who has entered, the record, and how far it has been delivered."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from schedule_svc.draw import Drawn, Entrant
from schedule_svc.store.sql import postgres
from schedule_svc.store.tables import draws, entries, sessions

_add = sa.text(
    "INSERT INTO draws (session_id, commitment, seed, delivered) VALUES (:session_id, :commitment, :seed, 0)"
    " ON CONFLICT (session_id) DO NOTHING"
)
_of = sa.select(draws.c.seed, draws.c.drawn_at, draws.c.numbers, draws.c.delivered).where(
    draws.c.session_id == sa.bindparam("of")
)
_entrants = (
    sa.select(entries.c.seq, entries.c.pseudonym, entries.c.weight)
    .where(entries.c.session_id == sa.bindparam("of"))
    .order_by(entries.c.seq)
)
_next_in_line = (
    sa.select(entries.c.order_id)
    .where(entries.c.session_id == sa.bindparam("of"), entries.c.rank > sa.bindparam("after"))
    .order_by(entries.c.rank)
    .limit(sa.bindparam("most"))
)
_RANKED_AT_ONCE = 20_000
"""Rows of one statement: so many take a second or two, and no statement may take thirty."""
# the place of a seq in the ranking is its rank: one array in place of a row for each
_RANK_ON_POSTGRES = (
    "UPDATE entries SET rank = u.rank + %s FROM unnest(%s::int[]) WITH ORDINALITY AS u (seq, rank)"
    " WHERE entries.session_id = %s AND entries.seq = u.seq"
)
_RANK_ON_SQLITE = "UPDATE entries SET rank = ? WHERE session_id = ? AND seq = ?"
"""Row by row: given the whole list as JSON, SQLite's planner searches it once for each entrant."""


def add(conn: sa.Connection, rows: Sequence[Mapping[str, str]]) -> None:
    """session_id, commitment and seed of new draws. One that is there already keeps its own: it has been published."""
    if rows:
        conn.execute(_add, list(rows))


def lock(conn: sa.Connection, session_id: str) -> Any:
    """seed, drawn_at, numbers, delivered; None if there is no draw. Taken before the session's lock."""
    return conn.execute(_of.with_for_update(), {"of": session_id}).one_or_none()


def entrants(conn: sa.Connection, session_id: str) -> list[Entrant]:
    """In the order of entering."""
    return [Entrant(*row) for row in conn.execute(_entrants, {"of": session_id})]


def keep(conn: sa.Connection, session_id: str, drawn: Drawn, numbers: int, now: datetime) -> None:
    """The result, for ever: everybody's rank, and the record, packed as it is served."""
    values = {
        "drawn_at": now,
        "numbers": numbers,
        "entrants": len(drawn.ranking),
        "root": drawn.root,
        "digest": drawn.digest,
        "record": gzip.compress(drawn.record, compresslevel=6, mtime=0),
    }
    conn.execute(sa.update(draws).where(draws.c.session_id == session_id).values(values))
    _keep_ranks(conn, session_id, drawn.ranking)


def _keep_ranks(conn: sa.Connection, session_id: str, ranking: Sequence[int]) -> None:
    for above in range(0, len(ranking), _RANKED_AT_ONCE):
        part = ranking[above : above + _RANKED_AT_ONCE]
        if postgres(conn):
            conn.exec_driver_sql(_RANK_ON_POSTGRES, (above, part, session_id))
        else:
            rows = [(rank, session_id, seq) for rank, seq in enumerate(part, above + 1)]
            conn.exec_driver_sql(_RANK_ON_SQLITE, rows)


def next_in_line(conn: sa.Connection, session_id: str, after: int, most: int) -> list[str]:
    """The orders of the next ranks, in their order."""
    return list(conn.execute(_next_in_line, {"of": session_id, "after": after, "most": most}).scalars())


def note_delivered(conn: sa.Connection, session_id: str, delivered: int) -> None:
    conn.execute(sa.update(draws).where(draws.c.session_id == session_id).values(delivered=delivered))


# --- to be looked at -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A draw as the API shows it while it is open; `drawn_at` is set when there is a record."""

    session_id: str
    policy: str
    draw_state: str
    opens_at: datetime
    closes_at: datetime
    entered: int
    commitment: str
    drawn_at: datetime | None
    entrants: int | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class EntryShown:
    """An entrant's part. `rank` is None before the draw."""

    seq: int
    pseudonym: str
    weight: int
    parts: str
    """JSON."""
    rank: int | None


_shown = (
    sa.select(
        draws.c.session_id,
        sessions.c.policy,
        sessions.c.draw_state,
        sessions.c.release_at,
        sessions.c.draw_at,
        sessions.c.entered,
        draws.c.commitment,
        draws.c.drawn_at,
        draws.c.entrants,
        draws.c.digest,
    )
    .join(sessions, sessions.c.id == draws.c.session_id)
    .where(
        draws.c.session_id == sa.bindparam("of"),
        ~sessions.c.draft,
        sa.or_(sessions.c.policy != "first_come", draws.c.drawn_at.is_not(None)),
    )
)
_record = sa.select(draws.c.record).where(draws.c.session_id == sa.bindparam("of"))
_entry = sa.select(entries.c.seq, entries.c.pseudonym, entries.c.weight, entries.c.parts, entries.c.rank).where(
    entries.c.session_id == sa.bindparam("of"), entries.c.order_id == sa.bindparam("order")
)
_weights = (
    sa.select(entries.c.weight, sa.func.count().label("n"))
    .where(entries.c.session_id == sa.bindparam("of"))
    .group_by(entries.c.weight)
)


def shown(conn: sa.Connection, session_id: str) -> Shown | None:
    row: Any = conn.execute(_shown, {"of": session_id}).one_or_none()
    return None if row is None else Shown(*row)


def packed_record(conn: sa.Connection, session_id: str) -> bytes | None:
    """The record as a gzip file; None before the draw."""
    record = conn.execute(_record, {"of": session_id}).scalar()
    return None if record is None else bytes(record)


def entry_of(conn: sa.Connection, session_id: str, order_id: str) -> EntryShown | None:
    row = conn.execute(_entry, {"of": session_id, "order": order_id}).one_or_none()
    return None if row is None else EntryShown(*row)


def weights(conn: sa.Connection, session_id: str) -> dict[int, int]:
    """How many entrants there are of each weight."""
    return {row.weight: row.n for row in conn.execute(_weights, {"of": session_id})}
