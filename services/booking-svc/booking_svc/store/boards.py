"""What screens show of a queue, read at once, so that one reading serves all of them."""

from collections import Counter
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
from booking_svc.store.visits import visits_by_ids, visits_of_queue

CALLS = 10
"""Calls that a board shows, the newest: a screen that was away for a moment speaks those that it has missed."""

_CALLS = (Move.CALL, Move.RECALL)
_decode_facts = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `serial` grows with each call of a queue: who remembers the greatest that was spoken speaks each once."""

    serial: int
    visit: ClinicVisit
    ticket: str
    """As it was called out: in the line of another doctor she gets another one."""
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
    def marks(self) -> Mapping[str, int]:
        """As `marks` finds them."""
        return {_REVISION: self.revision, **Counter(str(visit.state) for visit in self.visits.values())}

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
    """The newest of each visit: who is called again and again pushes nobody out. Of those too who have gone over to another queue: her
    call may not have been spoken everywhere.
    """
    newest = (
        sa.select(sa.func.max(visit_moves.c.id).label("id"))
        .where(visit_moves.c.queue_id == queue_id, visit_moves.c.move.in_(_CALLS))
        .group_by(visit_moves.c.visit_id)
        .order_by(sa.desc("id"))
        .limit(CALLS)
    )
    names = ("id", "visit_id", "move", "at", "facts")
    query = sa.select(*(visit_moves.c[name] for name in names)).where(visit_moves.c.id.in_(newest))
    rows = sorted(conn.execute(query), key=lambda row: -row.id)
    gone = {row.visit_id for row in rows} - there.keys()
    known = {**there, **(visits_by_ids(conn, gone) if gone else {})}
    before = _tickets_before(conn, queue_id, {row.visit_id: row.id for row in rows})
    return [
        Call(row.id, visit, before.get(visit.id, visit.ticket), _room(row.facts), row.at, row.move == Move.RECALL)
        for row in rows
        if (visit := known.get(row.visit_id)) is not None
    ]


def _tickets_before(conn: sa.Connection, queue_id: str, called: Mapping[str, int]) -> dict[str, str]:
    """The tickets that those visits had in this queue which have left it since these calls of them."""
    query = (
        sa.select(visit_moves.c.id, visit_moves.c.visit_id, visit_moves.c.facts)
        .where(visit_moves.c.visit_id.in_(sorted(called)), visit_moves.c.move == Move.TRANSFER)
        .order_by(visit_moves.c.id.desc())
    )
    found = {}
    for row in conn.execute(query) if called else ():
        facts = _decode_facts(row.facts) if row.facts else {}
        if row.id > called[row.visit_id] and facts.get("left") == queue_id:
            found[row.visit_id] = str(facts.get("called_out"))  # the first after the call is the last that is seen here
    return found


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


_REVISION = "revision"


def marks(conn: sa.Connection, queue_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """What is another figure whenever something in a queue has changed, for each of these: its revision; and, for what moves nothing
    in its line, how many visits are in which state: who confirms comes among those who are expected, who cancels leaves them, and
    neither waits for the queue's row, if there is one.
    """
    wanted = sorted(queue_ids)
    states = sa.select(visits.c.queue_id, visits.c.state, sa.func.count()).where(visits.c.queue_id.in_(wanted))
    revision = sa.select(queues.c.session_id, sa.literal(_REVISION), queues.c.revision)
    query = sa.union_all(
        revision.where(queues.c.session_id.in_(wanted)), states.group_by(visits.c.queue_id, visits.c.state)
    )
    found = {queue_id: {_REVISION: 0} for queue_id in wanted}
    for queue_id, mark, number in conn.execute(query) if wanted else ():
        found[queue_id][mark] = number
    return found
