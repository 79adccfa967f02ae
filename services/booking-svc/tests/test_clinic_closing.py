"""The day of a queue ends: who never came has missed it, who was here and not called has her fee back, nobody is left over."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from booking_patient import FACTS, fire
from booking_svc import store
from booking_svc.clinic.ending import AGAIN, LONGEST, day_end, endings
from booking_svc.clinic.visits import ENDED, MOVES, ClinicVisit, VisitState
from booking_svc.saga import Missed
from booking_svc.usecases import clinic, moving, start_watching
from booking_svc.usecases.clinic.closing import CLOSE, close_queue
from booking_svc.usecases.clinic.following import miss
from booking_svc.usecases.clinic.walkins import WalkIn
from booking_svc.worker import jobs, timers
from booking_world import VISIT
from clinic_day import DESK, OPENS, ROOM, ClinicDay
from common.errors import Conflict
from common.messages import ClinicRules, RefundPayment, VisitCompleted, VisitMissed, VisitVoided
from common.outbox import tables
from common.testing import sent

MINUTE = timedelta(minutes=1)
ENDS = 4 * 60
"""Minutes after eight: the session's end."""
FIRST, LAST = ENDS + 120, ENDS + 360


@pytest.fixture
def day(tmp_path: Path) -> Iterator[ClinicDay]:
    day = ClinicDay(f"sqlite:///{tmp_path}/booking.db")
    with day.database.transaction() as tx:
        start_watching(tx)
    yield day
    day.database.close()


def at(day, minute):
    """It is so many minutes after eight; what is due has fired."""
    day.clock.set(OPENS + minute * MINUTE)
    fire(
        SimpleNamespace(database=day.database, timers={"watch": timers(None)["watch"]}, jobs={CLOSE: jobs(None)[CLOSE]})
    )


def state(day, visit_id):
    return day.visit(visit_id).state, day.order_state(visit_id)


def queue(day, session=""):
    with day.database.reading() as conn:
        found = store.queues.get_queue(conn, session or day.session)
        desks = store.queues.desks_of(conn, session or day.session)
    return found.state, [room for room, desk in desks.items() if desk.is_open]


def due(day):
    """The queues that are looked at again."""
    with day.database.reading() as conn:
        return conn.scalars(sa.select(tables.timers.c.key).where(tables.timers.c.kind == CLOSE)).all()


def stop(day, session):
    facts = replace(
        FACTS, session_id=session, state="stopped", revision=99, starts_at=OPENS, ends_at=OPENS + ENDS * MINUTE
    )
    with day.database.transaction() as tx:
        store.save_sessions(tx, [facts])


# --- by the clock --------------------------------------------------------------------------------------------------------


def test_who_never_came_has_missed_it_two_hours_after_the_session(day):
    seen, never = day.come("a"), day.expect("b", 60)
    day.open()
    assert day.next() == seen
    day.next(seen)
    at(day, FIRST - 1)
    assert state(day, never) == ("expected", "confirmed")
    at(day, FIRST)
    assert state(day, never) == ("missed", "no_show")
    assert day.moves(never) == [("miss", "missed", "clinic", "never_came")]
    (told,) = sent(day.database, VisitMissed)
    assert (told.order_id, told.marked_by) == (day.visit(never).order_id, "clinic")
    assert state(day, seen) == ("done", "fulfilled")
    assert queue(day) == ("closed", [])
    at(day, LAST + 60)
    assert due(day) == []


def test_where_nobody_was_ever_called_nothing_is_known_of_who_came(day):
    visits = [day.expect("a"), day.expect("b", 60)]
    at(day, FIRST)
    assert [state(day, v) for v in visits] == [("lapsed", "confirmed")] * 2
    assert queue(day)[0] == "closed"
    assert sent(day.database, VisitMissed) == []
    at(day, FIRST + 24 * 60)
    assert due(day) == []


