"""Promises: what is told first, by a job that keeps nobody waiting, and whether it held."""

import threading

import pytest
from booking_svc import store
from booking_svc.usecases import clinic
from booking_svc.usecases.waiting import estimate_queue
from clinic_day import DESK, ROOM
from common.outbox import Timer
from common.testing import assert_problem
from haoyuan_waiting import simulate
from waits_day import WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def come(day, *names):
    return [day.come(name) for name in names]


# --- the job ---------------------------------------------------------------------------------------------------------


def while_numbers_are_crunched(day, monkeypatch, happens):
    """Estimate for the queue; meanwhile this happens, by somebody else."""
    crunch, in_time = simulate.waits, []

    def slowly(line, **how):
        other = threading.Thread(target=happens)
        other.start()
        other.join(10)
        in_time.append(not other.is_alive())
        return crunch(line, **how)

    monkeypatch.setattr(simulate, "waits", slowly)
    day.fire()
    monkeypatch.undo()
    assert in_time == [True], "it waited until all was computed"


def test_nobody_waits_while_numbers_are_crunched_and_who_comes_meanwhile_is_promised_at_once(day, monkeypatch):
    day.open()
    first, late = day.come("a"), day.expect("b")
    while_numbers_are_crunched(day, monkeypatch, lambda: day.check_in(late))
    assert (len(day.estimates(first)), day.estimates(late)) == (1, [])
    (timer,) = day.timers()
    assert timer.due_at == day.clock(), "not in a minute"
    day.fire()
    assert [row.promised for row in day.estimates(late)] == [True]
    assert len(day.estimates(first)) == 1


def test_who_is_called_while_numbers_are_crunched_gets_no_promise(day, monkeypatch):
    """Nobody would settle it."""
    day.open()
    first, second = come(day, "a", "b")
    while_numbers_are_crunched(day, monkeypatch, day.next)
    assert day.visit(first).state == "called"
    assert (day.estimates(first), len(day.estimates(second))) == ([], 1)


def test_a_queue_that_closes_while_numbers_are_crunched_is_estimated_no_more(day, monkeypatch):
    day.open()
    day.come("a")

    def closes():
        with day.database.transaction() as tx:
            queue = store.queues.lock_queue(tx, day.session)
            queue.state = "closed"
            store.queues.save_queue(tx, queue)

    while_numbers_are_crunched(day, monkeypatch, closes)
    assert (day.estimates(), day.timers()) == ([], [])


def test_two_workers_that_estimate_at_once_promise_once(day, monkeypatch):
    day.open()
    visit_id = day.come("a")
    (timer,) = day.timers()
    again = Timer(timer.kind, timer.key, timer.due_at, {})

    def other():
        monkeypatch.undo()
        estimate_queue(day.service, again)

    while_numbers_are_crunched(day, monkeypatch, other)
    assert [row.promised for row in day.estimates(visit_id)] == [True, False]


# --- what is told --------------------------------------------------------------------------------------------------------


def test_what_is_told_first_is_a_promise_and_what_follows_takes_each_others_place(day):
    day.open()
    _, second = come(day, "a", "b")
    assert day.estimates() == [], "nobody's check-in waits for it"
    for minute in range(4):
        day.fire()
        rows = day.estimates(second)
        assert [row.promised for row in rows] == [True, False][: minute + 1]
        assert rows[-1].made_at == day.clock()
        day.after(1)
    (timer,) = day.timers()
    assert timer.key == day.session


def test_the_timer_ends_when_nobody_waits_and_is_set_when_somebody_comes(day):
    day.open()
    day.come("a")
    day.fire()
    assert len(day.timers()) == 1
    day.next()
    day.after(2)
    day.fire()
    assert day.timers() == []
    day.come("b")
    assert len(day.timers()) == 1


def test_who_comes_is_promised_something_at_once_and_nobody_else_is_told_again_so_soon(day):
    day.open()
    first = day.come("a")
    day.fire()
    day.after(0.25)
    second = day.come("b")
    day.fire()
    assert [row.promised for row in day.estimates(second)] == [True]
    assert [row.promised for row in day.estimates(first)] == [True]


@pytest.mark.parametrize(("minutes", "held"), [(10, True), (150, False)])
def test_when_she_is_called_it_is_noted_whether_the_promise_held(day, minutes, held):
    day.known(600)
    day.open()
    first, second = come(day, "a", "b")
    day.next()
    day.fire()
    day.after(2)
    day.fire()
    day.after(minutes - 2)
    found = day.get("/waits/coverage?department_id=d").json
    assert found["count"] == (not held), (
        "she who was called before had no promise; one that is overdue is broken already"
    )
    day.next(first)
    (promise,) = day.estimates(second)
    assert (promise.promised, promise.held, promise.called_at) == (True, held, day.clock())
    coverage = day.get("/waits/coverage?department_id=d").json
    assert (coverage["count"], coverage["share"]) == (1, float(held))
    assert day.get("/waits/coverage?department_id=d", {}).json == coverage, "it is no secret"
    assert day.get("/waits/coverage?department_id=x").json["share"] is None


def test_a_call_that_comes_too_soon_has_broken_the_promise_too(day):
    day.known(600)
    day.open()
    before, last = come(day, *"abcdef"), day.come("g")
    day.fire()
    day.after(2)
    for after in (None, *before):
        day.next(after)
    (promise,) = day.estimates(last)
    assert promise.low > 120
    assert (promise.called_at, promise.held) == (day.clock(), False)


def test_a_promise_is_settled_by_her_first_call(day):
    day.open()
    first, _ = come(day, "a", "b")
    day.fire()
    day.next()
    (promise,) = day.estimates(first)
    day.after(3)
    clinic.pass_visit(day.database, DESK, first)
    day.fire()
    day.after(90)
    clinic.call_visit(day.database, DESK, first, ROOM, "here")
    assert day.estimates(first) == [promise]


def test_coverage_needs_a_department(day):
    assert_problem(day.get("/waits/coverage"), 422, "validation_error", "department_id")
    assert_problem(day.get("/waits/coverage?department_id=%00"), 422)
