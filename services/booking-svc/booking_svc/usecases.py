"""What booking-svc can do: place and cancel orders, move them by messages and timers, keep its projections."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common import ids
from common.envelope import Received
from common.errors import Fault, NotFound
from common.log import get_logger
from common.outbox import Database, Timer, Tx
from common.web.idempotency import other_body
from sqlalchemy.exc import IntegrityError

from booking_svc import saga, store
from booking_svc.board import SessionBoard
from booking_svc.domain import IN_FLIGHT, Order, State, check_cancellable, check_orderable
from booking_svc.saga import Cancel, Stop, WindowEnded

log = get_logger("booking")

WINDOW = store.WINDOW
WATCH = "watch"
OVERDUE = timedelta(seconds=60)
"""An answer that takes longer than this is asked for again."""
LONG_OVERDUE = timedelta(minutes=10)
"""As OVERDUE, for what nobody waits for: a freed number's way back, and to one who is waitlisted."""
WATCH_EVERY = timedelta(seconds=20)
WATCH_BATCH = 200


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A patient's request for a number."""

    account_id: str
    session_id: str
    patient_id: str
    slot_id: str | None = None
    join_waitlist: bool = False
    idempotency_key: str | None = None
    request_hash: str | None = None


def place_order(database: Database, board: SessionBoard, wish: PlaceOrder) -> Order:
    """Accept an order and ask schedule-svc for a number, in one transaction.

    Ids prove themselves, so what was saved a moment ago is bookable though its event is still on the way. Raises
    NotFound for a session or patient that this platform never made for this account, Conflict for what cannot be had.
    """
    try:
        return _accept(database, board, wish)
    except (Fault, IntegrityError):
        # perhaps a repetition: its key is taken, or the world has changed since. Rare, so it is looked up only now.
        if wish.idempotency_key and (known := _placed_before(database, wish)):
            return known
        raise


def _accept(database: Database, board: SessionBoard, wish: PlaceOrder) -> Order:
    session = board.get(wish.session_id)
    if session is None and not ids.genuine(wish.session_id, "ses"):
        raise NotFound("no such session", code="session_not_found")
    if not ids.genuine(wish.patient_id, "pat", wish.account_id):
        raise NotFound("no such patient of yours", code="patient_not_found")
    if session is not None:
        check_orderable(session, database.clock(), join_waitlist=wish.join_waitlist)
    return _insert(database, wish)


def _insert(database: Database, wish: PlaceOrder) -> Order:
    now = database.clock()
    order = Order(
        ids.mint("ord", wish.account_id),
        wish.account_id,
        wish.patient_id,
        wish.session_id,
        wish.slot_id,
        wish.join_waitlist,
        now,
        updated_at=now,
    )
    messages = [saga.order_placed(order), saga.reserve_slot(order)]
    if not store.place(database, order, wish.idempotency_key, wish.request_hash, messages):
        raise NotFound("no such patient of yours", code="patient_not_found")
    return order


def _placed_before(database: Database, wish: PlaceOrder) -> Order | None:
    with database.reading() as conn:
        found = store.get_order_by_key(conn, wish.account_id, wish.idempotency_key or "")
    if found is None:
        return None
    order, request_hash = found
    if request_hash != wish.request_hash:
        raise other_body()
    return order


def wait_decided(database: Database, order: Order, seconds: float) -> Order:
    """The order as soon as its slot is decided, or as it is after `seconds` (RFC 7240 `Prefer: wait`)."""
    deadline = time.monotonic() + seconds
    pause = 0.004
    while time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        with database.reading() as conn:
            if store.get_state(conn, order.id) != State.RESERVING:
                break
    with database.reading() as conn:
        return store.get_order(conn, order.id) or order


def cancel_order(database: Database, account_id: str, order_id: str, window: timedelta) -> Order:
    """The patient no longer wants it. Cancelling again changes nothing. Raises NotFound, Conflict (deadline, ended)."""
    with database.transaction() as tx:
        order = store.lock_orders(tx, [order_id]).get(order_id)
        if order is None or order.account_id != account_id:
            raise NotFound("no such order of yours", code="order_not_found")
        if order.cause != "patient":
            check_cancellable(order, tx.now)
            _move(tx, {order.id: order}, [(order.id, Cancel(order.id), "")], window)
    return order


