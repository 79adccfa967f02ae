"""How often promises hold: those who were never called count too."""

from datetime import datetime
from types import SimpleNamespace

import pytest
from booking_svc import store
from booking_svc.clinic.visits import Move
from booking_svc.usecases.clinic.closing import CLOSE, close_by_clock
from booking_svc.usecases.clinic.lining import open_line
from common.outbox import Timer
from waits_day import WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    day.known(300)
    day.open()
    yield day
    day.close()


def coverage(day):
    return day.get("/waits/coverage?department_id=d").json


def two_come(day):
    """The first is called at once, as she was told; the second waits."""
    ids = [day.come("a"), day.come("b")]
    day.fire()
    day.next()
    assert coverage(day)["count"] == 1
    return ids


def test_a_promise_to_one_who_still_waits_is_broken_when_its_time_is_over(day):
    """Fault 18: by those who were called, all promises had held."""
    two_come(day)
    day.after(60)
    found = coverage(day)
    assert (found["share"], found["count"], found["left"]) == (0.5, 2, 0)
    assert datetime.fromisoformat(found["since"]) < day.clock()


def test_it_stays_broken_when_the_clinic_ends_without_her(day):
    _, second = two_come(day)
    day.after(12 * 60)
    close_by_clock(SimpleNamespace(database=day.database), Timer(CLOSE, day.session, day.clock(), {}))
    day.fire()
    assert day.visit(second).state == "void"
    found = coverage(day)
    assert (found["share"], found["count"], found["left"]) == (0.5, 2, 0)
    assert [row.held for row in day.estimates(second)] == [False], "it is settled, and nothing else is kept of her"


def leave(day, visit_id):
    with day.database.transaction() as tx:
        locked = store.visits.lock_lines(tx, [visit_id])
        line = open_line(tx, locked.queues[day.session])
        line.end(locked.visits[visit_id], Move.WITHDRAW, "acc")
        line.settle()


def test_who_leaves_before_says_nothing_and_is_counted_beside(day):
    _, second = two_come(day)
    day.after(1)
    day.fire()
    assert len(day.estimates(second)) == 2
    leave(day, second)
    found = coverage(day)
    assert (found["share"], found["count"], found["left"]) == (1.0, 1, 1)
    day.after(2)
    day.fire()
    (kept,) = day.estimates(second)
    assert (kept.promised, kept.held) == (True, None)
    assert coverage(day) == found, "settling changes nothing of what is told"
    assert not day.timers()


def test_who_leaves_after_her_time_was_over_was_told_wrong(day):
    _, second = two_come(day)
    day.after(60)
    leave(day, second)
    for _ in range(2):
        assert (coverage(day)["share"], coverage(day)["left"]) == (0.5, 0)
        day.fire()


def test_a_department_of_which_all_have_left_has_no_share(day):
    first = day.come("a")
    day.fire()
    leave(day, first)
    found = coverage(day)
    assert (found["share"], found["count"], found["since"], found["left"]) == (None, 0, None, 1)
