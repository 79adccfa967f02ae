"""The rule of a line in plain Python: one day, one event after the other, written to be read.

What haoyuan_waiting.simulate does for many runs at once is measured against it: its speed by bench.waits, and its truth by
bench.waits_study.
"""

import heapq
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace


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
    key: str
    came: float
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """She was called at `at` to this desk, which is free again at `until`. `put`: nobody was there, and she stands here now."""

    key: str
    at: float
    desk: int
    until: float
    found: bool
    put: Place | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What chance does at a desk. `takes(desk)`: seconds; `absent()`: nobody is there."""

    takes: Callable[[int], float]
    absent: Callable[[], bool]
    absent_for: float
    passed: Sequence[int]


def play(arrivals: Iterable[Arrival], free: Sequence[float], rules: Rules) -> list[Call]:
    """All calls, in the order in which desks make them. `free`: when each desk makes its first."""
    coming = sorted(arrivals, key=lambda a: (a.came, a.place.number), reverse=True)
    desks = [(at, number) for number, at in enumerate(free)]
    heapq.heapify(desks)
    line: list[tuple[Place, str]] = []
    misses: dict[str, int] = {}
    calls: list[Call] = []
    while desks and (coming or line):
        now, desk = heapq.heappop(desks)
        if not line:
            now = max(now, coming[-1].came)
        while coming and coming[-1].came <= now:
            one = coming.pop()
            insort(line, (one.place, one.key))
        place, key = line.pop(0)
        takes, found, put = rules.takes(desk), not rules.absent(), None
        if not found:
            takes = rules.absent_for
            misses[key] = misses.get(key, 0) + 1
            if misses[key] <= len(rules.passed):
                put = _behind(line, rules.passed[misses[key] - 1], len(calls), place)
                insort(line, (put, key))
        calls.append(Call(key, now, desk, now + takes, found, put))
        heapq.heappush(desks, (now + takes, desk))
    return calls


def _behind(line: Sequence[tuple[Place, str]], places: int, moment: int, place: Place) -> Place:
    """Behind the first so many, or behind all: 0, or fewer are there."""
    if not line:
        return place
    return line[places - 1 if 0 < places <= len(line) else -1][0].behind(moment)
