"""叫号: who is at the desk goes, and the next one is called, in one step; a second click changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from booking_svc import store
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import VisitState
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic import WalkIn
from booking_world import VISIT
from clinic_day import DESK, DOCTOR, ROOM, ClinicDay
from common.errors import Conflict, Fault, Forbidden, NotFound
from common.messages import VisitCalled, VisitCheckedIn, VisitCompleted, VisitMissed, VisitNear, VisitPassed
from common.testing import sent


@pytest.fixture
def day(tmp_path: Path) -> Iterator[ClinicDay]:
    day = ClinicDay(f"sqlite:///{tmp_path}/booking.db")
    yield day
    day.database.close()


def refused(act: Callable[[], object], code: str, kind: type[Fault] = Conflict) -> Fault:
    with pytest.raises(kind) as info:
        act()
    assert info.value.code == code
    return info.value


def test_next_finishes_who_is_there_and_calls_the_next_in_one_step(day):
    first, second = day.come("1"), day.come("2", 30)
    day.open()
    assert day.next() == first
    assert day.visit(first).state == "called"
    assert day.next(first) == second
    done = day.visit(first)
    assert (done.state, done.room, done.served_by, done.calls) == ("done", ROOM, VISIT.doctor_id, 1)
    assert (day.order_state(first), day.order_state(second)) == ("fulfilled", "confirmed")
    assert [m.order_id for m in sent(day.database, VisitCompleted)] == [done.order_id]
    assert day.told(VisitCalled) == [("1", ROOM), ("2", ROOM)]
    assert day.next(second) is None
    assert day.line() == []


def test_a_second_click_answers_the_same_visit_and_calls_nobody(day):
    first, second, third = day.come("1"), day.come("2"), day.come("3")
    day.open()
    assert [day.next() for _ in range(3)] == [first] * 3
    answers = [clinic.next_visit(day.database, DESK, day.session, ROOM, first) for _ in range(3)]
    assert [(a.visit.id, a.repeated) for a in answers] == [(second, False), (second, True), (second, True)]
    assert day.line() == ["3"]
    error = refused(lambda: day.next(third), "desk_moved_on")
    assert (error.extra["current"], error.extra["current_call"]) == (second, 1)
    assert day.next(second) == third
    assert refused(lambda: day.next(first), "desk_moved_on").extra["current"] == third, "a click of two patients ago"
    assert [m.ticket for m in sent(day.database, VisitCalled)] == ["1", "2", "3"]


def test_a_second_click_that_found_nobody_calls_nobody_who_came_since(day):
    first = day.come("1")
    day.open()
    day.next()
    assert day.next(first) is None
    second = day.come("2")
    again = clinic.next_visit(day.database, DESK, day.session, ROOM, first)
    assert (again.visit, again.repeated) == (None, True)
    assert day.next(None) == second
    assert day.next(None) == second, "the desk believes that nobody is there: it has missed the answer"


def test_a_late_click_for_an_earlier_call_of_the_same_visit_passes_nobody(day):
    first = day.come("1")
    day.open()
    day.next()
    assert day.next(first, "passed") is None, "nobody else waits, and she is not called by the same step"
    assert day.next() == first
    day.after(2)
    late = lambda: clinic.next_visit(day.database, DESK, day.session, ROOM, first, "passed", call=1)  # noqa: E731  as said
    assert refused(late, "desk_moved_on").extra["current_call"] == 2
    assert day.visit(first).passes == 1
    assert clinic.next_visit(day.database, DESK, day.session, ROOM, first, call=2).visit is None
    assert day.visit(first).state == "done"


def test_who_did_not_come_goes_back_by_the_rule_and_misses_it_after_the_last_call(day):
    day.rules(passed=[2, 0], near=2)
    late = day.come("late")
    for name in "abcd":
        day.come(name, 30)
    day.open()
    assert day.next() == late
    a = day.next(late, "passed")
    assert day.line() == ["b", "late", "c", "d"], "+2: a is called, b is before her"
    assert day.told(VisitPassed) == [("late", 1)]
    b = day.next(a)
    assert day.next(b) == late
    c = day.next(late, "passed")
    assert day.line() == ["d", "late"], "to the end"
    d = day.next(c)
    assert day.next(d) == late
    assert (day.visit(late).passes, day.visit(late).calls, day.order_state(late)) == (2, 3, "confirmed")
    assert day.next(late, "passed") is None
    assert (day.visit(late).state, day.order_state(late)) == ("missed", "no_show")
    assert [m.marked_by for m in sent(day.database, VisitMissed)] == [DESK.account_id]
    assert [m.left for m in sent(day.database, VisitPassed)] == [2, 1]


def test_a_call_before_her_time_is_not_held_against_her(day):
    day.rules(passed=[])
    early, other = day.come("early", at=20), day.come("other", at=30)
    day.open()
    assert day.next() == early
    assert day.next(early, "passed") == other
    assert (day.visit(early).state, day.visit(early).passes) == ("waiting", 0)
    day.after(20)
    assert day.next(other) == early
    assert day.next(early, "passed") is None
    assert (day.visit(early).state, day.order_state(early)) == ("missed", "no_show")


def test_a_pass_so_soon_after_the_call_that_nobody_could_have_come_is_not_held_against_her(day):
    """Three clicks of somebody in a hurry are no three calls."""
    day.rules(passed=[1])
    visit_id = day.come("a")
    day.open()
    for seconds, passes in ((0, 0), (59, 0), (60, 1), (59, 1)):
        assert day.next() == visit_id
        day.after(seconds / 60)
        clinic.pass_visit(day.database, DESK, visit_id)
        assert (day.visit(visit_id).state, day.visit(visit_id).passes) == ("waiting", passes)
    assert [m.left for m in sent(day.database, VisitPassed)] == [2, 2, 1, 1]
    assert day.next() == visit_id
    assert day.next(visit_id, "passed") is None
    assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("missed", "no_show")


def test_a_clock_that_jumped_ahead_once_makes_no_rule_of_the_day_true(day):
    """Places and the history stay in order; whether a segment has begun, a pause is over or a session too goes by the real time."""
    day.rules(passed=[])
    first = day.come("a")
    day.open()
    day.next()
    day.after(12 * 60)
    clinic.start_visit(day.database, DESK, first)
    day.after(-12 * 60 + 5)
    walk_in = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("b")).id
    early = day.come("early", at=60)
    assert day.next(first) == early
    assert day.next(early, "passed") == walk_in
    assert day.visit(early).state == "waiting", "her segment begins in an hour"
    clinic.pause(day.database, DESK, day.session, "rounds", 5)
    refused(lambda: day.next(walk_in), "queue_paused")
    day.after(5)
    assert day.next(walk_in) == early
    with day.database.reading() as conn:
        times = [step.at for step in store.visits.moves_of_queue(conn, day.session)]
    assert times == sorted(times)


def test_she_is_told_once_for_each_place_that_few_are_before_her(day):
    day.rules(near=1, passed=[2])
    visits = [day.come(name) for name in "abcd"]
    assert day.told(VisitCheckedIn) == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]
    assert day.told(VisitNear) == [], "a and b were told how many are before them when they checked in"
    day.open()
    day.next()
    assert day.told(VisitNear) == [("c", 1)]
    day.next(visits[0], "passed")
    assert day.line() == ["c", "a", "d"]
    assert day.told(VisitNear) == [("c", 1)], "a was told by the word that she was passed"
    day.next(visits[1])
    day.next(visits[2])
    assert day.line() == ["d"]
    assert day.told(VisitNear) == [("c", 1), ("d", 1)]


def test_nobody_is_called_while_the_queue_pauses_or_to_a_desk_that_is_closed(day):
    first = day.come("1")
    refused(day.next, "desk_closed")
    day.open()
    clinic.pause(day.database, DESK, day.session, "meeting", 10)
    error = refused(day.next, "queue_paused")
    assert error.extra["why"] == "meeting"
    refused(lambda: clinic.call_visit(day.database, DESK, first, ROOM, ""), "queue_paused")
    day.after(10)
    assert day.next() == first, "it goes on by itself"
    clinic.pause(day.database, DESK, day.session, "meeting")
    day.after(600)
    assert day.next() == first, "a second click is answered in a pause too"
    refused(lambda: day.next(first), "queue_paused")
    assert day.visit(first).state == "called", "and nobody is finished by what is refused"
    assert clinic.finish_visit(day.database, DESK, first).state == "done"
    clinic.resume(day.database, DESK, day.session)
    assert day.next() is None
    clinic.close_desk(day.database, DESK, day.session, ROOM)
    refused(day.next, "desk_closed")


def test_two_desks_share_a_line(day):
    visits = [day.come(str(n)) for n in range(4)]
    day.open("301")
    day.open("302", "doc2")
    assert [day.next(room="301"), day.next(room="302")] == visits[:2]
    assert day.next(visits[1], room="302") == visits[2]
    assert refused(lambda: day.next(visits[0], room="302"), "desk_moved_on").extra["current"] == visits[2]
    assert [day.visit(v).served_by for v in visits[:3]] == [VISIT.doctor_id, "doc2", "doc2"]
    refused(lambda: clinic.call_visit(day.database, DESK, visits[3], "301", ""), "desk_busy")


def test_a_call_out_of_turn_and_again(day):
    first, second = day.come("1"), day.come("2")
    day.open()
    called = clinic.call_visit(day.database, DESK, second, ROOM, "fainted")
    assert (called.state, called.calls, day.line()) == ("called", 1, ["1"])
    assert clinic.call_visit(day.database, DESK, second, ROOM, "did not hear").calls == 2
    assert [m.call for m in sent(day.database, VisitCalled)] == [1, 2]
    assert day.moves(second)[-2:] == [
        ("call", "called", DESK.account_id, "fainted"), ("recall", "called", DESK.account_id, "did not hear"),
    ]  # fmt: skip
    assert day.next(second, "passed") == first
    assert day.line() == ["2"]


def test_her_doctor_moves_to_another_room_and_calls_her_there(day):
    first = day.come("1")
    day.open("301")
    day.open("305")
    day.next(room="301")
    called = clinic.call_visit(day.database, DESK, first, "305", "no light in 301")
    assert (called.room, called.calls, called.state) == ("305", 2, "called")
    assert day.told(VisitCalled) == [("1", "301"), ("1", "305")]
    with day.database.reading() as conn:
        assert {d.room: d.visit_id for d in store.queues.desks_of(conn, day.session).values()} == {
            "301": None, "305": first,
        }  # fmt: skip
    clinic.start_visit(day.database, DESK, first)
    refused(lambda: clinic.call_visit(day.database, DESK, first, "301", ""), "not_possible")


def test_out_of_turn_and_passed_she_stands_no_better_than_before(day):
    day.rules(passed=[1])
    visits = [day.come(name) for name in "abcd"]
    day.open()
    clinic.call_visit(day.database, DESK, visits[3], ROOM, "")
    clinic.pass_visit(day.database, DESK, visits[3])
    assert day.line() == ["a", "b", "c", "d"]


def test_start_put_back_and_finish(day):
    first, second = day.come("1"), day.come("2")
    day.open()
    day.next()
    assert clinic.put_back(day.database, DESK, first, "by mistake").state == "waiting"
    put = day.visit(first)
    assert (day.line(), put.room, put.called_at, put.passes) == (["1", "2"], None, None, 0)
    refused(lambda: day.next(first), "desk_moved_on")
    assert day.next() == first
    started = [clinic.start_visit(day.database, DESK, first) for _ in range(2)]
    assert [s.state for s in started] == ["serving", "serving"]
    refused(lambda: day.next(first, "passed"), "not_possible")
    assert [clinic.finish_visit(day.database, DOCTOR, first).state for _ in range(2)] == ["done", "done"]
    assert len(sent(day.database, VisitCompleted)) == 1
    assert day.next() == second


def test_who_comes_back_from_an_examination_is_called_after_two_others_by_her_doctor(day):
    day.rules(return_places=2)
    away, *others = [day.come(name) for name in "xabcd"]
    day.open("301")
    day.open("302", "doc2")
    assert day.next() == away
    assert clinic.send_away(day.database, DESK, away).state == "away"
    assert clinic.send_away(day.database, DESK, away).room is None
    assert day.next() == others[0], "the desk is free"
    assert clinic.come_back(day.database, DESK, away).state == "waiting"
    assert day.line() == ["b", "c", "x", "d"]
    b = day.next(room="302")
    assert day.next(b, room="302") == others[2]
    assert day.next(others[2], room="302") == others[3], "x waits for her own doctor"
    assert day.next(others[0], room="301") == away
    assert clinic.send_away(day.database, DESK, away).state == "away"
    assert clinic.finish_visit(day.database, DESK, away).state == "done"
    assert day.order_state(away) == "fulfilled"


def test_who_comes_back_to_a_doctor_who_has_left_is_called_by_another(day):
    away = day.come("x")
    day.open("301")
    day.open("302", "doc2")
    day.next()
    clinic.send_away(day.database, DESK, away)
    clinic.close_desk(day.database, DESK, day.session, "301")
    clinic.come_back(day.database, DESK, away)
    assert day.next(room="302") == away


def test_a_rule_of_no_places_brings_her_back_before_all(day):
    day.rules(return_places=0)
    visits = [day.come(name) for name in "abc"]
    day.open()
    clinic.call_visit(day.database, DESK, visits[2], ROOM, "out of turn")
    clinic.send_away(day.database, DESK, visits[2])
    clinic.come_back(day.database, DESK, visits[2])
    assert day.line() == ["c", "a", "b"]


def test_who_may_act(day):
    first = day.come("1")
    day.open()
    strange, other = Staff("acc", "h9", of_desk=True), Staff("acc", VISIT.hospital_id, doctor_id="doc2")
    nobody = Staff("acc", VISIT.hospital_id)
    act = lambda who: clinic.next_visit(day.database, who, day.session, ROOM, None)  # noqa: E731  as said
    refused(lambda: act(strange), "session_not_found", NotFound)
    refused(lambda: clinic.start_visit(day.database, strange, first), "visit_not_found", NotFound)
    for who in (other, nobody):
        refused(lambda who=who: act(who), "not_your_session", Forbidden)
        refused(lambda who=who: clinic.put_back(day.database, who, first, ""), "not_your_session", Forbidden)
    day.open("302", "doc2")
    assert clinic.next_visit(day.database, other, day.session, "302", None).visit.id == first
    clinic.put_back(day.database, other, first, "")
    clinic.close_desk(day.database, DESK, day.session, "302")
    refused(lambda: act(other), "not_your_session", Forbidden)
    everywhere = Staff("acc", everywhere=True)
    assert clinic.next_visit(day.database, everywhere, day.session, ROOM, None).visit.id == first
    refused(lambda: clinic.start_visit(day.database, DESK, "vis_none"), "visit_not_found", NotFound)
    refused(lambda: day.next(session="ses_none"), "session_not_found", NotFound)


def test_who_came_back_is_taken_by_any_desk_when_her_own_doctor_calls_nobody(day):
    """Desk 301 stays open while its doctor is at lunch."""
    day.rules(return_places=2)
    day.open()
    day.open("302", "doc2")
    back = day.come("back")
    assert day.next() == back
    clinic.send_away(day.database, DESK, back)
    others = [day.come(f"x{n}", at=30) for n in range(9)]
    clinic.come_back(day.database, DESK, back)
    called = [day.next(room="302")]
    while called[-1] not in (back, None):
        called.append(day.next(called[-1], room="302"))
    assert called == [*others[:7], back], "return_places and five more"
    assert day.visit(back).served_by == "doc2"


@pytest.mark.parametrize("act", ["start_visit", "pass_visit", "send_away", "come_back", "finish_visit"])
def test_what_her_state_does_not_allow_is_refused(day, act):
    expected, waiting = day.expect("1"), day.come("2")
    for visit_id, state in ((expected, VisitState.EXPECTED), (waiting, VisitState.WAITING)):
        error = refused(lambda v=visit_id: getattr(clinic, act)(day.database, DESK, v), "not_possible")
        assert error.extra["state"] == state
    day.open()
    refused(lambda: clinic.call_visit(day.database, DESK, expected, ROOM, ""), "not_possible")
    refused(lambda: clinic.put_back(day.database, DESK, expected, ""), "not_possible")
    refused(lambda: clinic.readmit(day.database, DESK, waiting, ""), "not_possible")
    with day.database.reading() as conn:
        assert [s.move for s in store.visits.moves_of_visit(conn, waiting)] == ["check_in"]
