"""The day of the clinic, as far as numbers go: who was seen has used hers up, and none is sold with which nobody could check in."""

from datetime import UTC, datetime, timedelta

import pytest
from common.messages import SessionStopped, VisitCompleted
from common.outbox import TimerLoop
from common.testing import take_sent
from schedule_svc.usecases import sessions, stops
from schedule_svc.worker import TIMERS
from schedule_world import VISIT, World, check_inventory, short

STARTS = datetime(2026, 12, 5, tzinfo=UTC)
"""Of the session s1, and its first segment; each takes half an hour."""
MINUTE = timedelta(minutes=1)


def seen(world: World, order: str) -> VisitCompleted:
    return VisitCompleted(order, "acc", f"pat-{order}", world.session_id(), world.clock(), VISIT)


def sold(world: World, *orders: str) -> None:
    world.tell(*(message for order in orders for message in (world.reserve(order), world.confirm(order))))


def figures(world: World) -> tuple[int, int, int]:
    """Of the session: numbers sold, those of people who were seen, and these counted one by one."""
    of = world.figures()["sessions"][world.session_id()]
    return of["sold"], of["seen"], of["counted_seen"]


def stop(world: World) -> None:
    with world.database.transaction() as tx:
        sessions.stop(tx, world.session_id(), "医生生病", lambda _hospital: None)


def told_again(world: World, after: timedelta) -> list[SessionStopped]:
    take_sent(world.database)
    world.clock.advance(after)
    TimerLoop(world.database, TIMERS).fire_due()
    return [m for m in take_sent(world.database) if isinstance(m, SessionStopped)]


def pending(world: World) -> int:
    return len(world.rows("SELECT key FROM timers WHERE kind = :kind", kind=stops.STOP_SETTLES))


def test_a_stop_after_some_were_seen_settles_when_the_others_have_given_up(world: World) -> None:
    sold(world, "a", "b", "c")
    world.clock.set(STARTS + MINUTE)
    world.tell(seen(world, "a"), seen(world, "b"))
    stop(world)
    assert len(told_again(world, 5 * MINUTE)) == 1, "one has not heard"
    world.tell(world.release("c", "session_stopped"))
    assert (told_again(world, 10 * MINUTE), pending(world)) == ([], 0)
    assert figures(world) == (2, 2, 2)


def test_a_session_that_is_resumed_sells_no_number_of_one_who_was_seen(world: World) -> None:
    sold(world, "a")
    world.clock.set(STARTS + MINUTE)
    world.tell(seen(world, "a"))
    stop(world)
    with world.database.transaction() as tx:
        sessions.resume(tx, world.session_id(), lambda _hospital: None)
    assert not world.rows("SELECT stopped FROM sessions WHERE code = 's1'")[0].stopped, "at once: nobody holds a number"
    take_sent(world.database)
    assert short(world.tell(world.reserve("b"))) == [("reserved", "b", 2)]
    check_inventory(world)


def test_seen_twice_counts_once(world: World) -> None:
    sold(world, "a", "b")
    world.tell(seen(world, "a"), seen(world, "a"))
    world.tell(seen(world, "a"))
    assert figures(world) == (2, 1, 1)


def test_seen_before_the_confirmation_arrives_is_seen_and_sold(world: World) -> None:
    world.tell(world.reserve("a"))
    assert world.tell(seen(world, "a")) == []
    assert world.tell(world.confirm("a")) == []
    assert figures(world) == (1, 1, 1)
    check_inventory(world)


@pytest.mark.parametrize("known", [True, False])
def test_seen_without_a_number_changes_nothing(world: World, known: bool) -> None:
    if known:
        world.tell(world.reserve("a"), world.release("a"))
    assert world.tell(seen(world, "a")) == []
    assert figures(world) == (0, 0, 0)


def test_a_number_that_comes_back_after_all_is_used_up_no_more(world: World) -> None:
    """The saga does not do this; should it ever, the counters still agree with the counts."""
    sold(world, "a")
    world.tell(seen(world, "a"))
    world.tell(world.release("a"))
    assert figures(world) == (0, 0, 0)
    check_inventory(world)


def test_a_number_void_on_the_day_is_offered_to_nobody_who_waits(world: World) -> None:
    """Whoever was told on the way to work that she has a number in five minutes would come too late."""
    world.fill(12)
    world.tell(*(world.confirm(f"fill-{i}") for i in range(12)), world.reserve("w", wait=True))
    world.clock.set(STARTS + 10 * MINUTE)
    assert short(world.tell(world.release("fill-0"))) == [("released", "fill-0"), ("SessionChanged",)]
    check_inventory(world)


def test_it_is_sold_again_until_its_segment_ends_for_so_long_one_can_check_in_with_it(world: World) -> None:
    world.fill(12)
    world.clock.set(STARTS + 10 * MINUTE)
    world.tell(world.release("fill-0"))
    (answer,) = [m for m in short(world.tell(world.reserve("x"))) if m[1:2] == ("x",)]
    assert answer == ("reserved", "x", 1)
