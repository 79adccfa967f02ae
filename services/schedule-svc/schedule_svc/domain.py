"""Sessions, their segments and numbers, and the reservations on them: the rules, without I/O.

A segment's inventory follows from a few facts: what the roster publishes, adds and withholds, what staff added (加号), what
is set aside for channels and persons, which freed numbers rest, how many numbers are held and sold. Capacity never falls
below what is taken: a roster that shrinks a segment cancels nobody, it only stops the sale. So
`capacity = free + held + sold + blocked`, all of them >= 0, holds by construction; what is withheld, set aside or resting is
blocked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import heappop, heappush
from typing import Literal

from common.clock import SHANGHAI
from common.messages import Policy, SessionFacts, Visit, WeightPart

Day = date
"""Where a field is called `date`, the class must not be."""
Period = Literal["morning", "afternoon", "evening"]
State = Literal["held", "sold", "released", "rejected", "waiting", "entered"]
DrawState = Literal["none", "open", "drawing", "drawn"]
"""open: entries are or will be taken; drawing: the entrants are being answered, in the order of the draw."""
ShownState = Literal["announced", "open", "sold_out", "stopped", "closed"]

ACTIVE: tuple[State, ...] = ("held", "sold")
"""The states in which a reservation owns its number."""

MOST_NUMBERS = 10_000
"""In one segment; more is a slip of the keyboard."""

CHANNELS = ("referral", "window", "follow_up")
"""For whom a roster can set numbers aside."""


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
    """加号 by our staff."""
    roster_extra: int = 0
    """加号 by the hospital's own system."""
    resting: int = 0
    """Freed numbers that are not public yet."""
    held: int = 0
    sold: int = 0
    issued: int = 0
    """Numbers ever given out; those not taken now have been returned, or rest."""
    asides: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Channel, or "@" and a patient's id -> (set aside, of these used)."""
    returned: list[int] = field(default_factory=list)
    """A heap: the lowest is sold again first."""

    @property
    def taken(self) -> int:
        return self.held + self.sold

    @property
    def planned(self) -> int:
        """What is added to nothing is nothing: it counts again when the roster has the segment again."""
        return self.published + self.roster_extra + self.extra if self.published else 0

    @property
    def capacity(self) -> int:
        return max(self.planned, self.taken)

    @property
    def blocked(self) -> int:
        return min(self._kept_back, self.capacity - self.taken)

    @property
    def free(self) -> int:
        return max(0, self.planned - self.taken - self._kept_back)

    @property
    def _kept_back(self) -> int:
        return self.withheld + self.resting + sum(aside - used for aside, used in self.asides.values())

    def left_aside(self, key: str) -> int:
        """How many of the numbers set aside for `key` can be had: none that the segment has no more."""
        aside, used = self.asides.get(key, (0, 0))
        return max(0, min(aside - used, self.planned - self.taken))

    def set_aside(self, key: str, numbers: int) -> None:
        """Keep `numbers` in all for a channel or person; never fewer than are used."""
        used = self.asides.get(key, (0, 0))[1]
        self.asides[key] = (max(numbers, used), used)
        if self.asides[key] == (0, 0):
            del self.asides[key]

    def open_channels(self) -> None:
        """What is set aside for channels and not used is kept for nobody any more. Numbers for a person stay hers."""
        for channel in CHANNELS:
            self.set_aside(channel, 0)

    def begin_rest(self, number: int) -> None:
        """A returned number is not public for a while."""
        self.returned.remove(number)
        self.returned.sort()  # a sorted list is a heap
        self.resting += 1

    def end_rest(self, number: int) -> None:
        """It is public again."""
        self.resting -= 1
        heappush(self.returned, number)

    @property
    def kept(self) -> tuple[object, ...]:
        """All of its row that can change; two equal ones mean that nothing is to be written."""
        return (
            self.ends_at,
            self.published,
            self.withheld,
            self.extra,
            self.roster_extra,
            self.resting,
            self.held,
            self.sold,
            self.issued,
            tuple(sorted(self.asides.items())),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A segment as a roster plans it: of `capacity` numbers `blocked` are not for sale here, `quotas` are set aside."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    blocked: int
    quotas: Mapping[str, int] = field(default_factory=dict)


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
    policy: Policy
    release_at: datetime
    draw_at: datetime | None
    cancel_before: datetime | None
    """As the roster says; if it does not, the hospital's rules decide."""
    grade: str
    """号别, such as 专家 or 普通."""
    urgent: bool
    draft: bool
    released: bool
    """The others have been told that its numbers, or its draw, are open."""
    draw_state: DrawState
    stopped: bool
    revision: int
    sold_out: bool
    """What the others have been told."""
    next_number: int
    """The tail: numbers from here on belong to no segment's range."""
    waiting: int = 0
    wait_seq: int = 0
    entered: int = 0
    entry_seq: int = 0
    seen: int = 0
    """Of those who bought a number, so many have been seen: theirs are used up."""
    segments: list[Segment] = field(default_factory=list)
    """In the order of their times."""
    cancel_by: datetime | None = None
    """Until when an order may be cancelled, the hospital's rules considered. Not stored."""
    changed: bool = False
    """Its facts changed and the others are to be told. Not stored."""

    @property
    def full(self) -> bool:
        """True if nobody gets a number at once: there is none that is public, nor one that is set aside for somebody."""
        return not any(s.free or any(s.left_aside(key) for key in s.asides) for s in self.segments)

    @property
    def settled(self) -> bool:
        """True if nobody holds, has bought, waits for or hopes for a number of it; but for those who have been seen."""
        return not self.waiting and not self.entered and sum(s.taken for s in self.segments) == self.seen

    @property
    def takes_entries(self) -> bool:
        return self.draw_state == "open"

    def refusal(self, now: datetime, placed_at: datetime) -> str:
        """Why nothing can be had of this session at `now` by an order of `placed_at`; "" if something may.

        Both count: nothing is had a second early, whichever clock is fast, and who entered in time has entered.
        """
        if self.draft:
            return "session_not_found"
        if self.stopped:
            return "session_stopped"
        if now >= self.ends_at:
            return "session_over"
        if min(now, placed_at) < self.release_at:
            return "not_released"
        if self.draw_state == "drawing" or (
            self.takes_entries and self.draw_at is not None and placed_at >= self.draw_at
        ):
            return "entries_closed"
        return ""

    def segment(self, segment_id: str | None) -> Segment | None:
        return next((s for s in self.segments if s.id == segment_id), None)

    def take(self, segment: Segment) -> int:
        """Hold a number of a segment that has one: a returned one, else of its range, else of the tail."""
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

        A segment that is planned no more sells no more; one that is new gets its range at the tail. What our staff have added and
        set aside stays with its segment, so that a roster that comes late, and has it again, ends where it would have ended.
        """
        known = {segment.starts_at: segment for segment in self.segments}
        for segment in self.segments:
            segment.published = segment.withheld = 0
        for plan in plans:
            segment = known.get(plan.starts_at) or self._append(plan, mint())
            segment.ends_at, segment.published, segment.withheld = plan.ends_at, plan.capacity, plan.blocked
            for channel in CHANNELS:
                segment.set_aside(channel, plan.quotas.get(channel, 0))
        for segment in self.segments:
            if not segment.published:
                segment.roster_extra = 0
                segment.open_channels()
        self.segments.sort(key=lambda segment: segment.starts_at)
        return [segment for segment in self.segments if segment.taken > segment.planned]

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
            hospital_name=self.hospital_name,
            department_id=self.department_id,
            department_name=self.department_name,
            doctor_id=self.doctor_id,
            doctor_name=self.doctor_name,
            doctor_title=self.doctor_title,
            date=self.date,
            period=self.period,
            room=self.room,
            state="stopped" if self.stopped else "open" if self.released else "announced",
            policy=self.policy,
            fee=self.fee,
            release_at=self.release_at,
            draw_at=self.draw_at,
            drawn=self.draw_state == "drawn",
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            cancel_before=self.last_cancel,
            sold_out=self.sold_out,
        )

    @property
    def last_cancel(self) -> datetime:
        """Until when an order may be cancelled."""
        return self.cancel_by or self.cancel_before or self.starts_at

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
    hospital_id: str = ""
    department_id: str = ""
    doctor_id: str = ""
    date: Day | None = None
    period: str = ""
    join_waitlist: bool = False
    auto_book: bool = True
    voucher: str | None = None
    replaces: str | None = None
    channel: str | None = None
    """Whose set-aside number it is: a channel, or "@" and the patient."""
    hold_seconds: int = 0
    offered: bool = False
    cancel_before: datetime | None = None
    rule: str | None = None
    until: datetime | None = None
    released_by: str | None = None
    was_sold: bool = False
    """It was paid for, or free, when it was given back: the cool-down after that may be a longer one."""
    seen: bool = False
    """She was seen by the doctor: the number is used up."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An order's part in a draw. `weight` is the sum of its parts; 1 in a lottery."""

    order_id: str
    session_id: str
    seq: int
    pseudonym: str
    weight: int
    parts: tuple[WeightPart, ...]


def give_back(segment: Segment, reservation: Reservation) -> None:
    """Return an active reservation's number to its segment."""
    if reservation.state == "held":
        segment.held -= 1
    else:
        segment.sold -= 1
        reservation.was_sold = True
    if reservation.queue_number is not None:
        heappush(segment.returned, reservation.queue_number)
    reservation.state, reservation.seen = "released", False


def shown_state(*, stopped: bool, release_at: datetime, ends_at: datetime, free: int, now: datetime) -> ShownState:
    """A session's state as the API shows it at `now`."""
    if stopped:
        return "stopped"
    if now >= ends_at:
        return "closed"
    if now < release_at:
        return "announced"
    return "open" if free else "sold_out"


def local_date(time: datetime) -> date:
    """The hospital's date at this time."""
    return time.astimezone(SHANGHAI).date()
