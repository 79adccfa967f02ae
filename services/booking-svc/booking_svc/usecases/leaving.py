"""What becomes of the orders of somebody who has ended her account."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from common.envelope import Received
from common.errors import Conflict
from common.messages import AccountDeleted
from common.outbox import Database, Timer, Tx

from booking_svc import store
from booking_svc.domain import Order, check_cancellable
from booking_svc.saga import Cancel
from booking_svc.usecases.moving import move
from booking_svc.usecases.wishes import is_being_seen, visits_here

LEFT = "account_left"
"""The job of an account that has ended. A transaction of its own: it locks orders, and then the queues in which they stand."""
LOOK_AGAIN = timedelta(minutes=1)
"""What was being placed while its account ended is there by then: no request takes so long."""


def leave(tx: Tx, received: Sequence[Received]) -> None:
    """AccountDeleted: nothing can be booked for these people any more, and what they have is seen to at once."""
    for r in received:
        deleted: AccountDeleted = r.message
        store.forget_patients(tx, deleted.account_id, deleted.patient_ids)
        tx.set_timer(LEFT, deleted.account_id, tx.now, {"first": True, "trace": r.traceparent})


def see_to_account(service: Any, timer: Timer, window: timedelta | None) -> None:
    """What can still be cancelled is, and the names of her walk-ins are forgotten. What is past its deadline stays, and so do the
    orders: the ledger needs them, and they say nothing of her.

    Then once more: an order may have been accepted at the very moment when we heard of the end of its account. And again for as long as
    she is with a doctor.
    """
    database: Database = service.database
    with database.transaction() as tx:
        store.days.forget_names(tx, timer.key)
    with database.transaction() as tx:
        busy = _cancel_all(tx, timer.key, timer.payload.get("trace") or "", window)
        if busy or timer.payload.get("first"):
            tx.set_timer(LEFT, timer.key, tx.now + LOOK_AGAIN)
        else:
            tx.cancel_timer(LEFT, timer.key)


def _cancel_all(tx: Tx, account_id: str, trace: str, window: timedelta | None) -> bool:
    """As the patient would by POST /orders/{id}/cancel. First what is to take another's place, so that it does not go on.
    `trace`: of what tells of the account's end. True if some must wait until her doctor is done with her.
    """
    orders = store.lock_orders_of_account(tx, account_id)
    wanted = {o.id: o for o in orders.values() if _may_be_cancelled(o, tx)}
    busy = {o for o, visit in visits_here(tx, wanted).items() if is_being_seen(tx, visit)}
    going = sorted((o for o in wanted.values() if o.id not in busy), key=lambda o: not o.replaces)
    move(tx, orders, [(o.id, Cancel(o.id), trace) for o in going], window)
    return bool(busy)


def _may_be_cancelled(order: Order, tx: Tx) -> bool:
    try:
        check_cancellable(order, tx.now)
    except Conflict:
        return False
    return order.cause != "patient"
