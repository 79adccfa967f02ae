"""What was observed of a day, which need not be over: who still waits counts, for as long as she has waited so far.

To average the waits of those who were called makes a bad day look good: the longest waits are those that are not over. So waits are
taken from the curve of Kaplan and Meier (J. Amer. Statist. Assoc. 53, 1958), which is the plain average once nobody waits any more.

Times are seconds. What cannot be said is None, and nothing is ever NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDING: Final = 1e-9


class Stay(NamedTuple):
    """One passage through line and desk. None: not yet, or never. Who left without having been called has `ended` without `called`;
    who comes back from an examination makes another one.
    """

    arrived: float
    called: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Durations:
    """`mean`: of what lies before `until`, the longest seen; with somebody who is not done it is a lower bound. A quantile is None
    where too few are done to say it.
    """

    done: int
    still: int
    mean: float | None
    until: float | None
    p50: float | None
    p80: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """Of the time from `since` to `until`. L and Lq are averages over time, W and Wq over people, who still waits among them. Rates
    are per second. `arrivals_cv2`: of the times between arrivals, as formulas.mgc takes it.
    """

    arrived: int
    arrival_rate: float | None
    arrivals_cv2: float | None
    utilisation: float | None
    L: float | None
    Lq: float | None
    W: float | None
    Wq: float | None


def waits(done: Sequence[float], still: Sequence[float]) -> Durations:
    """How long people wait: `done` have waited so long in all, `still` so long up to now. Of clocks that jumped: what is negative
    counts as no time, and what is no number is left out.
    """
    times = np.array([*done, *still], dtype=np.float64)
    is_done, finite = np.arange(len(times)) < len(done), np.isfinite(times)
    times, is_done = np.maximum(times[finite], 0.0), is_done[finite]
    if not len(times):
        return Durations(0, 0, None, None, None, None, None)
    steps, remain = _curve(times, is_done)
    before = np.concatenate(([1.0], remain[:-1]))
    mean = float((before * np.diff(steps, prepend=0.0)).sum())
    p50, p80, p90 = (_quantile(steps, remain, share) for share in (0.5, 0.8, 0.9))
    return Durations(int(is_done.sum()), int((~is_done).sum()), mean, float(steps[-1]), p50, p80, p90)


def _curve(times: Floats, is_done: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Kaplan and Meier's: after each of these times, the share that is not done. Who is done at a time was at risk together with
    those who were last seen then.
    """
    steps, at = np.unique(times, return_inverse=True)
    done = np.bincount(at, weights=is_done)
    seen = np.bincount(at)
    at_risk = len(times) - np.concatenate(([0], np.cumsum(seen)[:-1]))
    return steps, np.cumprod(1 - done / at_risk)


def _quantile(steps: Floats, remain: Floats, share: float) -> float | None:
    """The first time after which at most 1 - share are not done."""
    reached = np.flatnonzero(remain <= 1 - share + ROUNDING)
    return float(steps[reached[0]]) if len(reached) else None


def load(stays: Sequence[Stay], desks: Sequence[tuple[float, float | None]], since: float, until: float) -> Load:
    """What was so between `since` and `until`, which is now for a day that is not over. `desks`: when each was open, until None: it
    is. Who came outside of that time is left out; what is told of later than `until` has not happened yet.

    Once all have ended, L = arrival_rate * W and Lq = arrival_rate * Wq, exactly (Little). Until then they differ: L and
    Lq know only what has happened, W and Wq allow for what has not.
    """
    here = [_until(stay, until) for stay in stays if since <= stay.arrived <= until]
    span = until - since
    if span <= 0:
        return Load(len(here), None, None, None, None, None, None, None)
    in_line = [(s.arrived, s.called if s.called is not None else s.ended) for s in here]
    in_all = [(s.arrived, s.ended) for s in here]
    served = sum((until if s.ended is None else s.ended) - s.called for s in here if s.called is not None)
    opened = sum(max(min(until, until if to is None else to) - max(since, at), 0.0) for at, to in desks)
    opened = max(opened, served)  # where somebody sits, a desk is open, whatever was said of it
    return Load(
        arrived=len(here),
        arrival_rate=len(here) / span,
        arrivals_cv2=_gaps_cv2([s.arrived for s in here]),
        utilisation=served / opened if opened > 0 else None,
        L=_total(in_all, until) / span,
        Lq=_total(in_line, until) / span,
        W=_durations(in_all, until).mean,
        Wq=_durations(in_line, until).mean,
    )


def _until(stay: Stay, now: float) -> Stay:
    """What is known of it at `now`, in order: a clock that jumped back ends nothing before it began."""
    called = None if stay.called is None or stay.called > now else max(stay.called, stay.arrived)
    begun = stay.arrived if called is None else called
    return Stay(stay.arrived, called, None if stay.ended is None or stay.ended > now else max(stay.ended, begun))


def _total(spans: Sequence[tuple[float, float | None]], now: float) -> float:
    return sum((now if to is None else to) - at for at, to in spans)


def _durations(spans: Sequence[tuple[float, float | None]], now: float) -> Durations:
    return waits([to - at for at, to in spans if to is not None], [now - at for at, to in spans if to is None])


def _gaps_cv2(arrivals: Sequence[float]) -> float | None:
    """None below three gaps, which say nothing of a variance, and where all came at once."""
    gaps = np.diff(np.sort(np.array(arrivals, dtype=np.float64)))
    if len(gaps) < 3 or gaps.mean() <= 0:
        return None
    return float(gaps.var(ddof=1) / gaps.mean() ** 2)
