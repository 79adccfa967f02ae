"""Whole days, simulated: who comes when, who is called before whom, and when the doctors go home.

Many days at once, each a row: the loop is over calls, not over days. The same `Luck` may be given to several plans, so that each
patient is as late and takes as long whatever the staffing is: then what differs is what was changed (common random numbers; Law,
Simulation Modeling and Analysis, 11.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from haoyuan_waiting.line import Punctuality, ServiceTime, Stream
from haoyuan_waiting.service import MOST_SECONDS, drawn_parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """So many are asked to come at `starts`, in seconds from the beginning of the session. Until it `ends` nobody is too late for it."""

    starts: float
    appointments: int
    ends: float | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """A session as it is planned. Its doctors begin at 0, end at `length`, and see everybody who has come, however late that gets.

    `no_show`: the probability that one who has an appointment does not come. She stands where one would who came `ahead` earlier
    than she counts as having come: at her segment's start unless she is more than `grace` later than that, else when she came.
    Not `by_segment`: when she came, always. More than `void_after` late, and after her segment's end, she is sent home. `streams`:
    who comes unannounced.
    """

    segments: tuple[Segment, ...]
    doctors: tuple[ServiceTime, ...]
    length: float
    no_show: float = 0.0
    punctuality: Punctuality = field(default_factory=Punctuality)
    streams: tuple[Stream, ...] = ()
    ahead: float = 1800.0
    grace: float = 0.0
    by_segment: bool = True
    void_after: float | None = None

    @property
    def appointments(self) -> int:
        return sum(segment.appointments for segment in self.segments)

    @property
    def patients(self) -> float:
        """How many there are on average, if nobody fails to come."""
        return self.appointments + sum(s.rate * max(s.until - s.since, 0.0) for s in self.streams)


@dataclass(frozen=True, slots=True)
class Luck:
    """What chance gives to the patients of each day (rows): to those with an appointment whether they come (uniform), how late,
    and how much there is to do (normal); to those of each stream when they come (seconds; infinite: nobody), and how much there
    is to do. `seed`: from which it is drawn how long a doctor takes of whom that is learnt from few.
    """

    shows: Floats
    lateness: Floats
    effort: Floats
    streams: tuple[tuple[Floats, Floats], ...]
    seed: int = 0

    @classmethod
    def draw(cls, appointments: int, streams: Sequence[Stream], runs: int, seed: int) -> "Luck":
        """For `runs` days with at most so many appointments. The same seed gives the same luck."""
        chance = np.random.default_rng(seed)
        shape = (runs, appointments)
        booked = chance.random(shape), chance.standard_normal(shape), chance.standard_normal(shape)
        return cls(*booked, tuple(_unannounced(stream, runs, chance) for stream in streams), seed)


def _unannounced(stream: Stream, runs: int, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """A Poisson process is a Poisson number of uniform moments."""
    until = max(stream.until, stream.since)
    counts = chance.poisson(stream.rate * (until - stream.since), runs)
    shape = (runs, int(counts.max(initial=0)))
    came = np.where(np.arange(shape[1]) < counts[:, None], chance.uniform(stream.since, until, shape), np.inf)
    return came, chance.standard_normal(shape)


@dataclass(frozen=True, slots=True)
class Days:
    """What became of each patient (columns) of each day (rows), in seconds from the session's beginning: when she came, from when
    on she counts as waiting (her appointment, or later when she came), was called, and had been seen; infinite if she did not come.
    `desk`: who saw her, -1: nobody.
    """

    day: Day
    came: Floats
    due: Floats
    called: Floats
    left: Floats
    desk: Ints


def simulate(day: Day, luck: Luck) -> Days:
    """These days, under this luck. Raises ValueError for a day without a doctor, or with more appointments than there is luck for."""
    if not day.doctors:
        raise ValueError("a day without a doctor")
    if day.appointments > luck.shows.shape[1] or len(day.streams) != len(luck.streams):
        raise ValueError("luck was drawn for another day")
    came, due, place, effort = _crowd(day, luck)
    # in the order of the line, so that the first who is there is the next to be called
    order = np.argsort(place, axis=1, kind="stable")
    mu, sigma = _beliefs(day.doctors, len(came), luck.seed)
    served = _serve(mu, sigma, np.take_along_axis(came, order, 1), np.take_along_axis(effort, order, 1))
    back = np.argsort(order, axis=1)
    called, left = (np.take_along_axis(each, back, 1) for each in served[:2])
    return Days(day, came, due, called, left, np.take_along_axis(served[2], back, 1))


def _crowd(day: Day, luck: Luck) -> tuple[Floats, Floats, Floats, Floats]:
    """When everybody comes, from when she counts as waiting, her place in the line, and what there is to do for her."""
    starts = np.array(
        [segment.starts for segment in day.segments for _ in range(segment.appointments)], dtype=np.float64
    )
    n, manners = day.appointments, day.punctuality
    lateness = np.maximum(manners.mean + manners.sd * luck.lateness[:, :n], manners.earliest)
    absent = luck.shows[:, :n] < day.no_show
    if day.void_after is not None:
        last = [
            max(day.void_after, -np.inf if segment.ends is None else segment.ends - segment.starts)
            for segment in day.segments
            for _ in range(segment.appointments)
        ]
        absent |= lateness > np.array(last, dtype=np.float64)
    came = np.where(absent, np.inf, starts + lateness)
    in_time = (lateness <= day.grace) & day.by_segment
    place = np.where(in_time, starts, came) - day.ahead
    streams = list(zip(day.streams, luck.streams, strict=True))
    return (
        np.concatenate([came, *(when for _, (when, _) in streams)], axis=1),
        np.concatenate([np.maximum(came, starts), *(when for _, (when, _) in streams)], axis=1),
        np.concatenate([place, *(when - stream.ahead for stream, (when, _) in streams)], axis=1),
        np.concatenate([luck.effort[:, :n], *(effort for _, (_, effort) in streams)], axis=1),
    )


def _beliefs(doctors: Sequence[ServiceTime], runs: int, seed: int) -> tuple[Floats, Floats]:
    """`mu` and `sigma` of each doctor (columns) on each day. What is believed of one does not depend on who else is there, so that
    plans differ by nothing but what was changed; of those who are known equally the same is believed.
    """
    first: dict[ServiceTime, int] = {}
    drawn = [
        drawn_parameters(d, runs, np.random.default_rng([seed, first.setdefault(d, n)])) for n, d in enumerate(doctors)
    ]
    return np.stack([mu for mu, _ in drawn], axis=1), np.stack([sigma for _, sigma in drawn], axis=1)


def _serve(mu: Floats, sigma: Floats, came: Floats, effort: Floats) -> tuple[Floats, Floats, Ints]:
    """Call after call, in all days at once. The columns stand in the order of the line."""
    runs = np.arange(len(came))
    free = np.zeros(mu.shape)
    absent = came.copy()  # who has been called is as absent as who is not here yet
    called, left = np.full_like(came, np.inf), np.full_like(came, np.inf)
    desk = np.full(came.shape, -1, dtype=np.int64)
    for _ in range(int(np.isfinite(came).sum(axis=1).max(initial=0))):
        doctor = free.argmin(axis=1)
        now = free[runs, doctor]
        here = absent <= now[:, None]
        patient = here.argmax(axis=1)
        nobody = ~here[runs, patient]
        # then the first to come is called as she comes; those of the next streams of a finished day never do
        patient[nobody] = absent[nobody].argmin(axis=1)
        now = np.maximum(now, absent[runs, patient])
        rows = runs[np.isfinite(now)]
        patient, doctor, now = patient[rows], doctor[rows], now[rows]
        takes = np.exp(np.minimum(mu[rows, doctor] + sigma[rows, doctor] * effort[rows, patient], np.log(MOST_SECONDS)))
        until = now + takes
        called[rows, patient], left[rows, patient], desk[rows, patient] = now, until, doctor
        free[rows, doctor] = until
        absent[rows, patient] = np.inf
    return called, left, desk