def test_a_session_that_runs_over_is_waited_for_past_midnight(day):
    """It ends at 23:00; the last of its visits is called at one."""
    evening = 15 * 60
    session = day.new_session()
    facts = replace(FACTS, session_id=session, revision=2, starts_at=OPENS, ends_at=OPENS + evening * MINUTE)
    with day.database.transaction() as tx:
        store.save_sessions(tx, [facts])
    first, second, never = (day.expect(name, evening - 30, session) for name in ("a", "b", "c"))
    day.clock.set(OPENS + (evening - 30) * MINUTE)
    day.check_in(first)
    day.check_in(second)
    day.open(session=session)
    assert day.next(session=session) == first
    at(day, evening + 120)
    assert state(day, never) == ("missed", "no_show")
    assert [day.visit(v).state for v in (first, second)] == ["called", "waiting"]
    assert queue(day, session)[0] == "open"
    assert day.next(first, session=session) == second
    at(day, evening + 150)
    assert day.visit(second).state == "called"
    day.next(second, session=session)
    at(day, evening + 180)
    assert state(day, second) == ("done", "fulfilled")
    assert queue(day, session) == ("closed", [])


def test_after_six_hours_who_is_at_a_desk_is_done_and_who_waits_has_her_fee_back(day):
    called, away, waiting = (day.come(name) for name in "abc")
    walk_in = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("王小明")).id
    day.open()
    assert day.next() == called
    clinic.start_visit(day.database, DESK, called)
    clinic.send_away(day.database, DESK, called)
    assert day.next() == away
    called, away = away, called
    at(day, LAST - 1)
    assert [day.visit(v).state for v in (called, away, waiting, walk_in)] == ["called", "away", "waiting", "waiting"]
    at(day, LAST)
    assert state(day, called) == state(day, away) == ("done", "fulfilled")
    assert state(day, waiting) == ("void", "refunding")
    assert day.visit(walk_in).state == "void"
    assert sent(day.database, RefundPayment) == [RefundPayment(day.visit(waiting).order_id, "not_served")]
    assert [m.cause for m in sent(day.database, VisitVoided)] == ["not_served"]
    assert len(sent(day.database, VisitCompleted)) == 2
    assert (queue(day), due(day), day.line()) == (("closed", []), [], [])


def test_a_doctor_who_forgot_to_end_her_last_visit_is_not_thought_slow(day):
    seen, forgotten = day.come("a"), day.come("b")
    day.open()
    day.next()
    day.after(10)
    day.next(seen)
    at(day, LAST)
    assert day.visit(forgotten).state == "done"
    with day.database.reading() as conn:
        doctor = store.waits.consultations_of_doctor(conn, VISIT.doctor_id, day.clock() + MINUTE, 9)
        department = store.waits.consultations_of_department(conn, VISIT.department_id, day.clock() + MINUTE, 9)
    assert doctor == department == [600.0]


def test_consultations_are_learnt_to_take_from_the_call_until_she_is_sent_away(day):
    """Neither the examination counts, nor how short her second visit was."""
    back, ended, later = (day.come(name) for name in "abc")
    day.open()
    for visit_id, minutes in ((back, 8), (ended, 9)):
        assert day.next() == visit_id
        day.after(minutes)
        clinic.send_away(day.database, DESK, visit_id)
    day.after(40)
    clinic.come_back(day.database, DESK, back)
    clinic.finish_visit(day.database, DESK, ended)
    assert day.next() == later
    day.after(7)
    assert day.next(later) == back
    day.after(2)
    day.next(back)
    with day.database.reading() as conn:
        took = store.waits.consultations_of_department(conn, VISIT.department_id, day.clock() + MINUTE, 9)
    assert sorted(took) == [420.0, 480.0, 540.0]


def test_somebody_waits_and_nobody_was_called_yet(day):
    waiting, never = day.come("a"), day.expect("b")
    at(day, FIRST)
    assert [day.visit(v).state for v in (waiting, never)] == ["waiting", "expected"], "it may begin late"
    day.open()
    assert day.next() == waiting
    at(day, FIRST + 30)
    assert state(day, never) == ("missed", "no_show")


def test_who_waited_all_day_where_nobody_was_called_lapses_at_last(day):
    waiting = day.come("a")
    at(day, LAST)
    assert state(day, waiting) == ("lapsed", "confirmed")


