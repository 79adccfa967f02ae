"""The clinic day of one booking-svc: two sessions of one hospital, its desk, and what a visit came to."""

from dataclasses import replace

from booking_patient import FACTS, ME, SESSION, place, reserved
from booking_svc import store
from booking_svc.clinic.staff import Staff
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.checking_in import check_in_at_desk
from booking_world import FEE, NOW, VISIT
from common import ids
from common.messages import PaymentSucceeded, SessionStopped
from common.testing import bearer, deliver

DESK = Staff("acc_desk", "h", of_desk=True)
REGISTRAR = bearer("acc_desk", "registrar", hospital_id="h")
THERE = ids.mint("ses")
ROOM = "301"


def stopped(session=SESSION, revision=9):
    facts = replace(FACTS, session_id=session, revision=revision, state="stopped")
    return SessionStopped(session, facts, "医生生病", [])


def cancellable_on_the_day(service, client):
    order_id = place(client).json["id"]
    deliver(service, replace(reserved(order_id), cancel_before=VISIT.ends_at))
    deliver(service, PaymentSucceeded(order_id, ME, "pay", FEE, "sandbox", NOW))
    return order_id


def visit_of(service, order_id):
    with service.database.reading() as conn:
        return store.visits.get_visit(conn, store.visits.visit_id_of(order_id))


def last_move(service, order_id):
    with service.database.reading() as conn:
        step = store.visits.moves_of_visit(conn, store.visits.visit_id_of(order_id))[-1]
    return step.move, step.state, step.by, step.why


def line(service, session=SESSION):
    with service.database.reading() as conn:
        board = store.boards.read_board(conn, session, service.database.clock())
    return [v.order_id for v in board.line], {room: desk.visit_id for room, desk in board.desks.items()}


def morning(clock):
    clock.advance(VISIT.starts_at - clock())


def come(service, order_id):
    check_in_at_desk(service.database, DESK, order_id)
    return store.visits.visit_id_of(order_id)


def call(service, after=None, outcome="done", session=SESSION):
    called = clinic.next_visit(service.database, DESK, session, ROOM, after, outcome)
    return None if called.visit is None else called.visit.order_id


def open_desk(service, session=SESSION):
    clinic.open_desk(service.database, DESK, session, ROOM)
