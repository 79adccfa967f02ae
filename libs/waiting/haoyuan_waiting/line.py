"""A live queue as the models see it. Seconds are from now; what was before now is negative."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """Log-normal: the logarithm of the seconds that a patient occupies a desk, from her call to the next one possible, has mean `mu`
    and standard deviation `sigma`.

    `learnt_from`: how many consultations both are worth; the fewer, the wider are the intervals. Infinite: both are known.
    """

    mu: float
    sigma: float
    learnt_from: float = math.inf


EXAMINATION = ServiceTime(math.log(1200), 0.5, 8)
"""From being sent away until she is back, where nothing is known: 20 minutes in the middle, one in ten below 10, one above 38. A guess."""


@dataclass(frozen=True, slots=True)
class Server:
    """A doctor at a desk. `busy_for`: since how long somebody has been there; None: nobody. `free_in`: she calls nobody before (a
    pause). `returned`: who is there has come back from an examination.
    """

    service: ServiceTime
    busy_for: float | None = None
    free_in: float = 0.0
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """One who is here, or is expected. The smaller `place` is called first, of those who are there; of equal places, who came first,
    then who stands first in the line's customers.

    `due_in`: None: she is here; else when her segment begins. `comes`: the probability, before the day, that she comes at all; that
    she has not come yet is counted on top of it. `late_place`: her place if she comes later than `late_after`, in seconds after her
    segment's start: when she came, plus this; None: as if in time.
    """

    key: str
    place: float
    due_in: float | None = None
    comes: float = 1.0
    late_after: float = 0.0
    late_place: float | None = None
    void_after: float | None = None
    """So much later than her segment's start she is not let in."""
    raised: bool = False
    """She is expected, and has a higher class already."""
    passes: int = 0
    """So many of her calls nobody has answered."""
    returned: bool = False
    """She was seen, has come back from an examination, and waits to be seen again."""
    away_for: float | None = None
    """Since how long she has been at an examination, from which she will come back; her place, and when she is due, say nothing."""
    desk: int | None = None
    """Of one who has returned, or is away: the only one of the line's servers that calls her; None: any."""


@dataclass(frozen=True, slots=True)
class Punctuality:
    """When those who come do, from the start of their segment: normal, `mean` and `sd`; negative is early. Nobody is let in earlier
    than `earliest`.
    """

    mean: float = -600.0
    sd: float = 600.0
    earliest: float = -1800.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Those who come unannounced (walk-ins, emergencies), as a Poisson process from `since`, when the doors open, until `until`; each
    stands `ahead` before the moment at which she came.
    """

    rate: float
    ahead: float
    until: float
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """All that is known of a queue now.

    `absent`: the probability that one who is called is not there, which costs `absent_for`. After her n-th such call she is called
    again after `passed[n - 1]` others (0: after all who are there), after the last of them no more. `raised`: the probability that one
    who is expected gets a higher class when she comes, and stands `raised_by` before her place.
    """

    servers: tuple[Server, ...]
    customers: tuple[Customer, ...]
    punctuality: Punctuality = field(default_factory=Punctuality)
    streams: tuple[Stream, ...] = ()
    absent: float = 0.0
    absent_for: float = 60.0
    passed: tuple[int, ...] = (2, 2)
    raised: float = 0.0
    raised_by: float = 0.0
    examined: float = 0.0
    examination: ServiceTime = EXAMINATION
    return_places: int = 2
    second: float = 1.0
