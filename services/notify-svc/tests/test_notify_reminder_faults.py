"""Reminders against what went wrong elsewhere: doubles by crashes, reminders after the cancellation, one who stops the others."""

import itertools
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.reminders import SOON, TOMORROW
from notify_svc.store import MongoStore
from notify_svc.usecases import reminders
from notify_world import VISIT
from reminder_world import MONDAY, cancelled, confirmed, drain, told, visits_told


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY + timedelta(hours=9))


@pytest.fixture
def store(service: Service) -> MongoStore:
    assert isinstance(service.store, MongoStore)
    return service.store


def test_reminders_are_told_at_their_time_and_not_before(
    service: Service, store: MongoStore, clock: ManualClock
) -> None:
    deliver(service, confirmed("a"), confirmed("b", 15.0), confirmed("c", 10.0, "acc_2"))
    drain(store)
    clock.set(MONDAY + timedelta(hours=17, minutes=59, seconds=59))
    drain(store)
    assert told(store) == []
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    assert told(store) == [("acc_1", "visit_tomorrow", ["a", "b"]), ("acc_2", "visit_tomorrow", ["c"])]
    clock.set(MONDAY + timedelta(days=1, hours=13))
    drain(store)
    assert ("visit_soon", "b") in visits_told(store)
    clock.advance(timedelta(days=1))
    drain(store)
    assert visits_told(store) == [
        ("visit_soon", "b"),
        ("visit_tomorrow", "a"),
        ("visit_tomorrow", "b"),
        ("visit_tomorrow", "c"),
    ]
    assert list(store.reminders.collection.find()) == [], "nothing is left to be looked at"


ENDS: dict[str, Callable[[str], Any]] = {
    "cancelled": cancelled,
    "withdrawn": lambda o: m.OrderWithdrawn(o, "acc_1", "pat_1", "ses_1", True, "patient", 5000, VISIT),
    "stopped": lambda o: m.OrderWithdrawn(o, "acc_1", "pat_1", "ses_1", True, "session_stopped", 5000, VISIT),
    "substitutes": lambda o: m.SubstitutesOffered(o, "acc_1", VISIT, 5000, [], MONDAY),
    "rescheduled": lambda o: m.OrderRescheduled(o, "acc_1", "ord_new", VISIT),
    "missed": lambda o: m.VisitMissed(o, "acc_1", "pat_1", "ses_1", VISIT, "acc_9"),
}


ORDERS = {
    "after": ["c", "e"],
    "before": ["e", "c"],
    "same batch": ["ce"],
    "end again": ["c", "e", "e"],
    "both again": ["c", "e", "c", "ec"],
}


def test_an_end_wins_whenever_it_comes(service: Service, store: MongoStore, clock: ManualClock) -> None:
    for (end, message), (order, batches) in itertools.product(ENDS.items(), ORDERS.items()):
        order_id = f"{end} {order}".replace(" ", "_")
        for batch in batches:
            deliver(
                service, *(confirmed(order_id, 9.5, order_id) if one == "c" else message(order_id) for one in batch)
            )
            clock.advance(timedelta(seconds=1))
        assert store.visits.standing([order_id]) == {}, order_id
    deliver(service, confirmed("stands"))
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    assert visits_told(store) == [("visit_tomorrow", "stands")]


def test_an_order_in_anothers_place_has_reminders_of_its_own(
    service: Service, store: MongoStore, clock: ManualClock
) -> None:
    deliver(service, confirmed("a"))
    deliver(service, m.OrderRescheduled("a", "acc_1", "b", VISIT), confirmed("b", 14.0))
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    assert visits_told(store) == [("visit_tomorrow", "b")]


