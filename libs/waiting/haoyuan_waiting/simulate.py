"""What may become of a live queue: everybody's wait, in many runs at once.

A run draws when those who are expected come, who comes unannounced, how long each consultation takes and who is not there when called, and then
plays the rule: a desk that is free calls the smallest place of those who are there, and keeps whom it has. All runs make their n-th call at the
same time: one step of numpy for each call, not for each patient and run.

Times are whole ticks of 1/1024 s: sums and comparisons are exact, so a seed gives the same answer on every machine.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from haoyuan_waiting.away import NEVER, TICK, Away
from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.normal import above, log_sf
from haoyuan_waiting.service import MOST_SECONDS, drawn_parameters, residual

LONGEST = NEVER >> 1
RUNS = 300
"""So many know where a 90th percentile is to 1.7 percentage points. It is what patients are told from."""

Ticks = NDArray[np.int32]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Estimate(NamedTuple):
    """Seconds from now until she is called: the mean, and the 10th and 90th percentile."""

    mean: float
    low: float
    high: float


class Waits:
    """How long everybody waits, by all runs. Those in which she never comes, or comes too late, do not count for her."""

    def __init__(self, keys: Sequence[str], called: Ticks) -> None:
        """`called`: for each key, ticks until her call in each run."""
        self._row = {key: row for row, key in enumerate(keys)}
        self._called = np.sort(called, axis=1)
        self._count = (called < NEVER).sum(axis=1)
        total = np.where(self._called < NEVER, self._called, 0).sum(axis=1, dtype=np.int64)
        self._mean = total / np.maximum(self._count, 1) / TICK
        self._low, self._high = self._quantiles(0.1), self._quantiles(0.9)

    def of(self, key: str) -> Estimate | None:
        """None if no run has a call for her. Raises KeyError if she is none of this line."""
        row = self._row[key]
        if not self._count[row]:
            return None
        return Estimate(float(self._mean[row]), float(self._low[row]), float(self._high[row]))

    def within(self, key: str, seconds: float) -> float | None:
        """The probability that she is called within so many seconds, if she comes. Between two runs it is linear."""
        row = self._row[key]
        if not (count := int(self._count[row])):
            return None
        calls, ticks = self._called[row, :count], seconds * TICK
        below, upto = np.searchsorted(calls, ticks, "left"), np.searchsorted(calls, ticks, "right")
        return float((below + upto + 1) / 2 / (count + 1))

    def _quantiles(self, share: float) -> Floats:
        """Seconds; of n sorted runs the k-th is the quantile of k / (n + 1)."""
        rank = np.clip(share * (self._count + 1) - 1, 0, np.maximum(self._count - 1, 0))
        lower = rank.astype(np.intp)
        rows = np.arange(len(rank))
        a = self._called[rows, lower]
        b = self._called[rows, np.minimum(lower + 1, np.maximum(self._count - 1, 0))]
        quantiles: Floats = (a + (b - a) * (rank - lower)) / TICK
        return quantiles


def waits(line: Line, runs: int = RUNS, seed: int = 0) -> Waits:
    """Play the line `runs` times."""
    keys = [customer.key for customer in line.customers]
    serving = [n for n, server in enumerate(line.servers) if server.free_in < LONGEST / TICK]
    if not serving or not keys:
        return Waits(keys, np.full((len(keys), runs), NEVER, dtype=np.int32))
    rng = np.random.Generator(np.random.PCG64(seed))
    came, column = _by_place(*_arrivals(line, runs, rng))
    absent = np.zeros(came.shape, dtype=np.bool_)
    if line.absent > 0:
        came, column, absent = _with_absences(line, came, column, rng)
    desks, away = Desks([line.servers[n] for n in serving], runs, rng, line.second), None
    if line.examined > 0 or any(c.returned or c.away_for is not None for c in line.customers):
        nobody, more = max(len(keys), int(column.max(initial=0)) + 1), ((0, 0), (0, 1))
        came, column = np.pad(came, more, constant_values=NEVER), np.pad(column, more, constant_values=nobody)
        absent = np.pad(absent, more)
        away = _away(line, serving, came, column, desks, rng)
    called = _play(came, column < len(keys), absent, _ticks(line.absent_for), desks, away)
    by_key = np.full((runs, max(len(keys), int(column.max(initial=0)) + 1)), NEVER, dtype=np.int32)
    np.put_along_axis(by_key, column, called, axis=1)
    by_key = by_key[:, : len(keys)] if away is None else np.minimum(by_key[:, : len(keys)], away.called)
    return Waits(keys, np.ascontiguousarray(by_key.T))


def _away(
    line: Line, serving: Sequence[int], came: Ticks, column: Indices, desks: "Desks", rng: np.random.Generator
) -> Away:
    """Who is at an examination, was, or may be sent there; who has returned is taken from the line, and stands where she stood.

    The last column is nobody's: who is called from beside the line is called there.
    """
    away = Away(line, serving, len(came), rng)
    for n, customer in enumerate(line.customers):
        if customer.away_for is not None:
            away.gone(n, customer.away_for, customer.desk)
        elif customer.returned:
            stood = (column == n).argmax(axis=1)
            came[np.arange(len(came)), stood] = NEVER
            away.waits(n, stood, customer.desk)
    for number, n in enumerate(serving):
        if line.servers[n].busy_for is not None and not line.servers[n].returned:
            away.send(np.ones(len(came), dtype=np.bool_), desks.free(number), number, own=0)
    return away


def _ticks(seconds: Floats | float) -> Ticks:
    """Whole ones, within what there is room for."""
    ticks = np.multiply(seconds, TICK)
    return np.minimum(np.maximum(np.rint(ticks), 0), LONGEST).astype(np.int32)


# --- who comes, and where she stands -------------------------------------------------------------------------------------------


def _arrivals(line: Line, runs: int, rng: np.random.Generator) -> tuple[Ticks, Places]:
    """When everybody comes, in each run (NEVER: not at all), and her place: the line's customers first, then the unannounced."""
    came = np.zeros((runs, len(line.customers)), dtype=np.int32)
    place = np.empty(came.shape, dtype=np.int64)
    place[:] = _places(np.array([customer.place for customer in line.customers]))
    expected = [n for n, customer in enumerate(line.customers) if customer.due_in is not None]
    if expected:
        who = [line.customers[n] for n in expected]
        came[:, expected], at = _expected(who, line.punctuality, runs, rng)
        raised = (rng.random(at.shape) < line.raised) & ~np.array([customer.raised for customer in who])
        place[:, expected] = np.where(raised, at - _places(np.array(line.raised_by)), at)
    came[:, [c.away_for is not None for c in line.customers]] = NEVER
    parts = [_unannounced(stream, runs, rng) for stream in line.streams]
    return np.hstack([came, *(c for c, _ in parts)]), np.hstack([place, *(p for _, p in parts)])


