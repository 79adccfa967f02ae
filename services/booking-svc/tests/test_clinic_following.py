"""Visits follow their orders: each confirmed order has one, and what ends an order ends it, wherever she stands."""

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from booking_patient import FACTS, ME, OTHER, PATIENT, SESSION, do, fire, paid_order, place, reserved, state
from booking_svc import store, usecases
from booking_svc.clinic.visits import VisitState
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.walkins import WalkIn
from booking_world import FEE, NOW, SUBSTITUTE, VISIT
from clinic_service import (
    DESK,
    REGISTRAR,
    ROOM,
    THERE,
    call,
    cancellable_on_the_day,
    come,
    last_move,
    line,
    morning,
    open_desk,
    stopped,
    visit_of,
)
from common import ids
from common.messages import (
    AccountDeleted,
    PatientSaved,
    PaymentMoved,
    PaymentSucceeded,
    ReleaseSlot,
    SessionChanged,
)
from common.testing import assert_problem, deliver, sent, take_sent

pytestmark = pytest.mark.usefixtures("sessions")


def all_visits(service):
    with service.database.reading() as conn:
        return Counter(conn.scalars(sa.select(store.clinic_tables.visits.c.order_id)))


# --- made --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fee", [FEE, 0], ids=["paid", "free"])
def test_an_order_that_is_confirmed_has_one_visit_however_often_it_is_told(service, client, fee):
    order_id = paid_order(service, client, fee)
    for again in (reserved(order_id, fee), PaymentSucceeded(order_id, ME, "pay", FEE, "sandbox", NOW)):
        deliver(service, again)
    assert all_visits(service) == {order_id: 1}
    visit = visit_of(service, order_id)
    assert (visit.id, visit.state) == ("vis_" + order_id.removeprefix("ord_"), VisitState.EXPECTED)
    assert (visit.session_id, visit.queue_id, visit.visit) == (SESSION, SESSION, VISIT)
    assert (visit.ticket, visit.visit_class) == ("7", "appointment")
    assert (visit.hospital_id, visit.department_id) == (VISIT.hospital_id, VISIT.department_id)
    assert (visit.account_id, visit.patient_id) == (ME, PATIENT)


def test_an_order_that_is_not_paid_yet_has_none(service, client):
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id))
    assert all_visits(service) == {}


def statements(service, run):
    """Those that touch the tables of the clinic day."""
    seen = []

    def note(_conn, _cursor, statement, parameters, _context, _many):
        if re.search(r"\b(visits|visit_moves|queues|desks)\b", statement):
            seen.append(statement)

    sa.event.listen(service.database.engine, "before_cursor_execute", note)
    run()
    sa.event.remove(service.database.engine, "before_cursor_execute", note)
    return seen


def test_the_visits_of_fifty_orders_are_made_by_one_statement(service, client):
    orders = [place(client).json["id"] for _ in range(50)]
    deliver(service, *(reserved(order_id) for order_id in orders))
    paid = [PaymentSucceeded(order_id, ME, f"pay{n}", FEE, "sandbox", NOW) for n, order_id in enumerate(orders)]
    assert len(statements(service, lambda: deliver(service, *paid))) == 1
    assert all_visits(service) == dict.fromkeys(orders, 1)


def test_what_moves_an_order_that_is_not_hers_yet_asks_nothing_of_visits(service, client):
    orders = [place(client).json["id"] for _ in range(3)]
    assert statements(service, lambda: deliver(service, *(reserved(order_id) for order_id in orders))) == []


# --- withdrawn -----------------------------------------------------------------------------------------------------------


def test_who_cancels_is_expected_no_more(service, client):
    order_id = paid_order(service, client)
    do(client, order_id, "cancel")
    assert visit_of(service, order_id).state == VisitState.WITHDRAWN
    assert last_move(service, order_id) == ("withdraw", "withdrawn", ME, "patient")
    with service.database.reading() as conn:
        assert store.queues.get_queue(conn, SESSION) is None, "no queue is made for it"


def test_who_cancels_in_the_line_leaves_it_at_once(service, client, clock):
    first, second, third = (cancellable_on_the_day(service, client) for _ in range(3))
    morning(clock)
    for order_id in (first, second, third):
        come(service, order_id)
    open_desk(service)
    revision = revision_of(service)
    do(client, first, "cancel")
    assert line(service) == ([second, third], {ROOM: None})
    assert revision_of(service) > revision, "boards see it"
    do(client, second, "cancel")
    assert line(service) == ([third], {ROOM: None})
    assert {state(client, order_id) for order_id in (first, second)} == {"refunding"}
    assert call(service) == third


