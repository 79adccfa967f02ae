"""The loops: they send in the background, stand faults, and stop."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Letter, Sent
from notify_svc.metrics import OLDEST_DUE, STUCK, UNSURE
from notify_svc.sender import Loop, Sender
from notify_svc.usecases import upkeep
from post_world import Counting, contact, post, states, store_of, tell_confirmed
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never comes true"
        time.sleep(0.01)


def test_what_is_due_is_sent_in_the_background_while_one_call_hangs(service: Service) -> None:
    deliver(service, contact(email=None))
    hanging, released = threading.Event(), threading.Event()

    def hangs_once(letter: Letter) -> Sent:
        if not hanging.is_set():
            hanging.set()
            released.wait(30)
        return Sent()

    carrier = Counting("alibaba", "sms", hangs_once)
    desk = post(store_of(service), carrier)
    sender = Sender("sms", partial(desk.due, "sms"))
    tell_confirmed(service)
    sender.start()
    try:
        until(hanging.is_set)
        for n in range(20):
            tell_confirmed(service, order_id=f"later_{n}")
        until(lambda: len(carrier.carried) == 20)
        assert states(store_of(service)) == {"sent": 20, "handed": 1}
    finally:
        released.set()
        sender.stop()
    assert states(store_of(service)) == {"sent": 21}
    assert not sender.dead


def test_a_full_second_ends_the_turn(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    for n in range(9):
        tell_confirmed(service, order_id=f"ord_{n}")
    carrier = Counting("alibaba", "sms")
    desk = post(store_of(service), carrier, most={"alibaba": 4})
    asked: list[int] = []

    def due() -> list[Callable[[], bool]]:
        jobs = desk.due("sms")
        asked.append(len(jobs))
        return jobs

    sender = Sender("sms", due)
    sender.start()
    try:
        until(lambda: len(asked) >= 3)
        assert len(carrier.carried) == 4, "the clock stands still"
    finally:
        sender.stop()
    assert max(asked) == 4, "no more than a second has room for are in memory"


def test_a_turn_that_fails_is_followed_by_another() -> None:
    turns: list[int] = []

    def turn() -> float:
        turns.append(1)
        if len(turns) == 1:
            raise ConnectionError("planted")
        return 0.0

    loop = Loop("test", turn)
    loop.start()
    until(lambda: len(turns) > 1)
    assert not loop.dead
    loop.stop()
    assert not loop.dead


AWAY, FAULT = AutoReconnect("planted"), KeyError("planted")


@pytest.mark.parametrize(
    ("error", "told", "with_its_way"),
    [(AWAY, {"database_away"}, False), (FAULT, {"loop_failed", "send_failed"}, True)],
    ids=["away", "fault"],
)
def test_a_database_that_is_away_is_told_in_one_line_and_a_fault_with_its_way(
    error: Exception, told: set[str], with_its_way: bool
) -> None:
    turns: list[int] = []

    def fails() -> bool:
        raise error

    def due() -> list[Callable[[], bool]]:
        turns.append(1)
        if len(turns) == 1:
            return [fails]
        raise error

    sender = Sender("sms", due)
    with capture_logs() as said:
        sender.start()
        until(lambda: {entry["event"] for entry in said} >= told)
        sender.stop()
    assert {entry["event"] for entry in said} == told
    assert {bool(entry.get("exc_info")) for entry in said} == {with_its_way}


def test_after_a_full_second_no_more_of_the_turn_is_begun() -> None:
    turns: list[int] = []
    begun: list[int] = []

    def full() -> bool:
        begun.append(len(turns))
        return False

    def due() -> list[Callable[[], bool]]:
        turns.append(1)
        return [full] * 500

    sender = Sender("sms", due)
    sender.start()
    until(lambda: len(turns) > 1)
    sender.stop()
    assert begun.count(1) < 500


def test_a_job_that_fails_holds_up_nobody() -> None:
    done = threading.Event()

    def fails() -> bool:
        raise ConnectionError("planted")

    def works() -> bool:
        done.set()
        return True

    sender = Sender("sms", lambda: [*[fails] * 20, works])
    sender.start()
    until(done.is_set)
    sender.stop()


def test_the_service_brings_its_loops(service: Service) -> None:
    made = [make() for make in service.loops]
    names = {part._thread.name for part in made if isinstance(part, Loop)}
    assert names == {"reminders", "sender-email", "sender-sms", "upkeep"}


def test_figures_say_how_long_what_has_waited(service: Service, clock: ManualClock) -> None:
    from datetime import timedelta

    store = store_of(service)
    deliver(service, contact(email=None))
    tell_confirmed(service)
    clock.advance(timedelta(seconds=90))
    upkeep.measure(store)
    assert OLDEST_DUE.labels("sms", "1")._value.get() == 90
    assert OLDEST_DUE.labels("email", "1")._value.get() == 0
    (waiting,) = store.deliveries.due("sms", clock(), 10)
    unsure = store.deliveries.change(waiting, state="unsure")
    assert unsure is not None
    upkeep.measure(store)
    assert (UNSURE._value.get(), STUCK._value.get()) == (1, 0)
    store.deliveries.change(unsure, state="taken", due_at=clock())
    upkeep.measure(store)
    assert (UNSURE._value.get(), STUCK._value.get()) == (0, 1)
