"""The chance of getting a number, before it is decided. Pure.

Lottery: exact. Weighted draw: an integral over the entrant's own key, with the exact distribution of how many others come
before her. Waitlist: a model of how many numbers will be freed, learnt from the hospital's past. docs/draws.md tells patients.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import acos, ceil, comb, exp, inf, lgamma, log, pi, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Method = Literal["exact", "integral", "bracketed", "model"]

MOST_CLASSES = 128
"""Of different weights that are reckoned with exactly; a hospital's rules rarely give more than ten."""
_TAIL = 1e-13
"""What is neglected on each side."""
_NODES = 24
_TOLERANCE = 1e-9
_MOST_PANELS = 512

PRIOR_RATE = 0.1
"""Where nothing is known yet: one number in ten is given back, evenly over the last week before the cut-off."""
PRIOR_SPAN = timedelta(days=7)
PRIOR_NUMBERS = 50.0
"""How many past numbers that assumption weighs as much as."""


@dataclass(frozen=True, slots=True)
class Chance:
    """`error` bounds what the calculation itself may be off; None where it is a model of people, who are not calculable."""

    probability: float
    method: Method
    error: float | None


@dataclass(frozen=True, slots=True)
class Releases:
    """A hospital's past: of `numbers` that were taken, `freed` were given back in as long before the cut-off as is left now."""

    freed: int
    numbers: int


# --- lottery ---------------------------------------------------------------------------------------------------------


def lottery(numbers: int, entrants: int, together: int = 1) -> Chance:
    """That at least one of `together` among the entrants wins one of the numbers; ValueError for more than there are."""
    return Chance(1.0 - hypergeometric(numbers, entrants, together)[0], "exact", 0.0)


def hypergeometric(numbers: int, entrants: int, together: int) -> list[float]:
    """P(exactly j of the `together` win) for j = 0 .. together, when each set of winners is equally likely."""
    if not 1 <= together <= entrants or numbers < 0:
        raise ValueError(f"{together} of {entrants} entrants, {numbers} numbers")
    winners = min(numbers, entrants)
    ways = comb(entrants, together)
    return [comb(winners, j) * comb(entrants - winners, together - j) / ways for j in range(together + 1)]


# --- weighted draw ---------------------------------------------------------------------------------------------------


def weighted(numbers: int, others: Mapping[int, int], weight: int) -> Chance:
    """That an entrant of `weight` is among the first `numbers` of a weighted draw; `others`: how many there are of each weight.

    Her key is exponential with rate w, and so are the others' with theirs (Efraimidis and Spirakis 2006). At time t each of
    them has come with probability 1 - exp(-w_i t), independently: how many have is Poisson-binomial. She wins if she comes
    while fewer than `numbers` have: the integral of w exp(-w t) P(N(t) < numbers) dt.
    """
    crowd = {w: n for w, n in others.items() if n > 0}
    if len(crowd) <= MOST_CLASSES:
        return _weighted(numbers, _Crowd(crowd), weight)
    # more competitors' weight, less chance: rounding all weights of a class down and up brackets the truth
    middle, down, up = (_weighted(numbers, crowd, weight) for crowd in _classes(crowd))
    error = max(abs(down.probability - middle.probability), abs(up.probability - middle.probability))
    return Chance(middle.probability, "bracketed", error + max(down.error or 0.0, up.error or 0.0))


