"""Who is before whom: a place is a value that never changes by itself, so a line is its visits sorted by their places.

A place is the time from which a visit counts as waiting, moved back by what its class is ahead. So nobody starves, and the bound
is known: a visit of class c whose time is t is overtaken, however many come, only by visits of class d whose time is before
t + ahead(d) - ahead(c). (Ageing at one rate for all: Kleinrock, Queueing Systems II, 3.7, with equal slopes.) Besides, who was called
before her may come back before her: passed, put back, or from an examination. Who came back from one waits for her own doctor, but not
for ever: after `return_places` + 5 calls in her queue any desk takes her (usecases.clinic.calling.PATIENCE).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from common.messages import ClinicRules, VisitClass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Sorts lines. `path`: how she came to stand behind somebody: each newer one stands directly behind, before the older ones."""

    at: datetime
    since: datetime
    number: int
    path: tuple[int, ...] = ()

    def behind(self, moment: int) -> "Place":
        """The place right behind this one. `moment` grows with each such move of a queue."""
        return Place(self.at, self.since, self.number, (*self.path, -moment))


class Placed(Protocol):
    @property
    def place(self) -> Place | None: ...


P = TypeVar("P", bound=Placed)


def ahead(rules: ClinicRules, visit_class: VisitClass) -> timedelta:
    """By how much earlier a visit of this class counts as having come. In a `fifo` line, nobody's does."""
    if rules.discipline == "fifo":
        return timedelta(0)
    minutes = {
        "emergency": rules.emergency_ahead_minutes,
        "priority": rules.priority_ahead_minutes,
        "appointment": rules.appointment_ahead_minutes,
        "walk_in": 0,
    }
    return timedelta(minutes=minutes[visit_class])


def place(
    rules: ClinicRules, visit_class: VisitClass, came_at: datetime, number: int, segment_at: datetime | None
) -> Place:
    """Where she stands who comes at `came_at`; `number` grows with each who comes.

    `segment_at`: of an appointment that is kept in time, the start of its segment: in a `priority` line it counts, and not how
    early she came, so that appointments go by segment and within it by who came first.
    """
    counted = segment_at if segment_at is not None and rules.discipline == "priority" else came_at
    return Place(counted - ahead(rules, visit_class), came_at, number)


def in_order(visits: Iterable[P]) -> list[P]:
    """The line."""
    return sorted((v for v in visits if v.place is not None), key=place_of)


def place_of(visit: Placed) -> Place:
    """Raises ValueError for who stands in no line."""
    if visit.place is None:
        raise ValueError("stands in no line")
    return visit.place


def put_behind(line: Sequence[P], places: int, own: Place, moment: int) -> Place:
    """The place behind the first `places` of a line that she does not stand in, or behind all of a shorter one; 0: before all.

    `own`: where she stood, and stands if nobody else is there. `moment`: a new number of the queue.
    """
    if not line:
        return own
    if places == 0:
        first = place_of(line[0])
        return own if own < first else Place(first.at - timedelta.resolution, first.since, moment)
    return place_of(line[min(places, len(line)) - 1]).behind(moment)


def placed_anew(line: Sequence[P], fresh: Callable[[P], Place]) -> list[tuple[P, Place]]:
    """A whole line by other rules: everybody at her fresh place, but who was put behind somebody stays behind her."""
    moved: dict[tuple[datetime, datetime, int], Place] = {}
    found: list[tuple[P, Place]] = []
    for visit in line:
        old = place_of(visit)
        behind = moved.get((old.at, old.since, old.number)) if old.path else None
        new = fresh(visit) if behind is None else Place(behind.at, behind.since, behind.number, old.path)
        if not old.path:
            moved[old.at, old.since, old.number] = new
        found.append((visit, new))
    return found
