"""What one more doctor would change: plans beside each other under the same luck, and the fewest doctors that keep a promise.

A wait counts from the appointment, or from when she came if that was later: who comes early waits by her own choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from haoyuan_waiting.day import Day, Days, Floats, Luck, simulate
from haoyuan_waiting.line import ServiceTime

RUNS = 400
SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of many days under one plan. Seconds; of a day on average where nothing else is said. `seen`: patients. `idle`: of one
    doctor; each is there until the session ends, or until her last patient leaves. None: nobody came.
    """

    doctors: int
    seen: float
    wait_mean: float | None
    wait_p50: float | None
    wait_p90: float | None
    overtime: float
    overtime_p90: float
    idle: float
    utilisation: float


@dataclass(frozen=True, slots=True)
class Difference:
    """To the base, day by day under the same luck: the mean, and its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan, and what it changes; `wait` is None if on no day somebody came."""

    outcome: Outcome
    wait: Difference | None
    overtime: Difference
    idle: Difference


@dataclass(frozen=True, slots=True)
class Staffing:
    """The fewest doctors whose P90 is below the target, `most` being tried; None: so many are not enough, and why is in `best`,
    the outcome with the most. `tried`: every number that was, fewest first.
    """

    target: float
    most: int
    doctors: int | None
    best: Outcome
    tried: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Errors:
    """Of what was said beside what happened: `bias` is positive if too much was said; `within`: the share of days that lay in the
    80 % band; None without a band.
    """

    days: int
    bias: float
    mean_absolute: float
    within: float | None


def waits(days: Days) -> Floats:
    """Everybody's, a row a day; not a number where nobody came."""
    seen = np.isfinite(days.called)
    return np.where(seen, np.maximum(np.where(seen, days.called, 0.0) - np.where(seen, days.due, 0.0), 0.0), np.nan)


def outcome(days: Days) -> Outcome:
    """The figures of a plan."""
    seen = np.isfinite(days.called)
    waited = waits(days)[seen]
    p50, p90 = np.quantile(waited, [0.5, 0.9]).tolist() if waited.size else (None, None)
    overtime, idle, worked = _overtime(days), _idle(days), _worked(days).sum(axis=1)
    doctors = len(days.day.doctors)
    return Outcome(
        doctors=doctors,
        seen=float(seen.sum(axis=1).mean()),
        wait_mean=float(waited.mean()) if waited.size else None,
        wait_p50=p50,
        wait_p90=p90,
        overtime=float(overtime.mean()),
        overtime_p90=float(np.quantile(overtime, 0.9)),
        idle=float(idle.mean()) / doctors,
        utilisation=float(worked.sum() / (worked.sum() + idle.sum())),
    )


def compare(base: Day, alternatives: Sequence[Day], *, runs: int = RUNS, seed: int = SEED) -> list[Compared]:
    """The base first, then each alternative, all under the same luck. They have the same streams: these are the patients, not the
    plan.
    """
    luck = Luck.draw(max(day.appointments for day in (base, *alternatives)), base.streams, runs, seed)
    simulated = [simulate(day, luck) for day in (base, *alternatives)]
    return [_beside(days, simulated[0]) for days in simulated]


def smallest_staffing(
    day: Day, target_p90: float, *, more: ServiceTime, most: int, runs: int = RUNS, seed: int = SEED
) -> Staffing:
    """The fewest doctors, those of the day first and then others who work like `more`, for whom P90 is below the target in seconds.

    Halving: under one luck, one more doctor shortens waits. What is answered was tried, and so was one doctor less.
    """
    luck = Luck.draw(day.appointments, day.streams, runs, seed)
    tried: dict[int, Outcome] = {}

    def enough(doctors: int) -> bool:
        tried[doctors] = outcome(simulate(staffed(day, doctors, more), luck))
        p90 = tried[doctors].wait_p90
        return p90 is None or p90 < target_p90

    fewest: int | None = None
    too_few, suffice = 0, most
    if enough(most):
        while suffice - too_few > 1:
            middle = (too_few + suffice) // 2
            too_few, suffice = (too_few, middle) if enough(middle) else (middle, suffice)
        fewest = suffice
    return Staffing(target_p90, most, fewest, tried[most], tuple(tried[n] for n in sorted(tried)))


def staffed(day: Day, doctors: int, more: ServiceTime) -> Day:
    """The day with so many doctors: its own first, then others."""
    return replace(day, doctors=(*day.doctors, *[more] * doctors)[:doctors])


def daily_p90(days: Days) -> Floats:
    """Each day's own, without the days on which nobody came."""
    waited = np.sort(waits(days), axis=1)  # those who did not come stand last
    count = np.isfinite(waited).sum(axis=1)
    waited, count = waited[count > 0], count[count > 0]
    rank = 0.9 * (count - 1)
    below = rank.astype(np.int64)
    rows = np.arange(len(waited))
    above = np.minimum(below + 1, count - 1)
    share = rank - below
    return np.asarray(waited[rows, below] * (1 - share) + waited[rows, above] * share)


def errors(
    said: Sequence[float], happened: Sequence[float], bands: Sequence[tuple[float, float]] = ()
) -> Errors | None:
    """Of forecasts, each beside what happened; None without any."""
    if not said:
        return None
    off = np.array(said) - np.array(happened)
    within = None
    if bands:
        within = float(np.mean([low <= was <= high for (low, high), was in zip(bands, happened, strict=True)]))
    return Errors(len(off), float(off.mean()), float(np.abs(off).mean()), within)


def _worked(days: Days) -> Floats:
    """Each day's, by doctor."""
    took = np.where(days.desk >= 0, days.left, 0.0) - np.where(days.desk >= 0, days.called, 0.0)
    return np.stack([np.where(days.desk == n, took, 0.0).sum(axis=1) for n in range(len(days.day.doctors))], axis=1)


def _ends(days: Days) -> Floats:
    """When each doctor's last patient leaves; 0: she saw nobody."""
    left = np.where(days.desk >= 0, days.left, 0.0)
    return np.stack(
        [np.where(days.desk == n, left, 0.0).max(axis=1, initial=0.0) for n in range(len(days.day.doctors))], axis=1
    )


def _overtime(days: Days) -> Floats:
    """Each day's: by how much its last patient leaves after the session's end."""
    return np.asarray(np.maximum(_ends(days).max(axis=1) - days.day.length, 0.0))


def _idle(days: Days) -> Floats:
    """Each day's, of all doctors together."""
    return np.asarray((np.maximum(_ends(days), days.day.length) - _worked(days)).sum(axis=1))


def _mean_wait(days: Days) -> Floats:
    """Each day's; not a number if nobody came."""
    waited = waits(days)
    count = np.isfinite(waited).sum(axis=1)
    return np.where(count > 0, np.nansum(waited, axis=1) / np.maximum(count, 1), np.nan)


def _beside(days: Days, base: Days) -> Compared:
    wait = _mean_wait(days) - _mean_wait(base)
    wait = wait[np.isfinite(wait)]
    doctors, before = len(days.day.doctors), len(base.day.doctors)
    return Compared(
        outcome(days),
        _difference(wait) if wait.size else None,
        _difference(_overtime(days) - _overtime(base)),
        _difference(_idle(days) / doctors - _idle(base) / before),
    )


def _difference(by_day: Floats) -> Difference:
    mean = float(by_day.mean())
    half = 1.96 * float(by_day.std(ddof=1)) / float(np.sqrt(by_day.size)) if by_day.size > 1 else 0.0
    return Difference(mean, mean - half, mean + half)
