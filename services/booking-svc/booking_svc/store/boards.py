"""What screens show of a queue, read at once, so that one reading serves all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from common.errors import NotFound
from common.messages import SessionFacts

from booking_svc.clinic.line import in_order
from booking_svc.clinic.queue import Desk, Queue
from booking_svc.clinic.visits import HERE, IN_LINE, ClinicVisit, Move, VisitState
from booking_svc.store.clinic_tables import queues, visit_moves, visits
from booking_svc.store.projections import get_session, masked_names
from booking_svc.store.queues import desks_of, get_queue
from booking_svc.store.visits import visits_of_queue

CALLS = 10
"""Calls that a board shows, the newest: a screen that was away for a moment speaks those that it has missed."""

_CALLS = (Move.CALL, Move.RECALL)
_decode_facts = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `serial` grows with each call of a queue: who remembers the greatest that was spoken speaks each once."""

    serial: int
    visit: ClinicVisit
    room: str | None
    at: datetime
    again: bool


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """All of one queue. `queue`: None before the first of it has come; `now`: when it was read, never before what it shows."""

    queue_id: str
    hospital_id: str
    facts: SessionFacts | None
    queue: Queue | None
    now: datetime
    desks: Mapping[str, Desk]
    visits: Mapping[str, ClinicVisit]
    """Of every state; who was transferred to another queue is there."""
    line: Sequence[ClinicVisit]
    """Who waits, in order."""
    ahead: Mapping[str, int]
    """By the ids of those who wait: how many are before her."""
    calls: Sequence[Call]
    """The newest first."""
    names: Mapping[str, str]
    """Masked, by patients' ids; of those who have not been forgotten."""

    @property
    def revision(self) -> int:
        return 0 if self.queue is None else self.queue.revision

    @property
    def pause_ends(self) -> datetime | None:
        """When a pause ends by itself that lasts now."""
        return self.queue.paused_until if self.queue is not None and self.queue.is_paused(self.now) else None

    def name(self, visit: ClinicVisit) -> str | None:
        return visit.name or self.names.get(visit.patient_id or "")


def read_board(conn: sa.Connection, queue_id: str, now: datetime) -> Board:
    """A queue as it stands. The revision is read before all else: what changes meanwhile is seen as newer at the next look.

    Raises NotFound(`session_not_found`).
    """
    queue, facts = get_queue(conn, queue_id), get_session(conn, queue_id)
    known = queue or facts
    if known is None:
        raise NotFound("no such session", code="session_not_found")
    there = {visit.id: visit for visit in visits_of_queue(conn, queue_id, list(VisitState))}
    line = in_order(visit for visit in there.values() if visit.state in IN_LINE)
    calls = _calls(conn, queue_id, there)
    named = HERE | {VisitState.EXPECTED, VisitState.MISSED}  # staff see who is not here, too
    shown = [visit for visit in there.values() if visit.state in named] + [call.visit for call in calls]
    return Board(
        queue_id,
        known.hospital_id,
        facts,
        queue,
        now,
        desks_of(conn, queue_id),
        there,
        line,
        {visit.id: before for before, visit in enumerate(line)},
        calls,
        masked_names(conn, {visit.patient_id for visit in shown if visit.patient_id}),
    )


def _calls(conn: sa.Connection, queue_id: str, there: Mapping[str, ClinicVisit]) -> list[Call]:
    """Those of who stands in this queue still: who went over to another has another ticket."""
    query = (
        sa.select(*(visit_moves.c[name] for name in ("id", "visit_id", "move", "at", "facts")))
        .where(visit_moves.c.queue_id == queue_id, visit_moves.c.move.in_(_CALLS))
        .order_by(visit_moves.c.id.desc())
        .limit(CALLS)
    )
    return [
        Call(row.id, there[row.visit_id], _room(row.facts), row.at, row.move == Move.RECALL)
        for row in conn.execute(query)
        if row.visit_id in there
    ]


def _room(facts: str | None) -> str | None:
    room = _decode_facts(facts).get("room") if facts else None
    return room if isinstance(room, str) else None


def hospital_of(conn: sa.Connection, session_id: str) -> str:
    """Whose session it is. Raises NotFound(`session_not_found`)."""
    known = get_session(conn, session_id) or get_queue(conn, session_id)
    if known is None:
        raise NotFound("no such session", code="session_not_found")
    return known.hospital_id


def queues_of(conn: sa.Connection, visit_ids: Collection[str]) -> dict[str, str]:
    """In which queues these visits stand."""
    query = sa.select(visits.c.id, visits.c.queue_id).where(visits.c.id.in_(sorted(visit_ids)))
    return {row.id: row.queue_id for row in conn.execute(query)}


def revisions(conn: sa.Connection, queue_ids: Collection[str]) -> dict[str, int]:
    """Of those of these queues that there are."""
    query = sa.select(queues.c.session_id, queues.c.revision).where(queues.c.session_id.in_(sorted(queue_ids)))
    return {row.session_id: row.revision for row in conn.execute(query)}