def test_who_was_moved_into_the_line_of_a_stopped_session_has_missed_nothing(day):
    guest, other = day.expect("a", session=day.other), day.come("b", session=day.other)
    for visit_id in (guest, other):
        clinic.transfer_visit(day.database, DESK, visit_id, day.session, "限号")
    day.open()
    assert day.next() == other
    day.next(other)
    stop(day, day.session)
    at(day, FIRST)
    assert state(day, guest) == ("void", "refunding")


def test_who_was_let_in_again_and_not_called_stays_as_she_was(day):
    visit_id, seen = day.expect("a"), day.come("s")
    day.open()
    day.next()
    day.next(seen)
    at(day, FIRST - 1)
    with day.database.transaction() as tx:
        orders = store.lock_orders(tx, [day.visit(visit_id).order_id])
        order = next(iter(orders.values()))
        miss(tx, order, "acc_desk")
        moving.move(tx, orders, [(order.id, Missed(order.id, "acc_desk"), "")], None)
    clinic.readmit(day.database, DESK, visit_id, "堵车")
    at(day, LAST)
    assert state(day, visit_id) == ("missed", "no_show")


def missed_and_closed(day):
    visit_id, seen = day.expect("a"), day.come("s")
    day.open()
    day.next()
    day.next(seen)
    at(day, FIRST)
    assert (state(day, visit_id), queue(day)) == (("missed", "no_show"), ("closed", []))
    return visit_id


@pytest.mark.parametrize("minute", [FIRST + 1, LAST + 90], ids=["soon", "past its last end"])
def test_staff_let_somebody_into_a_queue_that_is_closed_and_it_closes_again(day, minute):
    visit_id = missed_and_closed(day)
    at(day, minute)
    assert clinic.readmit(day.database, DESK, visit_id, "她在诊室").state == "waiting"
    assert queue(day)[0] == "open"
    with day.database.reading() as conn:
        notes = [(s.move, s.by, s.why) for s in store.visits.moves_of_queue(conn, day.session) if s.visit_id is None]
    assert notes[-1] == ("reopen", "acc_desk", "她在诊室")
    at(day, minute + 20)
    assert day.visit(visit_id).state == "waiting", "nobody sends her home at once"
    day.open()
    assert day.next() == visit_id
    day.next(visit_id)
    at(day, minute + 20 + 31)
    assert (state(day, visit_id), queue(day), due(day)) == (("done", "fulfilled"), ("closed", []), [])


def test_who_was_let_into_a_closed_queue_and_not_called_stays_as_she_was(day):
    visit_id = missed_and_closed(day)
    at(day, LAST + 90)
    clinic.readmit(day.database, DESK, visit_id, "")
    at(day, LAST + 91)
    at(day, LAST + 90 + 119)
    assert (state(day, visit_id), queue(day)[0]) == (("waiting", "no_show"), "open")
    at(day, LAST + 90 + 151)
    assert (state(day, visit_id), queue(day)[0], due(day)) == (("missed", "no_show"), "closed", [])
    assert sent(day.database, RefundPayment) == []


def test_who_was_seen_though_nobody_pressed_the_button_is_done_when_staff_say_so_later(day):
    visit_id = missed_and_closed(day)
    assert clinic.finish_visit(day.database, DESK, visit_id).state == "done"
    assert (state(day, visit_id), queue(day)[0]) == (("done", "fulfilled"), "closed")
    assert day.moves(visit_id)[-1] == ("finish", "done", "acc_desk", "")
    assert [m.order_id for m in sent(day.database, VisitCompleted)][-1] == day.visit(visit_id).order_id


def test_who_may_still_check_in_by_the_rules_of_her_hour_has_missed_nothing_yet(day):
    """She was shown five hours of grace; newer rules are in force since noon."""
    day.rules(1, late_minutes=300)
    with day.database.transaction() as tx:
        newer = ClinicRules(late_minutes=30, close_minutes=0)
        store.queues.save_clinic_rules(tx, [(VISIT.hospital_id, 2, OPENS + (ENDS - 1) * MINUTE, newer)])
    visit_id, seen = day.expect("a", ENDS - 30), day.come("s")
    day.open()
    day.next()
    day.next(seen)
    at(day, ENDS + 1)
    at(day, ENDS - 30 + 299)
    assert day.visit(visit_id).state == "expected"
    at(day, ENDS - 30 + 300)
    assert state(day, visit_id) == ("missed", "no_show")


