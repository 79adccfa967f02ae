"""Asks again for what is overdue: no order is stuck for want of a message."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from common.log import get_logger
from common.outbox import Database, Timer, Tx

from booking_svc import saga, store
from booking_svc.domain import IN_FLIGHT, Order, State
from booking_svc.usecases.clinic.closing import watch_queues
from booking_svc.usecases.clinic.following import ensure_visits, withdraw_of

log = get_logger("booking")

WATCH = "watch"
SEE_TO_VISITS = "see_to_visits"
"""The watch over visits: a job, for it locks queues, after the orders, in a transaction of its own."""
FORGET = "forget_visits"
OVERDUE = timedelta(seconds=60)
"""An answer that takes longer than this is asked for again."""
LONG_OVERDUE = timedelta(minutes=10)
"""As OVERDUE, for what nobody waits for: a freed number's way back, and to one who is waitlisted or was drawn. And for a
refund that waits for staff: payment-svc says how it stands.
"""
UNPAID = timedelta(minutes=3)
"""As OVERDUE, for an order that waits for its payment: it may never have been asked for, or its success never been told."""
WATCH_EVERY = timedelta(seconds=20)
WATCH_BATCH = 200
SEEN_AT_ONCE = 1000
_MAY_WAIT = {State.AWAITING_PAYMENT, State.WAITLISTED}
"""Here waiting for long is normal: asking again is worth a word, and no warning."""


def watch(tx: Tx, timer: Timer) -> None:
    """Ask again for what is overdue, and be back soon: no order is stuck, and no number held, for want of a message."""
    late, long_ago = tx.now - OVERDUE, tx.now - LONG_OVERDUE
    _ask_again(tx, store.lock_overdue(tx, IN_FLIGHT, late, WATCH_BATCH), lambda order: saga.OWED[order.state])
    waiting = store.lock_overdue(tx, {State.WAITLISTED}, long_ago, WATCH_BATCH)
    undrawn = store.lock_undrawn(tx, long_ago, WATCH_BATCH)
    _ask_again(tx, [*waiting, *undrawn], lambda _order: saga.reserve_slot)
    unpaid = store.lock_overdue(tx, {State.AWAITING_PAYMENT}, tx.now - UNPAID, WATCH_BATCH)
    _ask_again(tx, unpaid, lambda _order: saga.request_payment)
    stalled = store.lock_overdue(tx, {State.REFUND_FAILED}, long_ago, WATCH_BATCH)
    _ask_again(tx, stalled, lambda _order: saga.refund_payment)
    _ask_again(tx, store.lock_unreleased(tx, long_ago, WATCH_BATCH), lambda _order: saga.release_slot)
    watch_queues(tx)
    tx.set_timer(WATCH, timer.key, tx.now + WATCH_EVERY)


def _ask_again(tx: Tx, orders: Sequence[Order], command_of: Callable[[Order], saga.Send]) -> None:
    for order in orders:
        command = command_of(order)
        say = log.info if order.state in _MAY_WAIT else log.warning
        say("asking_again", order_id=order.id, state=order.state, command=command.__name__)
        tx.send(command(order))
    if orders:
        store.touch(tx, [order.id for order in orders])


def see_to_visits(service: Any, timer: Timer) -> None:
    """What an older release has done to the next orders: make the visits of those that it confirmed, and withdraw those of orders that
    it ended.

    Round and round, in the order of the ids: no index is needed for what is hardly ever found.
    """
    database: Database = service.database
    with database.transaction() as tx:
        after = timer.payload.get("seen_to") or ""
        lacking, upto = store.days.unvisited(tx.conn, after, SEEN_AT_ONCE, tx.now)
        ghosts = store.days.ghosts(tx.conn, after, upto)
        if lacking or ghosts:
            log.warning("visits_without_their_orders", lacking=len(lacking), ghosts=len(ghosts))
            orders = store.lock_orders(tx, [*lacking, *ghosts])
            ensure_visits(tx, orders.values())
            withdraw_of(tx, orders.values())
        tx.set_timer(SEE_TO_VISITS, timer.key, tx.now + WATCH_EVERY, {"seen_to": upto or ""})


def forget(service: Any, timer: Timer) -> None:
    """Daily: what was written of people at the clinic, and what was told of waiting times, is forgotten when it is too old."""
    database: Database = service.database
    with database.transaction() as tx:
        before = tx.now - timedelta(days=service.settings.keep_visits_days)
        after = store.days.forget_before(tx, before, timer.payload.get("after", 0), SEEN_AT_ONCE)
        if after is None:
            tx.set_timer(FORGET, timer.key, tx.now + timedelta(days=1), dict(timer.payload))
        else:
            tx.set_timer(FORGET, timer.key, tx.now, {"after": after})


def start_watching(tx: Tx) -> None:
    """Set the first timers of the watch; setting them again does no harm."""
    tx.set_timer(WATCH, "", tx.now)
    tx.set_timer(SEE_TO_VISITS, "", tx.now)
    tx.set_timer(FORGET, "", tx.now)
