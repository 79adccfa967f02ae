"""报到: a patient is here, and joins the line.

A refusal may have an effect that stays: the number of who comes too late is void, a wrong code is counted. So these commit before
they refuse, and must not be called inside of a transaction that a refusal rolls back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.errors import Conflict, NotFound
from common.messages import ClinicRules
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.checkin import TRIES, Code, Door, Proof, Timing, check_proof, opens_at, timing, void_after
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import HERE, ClinicVisit, Move, VisitState
from booking_svc.domain import Order, State
from booking_svc.saga import Void
from booking_svc.usecases import moving
from booking_svc.usecases.clinic.following import CLINIC, ensure_visits
from booking_svc.usecases.clinic.lining import Line, open_line

_CAME = HERE | {VisitState.DONE}


def check_in(database: Database, door: Door, account_id: str, order_id: str, proof: Proof | None) -> ClinicVisit:
    """The patient says that she is here, and proves it. Again: the same answer.

    Raises NotFound(`order_not_found`), Conflict(`too_early` with `from`, `too_late`: the number is void now, `not_confirmed` with
    `state`, `wrong_code` with `tries_left`, `not_here` with `metres`, `proof_needed` with what is `possible`, `queue_closed`,
    `already_moving` with `order_id`: another one is about to take this one's place, `session_over` with `ends_at`: nothing is void
    then, she has missed it).
    """
    return _committed(database, lambda tx: _by_patient(tx, door, account_id, order_id, proof))


def check_in_at_desk(database: Database, staff: Staff, order_id: str) -> ClinicVisit:
    """Staff see her, which is proof enough. Raises Forbidden for a doctor of another session, else as above."""
    return _committed(database, lambda tx: _at_desk(tx, staff, order_id))


def _committed(database: Database, come: Callable[[Tx], ClinicVisit | Conflict]) -> ClinicVisit:
    with database.transaction() as tx:
        answer = come(tx)
    if isinstance(answer, Conflict):
        raise answer
    return answer


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Somebody who comes: her order, locked with its heir, and her visit, to which nothing happens meanwhile but a transfer."""

    orders: dict[str, Order]
    order: Order
    visit: ClinicVisit
    rules: ClinicRules
    """Of the time for which she is booked: those that she was shown."""

    def timing(self, now: datetime) -> Timing:
        return timing(self.rules, self.visit.visit.starts_at, self.visit.visit.ends_at, now)

    def came(self, now: datetime) -> bool:
        """True if she has checked in before. Raises Conflict when she cannot, or not yet."""
        if self.visit.state in _CAME:
            return True
        if self.order.cause == "too_late":
            raise _too_late(self)
        if self.order.state != State.CONFIRMED:
            raise _not_confirmed(self.order)
        if self.visit.state != VisitState.EXPECTED:
            raise Conflict("nobody keeps this queue any more", code="queue_closed")
        if self.timing(now) == Timing.EARLY:
            opens = {"from": opens_at(self.rules, self.visit.visit.starts_at)}
            raise Conflict("it is too early to check in", code="too_early", **opens)
        return False


def _by_patient(tx: Tx, door: Door, account_id: str, order_id: str, proof: Proof | None) -> ClinicVisit | Conflict:
    arrival = _find(tx, order_id, lambda order: order.account_id == account_id)
    if arrival.came(tx.now):
        return arrival.visit
    _check_stays(tx, arrival.order)
    check_proof(arrival.rules, arrival.visit.tries, proof)
    if isinstance(proof, Code) and not door.shows(arrival.visit.hospital_id, proof.text, tx.now):
        return _count_wrong_code(tx, arrival.visit.id)
    return _join(tx, arrival, account_id)


def _at_desk(tx: Tx, staff: Staff, order_id: str) -> ClinicVisit | Conflict:
    arrival = _find(tx, order_id, lambda order: order.visit is not None)
    staff.check_hospital(arrival.visit.hospital_id, "order_not_found")
    if arrival.came(tx.now):
        return arrival.visit
    _check_stays(tx, arrival.order)
    return _join(tx, arrival, staff.account_id, lambda line: staff.check_may_act(line.queue, line.desks.values()))


def _find(tx: Tx, order_id: str, may_see: Callable[[Order], bool]) -> _Arrival:
    orders = store.lock_with_heirs(tx, [order_id])
    order = orders.get(order_id)
    if order is None or not may_see(order):
        raise NotFound("no such order", code="order_not_found")
    visit_id = store.visits.visit_id_of(order_id)
    visit = store.visits.get_visit(tx.conn, visit_id)
    if visit is None:
        ensure_visits(tx, [order])
        visit = store.visits.get_visit(tx.conn, visit_id)
    if visit is None:
        raise _not_confirmed(order)
    rules = store.queues.rules_in_force(tx.conn, visit.hospital_id, visit.visit.starts_at)
    return _Arrival(orders, order, visit, rules)


def _check_stays(tx: Tx, order: Order) -> None:
    """Else the order that is about to take its place would pull her out of the line, or off a desk, when it is paid."""
    if heir := store.successor_of(tx.conn, order.id):
        raise Conflict("another order is about to take its place", code="already_moving", order_id=heir)


def _count_wrong_code(tx: Tx, visit_id: str) -> Conflict:
    visit = store.visits.lock_visits(tx, [visit_id])[visit_id]
    visit.tries += 1
    store.visits.save_visits(tx, [visit])
    return Conflict("the door shows another code", code="wrong_code", tries_left=TRIES - visit.tries)


def _join(
    tx: Tx, arrival: _Arrival, by: str, may_act: Callable[[Line], None] = lambda _line: None
) -> ClinicVisit | Conflict:
    """Into the line she goes; or, too late, her order ends."""
    locked = store.visits.lock_lines(tx, [arrival.visit.id])
    visit = locked.visits[arrival.visit.id]
    line = open_line(tx, locked.queues[visit.queue_id])
    may_act(line)
    how = arrival.timing(tx.now)
    if how == Timing.TOO_LATE:
        _check_goes_on(tx, visit)
        line.end(visit, Move.VOID, CLINIC, "too_late")
        line.settle()
        moving.move(tx, arrival.orders, [(arrival.order.id, Void(arrival.order.id, "too_late"), "")], None)
        return _too_late(arrival)
    line.queue.check_open()
    visit.late = how == Timing.LATE
    line.admit(visit, Move.CHECK_IN, by)
    line.settle()
    return visit


def _check_goes_on(tx: Tx, visit: ClinicVisit) -> None:
    facts = store.get_session(tx.conn, visit.session_id)
    ends_at = visit.visit.ends_at if facts is None else max(facts.ends_at, visit.visit.ends_at)
    if tx.now > ends_at:
        raise Conflict("this session is over", code="session_over", ends_at=ends_at)


def _not_confirmed(order: Order) -> Conflict:
    return Conflict(f"the order is {order.state}", code="not_confirmed", state=order.state)


def _too_late(arrival: _Arrival) -> Conflict:
    over = void_after(arrival.rules, arrival.visit.visit.starts_at, arrival.visit.visit.ends_at)
    return Conflict("it is too late: the number is void", code="too_late", void_after=over)
