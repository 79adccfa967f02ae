"""What is measured, each function one of the list in `FIGURES`. It runs on a `World` and answers its figures."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bench import cpu, load
from bench.callbacks import callbacks
from bench.draws import draws
from bench.load import Load, Outcome
from bench.pgbench import PgBench
from bench.reminders import reminders
from bench.report import Figure, cpu_figure
from bench.rosters import rosters
from bench.screens import screens
from bench.waits import waits
from bench.world import World, patiently

CLIENTS = 16
HOT_CLIENTS = 32
SAGA_CLIENTS = 48
HOT_ORDERS = 1000  # at least so many, for each second of a round, wait when the worker starts
DRAIN_SECONDS = 180.0

Measure = Callable[[World, PgBench], list[Figure]]


@dataclass(frozen=True)
class _Round:
    outcome: Outcome
    cpu: cpu.Usage
    """Milliseconds an operation."""


def _measured(world: World, work: Callable[[], Outcome]) -> _Round:
    before = cpu.usage(world.system)
    outcome = work()
    return _Round(outcome, cpu.usage(world.system).since(before).per(outcome.done))


def _own(rounds: Sequence[_Round]) -> str:
    """What the load generator itself took, and how long a client waited."""
    outcomes = [r.outcome for r in rounds]
    mine = statistics.median(o.cpu * 1000 / max(o.done, 1) for o in outcomes)
    waits = sorted(latency for o in outcomes for latency in o.latencies)
    p50, p99 = (waits[int(len(waits) * q)] * 1000 for q in (0.5, 0.99))
    return f"load generator {mine:.3f} ms CPU an operation (not counted); answers p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def accepted(world: World, limits: PgBench) -> list[Figure]:
    """(a) Orders accepted: gateway, token, validation, database, and their messages on the way to the broker.

    The workers are stopped, so that nothing else is counted: what they do belongs to the saga.
    """
    speed = Figure("(a) accepted orders", "1/s", limit_is="pgbench, same INSERTs")
    world.stop_workers()
    _place(world, 1.5)  # warm up
    rounds: list[_Round] = []
    for _ in range(world.rounds):
        speed.limits.append(limits.run("accept", world.seconds, CLIENTS).per_second)
        rounds.append(_place(world, world.seconds))
        speed.values.append(rounds[-1].outcome.per_second)
    speed.notes.append(_own(rounds))
    many = round(speed.value * world.seconds)
    strangers = _accept(world, world.strangers("hot", many // 2), world.seconds, load.once)
    keyed = _accept(world, world.orders_with_keys("hot", many // 2), world.seconds, load.once)
    return [
        speed,
        cpu_figure("(a) an accepted order", [r.cpu for r in rounds], 2.0),
        Figure("    with a token never seen before", "ms CPU", [strangers.cpu.total], cpu=[strangers.cpu]),
        Figure("    with an Idempotency-Key", "ms CPU", [keyed.cpu.total], cpu=[keyed.cpu]),
    ]


def _place(world: World, seconds: float) -> _Round:
    """Everybody orders for so long."""
    return _accept(world, world.orders("hot", seconds), seconds)


def _accept(world: World, requests: Sequence[bytes], seconds: float, client: load.MakeClient = load.repeat) -> _Round:
    return _measured(world, lambda: load.run(Load(world.port, requests, seconds, CLIENTS, 202), client))


def sagas(world: World, limits: PgBench) -> list[Figure]:
    """(b) From the order to "confirmed" in the patient's inbox.

    All day: patients come, look for a moment and pay at the counter. In a rush: all of them order at once, as when
    numbers are released, then all of them pay. Free of charge: in a rush, without paying.
    """
    _settle(world)
    speed = Figure("(b) sagas completed, paid, all day", "1/s", limit_is="pgbench, a saga's statements")
    hurried = Figure("(b) sagas completed, paid, in a rush", "1/s", limit_is="pgbench, a saga's statements")
    _saga(world, lambda: _all_day(_paying(world, 1.5)))  # warm up
    day, rush, free = [], [], []
    for _ in range(world.rounds):
        parts = ("saga booking", "saga schedule", "saga payment")
        limit = 1 / sum(1 / limits.run(p, world.seconds / 2, CLIENTS).per_second for p in parts)
        paying, placing, taking = _paying(world, world.seconds), _placing(world, "paid"), _placing(world, "free")
        day.append(_saga(world, partial(_all_day, paying)))
        rush.append(_saga(world, partial(_rush, world, placing)))
        free.append(_saga(world, partial(load.run, taking)))
        for figure, rounds in ((speed, day), (hurried, rush)):
            figure.limits.append(limit)
            figure.values.append(rounds[-1].outcome.per_second)
    speed.notes.append(_own(day))
    named = (("paid, all day", day), ("paid, in a rush", rush), ("free, in a rush", free))
    found = [speed, hurried]
    for name, rounds in named:
        usages = [r.cpu for r in rounds]
        found.append(cpu_figure(f"(b) a saga, {name}", usages, 6.0))
        found.append(cpu_figure("    without nx-27017", usages, 6.0, without=cpu.MONGO))
    return found


def _paying(world: World, seconds: float) -> Load:
    """Patients who order, look for a moment, and pay."""
    return Load(world.port, world.orders("paid", seconds), seconds, SAGA_CLIENTS, 0, 0.15, world.till())


def _placing(world: World, session: str) -> Load:
    """Patients who order, all at once."""
    seconds = world.seconds / 2
    return Load(world.port, world.orders(session, seconds), seconds, CLIENTS, 202)


def _all_day(wanted: Load) -> Outcome:
    return load.run(wanted, load.order_and_pay, counts=3)


def _rush(world: World, placing: Load) -> Outcome:
    """Everybody orders, then everybody pays."""
    placed = load.run(placing)
    patiently(lambda: not world.undecided("paid"), DRAIN_SECONDS, "every order decided")
    patiently(lambda: _idle(world, "booking-svc worker", "payment-svc worker"), DRAIN_SECONDS, "every order held")
    load.run(Load(world.port, world.unpaid(), DRAIN_SECONDS, CLIENTS, 0, till=world.till()), load.pay)
    return placed


def _saga(world: World, go: Callable[[], Outcome]) -> _Round:
    """Run until every patient of this round has been told."""
    told, confirmed = world.told("order_confirmed"), world.confirmed()

    def all_told(count: int) -> bool:
        return _idle(world, "notify-svc worker", cpu.MONGO) and world.told("order_confirmed") >= told + count

    def work() -> Outcome:
        outcome = go()
        patiently(lambda: world.confirmed() >= confirmed + outcome.done, DRAIN_SECONDS, "every order confirmed")
        patiently(lambda: all_told(outcome.done), DRAIN_SECONDS, "every patient told")
        return outcome

    measured = _measured(world, work)
    measured.outcome.seconds = world.last_told() - measured.outcome.started_at
    return measured


def _settle(world: World) -> None:
    """All workers run, and nothing is left to do of what was measured before."""
    world.start_workers()
    groups = [group for group in cpu.roots(world.system) if group.endswith("worker")]
    patiently(lambda: _idle(world, *groups, cpu.MONGO), DRAIN_SECONDS, "the end of what went before")


def _idle(world: World, *groups: str) -> bool:
    """True if these groups have all but slept for the last 0.4 s."""
    before = cpu.usage(world.system)
    time.sleep(0.4)
    used = cpu.usage(world.system).since(before)
    return sum(used.groups[group] for group in groups) <= 0.01 * len(groups)


def rejected(world: World, limits: PgBench) -> list[Figure]:
    """(c) Orders for a session that is sold out, refused from booking-svc's projection."""
    _settle(world)
    speed = Figure("(c) sold-out answers (409)", "1/s", limit_is="pgbench, one SELECT")
    wanted = Load(world.port, world.orders("full", 1), world.seconds, CLIENTS, 409)
    load.run(replace(wanted, seconds=1.0))  # warm up
    rounds: list[_Round] = []
    for _ in range(world.rounds):
        speed.limits.append(limits.run("look", world.seconds / 2, CLIENTS).per_second)
        rounds.append(_measured(world, lambda: load.run(wanted)))
        speed.values.append(rounds[-1].outcome.per_second)
    port = world.system.part("booking-svc", "api").port
    alive = _measured(world, lambda: load.run(Load(port, [load.get("/healthz")], world.seconds / 2, CLIENTS, 200)))
    speed.notes.append(_own(rounds))
    speed.notes.append(
        f"the api's /healthz, without gateway, token and body: {alive.outcome.per_second:,.0f}/s, {alive.cpu.total:.2f} ms CPU"
    )
    return [speed, cpu_figure("(c) a sold-out answer", [r.cpu for r in rounds], 1.0)]


