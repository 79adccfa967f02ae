"""A queue and its desks: what is true of a whole line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from common.errors import Conflict
from common.messages import ClinicRules

Discipline = Literal["fifo", "priority"]
DISCIPLINES: tuple[Discipline, ...] = ("fifo", "priority")


@dataclass(frozen=True, slots=True)
class QueueStep:
    """What was done to a whole queue: with who and why, and what else tells of it."""

    what: str
    by: str
    why: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Queue:
    """The line of one session, and of those who were transferred to it."""

    session_id: str
    hospital_id: str
    department_id: str
    doctor_id: str
    clock: datetime
    """The latest time that it has seen. What happens in it is recorded as then or later, whatever the servers' clocks say, so that the
    order of a line and its history never turn back. Rules go by the real time: a clock that jumped ahead once must not close a day."""
    discipline: Discipline | None = None
    """In place of the hospital's rule."""
    state: Literal["open", "closed"] = "open"
    paused_why: str | None = None
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    """When it goes on by itself; None: when somebody resumes it."""
    next_number: int = 1
    walk_ins: int = 0
    revision: int = 1
    first_called_at: datetime | None = None
    closed_at: datetime | None = None
    history: list[QueueStep] = field(default_factory=list)
    """What happened in this transaction. The store appends it."""

    @property
    def now(self) -> datetime:
        """The time in this queue, for its order and its history: whoever locks it has moved `clock` to it."""
        return self.clock

    def is_paused(self, now: datetime) -> bool:
        """`now`: the real time, as of all rules."""
        return self.paused_at is not None and (self.paused_until is None or now < self.paused_until)

    def number(self) -> int:
        """The next number: grows with each who comes, and each who is put behind somebody."""
        self.next_number += 1
        return self.next_number - 1

    def rules(self, hospital: ClinicRules) -> ClinicRules:
        """The hospital's rules, as they are kept in this queue."""
        return hospital if self.discipline is None else replace(hospital, discipline=self.discipline)

    def note(self, what: str, by: str, why: str = "", **facts: Any) -> None:
        """Record what is done to the whole queue."""
        self.history.append(QueueStep(what, by, why, facts))

    def check_open(self) -> None:
        """Raises Conflict(`queue_closed`)."""
        if self.state == "closed":
            raise Conflict("this queue is closed", code="queue_closed", closed_at=self.closed_at)

    def check_going(self, now: datetime) -> None:
        """Raises Conflict(`queue_closed`, `queue_paused`) when nobody is to be called."""
        self.check_open()
        if self.is_paused(now):
            raise Conflict(
                "this queue is paused", code="queue_paused", why=self.paused_why, paused_until=self.paused_until
            )


@dataclass(slots=True)
class Desk:
    """A room in which a queue is served. Changes under its queue's lock only."""

    queue_id: str
    room: str
    doctor_id: str
    opened_at: datetime
    is_open: bool = True
    visit_id: str | None = None
    """Who is there now."""
    after: str | None = None
    """Whom the last call followed: a second click is known by it."""
    free_since: datetime | None = None

    def take(self, visit_id: str, after: str | None) -> None:
        """`visit_id` was called here, when `after` had left."""
        self.visit_id, self.after, self.free_since = visit_id, after, None

    def free(self, now: datetime, after: str | None = None) -> None:
        """Nobody is here any more. `after`: whom the call followed that found nobody."""
        self.visit_id, self.after, self.free_since = None, after, now

    def close(self) -> None:
        """Nobody is called here any more, and no click from before is known as a second one."""
        self.is_open, self.after = False, None
