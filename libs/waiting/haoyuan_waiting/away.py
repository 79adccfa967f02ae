"""Who is sent to an examination and comes back, in all runs of haoyuan_waiting.simulate at once.

Few are away at a time: each run keeps them beside its line, in slots, until they are called again. Where they stand in it is one number:
the column of whom they stand behind in the high bits, and in the low ones how late they came, since the newer stands directly behind,
before the older. Who comes back behind somebody who came back herself stands behind her; of several such, any is first.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from haoyuan_waiting.line import Line
from haoyuan_waiting.service import MOST_SECONDS, drawn_parameters, residual

TICK = 1024
NEVER = 1 << 30
"""In ticks: twelve days. Two of them fit into 32 bits."""
BITS = 31
NOWHERE = np.iinfo(np.int64).max
ANY, NOBODY = -1, -1

Ticks = NDArray[np.int32]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Away:
    """`back`: when she comes (NEVER: the slot is empty); `stands`: where, once she has (before: NOWHERE)."""

    def __init__(self, line: Line, desks: Sequence[int], runs: int, rng: np.random.Generator) -> None:
        """`desks`: which of the line's servers those are that take part, in their order."""
        self._rng, self._examined, self._behind = rng, line.examined, line.return_places
        self._mu, self._sigma = drawn_parameters(line.examination, runs, rng)
        self._runs = np.arange(runs)
        self._number = {n: number for number, n in enumerate(desks)}
        self.called: Ticks = np.full((runs, len(line.customers)), NEVER, dtype=np.int32)
        self._back: Ticks = np.empty((runs, 0), dtype=np.int32)
        self._stands: Places = np.empty((runs, 0), dtype=np.int64)
        self._desk, self._whose, self._own = (np.empty((runs, 0), dtype=np.intp) for _ in range(3))
        self._grow(4)

    def _grow(self, slots: int) -> None:
        """Room for so many more."""
        more = ((0, 0), (0, slots))
        self._back = np.pad(self._back, more, constant_values=NEVER)
        self._stands = np.pad(self._stands, more, constant_values=NOWHERE)
        self._desk = np.pad(self._desk, more, constant_values=ANY)
        self._whose = np.pad(self._whose, more, constant_values=NOBODY)
        self._own = np.pad(self._own, more)

    # --- who is away, or waits again, from the beginning -------------------------------------------------------------------------

    def gone(self, n: int, since: float, desk: int | None) -> None:
        """The line's n-th customer is away."""
        rest = residual(self._mu, self._sigma, since, 1 - self._rng.random(len(self._runs)))
        back = np.rint(np.minimum(rest, MOST_SECONDS) * TICK).astype(np.int32)
        self._fill(self._runs, back, self._server(desk), own=0, whose=n)

    def waits(self, n: int, column: Indices, desk: int | None) -> None:
        """The line's n-th customer has returned, and stands at this column of each run."""
        slot = self._fill(self._runs, np.zeros(len(self._runs), dtype=np.int32), self._server(desk), own=0, whose=n)
        self._stands[self._runs, slot] = column.astype(np.int64) << BITS

    def _server(self, desk: int | None) -> int:
        """Hers, if that one still serves the line."""
        return ANY if desk is None else self._number.get(desk, ANY)

    # --- as the runs go on -------------------------------------------------------------------------------------------------------

    def send(self, first: Flags, until: Ticks, desk: Indices | int, own: Indices | int) -> None:
        """Some of those whose first consultation ends then are sent away."""
        sent = np.flatnonzero(first & (self._rng.random(len(first)) < self._examined) & (until < NEVER))
        if not len(sent):
            return
        z = self._rng.standard_normal(len(sent))
        takes = np.exp(np.minimum(self._mu[sent] + self._sigma[sent] * z, np.log(MOST_SECONDS))) * TICK
        back = np.minimum(until[sent] + np.rint(takes).astype(np.int64), NEVER - 1).astype(np.int32)
        self._fill(
            sent, back, desk if isinstance(desk, int) else desk[sent], own if isinstance(own, int) else own[sent]
        )

    def _fill(
        self, rows: Indices, back: Ticks, desk: Indices | int, own: Indices | int, whose: int = NOBODY
    ) -> Indices:
        if (self._back[rows] < NEVER).all(axis=1).any():
            self._grow(self._back.shape[1])
        slot: Indices = (self._back[rows] == NEVER).argmax(axis=1)
        self._back[rows, slot], self._stands[rows, slot] = back, NOWHERE
        self._desk[rows, slot], self._own[rows, slot], self._whose[rows, slot] = desk, own, whose
        return slot

    def _come(self, came: Ticks, now: Ticks) -> None:
        """Who is back by now stands in the line: behind so many of those who waited when she came, and were not called since."""
        runs, slots = ((self._back <= now[:, None]) & (self._stands == NOWHERE) & (self._back < NEVER)).nonzero()
        if not len(runs):
            return
        since = self._back[runs, slots]
        most = max(self._behind, 1)
        before: Places = np.full((len(runs), most + self._back.shape[1]), NOWHERE, dtype=np.int64)
        waiting, rows = came[runs] <= since[:, None], np.arange(len(runs))
        for nth in range(most):
            column = waiting.argmax(axis=1)
            before[:, nth] = np.where(waiting[rows, column], column << BITS, NOWHERE)
            waiting[rows, column] = False
        before[:, most:] = np.where(self._back[runs] <= since[:, None], self._stands[runs], NOWHERE)
        before.sort(axis=1)
        own = self._own[runs, slots].astype(np.int64) << BITS
        last = np.minimum((before < NOWHERE).sum(axis=1), most) - 1
        one = np.where(last < 0, own, before[rows, np.maximum(last, 0)])
        if self._behind:
            behind = one + np.where(one & (NEVER * 2 - 1), 1, NEVER - since)
            self._stands[runs, slots] = np.where(last < 0, own, behind)
        else:
            self._stands[runs, slots] = np.minimum(own, one - 1)

    def call(self, came: Ticks, now: Ticks, desk: Indices, column: Indices, found: Flags) -> Flags:
        """In which runs this desk calls somebody who is back, and not who stands at this column, if anybody was `found` there.

        Then she is `found`; where nobody was, she may be the first who comes, and `now` is when.
        """
        self._come(came, now)
        hers = (self._desk == desk[:, None]) | (self._desk == ANY)
        stands = np.where(hers, self._stands, NOWHERE)
        slot = stands.argmin(axis=1)
        again: Flags = stands[self._runs, slot] < np.where(found, column.astype(np.int64) << BITS, NOWHERE)
        nobody = np.flatnonzero(~(found | again))
        if len(nobody):
            back = np.where(hers[nobody], self._back[nobody], NEVER)
            slot[nobody] = back.argmin(axis=1)
            at = back[np.arange(len(nobody)), slot[nobody]]
            again[nobody] = at < came[nobody].min(axis=1)
            now[nobody] = at
        found |= again
        self._empty(np.flatnonzero(again), slot, now)
        return again

    def _empty(self, runs: Indices, slot: Indices, now: Ticks) -> None:
        """These slots, since they are called."""
        slot, now = slot[runs], now[runs]
        whose = self._whose[runs, slot]
        known = whose != NOBODY
        self.called[runs[known], whose[known]] = now[known]
        self._back[runs, slot], self._stands[runs, slot], self._whose[runs, slot] = NEVER, NOWHERE, NOBODY

    def awaited(self) -> bool:
        """Somebody of whom is to be told has not been called."""
        return bool((self._whose != NOBODY).any())
