"""What patients are told while they wait: where they wait now, once, and each miss."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.closing import CLOSE, close_by_clock
from booking_svc.usecases.clinic.lining import MOST_NEAR
from booking_world import VISIT
from clinic_day import DESK, OPENS, ROOM, ClinicDay
from common.messages import VisitCalled, VisitCheckedIn, VisitMissed, VisitMoved, VisitNear, VisitPassed
from common.outbox import Timer
from common.testing import sent

THERE = ("李医生", "302")


@pytest.fixture
def day(tmp_path):
    made = ClinicDay(f"sqlite:///{tmp_path}/told.db")
    yield made
    made.database.close()


def where(day, kind):
    return [(m.visit.doctor_name, m.visit.room) for m in sent(day.database, kind)]


def transfer(day, visit_id, to):
    return clinic.transfer_visit(day.database, DESK, visit_id, to, "a day off")


# --- where ------------------------------------------------------------------------------------------------------------


def test_after_a_transfer_all_that_is_told_sends_her_to_the_new_doctor_and_room(day):
    agreed = (VISIT.doctor_name, VISIT.room)
    visit_id, expected = day.come("a"), day.expect("b")
    transfer(day, visit_id, day.other)
    transfer(day, expected, day.other)
    day.check_in(expected)
    day.open("302", session=day.other)
    assert day.next(room="302", session=day.other) == visit_id
    day.after(5)
    clinic.call_visit(day.database, DESK, visit_id, "302", "did not hear")
    clinic.pass_visit(day.database, DESK, visit_id)
    assert where(day, VisitCheckedIn) == [agreed, THERE]
    assert where(day, VisitNear) == [THERE]
    assert where(day, VisitCalled) == [THERE, THERE]
    assert where(day, VisitPassed) == [THERE]
    assert [(m.visit.room, m.to.room) for m in sent(day.database, VisitMoved)] == [(VISIT.room, "302")] * 2
    assert {m.visit.starts_at for m in sent(day.database, VisitNear)} == {OPENS}, "her time stays what was agreed"


def test_who_comes_back_to_her_own_line_is_sent_where_it_is(day):
    visit_id = day.come("a")
    transfer(day, visit_id, day.other)
    transfer(day, visit_id, day.session)
    assert where(day, VisitNear) == [THERE, (VISIT.doctor_name, VISIT.room)]


def test_a_session_whose_names_nobody_told_leaves_what_was_agreed(day):
    """It was published by the release before."""
    unnamed = day.new_session(hospital_name="", department_name="", doctor_name="", doctor_title="", room="")
    visit_id = day.come("a")
    transfer(day, visit_id, unnamed)
    (moved,) = sent(day.database, VisitMoved)
    assert (moved.to.doctor_name, moved.to.department_name, moved.to.room) == (
        VISIT.doctor_name,
        VISIT.department_name,
        VISIT.room,
    )
    assert where(day, VisitNear) == [(VISIT.doctor_name, VISIT.room)]


def test_a_doctor_without_a_room_is_not_told_with_the_old_one(day):
    nowhere = day.new_session(doctor_name="李医生", room="")
    transfer(day, day.come("a"), nowhere)
    assert where(day, VisitNear) == [("李医生", "")]


# --- how often --------------------------------------------------------------------------------------------------------


def test_other_rules_and_other_classes_tell_nobody_again_that_few_are_before_her(day):
    visits = [day.come(f"p{n}", 10) for n in range(5)]
    day.open()
    day.next()
    before = day.told(VisitNear)
    assert before == [("p3", 2)]
    for discipline in ("fifo", "priority") * 5:
        clinic.set_discipline(day.database, DESK, day.session, discipline, "so")
    for name in ("priority", "appointment") * 3:
        clinic.reclass(day.database, DESK, visits[3], name, "elderly" if name == "priority" else None)
    assert [told for told in day.told(VisitNear) if told[0] == "p3"] == before


def test_who_was_put_far_back_is_told_again_but_three_times_at_most(day):
    day.rules(near=1)
    visit_id = day.come("a")
    for n in range(MOST_NEAR + 2):
        urgent = [day.come(f"u{n}{k}") for k in range(3)]
        for each in urgent:
            clinic.reclass(day.database, DESK, each, "emergency", "critical")
        for each in urgent:
            clinic.transfer_visit(day.database, DESK, each, day.other, "there")
        assert len([m for m in sent(day.database, VisitNear) if m.visit_id == visit_id]) == min(n + 1, MOST_NEAR)


def test_one_more_before_her_is_no_reason_to_tell_her_again(day):
    day.rules(near=1)
    visit_id = day.come("a")
    urgent = [day.come("u"), day.come("v")]
    for each in urgent:
        clinic.reclass(day.database, DESK, each, "emergency", "critical")
    for each in urgent:
        transfer(day, each, day.other)
    assert [m for m in sent(day.database, VisitNear) if m.visit_id == visit_id] == []


def test_who_was_passed_is_not_told_beside_it_that_few_are_before_her(day):
    day.rules(near=1, passed=[2])
    day.come("a"), day.come("b")
    passed = day.come("c")
    day.open()
    clinic.call_visit(day.database, DESK, passed, ROOM, "out of turn")
    clinic.pass_visit(day.database, DESK, passed)
    assert day.told(VisitPassed) == [("c", 2)]
    day.next()
    assert day.line() == ["b", "c"]
    assert day.told(VisitNear) == []


# --- calls ------------------------------------------------------------------------------------------------------------


def test_only_a_call_of_one_who_is_being_called_there_is_a_call_again(day):
    visit_id = day.come("a")
    day.open()
    day.open("305")
    day.next()
    clinic.call_visit(day.database, DESK, visit_id, ROOM, "did not hear")
    clinic.call_visit(day.database, DESK, visit_id, "305", "another room")
    clinic.put_back(day.database, DESK, visit_id, "by mistake")
    day.next(room="305")
    clinic.send_away(day.database, DESK, visit_id)
    clinic.come_back(day.database, DESK, visit_id)
    day.next(room="305")
    clinic.pass_visit(day.database, DESK, visit_id)
    day.next()
    transfer(day, visit_id, day.other)
    day.open("302", session=day.other)
    day.next(room="302", session=day.other)
    assert [(m.call, m.again) for m in sent(day.database, VisitCalled)] == [
        (1, False),
        (2, True),
        *((n, False) for n in range(3, 8)),
    ]


def test_the_times_of_what_is_told_follow_the_queue_and_not_a_clock_that_jumps_back(day):
    visit_id = day.come("a")
    day.open()
    day.after(30)
    day.next()
    day.after(-20)
    clinic.pass_visit(day.database, DESK, visit_id)
    (called,), (passed,) = sent(day.database, VisitCalled), sent(day.database, VisitPassed)
    assert passed.at >= called.called_at == OPENS + timedelta(minutes=30)


# --- misses -----------------------------------------------------------------------------------------------------------


def missed(day, visit_id):
    """Her call, to which she does not come, is her last."""
    day.next()
    day.after(5)
    clinic.pass_visit(day.database, DESK, visit_id)
    assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("missed", "no_show")


def test_who_is_let_in_again_and_misses_again_is_told_again(day):
    day.rules(passed=[])
    visit_id = day.come("a")
    day.open()
    missed(day, visit_id)
    clinic.readmit(day.database, DESK, visit_id, "she is here")
    missed(day, visit_id)
    order_id = day.visit(visit_id).order_id
    assert [m.order_id for m in sent(day.database, VisitMissed)] == [order_id] * 2


def test_who_is_let_in_again_and_never_called_is_not_told_that_she_missed_it_again(day):
    day.rules(passed=[])
    visit_id = day.come("a")
    day.open()
    missed(day, visit_id)
    clinic.readmit(day.database, DESK, visit_id, "she is here")
    day.after(24 * 60)
    close_by_clock(SimpleNamespace(database=day.database), Timer(CLOSE, day.session, OPENS, {}))
    assert day.visit(visit_id).state == "missed"
    assert len(sent(day.database, VisitMissed)) == 1
