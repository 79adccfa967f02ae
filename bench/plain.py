"""The rule of a line in plain Python: one day, one event after the other, written to be read.

What haoyuan_waiting.simulate does for many runs at once is measured against it: its speed by bench.waits, and its truth by
bench.waits_study.
"""

import heapq
import math
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """As booking-svc sorts a line: `at` is the time from which she counts as waiting; `path`: behind whom she was put, and when."""

    at: float
    since: float
    number: int
    path: tuple[int, ...] = ()

    def behind(self, moment: int) -> "Place":
        return replace(self, path=(*self.path, -moment))


@dataclass(frozen=True, slots=True)
class Arrival:
    """`leaves`: who has not been called by then goes home."""

    key: str
    came: float
    place: Place
    leaves: float = math.inf


@dataclass(frozen=True, slots=True)
class Call:
    """She was called at `at` to this desk, which is free again at `until`. `put`: nobody was there, and she stands here now. `second`:
    she had come back; `sent`: she is sent to an examination at `until`.
    """

    key: str
    at: float
    desk: int
    until: float
    found: bool
    put: Place | None = None
    second: bool = False
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """From an examination, to where she stands; only this desk calls her."""

    key: str
    at: float
    place: Place
    desk: int


class Played(NamedTuple):
    """All calls, in the order in which desks make them, and all who came back."""

    calls: list[Call]
    returns: list[Return]


@dataclass(frozen=True, slots=True)
class Rules:
    """What chance does at a desk. `takes(desk)`: seconds; `absent()`: nobody is there; `away()`: for how long she is sent to an
    examination, 0: she is not. Then she stands behind so many (0: before all), and a second consultation takes `second` times as long.
    """

    takes: Callable[[int], float]
    absent: Callable[[], bool]
    absent_for: float
    passed: Sequence[int]
    away: Callable[[], float] = lambda: 0.0
    return_places: int = 2
    second: float = 1.0


class Waiting(NamedTuple):
    """`desk`: she has come back to this one."""

    place: Place
    key: str
    leaves: float
    desk: int | None = None


@dataclass
class _Line:
    """Who waits, in order; who will come, the first of them first."""

    rules: Rules
    coming: list[tuple[float, int, Waiting]]
    waiting: list[Waiting] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    moments: Iterator[int] = field(default_factory=lambda: count(1))

    def come(self, now: float) -> None:
        """Everybody who does by then."""
        while self.coming and self.coming[0][0] <= now:
            at, _, one = heapq.heappop(self.coming)
            if one.desk is not None:
                place = self._behind(at, self.rules.return_places, one.place)
                self.returns.append(Return(one.key, at, place, one.desk))
                one = one._replace(place=place)
            insort(self.waiting, one)

    def first(self, now: float, desk: int) -> Waiting | None:
        """Whom this desk calls, who leaves the line; who had gone home by then does so too."""
        for one in list(self.waiting):
            if one.leaves <= now:
                self.waiting.remove(one)
            elif one.desk in {None, desk}:
                self.waiting.remove(one)
                return one
        return None

    def put(self, one: Waiting, now: float, places: int) -> Place:
        """Behind the first so many, or behind all: 0, or fewer are there."""
        place = self._behind(now, places or len(self.waiting), one.place)
        insort(self.waiting, one._replace(place=place, leaves=math.inf))
        return place

    def _behind(self, now: float, places: int, own: Place) -> Place:
        self.waiting = [one for one in self.waiting if one.leaves > now]
        if not self.waiting:
            return own
        if places == 0:
            first = self.waiting[0].place
            return min(own, replace(first, at=first.at - 1e-6, path=()))
        return self.waiting[min(places, len(self.waiting)) - 1].place.behind(next(self.moments))


def play(arrivals: Iterable[Arrival], free: Sequence[float], rules: Rules) -> Played:
    """What happens. `free`: when each desk makes its first call."""
    line = _Line(rules, [(a.came, a.place.number, Waiting(a.place, a.key, a.leaves)) for a in arrivals])
    heapq.heapify(line.coming)
    desks = [(at, at, number) for number, at in enumerate(free)]
    heapq.heapify(desks)
    misses: dict[str, int] = {}
    calls: list[Call] = []
    while desks:
        now, since, desk = heapq.heappop(desks)
        line.come(now)
        one = line.first(now, desk)
        if one is None:
            if line.coming:
                heapq.heappush(desks, (line.coming[0][0], since, desk))
            continue
        call = _call(line, one, now, desk, misses)
        calls.append(call)
        heapq.heappush(desks, (call.until, call.until, desk))
    return Played(calls, line.returns)


def _call(line: _Line, one: Waiting, now: float, desk: int, misses: dict[str, int]) -> Call:
    rules, second = line.rules, one.desk is not None
    takes = rules.takes(desk) * (rules.second if second else 1.0)
    if not second and rules.absent():
        misses[one.key] = misses.get(one.key, 0) + 1
        again = misses[one.key] <= len(rules.passed)
        put = line.put(one, now, rules.passed[misses[one.key] - 1]) if again else None
        return Call(one.key, now, desk, now + rules.absent_for, found=False, put=put)
    away = 0.0 if second else rules.away()
    if away > 0:
        back = now + takes + away
        heapq.heappush(line.coming, (back, one.place.number, one._replace(desk=desk, leaves=math.inf)))
    return Call(one.key, now, desk, now + takes, found=True, second=second, sent=away > 0)
