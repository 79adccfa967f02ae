"""Who stands elsewhere: another class, another line, another discipline; let in again; and who comes without an order."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from booking_svc import store
from booking_svc.clinic.visits import HERE, MOVES, REASONS, ClinicVisit, Move, VisitState, check_class
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic import WalkIn
from booking_world import VISIT
from clinic_day import DESK, DOCTOR, OPENS, ROOM, ClinicDay
from common import ids
from common.errors import Conflict, Fault, Invalid, NotFound
from common.messages import PatientSaved, VisitCheckedIn, VisitMoved, VisitNear
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


def one_visit(state: VisitState = VisitState.EXPECTED) -> ClinicVisit:
    return ClinicVisit("vis_1", "ses", "ses", "h", "d", VISIT, "1", "appointment", state=state)


@pytest.mark.parametrize(("state", "move"), list(product(VisitState, Move)))
def test_a_move_is_in_the_table_or_refused_and_leaves_no_trace(state, move):
    visit = one_visit(state)
    if (state, move) in MOVES:
        visit.move(move, OPENS, "acc", "so", room="1")
        assert visit.state == MOVES[state, move]
        (step,) = visit.history
        assert (step.move, step.state, step.at, step.by, step.why, dict(step.facts)) == (
            move, visit.state, OPENS, "acc", "so", {"room": "1"},
        )  # fmt: skip
    else:
        error = refused(lambda: visit.move(move, OPENS, "acc"), "not_possible")
        assert error.extra["state"] == state
        assert (visit.state, visit.history, visit.updated_at) == (state, [], None)


def test_who_is_here_can_always_leave_and_what_has_ended_stays_so():
    assert all((state, Move.WITHDRAW) in MOVES for state in HERE | {VisitState.EXPECTED})
    for state in (VisitState.DONE, VisitState.VOID, VisitState.LAPSED):
        assert not [move for move in Move if (state, move) in MOVES]


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "walk-in"])
def test_a_class_has_its_reasons_and_no_others(ordered):
    for visit_class, reasons in REASONS.items():
        if visit_class == ("walk_in" if ordered else "appointment"):
            refused(lambda c=visit_class: check_class(c, None, ordered=ordered), "validation_error", Invalid)
            continue
        for reason in reasons or {None}:
            check_class(visit_class, reason, ordered=ordered)
        for wrong in {"rich", None if reasons else "elderly"}:
            error = refused(
                lambda c=visit_class, w=wrong: check_class(c, w, ordered=ordered), "validation_error", Invalid
            )
            assert error.extra["errors"][0]["field"] == "reason"


# --- classes ---------------------------------------------------------------------------------------------------------


def test_a_class_counts_from_when_she_came(day):
    first, second = day.come("1"), day.come("2")
    day.come("3")
    day.after(20)
    moved = clinic.reclass(day.database, DESK, second, "priority", "elderly")
    assert (moved.visit_class, moved.reason, day.names()) == ("priority", "elderly", ["2", "1", "3"])
    clinic.reclass(day.database, DESK, first, "priority", "pregnant")
    assert day.names() == ["1", "2", "3"], "of one class, who came first is first, whenever it was said"
    clinic.reclass(day.database, DESK, second, "appointment", None)
    assert day.names() == ["1", "2", "3"]
    assert day.moves(second) == [
        ("check_in", "waiting", "acc", ""),
        ("reclass", "waiting", DESK.account_id, ""),
        ("reclass", "waiting", DESK.account_id, ""),
    ]
    steps = store.visits.moves_of_visit
    with day.database.reading() as conn:
        assert [s.facts.get("reason") for s in steps(conn, second)] == [None, "elderly", None]


def test_the_same_class_is_no_move_and_another_reason_keeps_the_place(day):
    first, second = day.come("1"), day.come("2")
    day.open()
    day.next()
    clinic.reclass(day.database, DESK, second, "priority", "elderly")
    day.next(first, "passed")
    clinic.put_back(day.database, DESK, second, "")
    place = day.visit(second).place
    clinic.reclass(day.database, DESK, second, "priority", "disabled")
    clinic.reclass(day.database, DESK, second, "priority", "disabled")
    assert (day.visit(second).place, day.visit(second).reason) == (place, "disabled")
    assert len([m for m in day.moves(second) if m[0] == "reclass"]) == 2
    refused(lambda: clinic.reclass(day.database, DESK, second, "walk_in", None), "validation_error", Invalid)


def test_who_is_expected_gets_her_class_before_she_comes(day):
    day.come("1")
    coming = day.expect("2")
    clinic.reclass(day.database, DESK, coming, "emergency", "critical")
    day.check_in(coming)
    assert day.names() == ["2", "1"]
    day.open()
    assert day.next() == coming
    refused(lambda: clinic.reclass(day.database, DESK, coming, "appointment", None), "not_possible")


# --- other lines -----------------------------------------------------------------------------------------------------


def test_who_waits_for_another_doctor_loses_no_time(day):
    day.come("other 1", session=day.other)
    day.after(1)
    moving = day.come("x")
    day.after(1)
    day.come("other 2", session=day.other)
    day.come("stays")
    visit = clinic.transfer_visit(day.database, DESK, moving, day.other, "her own doctor")
    assert (visit.queue_id, visit.session_id) == (day.other, day.session)
    assert (day.names(), day.names(day.other)) == (["stays"], ["other 1", "x", "other 2"])
    (told,) = sent(day.database, VisitMoved)
    assert (told.why, told.visit.doctor_id, told.to.doctor_id, told.to.room) == (
        "her own doctor", VISIT.doctor_id, "doc2", "302",
    )  # fmt: skip
    assert (told.to.starts_at, told.queue_id) == (told.visit.starts_at, day.other)
    day.open("302", "doc2", day.other)
    first = day.next(room="302", session=day.other)
    assert day.next(first, room="302", session=day.other) == moving
    assert clinic.finish_visit(day.database, DESK, moving).state == "done"
    assert day.order_state(moving) == "fulfilled", "her order is still of the session that she booked"


def test_two_lines_have_the_same_tickets_so_she_gets_another_one(day):
    for session in (day.session, day.other):
        day.come("7", session=session)
        clinic.add_walk_in(day.database, DESK, session, WalkIn("张三"))
        day.expect("8", session=session)
    moved = clinic.transfer_all(day.database, DESK, day.session, day.other, "unwell")
    with day.database.reading() as conn:
        there = store.visits.visits_of_queue(conn, day.other, set(VisitState))
    assert sorted(v.ticket for v in there) == ["7", "8", "T3", "T4", "T5", "W1"]
    assert {m.ticket for m in sent(day.database, VisitMoved)} == {v.ticket for v in moved} == {"T3", "T4", "T5"}


def test_a_doctor_leaves_and_everybody_goes_in_their_order(day):
    day.rules(passed=[2])
    waiting = [day.come(name) for name in "abcd"]
    expected = day.expect("later", at=60)
    day.open()
    day.next()
    clinic.send_away(day.database, DESK, waiting[0])
    assert day.next() == waiting[1]
    assert day.next(waiting[1], "passed") == waiting[2]
    clinic.start_visit(day.database, DESK, waiting[2])
    assert day.names() == ["d", "b"]
    gone = clinic.transfer_all(day.database, DOCTOR, day.session, day.other, "unwell")
    assert {v.id for v in gone} == {*waiting, expected}
    assert (day.names(), day.names(day.other)) == ([], ["c", "d", "b"])
    states = [day.visit(v).state for v in (*waiting, expected)]
    assert states == ["away", "waiting", "waiting", "waiting", "expected"]
    assert [m[0] for m in day.moves(waiting[2])] == ["check_in", "call", "start", "put_back", "transfer"]
    with day.database.reading() as conn:
        assert store.queues.desks_of(conn, day.session)[ROOM].visit_id is None
        (note,) = [s for s in store.visits.moves_of_queue(conn, day.session) if s.move == "transfer"]
    assert (note.by, note.why, note.facts["visits"]) == (DOCTOR.account_id, "unwell", 5)
    day.check_in(expected)
    assert day.names(day.other) == ["c", "d", "b", "later"]
    clinic.come_back(day.database, DESK, waiting[0])
    assert day.names(day.other) == ["c", "d", "a", "b", "later"]
    assert clinic.transfer_all(day.database, DOCTOR, day.session, day.other, "unwell") == []


def test_between_lines_of_two_disciplines_she_stands_as_the_new_one_goes(day):
    clinic.set_discipline(day.database, DESK, day.other, "fifo", "few people")
    day.come("other", at=60, session=day.other)
    day.after(1)
    early, elderly = day.come("early", at=0), day.come("elderly")
    clinic.reclass(day.database, DESK, elderly, "priority", "elderly")
    assert day.names() == ["elderly", "early"]
    clinic.transfer_all(day.database, DESK, day.session, day.other, "unwell")
    assert day.names(day.other) == ["other", "elderly", "early"], (
        "as they came, and in their order where that says nothing"
    )
    clinic.transfer_visit(day.database, DESK, early, day.session, "back")
    assert day.names() == ["early"]


def test_where_nobody_can_be_transferred_to(day):
    first = day.come("1")
    elsewhere = day.new_session(hospital_id="h9")
    tomorrow = day.new_session(date=VISIT.date + timedelta(days=1))
    stopped = day.new_session(state="stopped")
    closed = day.new_session()
    with day.database.transaction() as tx:
        queue = store.queues.lock_queue(tx, closed)
        queue.state = "closed"
        store.queues.save_queue(tx, queue)
    refusals = [
        (day.session, "nothing_to_change", Conflict), (elsewhere, "other_hospital", Conflict),
        (tomorrow, "other_day", Conflict), (stopped, "session_stopped", Conflict), (closed, "queue_closed", Conflict),
        ("ses_none", "session_not_found", NotFound),
    ]  # fmt: skip
    for there, code, kind in refusals:
        refused(lambda t=there: clinic.transfer_visit(day.database, DESK, first, t, ""), code, kind)
        refused(lambda t=there: clinic.transfer_all(day.database, DESK, day.session, t, ""), code, kind)
    assert day.names() == ["1"]
    assert sent(day.database, VisitMoved) == []


def test_where_nobody_calls_any_more(day):
    """A session that is over has a line as long as a desk is open there: it runs late."""
    coming = day.new_session(starts_at=OPENS + timedelta(hours=6), ends_at=OPENS + timedelta(hours=8))
    first, second, third = (day.come(name) for name in "123")
    day.after(4 * 60 - 1)
    clinic.transfer_visit(day.database, DESK, first, day.other, "in time, though no desk is open yet")
    day.after(1)
    ends_at = {"ends_at": OPENS + timedelta(hours=4)}
    assert (
        refused(lambda: clinic.transfer_visit(day.database, DESK, second, day.other, ""), "session_over").extra
        == ends_at
    )
    refused(lambda: clinic.transfer_all(day.database, DESK, day.session, day.other, ""), "session_over")
    assert (day.names(), day.names(day.other)) == (["2", "3"], ["1"])
    day.open("302", "doc2", day.other)
    clinic.transfer_visit(day.database, DESK, second, day.other, "runs late")
    clinic.close_desk(day.database, DESK, day.other, "302")
    refused(lambda: clinic.transfer_visit(day.database, DESK, third, day.other, ""), "session_over")
    clinic.transfer_all(day.database, DESK, day.session, coming, "this afternoon")
    assert (day.names(), day.names(day.other), day.names(coming)) == ([], ["1", "2"], ["3"])


# --- disciplines -----------------------------------------------------------------------------------------------------


def test_a_discipline_counts_for_those_who_wait_too(day):
    day.rules(passed=[2])
    late = day.come("late", at=30)
    soon, other = day.come("soon", at=0), day.come("other", at=10)
    urgent = day.come("urgent", at=60)
    clinic.reclass(day.database, DESK, urgent, "emergency", "critical")
    assert day.names() == ["urgent", "soon", "other", "late"]
    day.open()
    day.next()
    day.next(urgent, "passed")
    clinic.put_back(day.database, DESK, soon, "")
    assert day.names() == ["soon", "other", "urgent", "late"], "passed: behind one, who is other: soon was called"
    clinic.set_discipline(day.database, DESK, day.session, "fifo", "a quiet day")
    assert day.names() == ["late", "soon", "other", "urgent"], "who was put behind somebody stays behind her"
    queue = clinic.set_discipline(day.database, DESK, day.session, "fifo", "again")
    revision = queue.revision
    assert clinic.set_discipline(day.database, DESK, day.session, None, "busy").revision == revision + 1
    assert day.names() == ["soon", "other", "urgent", "late"]
    assert [day.visit(v).told_near for v in (soon, other, urgent, late)] == [True, True, True, True]
    assert day.told(VisitNear) == [("urgent", 0)], "the others were told when they checked in, and are told no more"


# --- again -----------------------------------------------------------------------------------------------------------


def test_who_was_missed_and_is_here_is_let_in_as_one_who_comes_now(day):
    day.rules(passed=[])
    missed = day.come("missed")
    day.open()
    day.next()
    day.next(missed, "passed")
    day.after(40)
    day.come("2")
    back = clinic.readmit(day.database, DESK, missed, "was in the lift")
    assert (back.state, back.late, back.room, back.ended_at) == ("waiting", True, None, None)
    assert day.names() == ["2", "missed"]
    assert day.told(VisitCheckedIn)[-1] == ("missed", 1)
    assert day.order_state(missed) == "no_show"
    second = day.next()
    assert day.next(second) == missed
    assert day.next(missed) is None
    assert day.order_state(missed) == "fulfilled"


# --- walk-ins --------------------------------------------------------------------------------------------------------


def test_who_comes_without_an_order_gets_a_ticket_and_a_masked_name(day):
    day.come("1", at=60)
    visit = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("张三丰"))
    kept = day.visit(visit.id)
    assert (kept.ticket, kept.name, kept.order_id, kept.account_id, kept.visit_class) == (
        "W1", "张*", None, None, "walk_in",
    )  # fmt: skip
    assert (kept.visit.starts_at, kept.visit.doctor_name, kept.visit.room) == (OPENS, VISIT.doctor_name, VISIT.room)
    urgent = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("李四", None, "emergency", "critical"))
    assert (urgent.ticket, day.names()) == ("W2", ["李*", "张*", "1"])
    assert [m.ahead for m in sent(day.database, VisitCheckedIn)] == [0, 0, 0]
    day.open()
    assert day.next() == urgent.id
    assert day.next(urgent.id) == visit.id
    day.next(visit.id, "passed")
    assert day.names() == ["张*"], "its start is when she came"


def test_a_walk_in_who_is_known_is_told(day):
    patient_id = ids.mint("pat", "acc_1")
    with day.database.transaction() as tx:
        saved = PatientSaved(patient_id, "acc_1", 1, "王*", removed=False)
        store.save_patients(
            tx,
            [
                {
                    "id": patient_id,
                    "account_id": "acc_1",
                    "revision": 1,
                    "masked_name": saved.masked_name,
                    "removed": False,
                }
            ],
        )
    clinic.add_walk_in(day.database, DESK, day.session, WalkIn("王五", patient_id))
    assert sent(day.database, VisitCheckedIn)[0].account_id == "acc_1"
    who = WalkIn("王五", ids.mint("pat", "acc_2"))
    refused(lambda: clinic.add_walk_in(day.database, DESK, day.session, who), "patient_not_found", NotFound)


def test_nobody_stands_in_a_line_twice(day):
    patients = [("pat_1", "acc_1"), ("pat_booked", "acc_booked")]
    with day.database.transaction() as tx:
        rows = [
            {"id": patient, "account_id": account, "revision": 1, "masked_name": "王*", "removed": False}
            for patient, account in patients
        ]
        store.save_patients(tx, rows)
    add = lambda session, patient: clinic.add_walk_in(day.database, DESK, session, WalkIn("王五", patient))  # noqa: E731  as said
    first, booked = add(day.session, "pat_1"), day.expect("booked", at=60)
    for patient, there in (("pat_1", first.id), ("pat_booked", booked)):
        assert refused(lambda p=patient: add(day.session, p), "already_here").extra["visit_id"] == there
    assert add(day.other, "pat_1").ticket == "W1", "another line is another thing"
    day.open()
    day.next(day.next())
    assert add(day.session, "pat_1").ticket == "W2", "she was seen, and comes again"


def test_where_no_walk_in_is_taken(day):
    add = lambda session, **who: clinic.add_walk_in(day.database, DESK, session, WalkIn("张三", **who))  # noqa: E731  as said
    refused(lambda: add(day.session, visit_class="appointment"), "validation_error", Invalid)
    refused(lambda: add(day.session, reason="elderly"), "validation_error", Invalid)
    refused(lambda: add("ses_none"), "session_not_found", NotFound)
    refused(lambda: add(day.new_session(state="stopped")), "session_stopped")
    refused(lambda: add(day.new_session(hospital_id="h9")), "session_not_found", NotFound)
    tomorrow = day.new_session(date=VISIT.date + timedelta(days=1), ends_at=OPENS + timedelta(hours=28))
    refused(lambda: add(tomorrow), "too_early")
    evening = day.new_session(ends_at=OPENS + timedelta(hours=13))
    day.after(16 * 60)
    assert add(tomorrow).ticket == "W1", "midnight in Beijing has passed"
    assert add(evening).ticket == "W1", "an overrun session goes on past midnight"
    refused(lambda: add(day.session), "session_over")


# --- desks -----------------------------------------------------------------------------------------------------------


def test_desks_open_and_close_once(day):
    day.come("1")
    opened = [clinic.open_desk(day.database, DOCTOR, day.session, "301") for _ in range(2)]
    assert [d.doctor_id for d in opened] == [VISIT.doctor_id] * 2
    day.open("302", "doc2")
    current = day.next(room="302")
    refused(lambda: clinic.close_desk(day.database, DESK, day.session, "302"), "desk_busy")
    refused(lambda: day.open("302", "doc3"), "desk_busy")
    day.next(current, room="302")
    assert [clinic.close_desk(day.database, DESK, day.session, "302").is_open for _ in range(2)] == [False, False]
    assert clinic.close_desk(day.database, DESK, day.session, "303") is None
    day.open("302", "doc3")
    with day.database.reading() as conn:
        notes = [
            (s.move, s.facts["doctor_id"]) for s in store.visits.moves_of_queue(conn, day.session) if not s.visit_id
        ]
    assert notes == [
        ("desk_opened", VISIT.doctor_id), ("desk_opened", "doc2"), ("desk_closed", "doc2"), ("desk_opened", "doc3"),
    ]  # fmt: skip
