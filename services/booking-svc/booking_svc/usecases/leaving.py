"""What becomes of the orders of somebody who has ended her account."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from common.envelope import Received
from common.errors import Conflict
from common.messages import AccountDeleted
from common.outbox import Timer, Tx

from booking_svc import store
from booking_svc.domain import Order, check_cancellable
from booking_svc.saga import Cancel
from booking_svc.usecases.moving import move

LEFT = "account_left"
LOOK_AGAIN = timedelta(minutes=1)
"""What was being placed while its account ended is there by then: no request takes so long."""


def leave(tx: Tx, received: Sequence[Received], window: timedelta | None) -> None:
    """AccountDeleted: nothing can be booked for these people any more, what can still be cancelled is, and their names are
    forgotten. What is past its deadline stays, and so do the orders: the ledger needs them, and they say nothing of her.
    """
    accounts: dict[str, str] = {}
    for r in received:
        deleted: AccountDeleted = r.message
        store.forget_patients(tx, deleted.account_id, deleted.patient_ids)
        store.days.forget_names(tx.conn, deleted.account_id)
        tx.set_timer(LEFT, deleted.account_id, tx.now + LOOK_AGAIN)
        accounts[deleted.account_id] = r.traceparent
    _cancel_all(tx, accounts, window)


def look_again(tx: Tx, timer: Timer, window: timedelta | None) -> None:
    """An order may have been accepted at the very moment when we heard of the end of its account."""
    _cancel_all(tx, {timer.key: ""}, window)


def _cancel_all(tx: Tx, accounts: Mapping[str, str], window: timedelta | None) -> None:
    """As the patient would by POST /orders/{id}/cancel. First what is to take another's place, so that it does not go on.
    `accounts`: with the trace of what tells of their end.
    """
    orders: dict[str, Order] = {}
    for account_id in sorted(accounts):
        orders |= store.lock_orders_of_account(tx, account_id)
    wanted = sorted((o for o in orders.values() if _may_be_cancelled(o, tx)), key=lambda o: not o.replaces)
    move(tx, orders, [(o.id, Cancel(o.id), accounts[o.account_id]) for o in wanted], window)


def _may_be_cancelled(order: Order, tx: Tx) -> bool:
    try:
        check_cancellable(order, tx.now)
    except Conflict:
        return False
    return order.cause != "patient"
