"""Visits follow their orders: what moves an order moves its visit, in the same transaction.

An order that is confirmed has one visit. One that is confirmed no more, and was neither seen nor missed nor void, has it withdrawn:
from the line and from the desk. Who misses, ends or voids a visit moves both, and does not come here for it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from common.outbox import Tx

from booking_svc import store
from booking_svc.clinic.visits import ENDED, MOVES, ClinicVisit, Move
from booking_svc.domain import VOID_REASONS, Order, State
from booking_svc.usecases.clinic import lining

CLINIC = "clinic"
"""Who acts when nobody does: the clock, or a session that was stopped."""
_HERS = {State.CONFIRMED, State.NO_SHOW}

By = tuple[str, str]
"""Who, and why."""


def follow(tx: Tx, moved: Sequence[tuple[State, Order]]) -> None:
    """`moved`: orders that are locked and have moved, each with the state in which it was."""
    confirmed = [order for _, order in moved if order.state == State.CONFIRMED]
    if confirmed:
        store.visits.insert_visits(tx, [expected(order, tx.now) for order in confirmed])
    withdraw_of(tx, [order for was, order in moved if was in _HERS])


def expected(order: Order, now: datetime) -> ClinicVisit:
    """The visit of an order that has its number for good. Raises ValueError for one that has none."""
    if order.visit is None:
        raise ValueError(f"order {order.id} has no number")
    return ClinicVisit(
        id=store.visits.visit_id_of(order.id),
        session_id=order.session_id,
        queue_id=order.session_id,
        hospital_id=order.visit.hospital_id,
        department_id=order.visit.department_id,
        visit=order.visit,
        ticket=str(order.queue_number or 0),
        visit_class="appointment",
        order_id=order.id,
        account_id=order.account_id,
        patient_id=order.patient_id,
        updated_at=now,
    )


def ensure_visits(tx: Tx, orders: Collection[Order]) -> None:
    """Make the visits of locked orders that were confirmed before there were visits."""
    store.visits.insert_visits(tx, [expected(o, tx.now) for o in orders if o.state == State.CONFIRMED])


def withdraw_of(tx: Tx, orders: Collection[Order]) -> None:
    """Withdraw the visits of those of these locked orders that are hers no more, unless they end with their visits."""
    gone = [o for o in orders if o.state not in _HERS | {State.FULFILLED} and o.cause not in VOID_REASONS]
    if gone:
        withdraw(tx, {store.visits.visit_id_of(order.id): _by(order) for order in gone})


def _by(order: Order) -> By:
    why = order.cause or ""
    return (CLINIC if why == "session_stopped" else order.account_id, why)


def withdraw(tx: Tx, leaving: Mapping[str, By]) -> None:
    """These visits are withdrawn, by whom and why. Their orders, if they have any, are locked."""
    _end(tx, Move.WITHDRAW, leaving)


def miss(tx: Tx, order: Order, by: str) -> None:
    """The visit of a locked order is missed, says `by`. Raises Conflict(`not_possible`) while she is with a doctor."""
    ensure_visits(tx, [order])
    _end(tx, Move.MISS, {store.visits.visit_id_of(order.id): (by, "never_came")})


def _end(tx: Tx, move: Move, leaving: Mapping[str, By]) -> None:
    """Out of the line and off the desk; what has ended stays as it ended, unless the table says otherwise."""
    seen = store.visits.visits_by_ids(tx.conn, leaving) if leaving else {}
    inside = in_kept_queues(tx, seen.values())
    outside = sorted(seen.keys() - inside)
    if inside:
        _leave_lines(tx, move, inside, leaving)
    if outside:
        _leave(tx, move, outside, leaving)


def in_kept_queues(tx: Tx, visits: Collection[ClinicVisit]) -> set[str]:
    """Nobody keeps a queue yet for most of what is cancelled: then there is none to lock, and none is made."""
    kept = store.boards.revisions(tx.conn, {visit.queue_id for visit in visits}) if visits else {}
    return {visit.id for visit in visits if visit.queue_id in kept}


def _leave_lines(tx: Tx, move: Move, visit_ids: Collection[str], leaving: Mapping[str, By]) -> None:
    locked = store.visits.lock_lines(tx, visit_ids)
    for queue_id, queue in locked.queues.items():
        line = lining.open_line(tx, queue)
        for visit in locked.visits.values():
            if visit.queue_id == queue_id and _leaves(visit, move):
                line.end(visit, move, *leaving[visit.id])
        line.settle()


def _leave(tx: Tx, move: Move, visit_ids: Sequence[str], leaving: Mapping[str, By]) -> None:
    going = [visit for visit in store.visits.lock_visits(tx, visit_ids).values() if _leaves(visit, move)]
    for visit in going:
        visit.move(move, tx.now, *leaving[visit.id])
        visit.ended_at = tx.now
    store.visits.save_visits(tx, going)


def _leaves(visit: ClinicVisit, move: Move) -> bool:
    return visit.state not in ENDED or (visit.state, move) in MOVES