def test_who_is_being_seen_neither_cancels_nor_moves(service, client, clock):
    order_id = cancellable_on_the_day(service, client)
    morning(clock)
    visit_id = come(service, order_id)
    open_desk(service)
    call(service)
    clinic.start_visit(service.database, DESK, visit_id)
    for wish in (("cancel",), ("reschedule", {"session_id": THERE})):
        assert do(client, order_id, *wish).json["code"] == "being_seen"
    assert (state(client, order_id), visit_of(service, order_id).state) == ("confirmed", VisitState.SERVING)


def revision_of(service):
    with service.database.reading() as conn:
        return store.boards.revisions(conn, [SESSION])[SESSION]


def test_who_moves_to_another_session_is_expected_there_and_not_here(service, client):
    old = paid_order(service, client)
    new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
    deliver(service, reserved(new, session=THERE))
    assert visit_of(service, old).state == VisitState.WITHDRAWN
    assert last_move(service, old)[2:] == (ME, "rescheduled")
    assert visit_of(service, new) is None, "her money is on its way"
    deliver(service, PaymentMoved(new, old, ME, FEE, 0))
    assert (visit_of(service, new).state, visit_of(service, new).queue_id) == (VisitState.EXPECTED, THERE)


def test_who_is_confirmed_and_replaced_in_one_batch_needs_no_visit(service, client):
    old = place(client).json["id"]
    deliver(service, reserved(old))
    with service.database.transaction() as tx:
        tx.conn.execute(sa.text("UPDATE orders SET state = 'confirmed', paid = fee WHERE id = :id"), {"id": old})
    new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
    with service.database.transaction() as tx:
        tx.conn.execute(sa.text("UPDATE orders SET state = 'awaiting_payment', paid = 0 WHERE id = :id"), {"id": old})
    deliver(service, PaymentSucceeded(old, ME, "pay", FEE, "sandbox", NOW), reserved(new, session=THERE))
    assert (state(client, old), state(client, new)) == ("rescheduled", "moving")
    deliver(service, PaymentMoved(new, old, ME, FEE, 0))
    assert all_visits(service) == {new: 1}


# --- 停诊 ----------------------------------------------------------------------------------------------------------------


def test_a_stop_in_the_middle_of_a_session_ends_all_but_those_who_were_seen(service, client, clock):
    done, away, called, waiting, missed, expected = (paid_order(service, client) for _ in range(6))
    morning(clock)
    for order_id in (done, away, called, waiting):
        come(service, order_id)
    open_desk(service)
    walk_in = clinic.add_walk_in(service.database, DESK, SESSION, WalkIn("王小明"))
    do(client, missed, "missed", headers=REGISTRAR)
    assert call(service) == done
    assert call(service, store.visits.visit_id_of(done)) == away
    clinic.send_away(service.database, DESK, store.visits.visit_id_of(away))
    assert call(service) == called
    take_sent(service.database)

    deliver(service, stopped())
    assert (state(client, done), visit_of(service, done).state) == ("fulfilled", VisitState.DONE)
    ended = (away, called, waiting, missed, expected)
    assert {state(client, order_id) for order_id in ended} == {"refunding"}
    assert {visit_of(service, order_id).state for order_id in ended} == {VisitState.WITHDRAWN}
    assert {last_move(service, order_id)[2:] for order_id in ended} == {("clinic", "session_stopped")}
    assert {m.order_id for m in sent(service.database, ReleaseSlot)} == set(ended)
    assert line(service) == ([], {ROOM: None})
    with service.database.reading() as conn:
        assert store.visits.get_visit(conn, walk_in.id).state == VisitState.WITHDRAWN
    assert call(service) is None
    deliver(service, stopped())
    assert Counter(m.order_id for m in sent(service.database, ReleaseSlot)) == dict.fromkeys(ended, 1)


def test_two_stops_in_one_batch_end_what_moves_between_the_two_sessions(service, client):
    old = paid_order(service, client)
    new = do(client, old, "reschedule", {"session_id": THERE}).json["id"]
    deliver(service, reserved(new, 8000, session=THERE))
    deliver(service, stopped(THERE), stopped())
    assert (state(client, old), state(client, new)) == ("refunding", "withdrawing")
    assert visit_of(service, old).state == VisitState.WITHDRAWN


def test_who_is_offered_a_substitute_is_not_expected_any_more(service, client):
    order_id = paid_order(service, client)
    deliver(service, replace(stopped(), substitutes=[SUBSTITUTE]))
    assert (state(client, order_id), visit_of(service, order_id).state) == ("substitute_offered", VisitState.WITHDRAWN)


