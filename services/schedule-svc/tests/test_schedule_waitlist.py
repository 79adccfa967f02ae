"""候补: who waits gets a freed number first, and nobody waits for ever."""

from collections.abc import Callable
from datetime import timedelta

from common.messages import SlotReserved
from common.outbox import Timer, TimerLoop
from common.outbox.tables import timers
from common.testing import take_sent
from schedule_svc.usecases import orders, sessions
from schedule_world import World, check_inventory, session_row, short, slot_row
from sqlalchemy import delete, select


def fire(world: World) -> list[object]:
    TimerLoop(world.database, {orders.WAITLIST_CLOSES: orders.close_waitlist}).fire_due()
    return take_sent(world.database)


def test_a_freed_number_goes_to_the_first_in_line(world: World) -> None:
    world.fill(12)
    waits = world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(3)))
    assert short(waits) == [("waits", "w0", 1), ("waits", "w1", 2), ("waits", "w2", 3)]
    assert short(world.tell(world.release("fill-5"), world.release("fill-3"))) == [
        ("released", "fill-5"),
        ("reserved", "w0", 6),
        ("released", "fill-3"),
        ("reserved", "w1", 4),
    ]
    check_inventory(world)


def test_nobody_overtakes_the_line_within_a_batch(world: World) -> None:
    world.fill(12)
    answers = world.tell(world.reserve("w", wait=True), world.release("fill-0"), world.reserve("late"))
    assert short(answers) == [
        ("waits", "w", 1),
        ("released", "fill-0"),
        ("reserved", "w", 1),
        ("rejected", "late", "sold_out"),
    ]
    check_inventory(world)


def test_asked_again_a_waiting_order_hears_the_same(world: World) -> None:
    world.fill(12)
    first = world.tell(world.reserve("w", wait=True))
    assert world.tell(world.reserve("w", wait=True)) == first
    world.tell(world.release("fill-0"))
    assert short(world.tell(world.reserve("w", wait=True))) == [("reserved", "w", 1)]


def test_who_gives_up_waiting_is_passed_over(world: World) -> None:
    world.fill(12)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(2)))
    assert short(world.tell(world.release("w0"))) == [("released", "w0")]
    assert short(world.tell(world.release("fill-0")))[1] == ("reserved", "w1", 1)
    check_inventory(world)


def test_one_may_wait_for_a_certain_segment(world: World) -> None:
    second = world.slot_ids()[1]
    world.fill(12)
    world.tell(world.reserve("certain", second, wait=True), world.reserve("any", wait=True))
    answers = short(world.tell(world.release("fill-0"), world.release("fill-4")))
    assert answers == [
        ("released", "fill-0"),
        ("reserved", "any", 1),
        ("released", "fill-4"),
        ("reserved", "certain", 5),
    ]
    check_inventory(world)


def test_who_waits_for_a_certain_segment_gets_no_other_within_a_batch_either(world: World) -> None:
    second = world.slot_ids()[1]
    world.fill(12)
    answers = world.tell(world.reserve("certain", second, wait=True), world.release("fill-0"), world.release("fill-4"))
    assert short(answers)[:4] == [
        ("waits", "certain", 1),
        ("released", "fill-0"),
        ("released", "fill-4"),
        ("reserved", "certain", 5),
    ]
    check_inventory(world)


def test_a_long_line_is_served_to_its_end(world: World) -> None:
    world.fill(12)
    line = [f"w{i}" for i in range(120)]
    world.tell(*(world.reserve(order, wait=True) for order in line))
    held, served = [f"fill-{i}" for i in range(12)], []
    while held:
        got = [m.order_id for m in world.tell(*map(world.release, held)) if isinstance(m, SlotReserved)]
        served, held = served + got, got
    assert served == line
    check_inventory(world)
    assert world.figures()["sessions"][world.session_id()]["free"] == 12


def test_extra_numbers_go_to_the_line_first(world: World) -> None:
    world.fill(12)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(2)))
    with world.database.transaction() as tx:
        sessions.add_numbers(tx, world.session_id(), world.slot_ids()[1], 3, lambda _hospital: None)
    answers = short(take_sent(world.database))
    assert answers == [("reserved", "w0", 13), ("reserved", "w1", 14), ("SessionChanged",)]
    assert short(world.tell(world.reserve("x")))[0] == ("reserved", "x", 15)
    check_inventory(world)