def _expected(
    who: Sequence[Customer], punctuality: Punctuality, runs: int, rng: np.random.Generator
) -> tuple[Ticks, Places]:
    """That they are not here yet is known: it makes those who are due more likely to stay away, or late."""
    due = np.array([0.0 if c.due_in is None else c.due_in for c in who])
    comes = np.array([c.comes for c in who])
    sd = max(punctuality.sd, 1e-6)
    until_now = np.where(due + punctuality.earliest >= 0, -np.inf, -(due + punctuality.mean) / sd)
    later = np.exp(log_sf(until_now))
    comes = comes * later / (comes * later + (1 - comes))  # 1 for who certainly comes, however late she is
    z = rng.standard_normal((runs, len(who)))
    cut = np.flatnonzero(until_now > -6)
    z[:, cut] = above(until_now[cut], 1 - rng.random((runs, len(cut))))
    after = np.maximum(punctuality.mean + sd * z, punctuality.earliest)
    came = _ticks(due + after)
    void_after = np.array([np.inf if c.void_after is None else c.void_after for c in who])
    came[(rng.random(came.shape) >= comes) | (after > void_after)] = NEVER
    late = after > np.array([np.inf if c.late_place is None else c.late_after for c in who])
    late_place = _places(np.array([c.late_place or 0.0 for c in who]))
    return came, np.where(late, came + late_place, _places(np.array([c.place for c in who])))


def _unannounced(stream: Stream, runs: int, rng: np.random.Generator) -> tuple[Ticks, Places]:
    """A Poisson process: how many come, each at any time."""
    since = max(stream.since, 0.0)
    lasts = max(stream.until - since, 0.0)
    count = rng.poisson(stream.rate * lasts, runs)
    came = _ticks(since + rng.random((runs, int(count.max(initial=0)))) * lasts)
    came[np.arange(came.shape[1]) >= count[:, None]] = NEVER
    return came, came - _places(np.array(stream.ahead))


def _places(seconds: Floats) -> Places:
    """In ticks: like times, but before now too."""
    return np.rint(np.clip(seconds, -LONGEST / TICK, LONGEST / TICK) * TICK).astype(np.int64)


def _by_place(came: Ticks, place: Places) -> tuple[Ticks, Indices]:
    """Each run's arrivals sorted by place, and which column each was; as wide as the run to which most come. Of equal places who came
    first is first, then the column.

    All three are packed into one number, since sorting numbers is much faster than sorting what they stand for: place in ticks,
    coming in seconds, column.
    """
    comes = came < NEVER
    place[~comes] = NEVER
    place <<= 20
    place += came >> 10
    column = _sorted(place)[:, : comes.sum(axis=1).max(initial=0)]
    return _taken(came, column), column


