"""Orders move by messages and timers: the one way in which an order changes."""

from collections.abc import Sequence
from datetime import timedelta

from common.envelope import Received
from common.outbox import Timer, Tx

from booking_svc import saga, store
from booking_svc.domain import SUCCEEDING, Order, State
from booking_svc.saga import WindowEnded
from booking_svc.usecases.clinic.following import follow

LOOK_AGAIN = timedelta(minutes=1)
"""停诊: the time to choose is over, but the substitute that she took is just being decided."""


def advance(tx: Tx, received: Sequence[Received], window: timedelta | None) -> None:
    """Move orders by the answers of the other services. `window`: as in move()."""
    orders = store.lock_pairs(tx, [r.message.order_id for r in received])
    move(tx, orders, [(r.message.order_id, r.message, r.traceparent) for r in received], window)


def note_released(tx: Tx, received: Sequence[Received]) -> None:
    """The numbers of these orders are back; nothing more is to be done about them."""
    store.mark_released(tx, [r.message.order_id for r in received])


def end_window(tx: Tx, timer: Timer, window: timedelta | None) -> None:
    """An order has waited for its patient long enough."""
    orders = store.lock_orders(tx, [timer.key])
    order = orders.get(timer.key)
    if order is None:
        raise LookupError(f"no order {timer.key}")
    if order.state == State.SUBSTITUTE_OFFERED and store.successor_of(tx.conn, order.id):
        tx.set_timer(store.WINDOW, order.id, tx.now + LOOK_AGAIN)
    else:
        move(tx, orders, [(order.id, WindowEnded(order.id), "")], window)


def move(
    tx: Tx, orders: dict[str, Order], messages: Sequence[tuple[str, object, str]], window: timedelta | None
) -> None:
    """Move locked orders by messages, (order, message, trace) each, in order, and write all of it; their visits follow.

    `window`: how long a number is held unpaid or offered, if it is not to be the hospital's rule. Raises LookupError for an
    order that is not ours. An order that might be replaced must come with its heir, if it has one.
    """
    heirs = {order.replaces: order for order in orders.values() if order.replaces and order.state in SUCCEEDING}
    before = {order.id: order.state for order in orders.values()}
    changed: dict[str, Order] = {}
    for order_id, message, traceparent in messages:
        order = orders.get(order_id)
        if order is None:
            raise LookupError(f"no order {order_id}")
        old, heir = orders.get(order.replaces or ""), heirs.get(order.id)
        outcome = saga.advance(order, message, tx.now, window, old, heir)
        if outcome is None:
            continue
        changed.update((moved.id, moved) for moved in outcome.moved)
        for sent in outcome.sends:
            tx.send(sent, traceparent=traceparent)
        for left in outcome.left_window:
            tx.cancel_timer(store.WINDOW, left.id)
        if until := saga.window_of(order):
            tx.set_timer(store.WINDOW, order.id, until)
    store.save_orders(tx, list(changed.values()))
    follow(tx, [(before[order.id], order) for order in changed.values()])
