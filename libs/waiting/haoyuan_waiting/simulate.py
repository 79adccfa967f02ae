"""What may become of a live queue: everybody's wait, in many runs at once.

A run draws when those who are expected come, who comes unannounced, how long each consultation takes and who is not there when called, and then
plays the rule: a desk that is free calls the smallest place of those who are there, and keeps whom it has. All runs make their n-th call at the
same time: one step of numpy for each call, not for each patient and run.

Times are whole ticks of 1/1024 s: sums and comparisons are exact, so a seed gives the same answer on every machine.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.normal import above, log_sf
from haoyuan_waiting.service import residual

TICK = 1024
NEVER = 1 << 30
"""In ticks: twelve days. Two of them fit into 32 bits."""
PASSED = NEVER - (1 << 16)
"""From here on, to NEVER: is called again when so many calls were made in all."""
LONGEST = NEVER >> 1
LEAST_LEARNT = 4.0
"""Fewer consultations than this say nothing of a standard deviation: its distribution would have no mean."""

Ticks = NDArray[np.int32]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Places = NDArray[np.int64]


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


def waits(line: Line, runs: int = 400, seed: int = 0) -> Waits:
    """Play the line `runs` times."""
    keys = [customer.key for customer in line.customers]
    servers = [server for server in line.servers if server.free_in < LONGEST / TICK]
    if not servers or not keys:
        return Waits(keys, np.full((len(keys), runs), NEVER, dtype=np.int32))
    rng = np.random.Generator(np.random.PCG64(seed))
    came, column = _by_place(*_arrivals(line, runs, rng))
    desks = Desks(servers, runs, rng)
    called = _play(line, came, column < len(keys), desks, rng)
    by_key = np.full((runs, max(len(keys), int(column.max(initial=0)) + 1)), NEVER, dtype=np.int32)
    np.put_along_axis(by_key, column, called, axis=1)
    return Waits(keys, np.ascontiguousarray(by_key[:, : len(keys)].T))


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
        came[:, expected], place[:, expected] = _expected(who, line.punctuality, runs, rng)
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
    comes = comes * later / (comes * later + 1 - comes)
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
    until = max(stream.until, 0.0)
    count = rng.poisson(stream.rate * until, runs)
    came = _ticks(rng.random((runs, int(count.max(initial=0)))) * until)
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
    bits = int(came.shape[1]).bit_length()
    comes = came < NEVER
    place[~comes] = NEVER
    place <<= 20
    place += came >> 10
    place <<= bits
    place += np.arange(came.shape[1])
    place.sort(axis=1)
    column = place[:, : comes.sum(axis=1).max(initial=0)] & ((1 << bits) - 1)
    return np.take_along_axis(came, column, axis=1), column


# --- who is called -------------------------------------------------------------------------------------------------------------


class Desks:
    """The doctors in each run: when they are free, and how long their next consultation takes.

    Each is a number: the ticks when she is free, and her own in the low bits, so that the least says both.
    """

    BITS = 16
    BLOCK = 32
    """So many calls are drawn at once."""

    def __init__(self, servers: Sequence[Server], runs: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._mu, self._sigma = _parameters(servers, runs, rng)
        self._numbers = np.arange(len(servers))[:, None]
        free = np.stack([self._free(n, server) for n, server in enumerate(servers)])
        self._free_desk = ((free.astype(np.int64) << self.BITS) + self._numbers).reshape(-1)
        self._shape = free.shape
        self._columns = np.arange(runs)
        self._takes: Ticks = np.empty((0, 0), dtype=np.int32)
        self._step = 0

    def _free(self, n: int, server: Server) -> Ticks:
        """When she is, given that whoever is at her desk has been there so long already, and that she may have to pause."""
        free = np.full(self._mu.shape[1], _ticks(server.free_in), dtype=np.int32)
        if server.busy_for is None:
            return free
        rest = residual(self._mu[n], self._sigma[n], server.busy_for, 1 - self._rng.random(len(free)))
        return np.maximum(free, _ticks(rest))

    def next(self) -> tuple[Indices, Ticks, Ticks]:
        """The desk that calls next in each run, which has been free longest; since when it is; how long it has whom it calls now."""
        if self._step == len(self._takes):
            self._takes, self._step = self._draw(), 0
        first = self._free_desk.reshape(self._shape).min(axis=0)
        at = (first & ((1 << self.BITS) - 1)) * len(self._columns) + self._columns
        takes = self._takes[self._step].take(at)
        self._step += 1
        return at, (first >> self.BITS).astype(np.int32), takes

    def _draw(self) -> Ticks:
        z = self._rng.standard_normal((self.BLOCK, 1, len(self._columns)))
        z = z * self._sigma
        z += self._mu + np.log(TICK)
        np.exp(np.minimum(z, np.log(LONGEST), out=z), out=z)
        return z.astype(np.int32).reshape(self.BLOCK, -1)

    def busy(self, at: Indices, until: Ticks) -> None:
        """Until then; `at`: as `next` said."""
        until = np.minimum(until, NEVER)
        self._free_desk[at] = (until.astype(np.int64) << self.BITS) + at // len(self._columns)


def _parameters(servers: Sequence[Server], runs: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """`mu` and `sigma` of each desk in each run. Where they are learnt from few consultations, each run believes in others: drawn
    from what so many leave open (normal with both unknown, Gelman et al., Bayesian Data Analysis, 3.2).
    """
    mu, sigma = (np.empty((len(servers), runs)) for _ in range(2))
    first: dict[ServiceTime, int] = {}
    for n, service in enumerate(server.service for server in servers):
        if (same := first.setdefault(service, n)) != n:
            mu[n], sigma[n] = mu[same], sigma[same]
            continue
        sigma[n], mu[n] = max(service.sigma, 1e-6), service.mu
        count = max(service.learnt_from, LEAST_LEARNT)
        if np.isfinite(count):
            sigma[n] *= np.sqrt((count - 1) / rng.chisquare(count - 1, runs))
            mu[n] += sigma[n] * rng.standard_normal(runs) / np.sqrt(count)
    return mu, sigma


def _play(line: Line, came: Ticks, known: NDArray[np.bool_], desks: Desks, rng: np.random.Generator) -> Ticks:
    """Ticks until each is called, in the order of `came`, which is used up. It ends when all who are `known` were called or never come.

    A run that has ended calls its first column again at NEVER, which changes nothing.
    """
    row = np.arange(len(came)) * came.shape[1]
    flat, there = came.reshape(-1), np.empty(came.shape, dtype=np.bool_)
    absences = Absences(line, came, rng) if line.absent > 0 else None
    calls: list[tuple[Indices, Ticks]] = []
    while len(calls) % 8 or (known & (came < NEVER)).any():
        desk, now, takes = desks.next()
        if absences:
            absences.back(len(calls))
        np.less_equal(came, now[:, None], out=there)
        who = there.argmax(axis=1) + row
        if not (found := there.reshape(-1).take(who)).all():
            nobody = np.flatnonzero(~found)
            who[nobody], now[nobody] = _next_to_come(came[nobody], now[nobody])
            who[nobody] += row[nobody]
        until = now + takes
        flat[who] = NEVER
        if absences:
            absences.look(len(calls), who, now, until)
        desks.busy(desk, until)
        calls.append((who, now))
    called = np.full_like(flat, NEVER)
    for who, now in reversed(calls):
        called[who] = now  # the first call of each comes last, and stays
    return called.reshape(came.shape)


def _next_to_come(came: Ticks, now: Ticks) -> tuple[Indices, Ticks]:
    """Nobody is there: who is called next, and when. One who was passed over need not wait for others before an empty desk."""
    came = np.where((came >= PASSED) & (came < NEVER), now[:, None], came)
    now = came.min(axis=1)
    return (came <= now[:, None]).argmax(axis=1), now


class Absences:
    """Calls that find nobody: those who are called again when so many others were, and those who are not."""

    def __init__(self, line: Line, came: Ticks, rng: np.random.Generator) -> None:
        self._came, self._width = came.reshape(-1), came.shape[1]
        self._rng = rng
        self._share, self._takes = line.absent, _ticks(line.absent_for)
        self._places = np.array([*line.passed, -1])
        self._behind = sorted(set(line.passed))
        self._misses = np.zeros(came.size, dtype=np.int8)
        self._due: dict[int, list[Indices]] = {}
        self._absent = np.empty((0, len(came)), dtype=np.bool_)

    def back(self, step: int) -> None:
        """Those after whom enough others were called stand in the line again, where they stood."""
        for who in self._due.pop(step, ()):
            self._came[who[self._came[who] == PASSED + step]] = 0  # others were called to an empty desk meanwhile

    def look(self, step: int, who: Indices, now: Ticks, until: Ticks) -> None:
        """Draw who of those called just now is not there; their desks are free soon."""
        if step % Desks.BLOCK == 0:
            self._absent = self._rng.random((Desks.BLOCK, len(who))) < self._share
        runs = np.flatnonzero(self._absent[step % Desks.BLOCK] & (now < NEVER))
        until[runs] = now[runs] + self._takes
        who = who[runs]
        misses = self._misses[who]
        self._misses[who] = misses + 1
        places = self._places[misses]
        for behind in self._behind:
            passed = places == behind
            if behind:
                self._later(step + 1 + behind, who[passed])
                continue
            for one, run in zip(who[passed], runs[passed], strict=True):
                line = self._came[run * self._width : (run + 1) * self._width]
                self._later(step + 1 + int((line <= now[run]).sum()), one[None])

    def _later(self, step: int, who: Indices) -> None:
        self._came[who] = PASSED + step
        self._due.setdefault(step, []).append(who)