def _with_absences(line: Line, came: Ticks, column: Indices, rng: np.random.Generator) -> tuple[Ticks, Indices, Flags]:
    """Who will not be there when called, and then stands in the line a second time, so many places behind, and perhaps a third.

    Her first place is called first whenever she came, so that all of them can stand in the line from the beginning. The places that
    she is put behind are those of all who will come, of whom some may do so only after her second call; 0: all who are here now.
    """
    runs, width = came.shape
    absent = rng.random(came.shape) < line.absent
    absent &= ~np.isin(column, [n for n, customer in enumerate(line.customers) if customer.returned])
    run, behind, since, missed = _second_places(line, came, column, absent, rng)
    in_runs = np.argsort(run, kind="stable")
    nth = np.empty(len(run), dtype=np.intp)
    nth[in_runs] = np.arange(len(run)) - np.searchsorted(run[in_runs], run[in_runs])
    most = int(nth.max(initial=-1)) + 1
    place = np.empty((runs, width + most), dtype=np.int64)
    place[:, :width], place[:, width:] = 2 * np.arange(width), 4 * width
    place[run, width + nth] = 2 * behind + 1
    came = np.hstack([came, np.full((runs, most), NEVER, dtype=np.int32)])
    absent = np.hstack([absent, np.zeros((runs, most), dtype=np.bool_)])
    came[run, width + nth], absent[run, width + nth] = since, missed
    nobody = np.arange(most) + max(int(column.max(initial=0)) + 1, len(line.customers))
    column = np.hstack([column, np.broadcast_to(nobody, (runs, most))])
    order = _sorted(place)
    return _taken(came, order), _taken(column, order), _taken(absent, order)


def _second_places(
    line: Line, came: Ticks, column: Indices, absent: Flags, rng: np.random.Generator
) -> tuple[Indices, Indices, Ticks, Flags]:
    """Of each call after one in vain: the run, behind which column, since when she is here, and whether that one is in vain too."""
    run, behind = np.nonzero(absent & (came < NEVER))
    last = (came == 0).sum(axis=1)
    passed, passes = np.array(line.passed, dtype=np.intp), np.zeros(len(line.customers) + 1, dtype=np.intp)
    passes[:-1] = [customer.passes for customer in line.customers]
    since, nth = came[run, behind], passes[np.minimum(column[run, behind], len(line.customers))]
    again = [(run[:0], behind[:0], since[:0], absent[0, :0])]
    for _ in line.passed:
        left = nth < len(passed)
        run, behind, since, nth = run[left], behind[left], since[left], nth[left]
        places = passed[nth]
        behind = np.where(places > 0, behind + places, np.maximum(behind, last[run]))
        missed = rng.random(len(run)) < line.absent
        again.append((run, behind, since, missed))
        run, behind, since, nth = run[missed], behind[missed], since[missed], nth[missed] + 1
    runs, columns, times, flags = zip(*again, strict=True)
    return np.concatenate(runs), np.concatenate(columns), np.concatenate(times), np.concatenate(flags)


def _taken(values: NDArray[Any], order: Indices) -> NDArray[Any]:
    return np.take_along_axis(values, order, axis=1)


def _sorted(place: Places) -> Indices:
    """The columns of each row by the numbers that stand there, those of equal ones from left to right; packed into the low bits."""
    bits = int(place.shape[1]).bit_length()
    place <<= bits
    place += np.arange(place.shape[1])
    place.sort(axis=1)
    place &= (1 << bits) - 1
    return place


# --- who is called -------------------------------------------------------------------------------------------------------------


