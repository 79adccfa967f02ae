"""Steady states in closed form: Erlang B and C, M/M/1, M/M/c, and M/G/c by Allen and Cunneen.

Rates are per second, times in seconds. What each model assumes is told with its result, as codes (`ASSUMPTIONS`): an API puts
them into words. A queue that would grow without end has no steady state: Unstable, with the reason.

Sources: Gross, Shortle, Thompson, Harris, Fundamentals of Queueing Theory, 4th ed., 2.2-2.6 (M/M/1, M/M/c, Erlang B and C);
A. O. Allen, Probability, Statistics, and Queueing Theory, 2nd ed., 5.3 (Allen and Cunneen's approximation).
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

Model = Literal["mm1", "mmc", "mgc"]

COMMON: Final = ("steady_state", "one_line", "first_come_first_served", "nobody_leaves")
ASSUMPTIONS: Final[dict[Model, tuple[str, ...]]] = {
    "mm1": ("poisson_arrivals", "exponential_service", "one_server", *COMMON),
    "mmc": ("poisson_arrivals", "exponential_service", "equal_servers", *COMMON),
    "mgc": ("independent_arrivals", "independent_service", "equal_servers", "two_moments", "exponential_tail", *COMMON),
}
"""`two_moments`: of the times between arrivals and of the services, means and variances alone are used: exact for one server with
Poisson arrivals and for exponential services, an approximation elsewhere. `exponential_tail`: so it is for the quantiles."""


class Unstable(Exception):
    """More come than can be served. `reason`: `overloaded` or `no_servers`; `utilisation` is None without servers."""

    def __init__(self, reason: Literal["overloaded", "no_servers"], utilisation: float | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.utilisation = utilisation


@dataclass(frozen=True, slots=True)
class Steady:
    """What is so on average, in the long run. W and Wq are seconds, L and Lq people; q: in the line, without those being served."""

    model: Model
    utilisation: float
    L: float
    Lq: float
    W: float
    Wq: float
    wait_probability: float

    @property
    def assumptions(self) -> tuple[str, ...]:
        return ASSUMPTIONS[self.model]

    def quantile(self, share: float) -> float:
        """The wait, in seconds, that this share of people do not exceed. Exact for mm1 and mmc, where P(wait > t) is
        wait_probability * exp(-t * wait_probability / Wq); with mgc an approximation of the same form.

        Raises ValueError for a share that is not in [0, 1).
        """
        if not 0 <= share < 1:
            raise ValueError(f"a share is in [0, 1), not {share}")
        if self.Wq == 0 or 1 - share >= self.wait_probability:
            return 0.0
        return self.Wq / self.wait_probability * math.log(self.wait_probability / (1 - share))


def erlang_b(load: float, servers: int) -> float:
    """The probability that one who comes is lost if nobody can wait. `load`: arrivals per mean service time (Erlang).

    B(0) = 1, B(n) = load B(n-1) / (n + load B(n-1)): only ratios below 1, so that no number of servers overflows.
    """
    if servers < 0 or not 0 <= load < math.inf:
        raise ValueError(f"no load of {load} on {servers} servers")
    lost = 1.0
    for n in range(1, servers + 1):
        lost = load * lost / (n + load * lost)
    return lost


def erlang_c(load: float, servers: int) -> float:
    """The probability that one who comes has to wait. Raises Unstable."""
    utilisation = _utilisation(load, 1.0, servers)
    lost = erlang_b(load, servers)
    return lost / (1 - utilisation + utilisation * lost)


def mm1(arrival_rate: float, service_rate: float) -> Steady:
    """Raises Unstable."""
    utilisation = _utilisation(arrival_rate, service_rate, 1)
    return _steady("mm1", arrival_rate, service_rate, 1, utilisation / service_rate / (1 - utilisation), utilisation)


def mmc(arrival_rate: float, service_rate: float, servers: int) -> Steady:
    """Raises Unstable. `service_rate`: of one server."""
    return _many("mmc", arrival_rate, service_rate, servers, 1.0)


def mgc(
    arrival_rate: float, service_rate: float, servers: int, *, cv2_service: float, cv2_arrivals: float = 1.0
) -> Steady:
    """Raises Unstable. `cv2`: variance / mean ** 2, of a service and of the time between two arrivals (1: Poisson)."""
    if not (0 <= cv2_service < math.inf and 0 <= cv2_arrivals < math.inf):
        raise ValueError(f"no squared coefficients of variation: {cv2_service}, {cv2_arrivals}")
    return _many("mgc", arrival_rate, service_rate, servers, (cv2_arrivals + cv2_service) / 2)


def _many(model: Model, arrival_rate: float, service_rate: float, servers: int, variability: float) -> Steady:
    utilisation = _utilisation(arrival_rate, service_rate, servers)
    waits = erlang_c(arrival_rate / service_rate, servers)
    queued = variability * waits / (servers * service_rate) / (1 - utilisation)
    return _steady(model, arrival_rate, service_rate, servers, queued, waits)


def _steady(
    model: Model, arrival_rate: float, service_rate: float, servers: int, queued: float, waits: float
) -> Steady:
    """All from Wq, by Little's law."""
    busy = arrival_rate / service_rate
    return Steady(
        model=model,
        utilisation=busy / servers,
        L=arrival_rate * queued + busy,
        Lq=arrival_rate * queued,
        W=queued + 1 / service_rate,
        Wq=queued,
        wait_probability=waits,
    )


def _utilisation(arrival_rate: float, service_rate: float, servers: int) -> float:
    """Raises Unstable, and ValueError for what is no rate."""
    load = arrival_rate / service_rate if service_rate > 0 else math.inf
    if not (0 <= load < math.inf and arrival_rate < math.inf) or servers < 0:
        raise ValueError(f"no rates: {arrival_rate}, {service_rate} on {servers} servers")
    if servers == 0:
        raise Unstable("no_servers", None, "nobody serves")
    utilisation = load / servers
    if utilisation >= 1:
        raise Unstable(
            "overloaded",
            utilisation,
            f"utilisation is {utilisation:.2f}: {load:.2f} come in the time of one service, which keeps at least "
            f"{math.floor(load) + 1} busy, and {servers} serve",
        )
    return utilisation
