"""What a patient, or the hospital's staff, may still want of an order."""

from collections.abc import Callable, Collection
from datetime import timedelta

from common.errors import Conflict, NotFound
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.checkin import void_after
from booking_svc.clinic.visits import AT_DESK, HERE, ClinicVisit, Move, VisitState
from booking_svc.domain import Order, State, check_acceptable, check_cancellable, check_missable, confirmed_too_late
from booking_svc.saga import Accept, Cancel, Missed
from booking_svc.usecases.clinic.following import in_kept_queues, miss
from booking_svc.usecases.moving import move


def own_order(tx: Tx, account_id: str, order_id: str) -> Order:
    """The order, locked. Raises NotFound for what is not this account's."""
    return _own(store.lock_orders(tx, [order_id]), account_id, order_id)


def _own(orders: dict[str, Order], account_id: str, order_id: str) -> Order:
    order = orders.get(order_id)
    if order is None or order.account_id != account_id:
        raise NotFound("no such order of yours", code="order_not_found")
    return order


def visits_here(tx: Tx, order_ids: Collection[str]) -> dict[str, ClinicVisit]:
    """The visits of those of these locked orders whose patients have checked in, by order. All their lines are locked, so that what
    is withdrawn then finds them so.
    """
    inside = in_kept_queues(tx, store.visits.visits_of_orders(tx.conn, order_ids).values()) if order_ids else set()
    locked = store.visits.lock_lines(tx, inside).visits if inside else {}
    return {v.order_id: v for v in locked.values() if v.order_id is not None and v.state in HERE}


def is_being_seen(tx: Tx, visit: ClinicVisit) -> bool:
    """She is called or with a doctor, at an examination that a doctor wants, or back from one: what she pays for has begun."""
    if visit.state in AT_DESK or visit.state == VisitState.AWAY:
        return True
    return any(step.move in {Move.START, Move.SEND_AWAY} for step in store.visits.moves_of_visit(tx.conn, visit.id))


def check_not_being_seen(tx: Tx, order: Order) -> None:
    """Raises Conflict once the patient of this locked order is, or has been, with a doctor."""
    visit = visits_here(tx, [order.id]).get(order.id)
    if visit is not None and is_being_seen(tx, visit):
        raise Conflict("she is being seen", code="being_seen", state=visit.state)


def check_not_here(tx: Tx, order: Order) -> None:
    """Raises Conflict as check_not_being_seen, and once she has checked in: what takes its place later would pull her off a desk."""
    check_not_being_seen(tx, order)
    if visits_here(tx, [order.id]):
        raise Conflict("she has checked in", code="checked_in")


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
    Raises NotFound for what the caller may not see, Conflict when it cannot have been missed, or she is with a doctor;
    `confirmed_too_late`: nobody could come for it any more, and the end of the day gives her fee back.
    """
    with database.transaction() as tx:
        orders = store.lock_with_heirs(tx, [order_id])
        order = orders.get(order_id)
        if order is None or not may_see(order):
            raise NotFound("no such order of your hospital", code="order_not_found")
        if order.state != State.NO_SHOW:
            check_missable(order, tx.now)
            _check_could_come(tx, order)
            miss(tx, order, marked_by)
            move(tx, orders, [(order.id, Missed(order.id, marked_by), "")], None)
    return order


def _check_could_come(tx: Tx, order: Order) -> None:
    if order.visit is None:
        return
    starts_at, ends_at = order.visit.starts_at, order.visit.ends_at
    rules = store.queues.rules_in_force(tx.conn, order.visit.hospital_id, starts_at)
    if confirmed_too_late(order, void_after(rules, starts_at, ends_at)):
        raise Conflict("it was confirmed when it was too late to come", code="confirmed_too_late")
