"""What a patient, or the hospital's staff, may still want of an order."""

from collections.abc import Callable
from datetime import timedelta

from common.errors import Conflict, NotFound
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.visits import VisitState
from booking_svc.domain import Order, State, check_acceptable, check_cancellable, check_missable
from booking_svc.saga import Accept, Cancel, Missed
from booking_svc.usecases.clinic.following import miss
from booking_svc.usecases.moving import move


def own_order(tx: Tx, account_id: str, order_id: str) -> Order:
    """The order, locked. Raises NotFound for what is not this account's."""
    return _own(store.lock_orders(tx, [order_id]), account_id, order_id)


def _own(orders: dict[str, Order], account_id: str, order_id: str) -> Order:
    order = orders.get(order_id)
    if order is None or order.account_id != account_id:
        raise NotFound("no such order of yours", code="order_not_found")
    return order


def check_not_being_seen(tx: Tx, order: Order) -> None:
    """Raises Conflict while the patient of this locked order is with a doctor, or at an examination that a doctor wants."""
    visit = store.visits.visits_of_orders(tx.conn, [order.id]).get(order.id)
    if visit is not None and visit.state in {VisitState.SERVING, VisitState.AWAY}:
        raise Conflict("she is being seen", code="being_seen", state=visit.state)


def cancel_order(database: Database, account_id: str, order_id: str, window: timedelta | None) -> Order:
    """The patient no longer wants it. Cancelling again changes nothing. Raises NotFound, Conflict (deadline, ended, being seen)."""
    with database.transaction() as tx:
        orders = store.lock_with_heirs(tx, [order_id])
        order = _own(orders, account_id, order_id)
        if order.cause != "patient":
            check_cancellable(order, tx.now)
            check_not_being_seen(tx, order)
            move(tx, orders, [(order.id, Cancel(order.id), "")], window)
    return order


def accept_offer(database: Database, account_id: str, order_id: str, window: timedelta | None) -> Order:
    """候补: the patient takes the freed number. Accepting again changes nothing. Raises NotFound, Conflict (not offered,
    over).
    """
    with database.transaction() as tx:
        order = own_order(tx, account_id, order_id)
        taken = order.accept_before is not None and order.state in {State.AWAITING_PAYMENT, State.CONFIRMED}
        if not taken:
            check_acceptable(order, tx.now)
            move(tx, {order.id: order}, [(order.id, Accept(order.id), "")], window)
    return order


def mark_missed(database: Database, order_id: str, marked_by: str, may_see: Callable[[Order], bool]) -> Order:
    """爽约: the patient did not come, says `marked_by`; if she stands in a line, she leaves it. Saying so again changes nothing.
    Raises NotFound for what the caller may not see, Conflict when it cannot have been missed, or she is with a doctor.
    """
    with database.transaction() as tx:
        orders = store.lock_with_heirs(tx, [order_id])
        order = orders.get(order_id)
        if order is None or not may_see(order):
            raise NotFound("no such order of your hospital", code="order_not_found")
        if order.state != State.NO_SHOW:
            check_missable(order, tx.now)
            miss(tx, order, marked_by)
            move(tx, orders, [(order.id, Missed(order.id, marked_by), "")], None)
    return order