def latency(world: World, limits: PgBench) -> list[Figure]:
    """(d) From an order's acceptance (before its commit) to the start of schedule-svc's transaction, by one host's clock."""
    _settle(world)
    found = []
    for name, clients, pause in (("light load", 4, 0.1), ("busy", CLIENTS, 0.06)):
        p50 = Figure(f"(d) order to consumer, {name}, p50", "ms", better="lower", limit_is="pgbench, the commit alone")
        p99 = Figure(f"(d) order to consumer, {name}, p99", "ms", better="lower")
        rates = []
        for _ in range(world.rounds):
            p50.limits.append(limits.run("accept", world.seconds / 2, 1).latency)
            since = world.ask("booking-svc", "SELECT now()")[0]
            outcome = load.run(
                Load(world.port, world.orders("free", world.seconds), world.seconds, clients, 202, pause=pause)
            )
            waits = world.waits(since)
            p50.values.append(waits[len(waits) // 2])
            p99.values.append(waits[int(len(waits) * 0.99)])
            rates.append(outcome.per_second)
        p50.notes.append(f"at {statistics.median(rates):.0f} orders/s")
        p50.goal, p50.met = "below 5", p50.value < 5
        found += [p50, p99]
    return found


def hot_row(world: World, limits: PgBench) -> list[Figure]:
    """(e) Everybody wants one doctor: orders wait in the queue, and schedule-svc's worker starts."""
    speed = Figure("(e) reservations on one hot session", "1/s", limit_is=f"pgbench, {HOT_CLIENTS} clients, one row")
    for _ in range(world.rounds):
        world.stop_workers()
        speed.limits.append(limits.run("reserve", world.seconds, HOT_CLIENTS).per_second)
        while world.undecided("hot") < HOT_ORDERS * world.seconds:
            _place(world, 2)
        since = world.ask("schedule-svc", "SELECT now()")[0]
        world.start_workers("schedule-svc")
        before = cpu.usage(world.system)
        patiently(lambda: not world.undecided("hot"), DRAIN_SECONDS, "every order decided")
        count, seconds = world.reserved(since)
        speed.cpu.append(cpu.usage(world.system).since(before).per(count))
        speed.values.append(count / seconds)
        speed.notes.append(f"{count} reservations in {seconds:.2f} s")
    speed.goal, speed.met = "5 times", (speed.ratio or 0.0) >= 5
    return [speed]


def browsing(world: World, limits: PgBench) -> list[Figure]:
    """(f) GET /sessions, a page of fifty with their slots: from the gateway's cache, and past it."""
    cached = Figure("(f) browsing, from the gateway's cache", "1/s", limit_is="nginx, a constant answer")
    direct = Figure("(f) browsing, past the cache", "1/s", limit_is="pgbench, the two SELECTs")
    plain = Load(world.port, [load.get("/api/v1/sessions")], world.seconds, CLIENTS, 200)
    past = replace(plain, requests=[load.get("/api/v1/sessions", world.buyers[0].token)])  # a token goes past the cache
    nothing = replace(plain, requests=[load.get("/healthz")], seconds=world.seconds / 2)
    load.run(replace(past, seconds=1.0))  # warm up
    rounds: dict[str, list[_Round]] = {"cached": [], "direct": []}
    for _ in range(world.rounds):
        cached.limits.append(load.run(nothing).per_second)
        rounds["cached"].append(_measured(world, lambda: load.run(plain)))
        direct.limits.append(limits.run("browse", world.seconds / 2, CLIENTS).per_second)
        rounds["direct"].append(_measured(world, lambda: load.run(past)))
    for figure, which in ((cached, rounds["cached"]), (direct, rounds["direct"])):
        figure.values = [r.outcome.per_second for r in which]
        figure.cpu = [r.cpu for r in which]
        figure.notes.append(_own(which))
    return [cached, direct]


def idle(world: World, _limits: PgBench) -> list[Figure]:
    """What the system takes when nobody asks anything: it is part of every figure above."""
    _settle(world)
    before, started = cpu.usage(world.system), time.monotonic()
    time.sleep(world.seconds)
    used = cpu.usage(world.system).since(before)
    rate = cpu.Usage({g: s * 1000 / (time.monotonic() - started) for g, s in used.groups.items()})
    return [Figure("idle", "ms CPU per s", [rate.total], cpu=[rate], better="lower")]


FIGURES: dict[str, Measure] = {
    "idle": idle,
    "draws": draws,
    "waits": waits,
    "reminders": reminders,
    "browsing": browsing,
    "rejected": rejected,
    "screens": screens,
    "latency": latency,
    "sagas": sagas,
    "accepted": accepted,
    "hot": hot_row,
    "rosters": rosters,
    "callbacks": callbacks,
}
"""In the order in which they are best run: the last four leave work behind."""
