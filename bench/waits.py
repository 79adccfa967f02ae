"""Everybody's wait in a queue of a hundred: haoyuan_waiting.simulate beside the same in plain Python, one run after the other.

`python -m bench.waits` prints it without starting the system.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from haoyuan_waiting.line import Customer, Line, Punctuality, Server, ServiceTime, Stream
from haoyuan_waiting.service import residual
from haoyuan_waiting.simulate import RUNS
from haoyuan_waiting.simulate import waits as simulated

from bench import report
from bench.pgbench import PgBench
from bench.plain import Arrival, Place, Rules, play
from bench.report import Figure
from bench.world import World

MILLISECONDS = 10
EXAMINED = 0.2
HERE, EXPECTED = 60, 40


def busy_line(doctors: int) -> Line:
    """A hundred: sixty are here, forty are expected, four to a segment of ten minutes; others come unannounced."""
    here = [Customer(f"here {n}", -3600 + 50.0 * n) for n in range(HERE)]
    expected = [
        Customer(f"due {n}", place, due_in=due, comes=0.9, late_place=-1800, void_after=1800)
        for n in range(EXPECTED)
        for due in [600.0 * (1 + n // 4)]
        for place in [due - 1800]
    ]
    return Line(
        tuple(Server(ServiceTime(5.9 + 0.1 * n, 0.6, 200), busy_for=100.0 * n) for n in range(doctors)),
        (*here, *expected),
        streams=(Stream(4 / 3600, 0, 10_800), Stream(0.5 / 3600, 14_400, 10_800)),
        absent=0.05,
    )


def in_plain_python(line: Line, runs: int, seed: int) -> dict[str, list[float]]:
    """Seconds until each is called, in each run in which she is."""
    luck = random.Random(seed)  # noqa: S311 - simulated patients need no secret
    found: dict[str, list[float]] = {customer.key: [] for customer in line.customers}
    for _ in range(runs):
        first: dict[str, float] = {}
        for call in play(
            _arrivals(line, luck), [_free(server, luck) for server in line.servers], _rules(line, luck)
        ).calls:
            first.setdefault(call.key, call.at)
        for key in first.keys() & found.keys():
            found[key].append(first[key])
    return found


def _rules(line: Line, luck: random.Random) -> Rules:
    services = [server.service for server in line.servers]
    return Rules(
        lambda desk: luck.lognormvariate(services[desk].mu, services[desk].sigma),
        lambda: luck.random() < line.absent,
        line.absent_for,
        line.passed,
        lambda: _away(line, luck),
        line.return_places,
        line.second,
    )


def _away(line: Line, luck: random.Random) -> float:
    """Seconds; 0: she is sent nowhere."""
    if not line.examined or luck.random() >= line.examined:
        return 0.0
    return luck.lognormvariate(line.examination.mu, line.examination.sigma)


def _free(server: Server, luck: random.Random) -> float:
    if server.busy_for is None:
        return server.free_in
    service = server.service
    return max(server.free_in, float(residual(service.mu, service.sigma, server.busy_for, 1 - luck.random())))


def _arrivals(line: Line, luck: random.Random) -> list[Arrival]:
    arrivals = []
    for number, customer in enumerate(line.customers):
        if (came := _comes(customer, line.punctuality, luck)) is not None:
            late = customer.due_in is not None and came > customer.due_in + customer.late_after
            at = came + customer.late_place if late and customer.late_place is not None else customer.place
            arrivals.append(Arrival(customer.key, came, Place(at, came, number)))
    for stream in line.streams:
        came = luck.expovariate(stream.rate)
        while came < stream.until:
            number = len(arrivals) + len(line.customers)
            arrivals.append(Arrival(f"unannounced {number}", came, Place(came - stream.ahead, came, number)))
            came += luck.expovariate(stream.rate)
    return arrivals


def _comes(customer: Customer, punctuality: Punctuality, luck: random.Random) -> float | None:
    """When; None: not at all, or too late. Whoever would be here by now, and is not, is drawn again."""
    if customer.due_in is None:
        return 0.0
    while luck.random() < customer.comes:
        after = max(luck.gauss(punctuality.mean, punctuality.sd), punctuality.earliest)
        if customer.due_in + after >= 0:
            too_late = customer.void_after is not None and after > customer.void_after
            return None if too_late else customer.due_in + after
    return None


def waits(world: World, _limits: PgBench) -> list[Figure]:
    """(j) An estimate for a queue of a hundred, for one to four doctors; and where a fifth is sent to examinations."""
    return measure(25 * world.rounds)


def measure(times: int) -> list[Figure]:
    """So many times each, after one to warm up."""
    figures = [_figure(busy_line(doctors), f"doctors: {doctors}", times) for doctors in (1, 2, 3, 4)]
    for figure in figures:
        figure.goal, figure.met = f"below {MILLISECONDS}", figure.value < MILLISECONDS
    examined = replace(busy_line(2), examined=EXAMINED)
    return [*figures, _figure(examined, f"doctors: 2, {EXAMINED:.0%} sent to an examination", times)]


def _figure(line: Line, whose: str, times: int) -> Figure:
    figure = Figure(f"(j) waits in a queue of {len(line.customers)}, {whose}", "ms", better="lower")
    figure.limit_is = "plain Python"

    def estimate() -> None:
        found = simulated(line, RUNS)
        for customer in line.customers:
            found.of(customer.key)

    estimate()
    figure.values = [_milliseconds(estimate) for _ in range(times)]
    loop = _milliseconds(lambda: in_plain_python(line, RUNS, seed=0))
    figure.limits = [loop] * times
    figure.notes.append(
        f"{RUNS} runs, as booking-svc makes; {statistics.median(figure.values) / RUNS * 1000:.0f} microseconds a run"
    )
    return figure


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main() -> int:
    """The command line."""
    print(report.machine())
    figures = measure(100)
    print(report.table(figures))
    report.save(Path("var/bench/waits.json"), figures, mode="waits alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
