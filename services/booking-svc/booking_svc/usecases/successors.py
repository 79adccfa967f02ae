"""An order that takes another's place: rescheduling (改约), and the substitute for a stopped session.

The new order B takes its number first. Only then, and in one transaction, A gives its number back and its money moves to B:
saga.advance() moves both. Until then A stays as it is, whatever becomes of B.
"""

from dataclasses import dataclass

from common import ids
from common.errors import Conflict, NotFound
from common.outbox import Database, Tx

from booking_svc import saga, store
from booking_svc.domain import Order, check_movable_to, check_reschedulable, check_substitutable
from booking_svc.usecases.wishes import check_not_here, own_order


@dataclass(frozen=True, slots=True)
class Move:
    """A patient's wish to have another session in place of what `order_id` has, or had."""

    account_id: str
    order_id: str
    session_id: str
    slot_id: str | None = None


def reschedule(database: Database, wish: Move) -> Order:
    """Place the order that is to take the place of a confirmed one; answers the new order.

    Raises NotFound for an order that is not hers and for a session that nobody has heard of, Conflict when the order may not be
    moved, or not there, or is being moved.
    """
    with database.transaction() as tx:
        old = own_order(tx, wish.account_id, wish.order_id)
        session = store.get_session(tx.conn, wish.session_id)
        if session is None:
            raise NotFound("no such session", code="session_not_found")
        check_reschedulable(old, tx.now, session, wish.slot_id)
        check_not_here(tx, old)
        return _place_successor(tx, old, wish, substitute=False)


def take_substitute(database: Database, wish: Move) -> Order:
    """停诊: place the order that stands in for a stopped one, at no extra charge; answers the new order.

    Raises NotFound, and Conflict when this session is not offered to her, or not any more, or she has chosen already.
    """
    with database.transaction() as tx:
        old = own_order(tx, wish.account_id, wish.order_id)
        check_substitutable(old, tx.now, wish.session_id)
        session = store.get_session(tx.conn, wish.session_id)
        if session is not None:
            check_movable_to(session, tx.now, wish.slot_id)
        return _place_successor(tx, old, wish, substitute=True)


def _place_successor(tx: Tx, old: Order, wish: Move, *, substitute: bool) -> Order:
    if under_way := store.successor_of(tx.conn, old.id):
        raise Conflict("another order is about to take its place", code="already_moving", order_id=under_way)
    if store.is_removed(tx.conn, old.patient_id):
        raise NotFound("no such patient of yours", code="patient_not_found")
    order = Order(
        ids.mint("ord", old.account_id),
        old.account_id,
        old.patient_id,
        wish.session_id,
        wish.slot_id,
        False,
        tx.now,
        replaces=old.id,
        substitute=substitute,
        updated_at=tx.now,
    )
    store.insert_successor(tx, order)
    tx.send(saga.order_placed(order))
    tx.send(saga.reserve_slot(order))
    return order
