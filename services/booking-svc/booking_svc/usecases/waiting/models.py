"""What the closed forms say of a session, for who wants to compare: they know neither who is here, nor who is due when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from haoyuan_waiting import formulas, service
from haoyuan_waiting.formulas import ASSUMPTIONS, Model, Steady, Unstable
from haoyuan_waiting.line import ServiceTime

from booking_svc import store
from booking_svc.usecases.waiting.lines import Live, Seen

SIMULATION_ASSUMES = (
    "log_normal_service",
    "independent_service",
    "usual_punctuality",
    "usual_no_shows",
    "usual_walk_ins",
    "desks_stay",
)
"""What the simulation takes for granted: stable codes, as those of formulas.ASSUMPTIONS."""


@dataclass(frozen=True, slots=True)
class Steadily:
    """What one model says of the long run, or why it is refused: overloaded, no_arrivals, several_desks."""

    model: Model
    assumes: Sequence[str]
    steady: Steady | None
    refused: str | None
    utilisation: float | None


def steadily(conn: store.Connection, seen: Seen, live: Live) -> list[Steadily]:
    """Of a queue, as it would be if its session went on for ever as it was planned."""
    return steady_models(_planned_rate(conn, seen, live), [server.service for server in live.line.servers])


def steady_models(
    arrival_rate: float | None, services: Sequence[ServiceTime], cv2_arrivals: float | None = None
) -> list[Steadily]:
    """M/M/1, M/M/c and M/G/c for desks with these service times. `arrival_rate`: per second, None if nobody came; `cv2_arrivals`:
    of the times between arrivals, for M/G/c; None: as of a Poisson process.
    """
    mean, cv2 = mixed(services)
    rate, desks = arrival_rate or 0.0, len(services)
    between = 1.0 if cv2_arrivals is None else cv2_arrivals
    asked: dict[Model, Callable[[], Steady]] = {
        "mm1": lambda: formulas.mm1(rate, 1 / mean),
        "mmc": lambda: formulas.mmc(rate, 1 / mean, desks),
        "mgc": lambda: formulas.mgc(rate, 1 / mean, desks, cv2_service=cv2, cv2_arrivals=between),
    }
    if arrival_rate is None:
        return [_refused(model, "no_arrivals") for model in asked]
    return [_refused(m, "several_desks") if m == "mm1" and desks > 1 else _answer(m, ask) for m, ask in asked.items()]


def mixed(services: Sequence[ServiceTime]) -> tuple[float, float]:
    """The mean and the squared coefficient of variation of a patient's time at one of these desks, each as likely."""
    means = [service.mean(each) for each in services]
    squares = [mean**2 * (1 + service.cv2(each)) for mean, each in zip(means, services, strict=True)]
    mean = sum(means) / len(means)
    return mean, sum(squares) / len(squares) / mean**2 - 1


def _answer(model: Model, ask: Callable[[], Steady]) -> Steadily:
    try:
        steady = ask()
    except Unstable as unstable:
        return _refused(model, unstable.reason, unstable.utilisation)
    return Steadily(model, ASSUMPTIONS[model], steady, None, steady.utilisation)


def _refused(model: Model, why: str, utilisation: float | None = None) -> Steadily:
    return Steadily(model, ASSUMPTIONS[model], None, why, utilisation)


def _planned_rate(conn: store.Connection, seen: Seen, live: Live) -> float | None:
    """Who is booked and may come, and who usually comes unannounced, per second of the session; None: nobody knows how long it is."""
    if seen.session is None:
        return None
    seconds = (seen.session.ends_at - seen.session.starts_at).total_seconds()
    booked = sum(v.order_id is not None for v in store.waits.visits_of_line(conn, seen.queue.session_id))
    return booked * (1 - live.manners.no_show) / seconds + sum(live.manners.rates.values())
