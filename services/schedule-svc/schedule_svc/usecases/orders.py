"""Orders' messages: a run of them is decided in one transaction, in the order in which they came."""

from collections.abc import Iterable, Sequence

from common.envelope import Received
from common.ids import person_of
from common.log import get_logger
from common.messages import OrderConfirmed, ReleaseSlot, ReserveSlot, SessionChanged, VisitCompleted
from common.outbox import Timer, Tx

from schedule_svc import rules as hospital_rules
from schedule_svc.desk import Desk, Person
from schedule_svc.store import rules as rules_store
from schedule_svc.store.desk import Working
from schedule_svc.store.figures import NUMBER_RESTS
from schedule_svc.usecases import forecasts

log = get_logger("orders")

WAITLIST_CLOSES = "waitlist_closes"
ROUND = 300
"""Those who waited in vain and are told so in one transaction."""


def serve_orders(tx: Tx, received: Sequence[Received]) -> None:
    """ReserveSlot, ReleaseSlot, OrderConfirmed and VisitCompleted. One handler keeps a mixed run together, and in order."""
    working, desk = at_desk(tx, {r.message.session_id for r in received}, {r.message.order_id for r in received})
    _let_in(tx, desk, [r.message for r in received if isinstance(r.message, ReserveSlot)])
    for r in _by_arrival(received):
        _serve(desk, r)
        for answer in desk.take_answers():
            tx.send(answer, traceparent=r.traceparent)
    finish(tx, desk, working)


def _by_arrival(received: Sequence[Received]) -> list[Received]:
    """Who came first is served first, though two processes have taken the orders and one of them was slow to send."""
    orders = iter(
        sorted((r for r in received if isinstance(r.message, ReserveSlot)), key=lambda r: r.message.placed_at)
    )
    return [next(orders) if isinstance(r.message, ReserveSlot) else r for r in received]


def at_desk(tx: Tx, session_ids: Iterable[str], order_ids: Iterable[str] = ()) -> tuple[Working, Desk]:
    """Lock these sessions, in the order of their ids, and load what deciding needs. `finish` ends what begins here."""
    working = Working(tx.conn, session_ids, order_ids)
    rules = rules_store.rules_in_force(tx.conn, {s.hospital_id for s in working.sessions.values()}, tx.now)
    for session in working.sessions.values():
        session.cancel_by = session.cancel_before or hospital_rules.cancel_before(
            rules[session.hospital_id], session.starts_at
        )
    desk = Desk(tx.now, working.sessions, working.reservations, working.next_waiting, rules, entries=working.entries)
    return working, desk


def _let_in(tx: Tx, desk: Desk, orders: Sequence[ReserveSlot]) -> None:
    """Load what is known of the people of new orders, locked: one who asks for many things at once, by whatever accounts, is
    decided at one place.
    """
    new = [order for order in orders if order.order_id not in desk.reservations]
    persons = {person_of(order.patient_id) for order in new}
    if persons:
        rules_store.lock_persons(tx.conn, persons)
        registrations = rules_store.registrations_of(tx.conn, persons)
        marks = rules_store.marks_of(tx.conn, persons)
        for person in persons:
            desk.people[person] = Person({r.order_id: r for r in registrations[person]}, marks[person])
    codes = {order.voucher for order in new if order.voucher}
    if codes:
        desk.vouchers.update(rules_store.lock_vouchers(tx.conn, codes))


def _serve(desk: Desk, received: Received) -> None:
    message = received.message
    if isinstance(message, ReserveSlot):
        desk.reserve(message)
    elif isinstance(message, ReleaseSlot):
        desk.release(message)
    elif isinstance(message, OrderConfirmed) and not desk.confirm(message):
        # the saga releases only what is not confirmed, or cancels after; then this came late, and the release stands
        log.warning("confirmed_without_number", order_id=message.order_id)
    elif isinstance(message, VisitCompleted) and not desk.complete(message):
        log.warning("seen_without_number", order_id=message.order_id)


def close_waitlist(tx: Tx, timer: Timer) -> None:
    """The cut-off has come: whoever still waits gets no number, some hundreds in a transaction. The timer's key is the session."""
    if any(kind == WAITLIST_CLOSES for kind, _ in tx.timers):
        tx.set_timer(WAITLIST_CLOSES, timer.key, timer.due_at)  # one long line at a time keeps locks short
        return
    working, desk = at_desk(tx, [timer.key])
    for session in working.sessions.values():
        if desk.waitlist_open(session):
            tx.set_timer(WAITLIST_CLOSES, session.id, desk.waitlist_closes(session))  # a roster moved it
        elif desk.close_waitlist(session, ROUND):
            finish(tx, desk, working)
            forecasts.settle_waiting(tx, session)
            return
        else:
            tx.set_timer(WAITLIST_CLOSES, session.id, tx.now)
    finish(tx, desk, working)


def number_has_rested(tx: Tx, timer: Timer) -> None:
    """A freed number is public again, unless somebody waits by now."""
    working, desk = at_desk(tx, [timer.payload["session_id"]])
    for session in working.sessions.values():
        segment = session.segment(timer.payload["slot_id"])
        if segment is not None and segment.resting:
            desk.end_rest(session, segment, timer.payload["number"])
    finish(tx, desk, working)


def finish(tx: Tx, desk: Desk, working: Working) -> None:
    """Tell what is left to tell, set the timers, note whose facts changed, and write."""
    for answer in desk.take_answers():
        tx.send(answer)
    for rest in desk.rests:
        tx.set_timer(
            NUMBER_RESTS,
            f"{rest.session_id}:{rest.segment_id}:{rest.number}",
            rest.until,
            {"session_id": rest.session_id, "slot_id": rest.segment_id, "number": rest.number},
        )
    for session in working.sessions.values():
        if session.changed or session.sold_out != session.full:
            session.sold_out, session.changed = session.full, False
            session.revision += 1
            if not session.draft:
                tx.send(SessionChanged(session.id, session.facts()))
        if session.waiting and not working.was_waiting(session):
            tx.set_timer(WAITLIST_CLOSES, session.id, desk.waitlist_closes(session))
    rules_store.use_vouchers(tx.conn, desk.used)
    working.save(tx.now)
    for session_id, joined in desk.joined.items():
        forecasts.keep_waiting(tx, desk.sessions[session_id], joined)
