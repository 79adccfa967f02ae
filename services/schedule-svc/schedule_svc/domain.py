"""Sessions, their segments and numbers, and the reservations on them: the rules, without I/O.

A segment's inventory follows from five facts: what the roster publishes and withholds, what was added (加号), how many
numbers are held and sold. Capacity never falls below what is taken: a roster that shrinks a segment cancels nobody, it
only stops the sale. So `capacity = free + held + sold + blocked`, all of them >= 0, holds by construction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from typing import Literal

from common.clock import SHANGHAI
from common.messages import SessionFacts, Visit

Period = Literal["morning", "afternoon", "evening"]
State = Literal["held", "sold", "released", "rejected", "waiting"]
ShownState = Literal["announced", "open", "sold_out", "stopped", "over"]

ACTIVE: tuple[State, ...] = ("held", "sold")
"""The states in which a reservation owns its number."""

CANCEL_NOTICE = timedelta(hours=12)
"""退号: a patient may cancel until this long before the session, unless the roster says otherwise."""

MOST_NUMBERS = 10_000
"""In one segment; more is a slip of the keyboard."""


@dataclass(slots=True)
class Segment:
    """A time segment of a session (the API's slot) with numbers of its own."""

    id: str
    starts_at: datetime
    ends_at: datetime
    published: int
    withheld: int
    first_number: int
    span: int
    """Its own range is `span` numbers from `first_number`; later growth takes numbers from the session's tail."""
    extra: int = 0
    held: int = 0
    sold: int = 0
    issued: int = 0
    """Numbers ever given out; those not taken now have been returned."""
    returned: list[int] = field(default_factory=list)
    """A heap: the lowest is sold again first."""

    @property
    def taken(self) -> int:
        return self.held + self.sold

    @property
    def capacity(self) -> int:
        return max(self.published + self.extra, self.held + self.sold)

    @property
    def blocked(self) -> int:
        return min(self.withheld, self.capacity - self.taken)

    @property
    def free(self) -> int:
        return max(0, self.published + self.extra - self.withheld - self.held - self.sold)

    @property
    def kept(self) -> tuple[object, ...]:
        """All of its row that can change; two equal ones mean that nothing is to be written."""
        return (self.ends_at, self.published, self.withheld, self.extra, self.held, self.sold, self.issued)


@dataclass(frozen=True, slots=True)
class Plan:
    """A segment as a roster plans it: `capacity` numbers, of which `blocked` are not for sale here."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    blocked: int


@dataclass(slots=True)
class Session:
    """One doctor, one date, one period; with the names that a patient is shown."""

    id: str
    hospital_id: str
    hospital_name: str
    department_id: str
    department_name: str
    doctor_id: str
    doctor_name: str
    doctor_title: str
    date: date
    period: Period
    starts_at: datetime
    ends_at: datetime
    room: str
    fee: int
    release_at: datetime
    cancel_before: datetime
    stopped: bool
    revision: int
    sold_out: bool
    """What the others have been told."""
    next_number: int
    """The tail: numbers from here on belong to no segment's range."""
    waiting: int = 0
    wait_seq: int = 0
    segments: list[Segment] = field(default_factory=list)
    """In the order of their times."""

    @property
    def full(self) -> bool:
        return all(segment.free == 0 for segment in self.segments)

    @property
    def settled(self) -> bool:
        """True if nobody holds, has bought or waits for a number of it."""
        return not self.waiting and all(segment.taken == 0 for segment in self.segments)

    def refusal(self, now: datetime) -> str:
        """Why nothing can be had of this session at `now`; "" if something may."""
        if self.stopped:
            return "session_stopped"
        if now >= self.ends_at:
            return "session_over"
        return "not_released" if now < self.release_at else ""

    def waitlist_open(self, now: datetime) -> bool:
        """Nobody is offered a number once the session has begun."""
        return not self.stopped and now < self.starts_at

    def segment(self, segment_id: str | None) -> Segment | None:
        return next((s for s in self.segments if s.id == segment_id), None)

    def take(self, segment: Segment) -> int:
        """Hold a number of a segment that has a free one: a returned one, else of its range, else of the tail."""
        if segment.returned:
            number = heappop(segment.returned)
        elif segment.issued < segment.span:
            number = segment.first_number + segment.issued
            segment.issued += 1
        else:
            number = self.next_number
            self.next_number += 1
            segment.issued += 1
        segment.held += 1
        return number

    def replan(self, plans: Sequence[Plan], mint: Callable[[], str]) -> list[Segment]:
        """Follow the roster; a segment is known by its start. Answers those in which more is taken than is planned now.

        A segment that is planned no more sells no more; one that is new gets its range at the tail.
        """
        known = {segment.starts_at: segment for segment in self.segments}
        for segment in self.segments:
            segment.published = segment.withheld = 0
        for plan in plans:
            segment = known.get(plan.starts_at) or self._append(plan, mint())
            segment.ends_at, segment.published, segment.withheld = plan.ends_at, plan.capacity, plan.blocked
        for segment in self.segments:
            if not segment.published:
                segment.extra = 0
        self.segments.sort(key=lambda segment: segment.starts_at)
        return [segment for segment in self.segments if segment.taken > segment.published + segment.extra]

    def _append(self, plan: Plan, segment_id: str) -> Segment:
        segment = Segment(
            segment_id, plan.starts_at, plan.ends_at, plan.capacity, plan.blocked, self.next_number, plan.capacity
        )
        self.next_number += plan.capacity
        self.segments.append(segment)
        return segment

    def facts(self) -> SessionFacts:
        """The session as others may know it."""
        return SessionFacts(
            session_id=self.id,
            revision=self.revision,
            hospital_id=self.hospital_id,
            department_id=self.department_id,
            doctor_id=self.doctor_id,
            state="stopped" if self.stopped else "open",
            fee=self.fee,
            release_at=self.release_at,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            cancel_before=self.cancel_before,
            sold_out=self.sold_out,
        )

    def visit(self, segment: Segment) -> Visit:
        """What the holder of a number of `segment` must know."""
        return Visit(
            hospital_id=self.hospital_id,
            hospital_name=self.hospital_name,
            department_id=self.department_id,
            department_name=self.department_name,
            doctor_id=self.doctor_id,
            doctor_name=self.doctor_name,
            doctor_title=self.doctor_title,
            date=self.date,
            period=self.period,
            starts_at=segment.starts_at,
            ends_at=segment.ends_at,
            room=self.room,
        )


@dataclass(slots=True)
class Reservation:
    """What an order has got, or why not. One per order, for ever: asked again, it gives the same answer."""

    order_id: str
    session_id: str
    patient_id: str
    wanted: str | None
    """The segment asked for; None: any."""
    state: State
    slot_id: str | None = None
    queue_number: int | None = None
    reason: str = ""
    wait_seq: int | None = None
    position: int | None = None
    """On the waitlist: its place in the order of joining, and the position that was told then."""


def give_back(segment: Segment, reservation: Reservation) -> None:
    """Return an active reservation's number to its segment."""
    if reservation.state == "held":
        segment.held -= 1
    else:
        segment.sold -= 1
    if reservation.queue_number is not None:
        heappush(segment.returned, reservation.queue_number)
    reservation.state = "released"


def shown_state(*, stopped: bool, release_at: datetime, ends_at: datetime, free: int, now: datetime) -> ShownState:
    """A session's state as the API shows it at `now`."""
    if stopped:
        return "stopped"
    if now >= ends_at:
        return "over"
    if now < release_at:
        return "announced"
    return "open" if free else "sold_out"


def local_date(time: datetime) -> date:
    """The hospital's date at this time."""
    return time.astimezone(SHANGHAI).date()
