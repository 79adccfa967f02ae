"""Nobody is blamed for what she could not do, nobody is paid back what she has had, and nobody is pulled off a desk."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from booking_patient import ME, PATIENT, SESSION, do, fire, paid_order, place, reserved, state
from booking_svc import store, usecases
from booking_svc.clinic.visits import VisitState
from booking_svc.usecases import clinic, leaving
from booking_svc.usecases.clinic.closing import CLOSE
from booking_svc.usecases.clinic.walkins import WalkIn
from booking_world import FEE, NOW, VISIT
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
from common.errors import Conflict
from common.messages import (
    AccountDeleted,
    MovePayment,
    PaymentMoved,
    PaymentSucceeded,
    RefundPayment,
    SessionChanged,
    VisitMissed,
    VisitVoided,
)
from common.outbox import tables
from common.testing import assert_problem, deliver, sent

pytestmark = pytest.mark.usefixtures("sessions")
GONE = AccountDeleted(ME, [PATIENT], NOW)


def kept(service, session=SESSION):
    """Somebody is seen there: a hospital that keeps this queue."""
    open_desk(service, session)
    walk_in = clinic.add_walk_in(service.database, DESK, session, WalkIn("王小明")).id
    call(service, session=session)
    call(service, walk_in, session=session)


def evening(service, clock):
    """The queues have been closed by the clock."""
    clock.advance(VISIT.ends_at - clock() + timedelta(hours=3))
    close_due(service, clock)


def close_due(service, clock):
    for _ in range(2):
        fire(service)
        clock.advance(usecases.WATCH_EVERY)
    fire(service)


def timers(service, kind):
    with service.database.reading() as conn:
        return conn.scalars(sa.select(tables.timers.c.key).where(tables.timers.c.kind == kind)).all()


# --- confirmed when nobody could come any more ---------------------------------------------------------------------------


def paid_late(service, client):
    """Paid in time; we hear of it after the day."""
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id))
    return order_id, PaymentSucceeded(order_id, ME, "pay", FEE, "sandbox", NOW + timedelta(minutes=1))


def moved_late(service, client):
    """She moved to the session, and her money followed after the day."""
    old = paid_order(service, client)
    order_id = do(client, old, "reschedule", {"session_id": SESSION, "slot_id": "other"}).json["id"]
    deliver(service, reserved(order_id))
    assert state(client, order_id) == "moving"
    return order_id, PaymentMoved(order_id, old, ME, FEE, 0)


@pytest.mark.parametrize("late", [paid_late, moved_late])
def test_who_was_confirmed_when_it_was_too_late_to_come_has_missed_nothing(service, client, clock, late):
    order_id, told = late(service, client)
    morning(clock)
    kept(service)
    evening(service, clock)
    deliver(service, told)
    assert state(client, order_id) == "confirmed"
    refused = do(client, order_id, "missed", headers=REGISTRAR)
    assert_problem(refused, 409, "confirmed_too_late")
    close_due(service, clock)
    assert (state(client, order_id), visit_of(service, order_id).state) == ("refunding", VisitState.VOID)
    assert sent(service.database, VisitMissed) == []
    assert RefundPayment(order_id, "not_served") in sent(service.database, RefundPayment)
    assert [m.cause for m in sent(service.database, VisitVoided)] == ["not_served"]


def test_who_was_confirmed_while_she_could_still_come_has_missed_it(service, client, clock):
    order_id, told = paid_late(service, client)
    clock.advance(VISIT.ends_at - clock())
    deliver(service, told)
    kept(service)
    evening(service, clock)
    assert (state(client, order_id), visit_of(service, order_id).state) == ("no_show", VisitState.MISSED)


# --- who is, or has been, with a doctor ----------------------------------------------------------------------------------


def seen(service, client, clock, how):
    """She was called, and then what `how` says."""
    order_id = cancellable_on_the_day(service, client)
    morning(clock)
    visit_id = come(service, order_id)
    open_desk(service)
    assert call(service) == order_id
    if how in {"serving", "away", "back", "put back", "elsewhere"}:
        clinic.start_visit(service.database, DESK, visit_id)
    if how in {"away", "back", "elsewhere"}:
        clinic.send_away(service.database, DESK, visit_id)
    if how in {"back", "elsewhere"}:
        clinic.come_back(service.database, DESK, visit_id)
    if how == "elsewhere":
        clinic.transfer_visit(service.database, DESK, visit_id, THERE, "换医生")
    if how in {"put back", "not come"}:
        clinic.put_back(service.database, DESK, visit_id, "急诊")
    return order_id


SEEN = ["called", "serving", "away", "back", "put back", "elsewhere"]


@pytest.mark.parametrize("how", SEEN)
def test_who_is_or_has_been_with_a_doctor_neither_cancels_nor_moves(service, client, clock, how):
    order_id = seen(service, client, clock, how)
    before = visit_of(service, order_id).state
    for wish in (("cancel",), ("reschedule", {"session_id": THERE})):
        assert_problem(do(client, order_id, *wish), 409, "being_seen")
    assert (state(client, order_id), visit_of(service, order_id).state) == ("confirmed", before)
    assert sent(service.database, RefundPayment) == []


def test_who_was_called_by_mistake_may_cancel(service, client, clock):
    order_id = seen(service, client, clock, "not come")
    assert do(client, order_id, "cancel").json["state"] == "refunding"


@pytest.mark.parametrize("how", SEEN)
def test_whose_account_ends_while_she_is_seen_pays_for_it(service, client, clock, how):
    order_id = seen(service, client, clock, how)
    other = cancellable_on_the_day(service, client)
    deliver(service, GONE)
    fire(service)
    assert (state(client, order_id), state(client, other)) == ("confirmed", "refunding")
    clock.advance(leaving.LOOK_AGAIN)
    fire(service)
    assert timers(service, leaving.LEFT) == [ME], "looked at for as long as she is there"
    clinic.finish_visit(service.database, DESK, finishing(service, order_id, how))
    clock.advance(leaving.LOOK_AGAIN)
    fire(service)
    assert (state(client, order_id), timers(service, leaving.LEFT)) == ("fulfilled", [])
    assert {m.order_id for m in sent(service.database, RefundPayment)} == {other}


def finishing(service, order_id, how):
    """She is at a desk, or away."""
    session = THERE if how == "elsewhere" else SESSION
    open_desk(service, session)
    if how in {"back", "put back", "elsewhere"}:
        assert call(service, session=session) == order_id
    return store.visits.visit_id_of(order_id)


def test_whose_order_another_one_is_about_to_replace_does_not_join_the_line(service, client, clock):
    order_id = cancellable_on_the_day(service, client)
    clock.advance(VISIT.starts_at - clock() - timedelta(minutes=20))
    heir = do(client, order_id, "reschedule", {"session_id": THERE}).json["id"]
    deliver(service, reserved(heir, FEE + 1000, session=THERE))
    with pytest.raises(Conflict) as refused:
        come(service, order_id)
    assert (refused.value.code, refused.value.extra["order_id"]) == ("already_moving", heir)
    do(client, heir, "cancel")
    come(service, order_id)
    assert visit_of(service, order_id).state == VisitState.WAITING


def test_who_has_checked_in_does_not_move_away_later(service, client, clock):
    order_id = cancellable_on_the_day(service, client)
    morning(clock)
    come(service, order_id)
    assert_problem(do(client, order_id, "reschedule", {"session_id": THERE}), 409, "checked_in")
    assert sent(service.database, MovePayment) == []


# --- what an older release ended -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["expected", "called"])
def test_the_watch_withdraws_the_visits_of_orders_that_an_older_release_ended(service, client, clock, where):
    order_id, stays, done = (paid_order(service, client) for _ in range(3))
    morning(clock)
    if where == "called":
        come(service, order_id)
        open_desk(service)
        assert call(service) == order_id
    with service.database.transaction() as tx:
        for ended, into in ((order_id, "cancelled"), (done, "fulfilled")):
            tx.conn.execute(sa.text("UPDATE orders SET state = :into WHERE id = :id"), {"into": into, "id": ended})
    fire(service)
    assert visit_of(service, order_id).state == VisitState.WITHDRAWN
    assert [visit_of(service, o).state for o in (stays, done)] == [VisitState.EXPECTED] * 2
    assert line(service)[1] == ({ROOM: None} if where == "called" else {})


# --- a doctor leaves, and her session is stopped -------------------------------------------------------------------------


def test_who_is_here_in_the_line_of_a_doctor_who_took_over_stays_when_the_session_is_stopped(service, client, clock):
    seen_there, missed, expected, never_moved = (paid_order(service, client) for _ in range(4))
    morning(clock)
    for order_id in (seen_there, missed):
        come(service, order_id)
    walk_in = clinic.add_walk_in(service.database, DESK, SESSION, WalkIn("王小明")).id
    guest = clinic.add_walk_in(service.database, DESK, THERE, WalkIn("李小红")).id
    for visit_id in (*map(store.visits.visit_id_of, (seen_there, missed, expected)), walk_in):
        clinic.transfer_visit(service.database, DESK, visit_id, THERE, "医生离开")
    clinic.transfer_visit(service.database, DESK, guest, SESSION, "专长")
    open_desk(service, THERE)
    assert call(service, session=THERE) == seen_there
    deliver(service, stopped())
    assert [state(client, o) for o in (seen_there, missed)] == ["confirmed"] * 2
    assert [state(client, o) for o in (expected, never_moved)] == ["refunding"] * 2
    assert visit_of(service, expected).state == VisitState.WITHDRAWN
    with service.database.reading() as conn:
        walk_ins = [store.visits.get_visit(conn, v).state for v in (walk_in, guest)]
    assert walk_ins == [VisitState.WAITING, VisitState.WITHDRAWN], "by the line in which they stand"
    clinic.finish_visit(service.database, DESK, store.visits.visit_id_of(seen_there))
    do(client, missed, "missed", headers=REGISTRAR)
    assert [state(client, o) for o in (seen_there, missed)] == ["fulfilled", "no_show"]
    deliver(service, stopped())
    assert [state(client, o) for o in (seen_there, missed)] == ["fulfilled", "refunding"], (
        "told again until all is settled"
    )


def test_who_is_here_with_a_doctor_who_leaves_too_is_stopped(service, client, clock):
    order_id = paid_order(service, client)
    morning(clock)
    visit_id = come(service, order_id)
    clinic.transfer_visit(service.database, DESK, visit_id, THERE, "医生离开")
    deliver(service, SessionChanged(THERE, stopped(THERE).session))
    deliver(service, stopped())
    assert (state(client, order_id), last_move(service, order_id)[2:]) == ("refunding", ("clinic", "session_stopped"))


def test_a_walk_in_finds_the_session_stopped(service, clock):
    morning(clock)
    deliver(service, stopped())
    with pytest.raises(Conflict) as refused:
        clinic.add_walk_in(service.database, DESK, SESSION, WalkIn("王小明"))
    assert refused.value.code == "session_stopped"
    assert timers(service, CLOSE) == []