def advance(tx: Tx, received: Sequence[Received], window: timedelta) -> None:
    """Move orders by the answers of the other services."""
    orders = store.lock_orders(tx, [r.message.order_id for r in received])
    _move(tx, orders, [(r.message.order_id, r.message, r.traceparent) for r in received], window)


def note_released(tx: Tx, received: Sequence[Received]) -> None:
    """The numbers of these orders are back; nothing more is to be done about them."""
    store.mark_released(tx, [r.message.order_id for r in received])


def note_sessions(tx: Tx, received: Sequence[Received]) -> None:
    """Keep the projection of sessions."""
    store.save_sessions(tx, [r.message.session for r in received])


def stop_sessions(tx: Tx, received: Sequence[Received], window: timedelta) -> None:
    """停诊: every order of the session ends, whatever its state."""
    note_sessions(tx, received)
    for r in received:
        orders = store.lock_orders_of_session(tx, r.message.session_id)
        _move(tx, orders, [(order_id, Stop(order_id), r.traceparent) for order_id in orders], window)


def note_patients(tx: Tx, received: Sequence[Received]) -> None:
    """Keep the projection of patients."""
    store.save_patients(
        tx,
        [
            {
                "id": m.patient_id,
                "account_id": m.account_id,
                "revision": m.revision,
                "masked_name": m.masked_name,
                "removed": m.removed,
            }
            for m in (r.message for r in received)
        ],
    )


def end_window(tx: Tx, timer: Timer, window: timedelta) -> None:
    """The payment window of an order has passed."""
    orders = store.lock_orders(tx, [timer.key])
    _move(tx, orders, [(timer.key, WindowEnded(timer.key), "")], window)


def watch(tx: Tx, timer: Timer) -> None:
    """Ask again for what is overdue, and be back soon: no order is stuck, and no number held, for want of a message."""
    late, long_ago = tx.now - OVERDUE, tx.now - LONG_OVERDUE
    _ask_again(tx, store.lock_overdue(tx, IN_FLIGHT, late, WATCH_BATCH), lambda order: saga.OWED[order.state])
    waiting = store.lock_overdue(tx, {State.WAITLISTED}, long_ago, WATCH_BATCH)
    _ask_again(tx, waiting, lambda _order: saga.reserve_slot)
    _ask_again(tx, store.lock_unreleased(tx, long_ago, WATCH_BATCH), lambda _order: saga.release_slot)
    tx.set_timer(WATCH, timer.key, tx.now + WATCH_EVERY)


def _ask_again(tx: Tx, orders: Sequence[Order], command_of: Callable[[Order], saga.Send]) -> None:
    for order in orders:
        command = command_of(order)
        log.warning("asking_again", order_id=order.id, state=order.state, command=command.__name__)
        tx.send(command(order))
    if orders:
        store.touch(tx, [order.id for order in orders])


def start_watching(tx: Tx) -> None:
    """Set the first timer of the watch; setting it again does no harm."""
    tx.set_timer(WATCH, "", tx.now)


def _move(tx: Tx, orders: dict[str, Order], messages: Sequence[tuple[str, object, str]], window: timedelta) -> None:
    """Move locked orders by messages, in order, and write all of it. Raises LookupError for an order that is not ours."""
    changed: dict[str, Order] = {}
    for order_id, message, traceparent in messages:
        order = orders.get(order_id)
        if order is None:
            raise LookupError(f"no order {order_id}")
        outcome = saga.advance(order, message, tx.now, window)
        if outcome is None:
            continue
        changed[order_id] = order
        for sent in outcome.sends:
            tx.send(sent, traceparent=traceparent)
        if outcome.opened_window and order.pay_before is not None:
            tx.set_timer(WINDOW, order_id, order.pay_before)
        elif outcome.left_window:
            tx.cancel_timer(WINDOW, order_id)
    store.save_orders(tx, list(changed.values()))