def test_many_of_a_long_line_are_served_at_once_in_order(world: World) -> None:
    world.fill(12)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(130)))
    with world.database.transaction() as tx:
        sessions.add_numbers(tx, world.session_id(), world.slot_ids()[0], 120, lambda _hospital: None)
    served = [m for m in take_sent(world.database) if isinstance(m, SlotReserved)]
    assert [(m.order_id, m.queue_number) for m in served] == [(f"w{i}", 13 + i) for i in range(120)]
    check_inventory(world)


def test_a_greater_roster_serves_the_line(world: World) -> None:
    world.fill(12)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(2)))
    world.publish({"hospital": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等"}, "sessions": [
        session_row(version=2, slots=[slot_row(8, capacity=5), slot_row(8, 30), slot_row(9), slot_row(7, 30, capacity=1)])
    ]})  # fmt: skip
    assert short(take_sent(world.database))[:2] == [("reserved", "w0", 13), ("reserved", "w1", 14)], (
        "the earliest first"
    )
    check_inventory(world)


def test_the_line_is_closed_when_the_session_begins(world: World) -> None:
    world.fill(12)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(2)))
    begins = world.clock().replace(day=5, hour=0)
    world.clock.set(begins - timedelta(microseconds=1))
    assert fire(world) == []
    world.clock.set(begins)
    assert short(world.tell(world.release("fill-11"))) == [("released", "fill-11"), ("SessionChanged",)], (
        "no offer once it has begun"
    )
    assert short(fire(world)) == [("rejected", "w0", "sold_out"), ("rejected", "w1", "sold_out")]
    assert short(world.tell(world.release("fill-10"), world.reserve("late", wait=True))) == [
        ("released", "fill-10"),
        ("reserved", "late", 11),
    ]
    assert short(world.tell(*(world.reserve(f"l{i}", wait=True) for i in range(2))))[1] == (
        "rejected",
        "l1",
        "sold_out",
    )
    check_inventory(world)


def test_one_may_wait_again_after_the_line_was_empty(world: World) -> None:
    world.fill(12)
    world.tell(world.reserve("w0", wait=True), world.release("w0"))
    world.tell(world.reserve("w1", wait=True))
    with world.database.reading() as conn:
        assert len(conn.execute(select(timers)).all()) == 1
    world.clock.set(world.clock().replace(day=5, hour=0))
    assert short(fire(world)) == [("rejected", "w1", "sold_out")]


def test_the_line_of_a_session_that_a_roster_moved(make: Callable[..., World]) -> None:
    world = make()
    world.fill(12)
    world.tell(world.reserve("w", wait=True))
    later = [slot_row(10), slot_row(10, 30), slot_row(11)]
    world.publish(
        {
            "hospital": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等"},
            "sessions": [session_row(version=2, slots=later)],
        }
    )
    assert ("reserved", "w", 13) in short(take_sent(world.database)), "the new segments have numbers"
    world.clock.set(world.clock().replace(day=5, hour=0))
    assert fire(world) == []


def test_a_timer_that_comes_early_closes_nothing_and_comes_again(world: World) -> None:
    world.fill(12)
    world.tell(world.reserve("w", wait=True))
    with world.database.transaction() as tx:
        tx.conn.execute(delete(timers))
        orders.close_waitlist(tx, Timer(orders.WAITLIST_CLOSES, world.session_id(), tx.now, {}))
    assert take_sent(world.database) == []
    world.clock.set(world.clock().replace(day=5, hour=0))
    assert short(fire(world)) == [("rejected", "w", "sold_out")]


def test_a_stopped_session_offers_nothing_and_ends_its_line_at_the_latest_when_it_would_have_begun(
    world: World,
) -> None:
    world.fill(12)
    world.tell(world.reserve("w", wait=True))
    with world.database.transaction() as tx:
        sessions.stop(tx, world.session_id(), "ill", lambda _hospital: None)
    take_sent(world.database)
    assert short(world.tell(world.release("fill-0"))) == [("released", "fill-0"), ("SessionChanged",)]
    assert short(world.tell(world.reserve("x", wait=True))) == [("rejected", "x", "session_stopped")]
    world.clock.set(world.clock().replace(day=5, hour=0))
    assert short(fire(world)) == [("rejected", "w", "session_stopped")]
    check_inventory(world)