def test_a_clock_that_jumps_forward_and_back_ends_a_day_early_only_if_it_stays(day):
    never = day.expect("b")
    at(day, 30)
    assert due(day) == [day.session]
    day.clock.set(OPENS + (FIRST + 5) * MINUTE)
    day.clock.set(OPENS + 40 * MINUTE)
    at(day, 41)
    assert state(day, never) == ("expected", "confirmed")


def test_a_session_that_is_prolonged_is_closed_later(day):
    never = day.expect("b")
    at(day, 30)
    facts = replace(FACTS, session_id=day.session, revision=5, starts_at=OPENS, ends_at=OPENS + (ENDS + 60) * MINUTE)
    with day.database.transaction() as tx:
        store.save_sessions(tx, [facts])
    at(day, FIRST)
    assert day.visit(never).state == "expected"
    at(day, FIRST + 60)
    assert day.visit(never).state == "lapsed"


# --- by staff ------------------------------------------------------------------------------------------------------------


def refused(day, code):
    with pytest.raises(Conflict) as info:
        close_queue(day.database, DESK, day.session)
    assert info.value.code == code
    return dict(info.value.extra)


def test_staff_close_when_nobody_is_here_and_nobody_can_come_in_time(day):
    seen, never = day.come("a"), day.expect("b", ENDS - 10)
    day.open()
    assert refused(day, "somebody_waits") == {"visits": 1}
    day.next()
    day.next(seen)
    assert refused(day, "too_early") == {"from": OPENS + (ENDS + 20) * MINUTE}
    day.clock.set(OPENS + (ENDS + 20) * MINUTE)
    for _ in range(2):
        assert close_queue(day.database, DESK, day.session, "下班").state == "closed"
    assert state(day, never) == ("missed", "no_show")
    assert day.moves(never)[-1] == ("miss", "missed", "acc_desk", "never_came")
    with day.database.reading() as conn:
        steps = [s for s in store.visits.moves_of_queue(conn, day.session) if s.move == "close"]
    assert [(s.by, s.why, s.state) for s in steps] == [("acc_desk", "下班", "closed")]
    with pytest.raises(Conflict, match="closed"):
        clinic.open_desk(day.database, DESK, day.session, ROOM)


# --- what is decided -----------------------------------------------------------------------------------------------------


def visit(state, start=0):
    segment = replace(VISIT, starts_at=OPENS + start * MINUTE, ends_at=OPENS + (start + 30) * MINUTE)
    return ClinicVisit(f"v_{state}_{start}", "s", "s", "h", "d", segment, "1", "appointment", state=state)


def test_whatever_the_day_was_like_nobody_is_left_over_at_its_last_end_and_every_move_is_possible():
    open_states = [state for state in VisitState if state not in ENDED]
    everybody = [visit(state) for state in open_states]
    for called in (False, True):
        for stopped in (False, True):
            for last in (False, True):
                ended = endings(everybody, called=called, stopped=stopped, last=last)
                assert all((v.state, move) in MOVES for v, move in ended if called or v.state != VisitState.LAPSED)
                if last:
                    assert [v.id for v, _ in ended] == [v.id for v in everybody]


def test_the_end_is_the_latest_of_the_session_and_of_what_was_agreed():
    rules = ClinicRules(close_minutes=60, late_minutes=30)
    ends_at = OPENS + 120 * MINUTE
    assert day_end(lambda _: rules, ends_at, []).first == ends_at + 60 * MINUTE
    shortened = day_end(lambda _: rules, ends_at, [visit(VisitState.EXPECTED, 200)])
    assert (shortened.over, shortened.first) == (OPENS + 230 * MINUTE, OPENS + 290 * MINUTE)
    assert shortened.last == OPENS + 230 * MINUTE + LONGEST
    patient = ClinicRules(close_minutes=0, late_minutes=300)
    assert day_end(lambda _: patient, ends_at, [visit(VisitState.EXPECTED, 60)]).first == OPENS + 360 * MINUTE, (
        "in time until then"
    )
    slow = day_end(lambda _: ClinicRules(close_minutes=720), ends_at, [])
    assert slow.first == slow.last == ends_at + 720 * MINUTE
    assert AGAIN < LONGEST