class Desks:
    """The doctors in each run: when they are free, and how long their next consultation takes.

    Each is a number: the ticks when she is free, and which she is in the low bits, so that the least says both.
    """

    BITS = 32
    BLOCK = 32
    """So many calls are drawn at once."""

    def __init__(self, servers: Sequence[Server], runs: int, rng: np.random.Generator, second: float = 1.0) -> None:
        """`second`: so many times as long as a first consultation is that of somebody who has returned."""
        self._rng, self._second = rng, second
        self._mu, self._sigma = _parameters(servers, runs, rng)
        free = np.stack([self._free(n, server) for n, server in enumerate(servers)])
        self._free_desk = (free.reshape(-1).astype(np.int64) << self.BITS) + np.arange(free.size)
        self._by_desk = self._free_desk.reshape(free.shape)
        self._takes: Ticks = np.empty((0, 0), dtype=np.int32)
        self._step = 0

    def _free(self, n: int, server: Server) -> Ticks:
        """When she is, given that whoever is at her desk has been there so long already, and that she may have to pause."""
        free = np.full(self._mu.shape[1], _ticks(server.free_in), dtype=np.int32)
        if server.busy_for is None:
            return free
        mu = self._mu[n] + np.log(self._second) if server.returned else self._mu[n]
        rest = residual(mu, self._sigma[n], server.busy_for, 1 - self._rng.random(len(free)))
        return np.maximum(free, _ticks(np.minimum(rest, MOST_SECONDS)))

    def again(self, takes: Ticks) -> Ticks:
        """Of a second consultation, if a first one would take so long."""
        second: Ticks = np.minimum(takes * self._second, MOST_SECONDS * TICK).astype(np.int32)
        return second

    def free(self, n: int) -> Ticks:
        """When the n-th desk is, in each run."""
        free: Ticks = (self._by_desk[n] >> self.BITS).astype(np.int32)
        return free

    def next(self) -> tuple[Indices, Ticks, Ticks]:
        """The desk that calls next in each run, which has been free longest; since when it is; how long it has whom it calls now."""
        if self._step == len(self._takes):
            self._takes, self._step = self._draw(), 0
        first = self._by_desk.min(axis=0)
        desk = first & ((1 << self.BITS) - 1)
        takes = self._takes[self._step].take(desk)
        self._step += 1
        return desk, (first >> self.BITS).astype(np.int32), takes

    def _draw(self) -> Ticks:
        """None is longer than what is believed of one that was seen: else, where little is learnt, the mean would be that of absurd ones."""
        z = self._rng.standard_normal((self.BLOCK, 1, self._mu.shape[1]))
        z = z * self._sigma
        z += self._mu + np.log(TICK)
        np.exp(np.minimum(z, np.log(MOST_SECONDS * TICK), out=z), out=z)
        return z.astype(np.int32).reshape(self.BLOCK, -1)

    def busy(self, desk: Indices, until: Ticks) -> None:
        """Until then; `desk`: as `next` said."""
        self._free_desk[desk] = (until.astype(np.int64) << self.BITS) + desk


def _parameters(servers: Sequence[Server], runs: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """`mu` and `sigma` of each desk in each run; of those who are known equally, the same."""
    mu, sigma = (np.empty((len(servers), runs)) for _ in range(2))
    first: dict[ServiceTime, int] = {}
    for n, service in enumerate(server.service for server in servers):
        if (same := first.setdefault(service, n)) != n:
            mu[n], sigma[n] = mu[same], sigma[same]
            continue
        mu[n], sigma[n] = drawn_parameters(service, runs, rng)
    return mu, sigma


def _play(came: Ticks, known: Flags, absent: Flags, absent_for: Ticks, desks: Desks, away: Away | None = None) -> Ticks:
    """Ticks until each is called, in the order of `came`, which is used up. It ends when all who are `known` were called or never come.

    A run that has ended goes on to call its first column at NEVER, which changes nothing. One that has not stays before: at NEVER
    those who have been called would look as if they were there.
    """
    row = np.arange(len(came)) * came.shape[1]
    flat, there, found = came.reshape(-1), np.empty(came.shape, dtype=np.bool_), np.empty(len(came), dtype=np.bool_)
    in_vain = absent.reshape(-1) if absent.any() else None
    calls: list[tuple[Indices, Ticks]] = []
    while len(calls) % 8 or (known & (came < NEVER)).any() or (away is not None and away.awaited()):
        desk, now, takes = desks.next()
        np.less_equal(came, now[:, None], out=there)
        who = there.argmax(axis=1)
        who += row
        there.reshape(-1).take(who, out=found)
        again = None if away is None else away.call(came, now, desk // len(came), who - row, found)
        if not found.all():
            nobody = np.flatnonzero(~found)
            now[nobody] = came[nobody].min(axis=1)
            who[nobody] = (came[nobody] <= now[nobody, None]).argmax(axis=1) + row[nobody]
        if again is not None:
            who = np.where(again, row + came.shape[1] - 1, who)
            takes = np.where(again, desks.again(takes), takes)
        if in_vain is not None:
            takes = np.where(in_vain.take(who), absent_for, takes)
        flat[who] = NEVER
        until = np.where(now < NEVER, np.minimum(now + takes, NEVER - 1), NEVER)
        desks.busy(desk, until)
        if away is not None and again is not None:
            seen = ~again if in_vain is None else ~again & ~in_vain.take(who)
            away.send(seen, until, desk // len(came), who - row)
        calls.append((who, now))
    called = np.empty_like(flat)
    called.fill(NEVER)
    for who, now in reversed(calls):
        called[who] = now  # what a run calls after its end comes first here, and is overwritten
    return called.reshape(came.shape)
