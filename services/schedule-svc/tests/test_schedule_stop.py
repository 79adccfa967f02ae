"""停诊 heals: whoever lost SessionStopped hears it again, for as long as numbers of the session are out."""

from datetime import timedelta

import pytest
from common.messages import SessionStopped
from common.outbox import TimerLoop
from common.testing import take_sent
from schedule_svc.usecases import sessions, stops
from schedule_svc.worker import TIMERS
from schedule_world import World

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


def stop(world: World) -> list[SessionStopped]:
    with world.database.transaction() as tx:
        sessions.stop(tx, world.session_id(), "医生生病", lambda _hospital: None)
    return stopped(world)


def stopped(world: World) -> list[SessionStopped]:
    return [m for m in take_sent(world.database) if isinstance(m, SessionStopped)]


def later(world: World, passed: timedelta) -> list[SessionStopped]:
    """What is told of the stop when the timers run after that time."""
    world.clock.advance(passed)
    TimerLoop(world.database, TIMERS).fire_due()
    return stopped(world)


def pending(world: World) -> int:
    return len(world.rows("SELECT key FROM timers WHERE kind = :kind", kind=stops.STOP_SETTLES))


def test_a_stop_is_told_again_while_a_number_is_out_less_and_less_often(world: World) -> None:
    world.tell(world.reserve("a"))
    (first,) = stop(world)
    for minutes in (5, 10, 20, 40, 60, 60):
        assert later(world, minutes * MINUTE - INSTANT) == []
        assert later(world, INSTANT) == [first]


@pytest.mark.parametrize("state", ["held", "sold", "waiting"])
def test_it_ends_when_the_last_has_given_up(world: World, state: str) -> None:
    world.fill(12)
    world.tell(world.confirm("fill-0"), world.reserve("w", wait=True))
    last = {"held": "fill-1", "sold": "fill-0", "waiting": "w"}[state]
    assert len(stop(world)) == 1
    others = [order for order in (*(f"fill-{i}" for i in range(12)), "w") if order != last]
    world.tell(*map(world.release, others))
    assert world.rows("SELECT order_id, state FROM reservations WHERE state <> 'released'") == [(last, state)]
    (again,) = later(world, 5 * MINUTE)
    assert (again.reason, again.session.state) == ("医生生病", "stopped")
    world.tell(world.release(last))
    assert (later(world, 10 * MINUTE), pending(world)) == ([], 0)


def test_it_tells_the_facts_as_they_are_by_then(world: World) -> None:
    world.fill(12)
    (first,) = stop(world)
    world.tell(world.release("fill-0"))
    (again,) = later(world, 5 * MINUTE)
    assert (first.session.sold_out, again.session.sold_out) == (True, False)
    assert again.session.revision == first.session.revision + 1, "older facts would be passed over, and rightly"


def test_stopping_again_starts_nothing_anew(world: World) -> None:
    world.tell(world.reserve("a"))
    (first,) = stop(world)
    world.clock.advance(4 * MINUTE)
    assert (stop(world), pending(world)) == ([], 1)
    assert later(world, MINUTE) == [first]
    assert (stop(world), pending(world)) == ([], 1)
    assert (later(world, 9 * MINUTE), later(world, MINUTE)) == ([], [first])


def test_of_a_session_without_reservations_nothing_is_told_again(world: World) -> None:
    assert len(stop(world)) == 1
    assert (later(world, 5 * MINUTE), pending(world)) == ([], 0)