class _Crowd:
    """The others, by weight."""

    def __init__(self, groups: Mapping[int, int] | Mapping[float, float]) -> None:
        self.weights: Floats = np.array(list(groups), dtype=np.float64)
        self.counts: Floats = np.array(list(groups.values()), dtype=np.float64)
        self.size = int(self.counts.sum())

    def come(self, t: Floats) -> Floats:
        """For each time and weight, the probability of having come."""
        come: Floats = -np.expm1(-np.multiply.outer(t, self.weights))
        return come

    def reach(self, t: float) -> tuple[float, float]:
        """Bounds that N(t) keeps but with probability _TAIL (Bernstein's inequality)."""
        p = self.come(np.array([t]))[0]
        mean, variance = float(p @ self.counts), float((p * (1 - p)) @ self.counts)
        span = _span(variance)
        return mean - span, mean + span

    def fewer(self, t: Floats, k: int) -> Floats:
        """P(N(t) < k) for each t, by the discrete Fourier transform of N's characteristic function over a window.

        Y. Hong: On computing the distribution function for the Poisson binomial distribution. Computational Statistics and
        Data Analysis 59 (2013) 41-51. The window is as wide as N(t) reaches, so that what wraps around is below _TAIL; and
        the function falls like a Gaussian's, |phi(a)| <= exp(-var (1 - cos a)), so a few frequencies are enough.
        """
        p = self.come(t)
        mean, variance = p @ self.counts, (p * (1 - p)) @ self.counts
        width = min(
            (self.size + 1) | 1, 2 * ceil(_span(float(variance.max()))) + 3
        )  # odd: no frequency is its own mirror
        falls = min(2.0, -log(_TAIL) / max(float(variance.min()), 1e-9))
        most = min(width // 2, ceil(acos(1 - falls) / (2 * pi) * width))
        angle: Floats = 2 * pi * np.arange(1, most + 1) / width
        modulus, phase = np.zeros((len(t), most)), np.zeros((len(t), most))
        cosine, sine = np.cos(angle) - 1.0, np.sin(angle)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, and that is meant: its exponential is 0
            for group, count in enumerate(self.counts):
                own = p[:, group, None]
                modulus += count / 2 * np.log1p(2 * own * (1 - own) * cosine)
                phase += count * np.arctan2(own * sine, 1 + own * cosine)
        start = np.clip(np.rint(mean) - width // 2, 0, max(self.size + 1 - width, 0))[:, None]
        end = np.clip(float(k), start, start + width)
        # the sum of exp(-i a m) over start <= m < end, times phi(a): two turns over the same small angle
        first, last = np.exp(modulus + 1j * (phase - angle * start)), np.exp(modulus + 1j * (phase - angle * end))
        waves = ((first - last) / (1 - np.exp(-1j * angle))).real
        found: Floats = ((end - start)[:, 0] + 2 * waves.sum(axis=1)) / width
        return np.clip(found, 0.0, 1.0)


def _span(variance: float) -> float:
    """How far from its mean a sum of independent indicators strays but with probability _TAIL."""
    third = log(2 / _TAIL) / 3
    return third + sqrt(third * third + 6 * third * variance)


def _weighted(numbers: int, crowd: _Crowd, weight: float) -> Chance:
    if numbers <= 0:
        return Chance(0.0, "exact", 0.0)
    if numbers > crowd.size:
        return Chance(1.0, "exact", 0.0)
    low, high = _ends(numbers, crowd, weight)
    panels, before = 2, inf
    while True:
        edges = np.linspace(log(low), log(high), panels + 1)
        half = (edges[1:] - edges[:-1]) / 2
        t = np.exp((edges[:-1] + half)[:, None] + half[:, None] * _GAUSS[0]).ravel()
        weights = (half[:, None] * _GAUSS[1]).ravel()
        inner = weights @ (weight * t * np.exp(-weight * t) * crowd.fewer(t, numbers))
        found = float(-np.expm1(-weight * low) + inner)
        if abs(found - before) < _TOLERANCE or panels >= _MOST_PANELS:
            return Chance(min(max(found, 0.0), 1.0), "integral", abs(found - before) + 1e-10)
        panels, before = panels * 2, found


def _ends(k: int, crowd: _Crowd, weight: float) -> tuple[float, float]:
    """Before the first time N is surely below k; after the second it surely is not, or her key has surely come."""
    total = float(crowd.weights @ crowd.counts)
    # P(N >= k) <= mean^k / k!, and the mean is at most total * t
    low = exp((log(_TAIL) + lgamma(k + 1)) / k) / total
    high = -log(_TAIL) / weight
    if crowd.reach(high)[0] >= k:
        high = _crossing(lambda t: crowd.reach(t)[0] >= k, low, high)
    if low < high and crowd.reach(low)[1] < k:
        low = min(_crossing(lambda t: crowd.reach(t)[1] >= k, low, high, before=True), high)
    return min(low, high / 2), high


def _crossing(beyond: Callable[[float], bool], low: float, high: float, *, before: bool = False) -> float:
    """A time at which `beyond` is just true, or `before` that: by bisection on a logarithmic scale."""
    for _ in range(40):
        middle = sqrt(low * high)
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return low if before else high


_GAUSS = np.polynomial.legendre.leggauss(_NODES)


def _classes(crowd: Mapping[int, int]) -> tuple[_Crowd, _Crowd, _Crowd]:
    """The same crowd in few classes of weights: with the mean weight of each class, its least, and its greatest."""
    least, greatest = min(crowd), max(crowd)
    members: dict[int, list[tuple[int, int]]] = {}
    for w, n in crowd.items():
        place = int(MOST_CLASSES * log(w / least) / log((greatest + 1) / least))
        members.setdefault(place, []).append((w, n))
    middle, down, up = {}, {}, {}
    for group in members.values():
        count = sum(n for _, n in group)
        middle[sum(w * n for w, n in group) / count] = float(count)
        down[float(min(group)[0])] = float(count)
        up[float(max(group)[0])] = float(count)
    return _Crowd(middle), _Crowd(down), _Crowd(up)


# --- waitlist --------------------------------------------------------------------------------------------------------


def waitlist(position: int, taken: int, past: Releases, left: timedelta) -> Chance:
    """That at least `position` of the `taken` numbers are freed while there is time; 0 and less: enough are freed already.

    How often a number is freed has a gamma distribution: the hospital's past, and the prior for so many numbers as it
    weighs. Given that rate, freed numbers are Poisson; so their number is negative binomial (A. Gelman et al.: Bayesian
    Data Analysis, 3rd ed., section 2.6). With little past the prior speaks, with much of it the past.
    """
    if position <= 0:
        return Chance(1.0 if left > timedelta(0) else 0.0, "model", None)
    return Chance(float(waitlist_line(position, taken, past, left)[-1]), "model", None)


def waitlist_line(length: int, taken: int, past: Releases, left: timedelta) -> Floats:
    """The same for each position of a line, from 1 to `length`."""
    if left <= timedelta(0) or taken <= 0:
        return np.zeros(length)
    expected = PRIOR_RATE * min(1.0, left / PRIOR_SPAN)
    shape = PRIOR_NUMBERS * expected + past.freed
    scale = PRIOR_NUMBERS + past.numbers
    j = np.arange(1, length, dtype=np.float64)
    steps = np.log((shape + j - 1) / j) + log(taken / (scale + taken))
    start = shape * log(scale / (scale + taken))
    fewer = np.cumsum(np.exp(start + np.concatenate(([0.0], np.cumsum(steps)))))
    line: Floats = np.clip(1.0 - fewer, 0.0, 1.0)
    return line
