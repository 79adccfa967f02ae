"""报到: who checks in when and how, what follows, and what a refusal leaves behind."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from booking_svc import store
from booking_svc.clinic.checkin import CODE_STANDS, TRIES, Code, Door, Position
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import ClinicVisit
from booking_svc.domain import State
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.checking_in import check_in, check_in_at_desk
from booking_world import FEE, VISIT
from clinic_day import DESK, OPENS, ROOM, ClinicDay
from common.errors import Conflict, Fault, Forbidden, NotFound
from common.messages import ClinicRules, Place, RefundPayment, ReleaseSlot, VisitCheckedIn, VisitVoided
from common.testing import sent

DOOR = Door("a key of tests")
HOSPITAL = Place(39.9, 116.4, 300)
THERE, AWAY = Position(39.9, 116.4), Position(40.9, 116.4)
NINE = 60
"""Minutes after eight: when most here are to come."""


@pytest.fixture
def day(tmp_path: Path) -> Iterator[ClinicDay]:
    day = ClinicDay(f"sqlite:///{tmp_path}/booking.db")
    yield day
    day.database.close()


def code(day: ClinicDay) -> Code:
    return Code(DOOR.code(VISIT.hospital_id, day.clock())[0])


def wrong(day: ClinicDay) -> Code:
    return Code(f"{(int(code(day).text) + 1) % 1_000_000:06}")


def arrive(day: ClinicDay, visit_id: str, proof: object = "right", account: str = "") -> ClinicVisit:
    visit = day.visit(visit_id)
    proof = code(day) if proof == "right" else proof
    return check_in(day.database, DOOR, account or visit.account_id or "", visit.order_id or "", proof)


def at_desk(day: ClinicDay, visit_id: str, staff: Staff = DESK) -> ClinicVisit:
    return check_in_at_desk(day.database, staff, day.visit(visit_id).order_id or "")


def refused(act: Callable[[], object], code: str, kind: type[Fault] = Conflict) -> dict[str, object]:
    with pytest.raises(kind) as info:
        act()
    assert info.value.code == code
    return dict(info.value.extra)


def minutes(n: float) -> datetime:
    return OPENS + timedelta(minutes=n)


# --- joining -------------------------------------------------------------------------------------------------------------


def test_who_checks_in_is_in_the_line_and_told_how_many_are_before_her(day):
    first, second = day.expect("a", NINE), day.expect("b", NINE)
    day.after(40)
    day.rules(place=HOSPITAL)
    assert arrive(day, first).state == "waiting"
    day.after(1)
    visit = arrive(day, second, THERE)
    assert (day.line(), visit.late, visit.checked_in_at) == (["a", "b"], False, minutes(41))
    assert day.told(VisitCheckedIn) == [("a", 0), ("b", 1)]
    assert day.moves(second) == [("check_in", "waiting", "acc_b", "")]
    assert at_desk(day, second) == arrive(day, second, None) == day.visit(second), "again: the same, without a proof"
    assert day.told(VisitCheckedIn) == [("a", 0), ("b", 1)]


def test_the_desk_needs_no_proof_and_stands_in_the_history(day):
    visit_id = day.expect("a")
    assert at_desk(day, visit_id).state == "waiting"
    assert day.moves(visit_id) == [("check_in", "waiting", "acc_desk", "")]


def test_who_was_called_or_seen_hears_it_when_she_checks_in_again(day):
    visit_id = day.expect("a")
    at_desk(day, visit_id)
    day.open()
    day.next()
    assert arrive(day, visit_id, None).state == "called"
    day.next(visit_id)
    assert arrive(day, visit_id, None).state == "done"


def test_who_comes_late_goes_by_when_she_came(day):
    day.rules(grace_minutes=5, late_minutes=30)
    late, in_time, next_one = day.expect("late", 0), day.expect("in time", 0), day.expect("next", 30)
    day.after(5)
    assert not at_desk(day, in_time).late
    day.after(15)
    assert not at_desk(day, next_one).late
    assert at_desk(day, late).late
    assert day.line() == ["in time", "late", "next"], "half an hour ahead of a walk-in, but no segment of hers any more"
    assert [m.late for m in sent(day.database, VisitCheckedIn)] == [False, False, True]


def test_whose_session_was_taken_over_checks_in_to_the_other_line(day):
    visit_id = day.expect("a", NINE)
    clinic.transfer_visit(day.database, DESK, visit_id, day.other, "停诊半天")
    day.after(NINE)
    visit = arrive(day, visit_id)
    assert (visit.queue_id, visit.state) == (day.other, "waiting")
    assert (day.line(), day.line(day.other)) == ([], [visit.ticket])


# --- the hour ------------------------------------------------------------------------------------------------------------


def test_too_early_says_from_when_on(day):
    visit_id = day.expect("a", NINE)
    day.rules(early_minutes=20)
    day.after(39)
    for act in (lambda: arrive(day, visit_id, None), lambda: at_desk(day, visit_id)):
        assert refused(act, "too_early") == {"from": minutes(40)}
    day.after(1)
    assert arrive(day, visit_id).state == "waiting"


def test_tomorrow_is_too_early_today(day):
    visit_id = day.expect("a", 24 * 60)
    assert refused(lambda: at_desk(day, visit_id), "too_early") == {"from": minutes(24 * 60 - 30)}


def test_the_rules_are_those_of_the_day_for_which_she_is_booked(day):
    today, tomorrow = day.expect("a", 50), day.expect("b", 24 * 60 + 50)
    with day.database.transaction() as tx:
        rules = ClinicRules(early_minutes=24 * 60)
        store.queues.save_clinic_rules(tx, [(VISIT.hospital_id, 2, OPENS + timedelta(days=1), rules)])
    assert refused(lambda: at_desk(day, today), "too_early") == {"from": minutes(20)}
    assert refused(lambda: at_desk(day, tomorrow), "too_early") == {"from": minutes(50)}


@pytest.mark.parametrize("how", ["code", "desk"])
def test_who_comes_too_late_is_refused_and_has_her_fee_back(day, how):
    visit_id = day.expect("a")
    day.after(30)
    day.after(0.001)
    for _ in range(2):
        extra = refused(lambda: arrive(day, visit_id) if how == "code" else at_desk(day, visit_id), "too_late")
        assert extra == {"void_after": minutes(30)}
        assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("void", "refunding"), "committed"
    order_id = day.visit(visit_id).order_id
    assert sent(day.database, RefundPayment) == [RefundPayment(order_id, "too_late")]
    assert [m.cause for m in sent(day.database, VisitVoided)] == ["too_late"]
    assert [m.cause for m in sent(day.database, ReleaseSlot)] == ["session_stopped"], "which has no cool-down"
    assert (day.line(), day.moves(visit_id)) == ([], [("void", "void", "clinic", "too_late")])


@pytest.mark.parametrize("how", ["code", "desk"])
def test_who_comes_after_the_session_has_missed_it_and_voids_nothing(day, how):
    visit_id = day.expect("a")
    day.after(4 * 60)
    day.after(0.001)
    extra = refused(lambda: arrive(day, visit_id) if how == "code" else at_desk(day, visit_id), "session_over")
    assert extra == {"ends_at": minutes(4 * 60)}
    assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("expected", "confirmed")
    assert sent(day.database, RefundPayment) == []


def test_who_is_not_there_voids_nothing(day):
    """Else whoever has been seen without a queue could have her fee back from home."""
    day.rules(place=HOSPITAL)
    visit_id = day.expect("a")
    day.after(60)
    for proof, reason in ((None, "proof_needed"), (AWAY, "not_here"), (wrong(day), "wrong_code")):
        refused(lambda proof=proof: arrive(day, visit_id, proof), reason)
    assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("expected", "confirmed")


def test_a_clock_that_jumps_back_reorders_nobody_and_makes_nobody_late(day):
    day.rules(discipline="fifo")
    first, second = day.expect("a", NINE), day.expect("b", NINE)
    day.after(65)
    assert at_desk(day, first).late
    day.after(-10)
    visit = at_desk(day, second)
    assert (day.line(), visit.late, visit.checked_in_at) == (["a", "b"], False, minutes(65))


def test_an_evening_goes_on_past_midnight(day):
    beijing_midnight = 16 * 60
    visit_id = day.expect("a", beijing_midnight - 10)
    day.after(beijing_midnight + 5)
    visit = at_desk(day, visit_id)
    assert (visit.late, visit.state) == (True, "waiting")


# --- proofs --------------------------------------------------------------------------------------------------------------


def test_wrong_codes_are_counted_and_then_only_the_desk_helps(day):
    day.rules(place=HOSPITAL)
    visit_id = day.expect("a")
    for left in reversed(range(TRIES)):
        assert refused(lambda: arrive(day, visit_id, wrong(day)), "wrong_code") == {"tries_left": left}
        assert day.visit(visit_id).tries == TRIES - left, "committed"
    for proof in (code(day), THERE, None):
        assert refused(lambda proof=proof: arrive(day, visit_id, proof), "proof_needed") == {"possible": []}
    assert at_desk(day, visit_id).state == "waiting"


def test_a_code_is_good_for_one_window_more_and_for_its_hospital_alone(day):
    first, second = day.expect("a"), day.expect("b")
    read = code(day)
    day.after(CODE_STANDS.total_seconds() / 60)
    assert arrive(day, first, read).state == "waiting"
    day.after(CODE_STANDS.total_seconds() / 60)
    refused(lambda: arrive(day, second, read), "wrong_code")
    refused(lambda: arrive(day, second, Code(DOOR.code("h2", day.clock())[0])), "wrong_code")


def test_where_the_hospital_has_not_said_where_it_stands_a_position_proves_nothing(day):
    visit_id = day.expect("a")
    assert refused(lambda: arrive(day, visit_id, THERE), "proof_needed") == {"possible": ["code"]}


# --- who may -------------------------------------------------------------------------------------------------------------


def test_another_ones_order_is_not_there_and_another_hospitals_neither(day):
    visit_id = day.expect("a")
    refused(lambda: arrive(day, visit_id, account="acc_b"), "order_not_found", NotFound)
    refused(lambda: check_in(day.database, DOOR, "acc_a", "ord_none", None), "order_not_found", NotFound)
    refused(lambda: check_in_at_desk(day.database, DESK, "ord_none"), "order_not_found", NotFound)
    there = Staff("acc_there", "h2", of_desk=True)
    refused(lambda: at_desk(day, visit_id, there), "order_not_found", NotFound)
    colleague = Staff("acc_colleague", VISIT.hospital_id, doctor_id="doc9")
    refused(lambda: at_desk(day, visit_id, colleague), "not_your_session", Forbidden)
    assert day.visit(visit_id).state == "expected"
    clinic.open_desk(day.database, DESK, day.session, ROOM, "doc9")
    assert at_desk(day, visit_id, colleague).state == "waiting"


@pytest.mark.parametrize("state", [State.AWAITING_PAYMENT, State.REFUNDING, State.NO_SHOW, State.SUBSTITUTE_OFFERED])
def test_only_what_is_hers_for_good_can_be_kept(day, state):
    visit_id = day.expect("a", state=state)
    assert refused(lambda: at_desk(day, visit_id), "not_confirmed") == {"state": state}
    assert refused(lambda: arrive(day, visit_id), "not_confirmed") == {"state": state}


def test_money_is_given_back_in_full(day):
    visit_id = day.expect("a")
    day.after(90)
    refused(lambda: arrive(day, visit_id), "too_late")
    with day.database.reading() as conn:
        order = store.get_order(conn, day.visit(visit_id).order_id or "")
    assert (order.paid, order.refunded, order.cause) == (FEE, 0, "too_late")
