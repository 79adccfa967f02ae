"""How long a patient occupies a desk: log-normal, learnt by maximum likelihood from few data, those that are not over among them.

A doctor's own data are shrunk to her department's, and the department's to a prior of the platform's, by pseudo-observations:
a weight of 8 says that what stands behind counts as 8 consultations, which had its mean and its spread.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haoyuan_waiting.line import ServiceTime
from haoyuan_waiting.normal import above

Floats = NDArray[np.float64]

LEAST_SECONDS: Final = 15.0
"""Shorter ones are slips at a button, or clocks that jumped: nobody is seen in that time."""
MOST_SECONDS: Final = 7200.0
MOST_MEDIANS: Final = 10.0
"""Longer than 2 hours, or than 10 medians: nobody closed the visit. Of a log-normal with cv 0.6, one in 60,000 is that long."""
OWN_WEIGHT: Final = 8.0
"""The best weight is the variance within a doctor's consultations over the variance between doctors: with sigma = 0.55 and doctors of
one department who differ by a fifth, 0.55**2 / 0.2**2. (Between doctors of whole countries it is 55 % / 22 % = 2.5: Deveugele and
others, BMJ 2002;325:472; a department's see like patients in like rooms, so that they differ less.)"""
LEAST_LEARNT: Final = 4.0
"""Fewer consultations than this say nothing of a standard deviation: its distribution would have no mean."""
DEPARTMENT_WEIGHT: Final = 2.0
"""Departments differ from the prior by more than the consultations of one do, so that it counts for little: it is a guess."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One patient at a desk. `over`: False: she is still there, so that it will be longer than `seconds`."""

    seconds: float
    over: bool = True


def of_mean(seconds: float, cv: float) -> ServiceTime:
    """The one with this mean and this coefficient of variation."""
    variance = math.log1p(cv**2)
    return ServiceTime(math.log(seconds) - variance / 2, math.sqrt(variance))


def mean(service: ServiceTime) -> float:
    """Seconds."""
    return math.exp(service.mu + service.sigma**2 / 2)


def cv2(service: ServiceTime) -> float:
    """The squared coefficient of variation, which formulas.mgc takes."""
    return math.expm1(service.sigma**2)


PRIOR: Final = of_mean(8 * 60, 0.6)
"""What is assumed where nothing is known: 8 minutes, cv 0.6. Patients of 136 tertiary hospitals in China reported a median of 10
minutes with quartiles of 5 and 12, which is a cv of 0.7 (Hu and others, Lancet 2018, doi:10.1016/S0140-6736(18)32697-7)."""


def drawn_parameters(service: ServiceTime, runs: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """`mu` and `sigma` in each run. Where they are learnt from few consultations, each run believes in others: drawn from what so
    many leave open (normal with both unknown, Gelman et al., Bayesian Data Analysis, 3.2).
    """
    mu, sigma = np.full(runs, service.mu, np.float64), np.full(runs, max(service.sigma, 1e-6), np.float64)
    count = max(service.learnt_from, LEAST_LEARNT)
    if math.isfinite(count):
        sigma *= np.sqrt((count - 1) / rng.chisquare(count - 1, runs))
        mu += sigma * rng.standard_normal(runs) / np.sqrt(count)
    return mu, sigma


def fit(own: Sequence[Sample], department: Sequence[Sample], prior: ServiceTime = PRIOR) -> ServiceTime:
    """What a doctor's consultations take: her own, shrunk to her department's (hers may be among them), and these to the prior.

    `learnt_from` of what comes back counts the pseudo-observations too, and of those that are not over what they tell of the mean.

    Left out are those outside of LEAST_SECONDS and MOST_SECONDS, and those longer than MOST_MEDIANS medians of all that are over.
    """
    most = _longest_believed([*own, *department])
    behind = _likeliest(_believed(department, most), prior, DEPARTMENT_WEIGHT)
    return _likeliest(_believed(own, most), behind, OWN_WEIGHT)


def _longest_believed(samples: Sequence[Sample]) -> float:
    over = [s.seconds for s in _believed(samples, MOST_SECONDS) if s.over]
    return min(MOST_SECONDS, MOST_MEDIANS * float(np.median(over))) if over else MOST_SECONDS


def _believed(samples: Sequence[Sample], most: float) -> list[Sample]:
    return [s for s in samples if LEAST_SECONDS <= s.seconds <= most]  # a NaN is in no range


def _likeliest(samples: Sequence[Sample], behind: ServiceTime, weight: float) -> ServiceTime:
    """By EM: those that go on are replaced by what is expected of them given the parameters, and the parameters by the likeliest
    for that, until nothing changes. Each step is more likely than the one before (Dempster, Laird, Rubin 1977), and the pseudo-
    observations keep sigma away from 0. What is itself learnt from few weighs less: its own error comes on top.
    """
    weight = 1 / (1 / weight + 1 / behind.learnt_from)
    over = np.log([s.seconds for s in samples if s.over])
    so_far = np.log([s.seconds for s in samples if not s.over])
    count = weight + len(over) + len(so_far)
    mu, sigma, unknown = behind.mu, behind.sigma, np.zeros(0)
    for _ in range(500):
        z = (so_far - mu) / sigma
        hazard = np.array([_hazard(each) for each in z.tolist()])
        expected = mu + sigma * hazard
        unknown = np.clip(1 + z * hazard - hazard**2, 0.0, 1.0)  # of a variance, what one that goes on leaves open
        new_mu = float(weight * behind.mu + over.sum() + expected.sum()) / count
        squares = ((over - new_mu) ** 2).sum() + ((expected - new_mu) ** 2).sum() + sigma**2 * unknown.sum()
        new_sigma = math.sqrt((weight * (behind.sigma**2 + (behind.mu - new_mu) ** 2) + float(squares)) / count)
        moved = abs(new_mu - mu) + abs(new_sigma - sigma)
        mu, sigma = new_mu, new_sigma
        if moved < 1e-9:
            break
    return ServiceTime(mu, sigma, count - float(unknown.sum()))


FAR: Final = 25.0
"""From here on the normal's tail is taken from its asymptotic series, whose error is below 1e-7 there; erfc ends at 38."""


def _hazard(z: float) -> float:
    """E[Z | Z > z] of a standard normal Z: its density over what is left above."""
    if z > FAR:
        return z + 1 / z - 2 / z**3 + 10 / z**5
    return math.exp(-(z**2) / 2) / (math.sqrt(math.pi / 2) * math.erfc(z / math.sqrt(2)))


def residual(mu: float | Floats, sigma: float | Floats, since: float | Floats, share: float | Floats) -> Floats:
    """How many seconds more one stays who has been at a desk for `since` seconds, where consultations have these parameters: the
    time that this share, in (0, 1], of such patients exceeds. With uniform shares: draws of it. Arrays are broadcast.

    Stable however long she has been there: far out, the logarithm of what is left falls as -z**2 / 2, to a share of 1 / z**2.
    """
    since = np.maximum(since, 1e-3)
    now: Floats = np.asarray((np.log(since) - mu) / sigma)
    far = np.sqrt(np.maximum(now, FAR) ** 2 - 2 * np.log(share))
    then = np.where(now < FAR, above(now, np.asarray(share)), far)
    # By the ratio to `since`, and not by the difference of two long times, which would round a short rest away.
    longer: Floats = since * np.expm1(np.maximum(then - now, 0.0) * sigma)
    return longer