def test_the_newest_time_counts(service: Service, store: MongoStore, clock: ManualClock) -> None:
    deliver(service, confirmed("a", 9.5))
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    deliver(service, confirmed("a", 16.0, day=2))
    clock.set(MONDAY + timedelta(days=1, hours=7, minutes=30))
    drain(store)
    assert visits_told(store) == [("visit_tomorrow", "a")], "nothing of the time that is no more"
    clock.set(MONDAY + timedelta(days=1, hours=18))
    drain(store)
    assert visits_told(store) == [("visit_tomorrow", "a")] * 2
    clock.set(MONDAY + timedelta(days=2, hours=14))
    drain(store)
    assert visits_told(store) == [("visit_soon", "a"), *[("visit_tomorrow", "a")] * 2]


def test_a_confirmation_that_comes_again_changes_nothing(
    service: Service, store: MongoStore, clock: ManualClock
) -> None:
    deliver(service, confirmed("a"))
    for hours in (18, 19, 31.5, 31.6):
        clock.set(MONDAY + timedelta(hours=hours))
        deliver(service, confirmed("a"))
        drain(store)
    assert visits_told(store) == [("visit_soon", "a"), ("visit_tomorrow", "a")]


class Killed(BaseException):
    """The process is gone."""


def crash_between(store: MongoStore, monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> None:
    """Die before, or right after, the step-th write of the next turn."""
    count = 0

    def deadly(owner: Any, name: str) -> None:
        honest = getattr(owner, name)

        def write(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == step and not after:
                raise Killed
            answer = honest(*args, **kwargs)
            if count == step and after:
                raise Killed
            return answer

        monkeypatch.setattr(owner, name, write)

    for owner, name in (
        (store.reminders, "claim"),
        (store.reminders, "settle"),
        (store.notifications, "add"),
        (store.visits, "mark_told"),
    ):
        deadly(owner, name)


@pytest.mark.parametrize("meanwhile", ["nothing", "the first is cancelled", "one more is confirmed"])
def test_a_kill_between_any_two_steps_neither_doubles_nor_loses(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """Two visits are told together; while the process is dead something happens to them; another loop goes on."""
    for step, after in itertools.product(range(1, 6), (False, True)):
        a, b, c = (f"{name}_{step}_{after}" for name in "abc")
        account, due = f"acc_{step}_{after}", MONDAY + timedelta(days=1, hours=7, minutes=30)
        clock.set(MONDAY + timedelta(hours=9))
        deliver(service, confirmed(a, 9.5, account), confirmed(b, 11.0, account))
        clock.set(MONDAY + timedelta(hours=18))
        drain(store)
        clock.set(due)
        with monkeypatch.context() as patch:
            crash_between(store, patch, step, after=after)
            with pytest.raises(Killed):
                drain(store)
        before = visits_told(store)
        if meanwhile == "the first is cancelled":
            deliver(service, cancelled(a, account))
        elif meanwhile == "one more is confirmed":
            deliver(service, confirmed(c, 11.25, account))
        for minutes in (0, 1, 70, 150, 600):
            clock.set(due + timedelta(minutes=minutes))
            drain(store)
        soon = [order_id for kind, order_id in visits_told(store) if kind == SOON]
        assert soon.count(b) == 1, "told once, be it with the other or alone"
        assert soon.count(c) == (meanwhile == "one more is confirmed")
        assert soon.count(a) == (meanwhile != "the first is cancelled" or (SOON, a) in before)
        assert sorted(v for v in visits_told(store) if v[0] == TOMORROW and v[1] in (a, b)) == [
            (TOMORROW, a),
            (TOMORROW, b),
        ]


def once_read(store: MongoStore, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Do something when a loop has read the visits, and before it does anything about them."""
    honest = store.visits.of_accounts

    def read(*args: Any) -> Any:
        found = honest(*args)
        monkeypatch.undo()
        then()
        return found

    monkeypatch.setattr(store.visits, "of_accounts", read)


def test_a_cancellation_between_look_and_telling_is_heeded(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, confirmed("a", 9.5), confirmed("b", 14.0))
    clock.set(MONDAY + timedelta(hours=18))
    once_read(store, monkeypatch, lambda: deliver(service, cancelled("a")))
    drain(store)
    assert visits_told(store) == []
    drain(store)
    assert visits_told(store) == [(TOMORROW, "b")]


def test_a_confirmation_between_look_and_end_is_not_lost(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, confirmed("a", 9.5))
    deliver(service, cancelled("a"))
    clock.set(MONDAY + timedelta(hours=18))
    once_read(store, monkeypatch, lambda: deliver(service, confirmed("b", 16.0)))
    drain(store)
    clock.set(MONDAY + timedelta(days=1, hours=14))
    drain(store)
    assert visits_told(store) == [(SOON, "b")]


def test_of_two_who_have_read_the_same_one_goes_on(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, confirmed("a", 9.5))
    clock.set(MONDAY + timedelta(hours=18))
    once_read(store, monkeypatch, lambda: drain(store))
    assert reminders.fire_due(store) == 0, "the other has done it"
    assert visits_told(store) == [(TOMORROW, "a")]


def test_loops_side_by_side_tell_each_visit_once(service: Service, store: MongoStore, clock: ManualClock) -> None:
    deliver(service, *(confirmed(f"ord_{n}", 8 + n % 9, f"acc_{n % 40}") for n in range(120)))
    clock.set(MONDAY + timedelta(hours=18))
    failed: list[BaseException] = []

    def loop() -> None:
        try:
            for _ in range(30):
                reminders.fire_due(store, limit=7)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    drain(store)
    tomorrow = [order_id for kind, order_id in visits_told(store) if kind == "visit_tomorrow"]
    assert sorted(tomorrow) == sorted(f"ord_{n}" for n in range(120))
    assert len(told(store)) == 40


def test_a_clock_that_jumps_tells_nothing_twice(service: Service, store: MongoStore, clock: ManualClock) -> None:
    rng = random.Random(14)
    deliver(service, *(confirmed(f"ord_{n}", 8 + n, f"acc_{n % 3}") for n in range(9)))
    for _ in range(40):
        clock.set(MONDAY + timedelta(hours=rng.uniform(9, 48)))
        drain(store)
        deliver(
            service, confirmed(f"ord_{rng.randrange(9)}", 8 + rng.randrange(9), "acc_9", day=30)
        )  # wakes, tells nothing new
    every = visits_told(store)
    assert len(every) == len(set(every))
    assert every


def test_after_a_days_outage_only_what_is_of_use(service: Service, store: MongoStore, clock: ManualClock) -> None:
    deliver(service, confirmed("past", 8.0), confirmed("soon", 19.0, "acc_2"), confirmed("next", 9.0, "acc_3", day=2))
    clock.set(MONDAY + timedelta(days=1, hours=18, minutes=30))
    drain(store)
    assert told(store) == [("acc_2", "visit_soon", ["soon"]), ("acc_3", "visit_tomorrow", ["next"])]


def test_ones_broken_document_or_letter_does_not_stop_the_others(
    service: Service, store: MongoStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, *(confirmed(f"ord_{n}", 9.5, f"acc_{n}") for n in range(10)))
    store.visits.collection.update_one({"_id": "ord_2"}, {"$set": {"queue_number": {}, "confirmed_at": "yesterday"}})
    store.reminders.collection.update_one({"_id": "acc_3"}, {"$set": {"telling": {"what": 1}}})
    honest = reminders._add

    def fails_for_one(tx: Any, turn: Any) -> None:
        if turn.timer.account_id == "acc_5":
            raise KeyError("no template")
        honest(tx, turn)

    monkeypatch.setattr(reminders, "_add", fails_for_one)
    clock.set(MONDAY + timedelta(hours=18))
    drain(store)
    assert [account for account, _, _ in told(store)] == [f"acc_{n}" for n in (0, 1, 4, 6, 7, 8, 9)]
    waiting = {t.account_id: t.attempts for t in store.reminders.due(clock() + timedelta(minutes=5), 50)}
    assert waiting == {"acc_2": 1, "acc_3": 1, "acc_5": 1}, "they are tried again later"
    monkeypatch.undo()
    clock.advance(timedelta(minutes=5))
    drain(store)
    assert "acc_5" in [account for account, _, _ in told(store)]
