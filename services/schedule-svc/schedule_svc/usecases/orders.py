"""Orders' messages: a run of them is decided in one transaction, in the order in which they came."""

from collections.abc import Sequence

from common.envelope import Received
from common.log import get_logger
from common.messages import OrderConfirmed, ReleaseSlot, ReserveSlot, SessionChanged
from common.outbox import Timer, Tx

from schedule_svc.desk import Desk
from schedule_svc.store.desk import Working

log = get_logger("orders")

WAITLIST_CLOSES = "waitlist_closes"


def serve_orders(tx: Tx, received: Sequence[Received]) -> None:
    """ReserveSlot, ReleaseSlot and OrderConfirmed. One handler for the three keeps a mixed run together, and in order."""
    working = Working(tx.conn, {r.message.session_id for r in received}, {r.message.order_id for r in received})
    desk = Desk(tx.now, working.sessions, working.reservations, working.next_waiting)
    for r in received:
        _serve(desk, r)
        for answer in desk.take_answers():
            tx.send(answer, traceparent=r.traceparent)
    finish(tx, desk, working)


def _serve(desk: Desk, received: Received) -> None:
    message = received.message
    if isinstance(message, ReserveSlot):
        desk.reserve(message)
    elif isinstance(message, ReleaseSlot):
        desk.release(message)
    elif isinstance(message, OrderConfirmed) and not desk.confirm(message):
        # the saga releases only what is not confirmed, or cancels after; then this came late, and the release stands
        log.warning("confirmed_without_number", order_id=message.order_id)


def close_waitlist(tx: Tx, timer: Timer) -> None:
    """The session begins: whoever still waits gets no number. The timer's key is the session."""
    working = Working(tx.conn, [timer.key])
    desk = Desk(tx.now, working.sessions, working.reservations, working.next_waiting)
    for session in working.sessions.values():
        if session.waitlist_open(tx.now):
            tx.set_timer(WAITLIST_CLOSES, session.id, session.starts_at)  # a roster moved it
        else:
            desk.close_waitlist(session)
    finish(tx, desk, working)


def finish(tx: Tx, desk: Desk, working: Working) -> None:
    """Tell what is left to tell, note who is sold out, and write."""
    for answer in desk.take_answers():
        tx.send(answer)
    for session in working.sessions.values():
        if session.sold_out != session.full:
            session.sold_out = session.full
            session.revision += 1
            tx.send(SessionChanged(session.id, session.facts()))
        if session.waiting and not working.was_waiting(session):
            tx.set_timer(WAITLIST_CLOSES, session.id, session.starts_at)
    working.save(tx.now)
