"""A visit: what becomes of a patient on the day, as one table of moves.

An order that is confirmed has a visit, which is `expected`; a walk-in has one without an order. Every move is recorded with who
made it and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from common.errors import Conflict, Invalid
from common.messages import Visit, VisitClass

from booking_svc.clinic.line import Place


class VisitState(StrEnum):
    """Where a visit stands."""

    EXPECTED = "expected"
    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    AWAY = "away"
    """At an examination; comes back to the same doctor."""
    DONE = "done"
    MISSED = "missed"
    VOID = "void"
    """She came too late, or the clinic ended before her turn."""
    WITHDRAWN = "withdrawn"
    """Its order ended: cancelled, moved, or its session was stopped."""
    LAPSED = "lapsed"
    """Its day went by, and nobody kept a queue."""


class Move(StrEnum):
    """What can happen to a visit. Also its name in the history: stable."""

    CONFIRM = "confirm"
    CHECK_IN = "check_in"
    READMIT = "readmit"
    CALL = "call"
    RECALL = "recall"
    START = "start"
    PASS = "pass"  # noqa: S105  过号, no password
    PUT_BACK = "put_back"
    SEND_AWAY = "send_away"
    COME_BACK = "come_back"
    FINISH = "finish"
    TRANSFER = "transfer"
    RECLASS = "reclass"
    MISS = "miss"
    VOID = "void"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"


V, M = VisitState, Move

IN_LINE = frozenset({V.WAITING})
AT_DESK = frozenset({V.CALLED, V.SERVING})
HERE = IN_LINE | AT_DESK | {V.AWAY}
"""She has checked in and is not finished."""
ENDED = frozenset({V.DONE, V.MISSED, V.VOID, V.WITHDRAWN, V.LAPSED})

MOVES: dict[tuple[VisitState, Move], VisitState] = {
    (V.WITHDRAWN, M.CONFIRM): V.EXPECTED,
    (V.EXPECTED, M.CHECK_IN): V.WAITING,
    # 过号 for good, or never seen by noon, and here after all: the desk lets her in again
    (V.MISSED, M.READMIT): V.WAITING,
    (V.WAITING, M.CALL): V.CALLED,
    (V.CALLED, M.RECALL): V.CALLED,
    (V.CALLED, M.START): V.SERVING,
    # the rule may say that this was the last time: then M.MISS
    (V.CALLED, M.PASS): V.WAITING,
    # called by mistake, or the doctor had to leave: to where she stood
    (V.CALLED, M.PUT_BACK): V.WAITING,
    (V.SERVING, M.PUT_BACK): V.WAITING,
    (V.SERVING, M.SEND_AWAY): V.AWAY,
    (V.CALLED, M.SEND_AWAY): V.AWAY,
    (V.AWAY, M.COME_BACK): V.WAITING,
    (V.CALLED, M.FINISH): V.DONE,
    (V.SERVING, M.FINISH): V.DONE,
    # the doctor needs to see nothing more of the examination
    (V.AWAY, M.FINISH): V.DONE,
    # she was seen, and nobody pressed the button
    (V.MISSED, M.FINISH): V.DONE,
    (V.EXPECTED, M.TRANSFER): V.EXPECTED,
    (V.WAITING, M.TRANSFER): V.WAITING,
    (V.AWAY, M.TRANSFER): V.AWAY,
    (V.EXPECTED, M.RECLASS): V.EXPECTED,
    (V.WAITING, M.RECLASS): V.WAITING,
    (V.EXPECTED, M.MISS): V.MISSED,
    (V.CALLED, M.MISS): V.MISSED,
    (V.WAITING, M.MISS): V.MISSED,
    (V.EXPECTED, M.VOID): V.VOID,
    (V.WAITING, M.VOID): V.VOID,
    **{(state, M.WITHDRAW): V.WITHDRAWN for state in (V.EXPECTED, *sorted(HERE), V.MISSED)},
    (V.EXPECTED, M.LAPSE): V.LAPSED,
    (V.WAITING, M.LAPSE): V.LAPSED,
}
"""(state, move) -> next state. What is not here is refused, with the state that stands against it."""


REASONS: Mapping[VisitClass, frozenset[str]] = {
    "emergency": frozenset({"critical"}),
    "priority": frozenset({"elderly", "pregnant", "military", "disabled", "child", "staff_duty"}),
    "appointment": frozenset(),
    "walk_in": frozenset(),
}
"""Why somebody is of a class: stable codes, shown to those who wait behind her. Only emergencies and priority have reasons."""


def check_class(visit_class: VisitClass, reason: str | None, *, ordered: bool) -> None:
    """Raises Invalid for a class that she cannot have (an appointment without an order, or the other way round), and for a
    reason that is none of this class.
    """
    if visit_class == ("walk_in" if ordered else "appointment"):
        why = "who has an appointment is no walk-in" if ordered else "a walk-in has no appointment"
        raise Invalid(why, errors=[{"field": "visit_class", "message": why}])
    allowed = REASONS[visit_class]
    if reason not in (allowed or {None}):
        message = f"one of {', '.join(sorted(allowed))}" if allowed else "this class has no reason"
        raise Invalid(message, errors=[{"field": "reason", "message": message}])


@dataclass(frozen=True, slots=True)
class VisitStep:
    """One move, as the history keeps it. `facts`: what else tells of it, such as the room."""

    move: Move
    state: VisitState
    at: datetime
    by: str
    why: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class ClinicVisit:
    """One visit. `session_id`: what was booked; `queue_id`: the session in whose line it stands, another one after a transfer."""

    id: str
    session_id: str
    queue_id: str
    hospital_id: str
    department_id: str
    visit: Visit
    """What was agreed: hospital, doctor, segment."""
    ticket: str
    """What is called out: the queue number of an order ("7"), or of a walk-in ("W3"); after a transfer one of the other line ("T9")."""
    visit_class: VisitClass
    order_id: str | None = None
    account_id: str | None = None
    patient_id: str | None = None
    name: str | None = None
    """Masked; of walk-ins only: whose order it is has a name in the projection of patients."""
    reason: str | None = None
    """Why she has priority: a stable code, shown on the board."""
    state: VisitState = VisitState.EXPECTED
    place: Place | None = None
    """Where she stands in the line; kept while she is at the desk, for who is put back."""
    room: str | None = None
    served_by: str | None = None
    """The doctor who called her."""
    passes: int = 0
    calls: int = 0
    late: bool = False
    told_near: bool = False
    """She knows that few are before her."""
    nears: int = 0
    """How often she was told so."""
    tries: int = 0
    """Wrong codes of the door."""
    checked_in_at: datetime | None = None
    called_at: datetime | None = None
    """The last call: since when a desk is hers."""
    started_at: datetime | None = None
    desk_seconds: float | None = None
    """For how long a desk was hers the first time, from the call until she was done or sent away, as far as anybody has said so: what
    consultations are learnt to take. Who comes back is seen for the second time, and for less long."""
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    history: list[VisitStep] = field(default_factory=list)
    """What happened in this transaction. The store appends it."""

    def check(self, move: Move) -> VisitState:
        """What this move makes of her. Raises Conflict(`not_possible`, `state`) for what this visit's state does not allow."""
        following = MOVES.get((self.state, move))
        if following is None:
            raise Conflict(f"not possible for a visit that is {self.state}", code="not_possible", state=self.state)
        return following

    def move(self, move: Move, now: datetime, by: str, why: str = "", **facts: Any) -> None:
        """One move by `by`. Raises Conflict as check does."""
        self.state, self.updated_at = self.check(move), now
        self.history.append(VisitStep(move, self.state, now, by, why, facts))