def test_a_session_that_is_changed_in_time_or_room_leaves_what_was_agreed(service, client):
    order_id = paid_order(service, client)
    later = timedelta(hours=3)
    facts = replace(
        FACTS, revision=3, starts_at=VISIT.starts_at + later, ends_at=VISIT.ends_at + later, room="999", sold_out=True
    )
    deliver(service, SessionChanged(SESSION, facts))
    assert visit_of(service, order_id).visit == VISIT


# --- missed --------------------------------------------------------------------------------------------------------------


def test_a_visit_is_missed_with_its_order_out_of_the_line_too(service, client, clock):
    expected, waiting, called = (paid_order(service, client) for _ in range(3))
    morning(clock)
    come(service, called)
    open_desk(service)
    assert call(service) == called
    come(service, waiting)
    for order_id in (expected, waiting, called):
        for _ in range(2):
            assert do(client, order_id, "missed", headers=REGISTRAR).json["state"] == "no_show"
        assert visit_of(service, order_id).state == VisitState.MISSED
        assert last_move(service, order_id) == ("miss", "missed", "acc_desk", "never_came")
    assert line(service) == ([], {ROOM: None})


def test_who_is_with_a_doctor_has_missed_nothing(service, client, clock):
    order_id = paid_order(service, client)
    morning(clock)
    visit_id = come(service, order_id)
    open_desk(service)
    call(service)
    clinic.start_visit(service.database, DESK, visit_id)
    refused = assert_problem(do(client, order_id, "missed", headers=REGISTRAR), 409, "not_possible")
    assert (refused["state"], state(client, order_id)) == ("serving", "confirmed")


def test_who_is_let_in_again_and_seen_has_missed_nothing_after_all(service, client, clock):
    order_id = paid_order(service, client)
    morning(clock)
    do(client, order_id, "missed", headers=REGISTRAR)
    visit_id = store.visits.visit_id_of(order_id)
    clinic.readmit(service.database, DESK, visit_id, "堵车")
    open_desk(service)
    assert call(service) == order_id
    clinic.finish_visit(service.database, DESK, visit_id)
    assert (state(client, order_id), visit_of(service, order_id).state) == ("fulfilled", VisitState.DONE)


# --- accounts, and older releases ---------------------------------------------------------------------------------------------


def test_who_leaves_is_expected_no_more_and_the_names_of_her_walk_ins_are_forgotten(service, client, clock):
    order_id = paid_order(service, client)
    there = ids.mint("pat", OTHER)
    deliver(
        service, PatientSaved(PATIENT, ME, 1, "张*", removed=False), PatientSaved(there, OTHER, 1, "李*", removed=False)
    )
    morning(clock)
    walk_ins = [
        clinic.add_walk_in(service.database, DESK, THERE, WalkIn("张三", patient_id)).id
        for patient_id in (PATIENT, there)
    ]
    clock.advance(NOW - clock())
    deliver(service, AccountDeleted(ME, [PATIENT], NOW))
    fire(service)
    assert visit_of(service, order_id).state == VisitState.WITHDRAWN
    with service.database.reading() as conn:
        names = [store.visits.get_visit(conn, visit_id).name for visit_id in walk_ins]
    assert (names[0], bool(names[1])) == (None, True)


def without_visit(service, client):
    """As an older release would have left it."""
    order_id = paid_order(service, client)
    with service.database.transaction() as tx:
        tx.conn.execute(sa.delete(store.clinic_tables.visits))
    return order_id


def test_the_watch_makes_the_visits_that_an_older_release_did_not(service, client, clock, monkeypatch):
    monkeypatch.setattr(usecases.watching, "SEEN_AT_ONCE", 2)
    orders = [without_visit(service, client) for _ in range(4)]
    placed = place(client).json["id"]
    for _ in range(4):
        clock.advance(usecases.WATCH_EVERY)
        fire(service)
    assert all_visits(service) == dict.fromkeys(orders, 1)
    assert placed not in all_visits(service)
    with service.database.transaction() as tx:
        tx.conn.execute(sa.delete(store.clinic_tables.visits))
    for _ in range(4):
        clock.advance(usecases.WATCH_EVERY)
        fire(service)
    assert all_visits(service) == dict.fromkeys(orders, 1), "round and round"


def test_what_was_over_before_there_were_visits_is_left_alone(service, client, clock):
    without_visit(service, client)
    clock.advance(VISIT.ends_at - clock())
    fire(service)
    assert all_visits(service) == {}


@pytest.mark.parametrize("how", ["check-in", "missed"])
def test_who_comes_or_does_not_has_a_visit_then_at_the_latest(service, client, clock, how):
    order_id = without_visit(service, client)
    morning(clock)
    if how == "missed":
        do(client, order_id, "missed", headers=REGISTRAR)
    else:
        come(service, order_id)
    assert visit_of(service, order_id).state == (VisitState.MISSED if how == "missed" else VisitState.WAITING)
