"""Who stands elsewhere now: in another class, in another line, or in the line again."""

from common.errors import Conflict, NotFound
from common.messages import SessionFacts, VisitClass
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.line import Place, in_order, place_of
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import AT_DESK, HERE, IN_LINE, ClinicVisit, Move, VisitState, check_class
from booking_svc.usecases.clinic import telling
from booking_svc.usecases.clinic.calling import return_to_line
from booking_svc.usecases.clinic.lining import Line, act_on, line_for, open_line, place_by

# --- another line ----------------------------------------------------------------------------------------------------


def transfer_visit(database: Database, staff: Staff, visit_id: str, to_session_id: str, why: str) -> ClinicVisit:
    """She waits for another doctor of her hospital and day from now on, and loses no time by it; she gets a ticket of that line.
    Who is at a desk is put back first. Raises NotFound(`session_not_found`), Conflict(`nothing_to_change`, `other_hospital`, `other_day`, `session_stopped`,
    `queue_closed`, `session_over` with `ends_at`: it has ended, and no desk is open there any more, `not_possible`).
    """
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id, also=(to_session_id,))
        if to_session_id == acting.line.queue.session_id:
            raise Conflict("she is in this line", code="nothing_to_change")
        target = open_line(tx, acting.queues[to_session_id])
        facts = _takes_over(tx, target, acting.visit)
        _transfer(acting.line, target, acting.visit, facts, staff.account_id, why)
        acting.line.settle()
        target.settle()
    return acting.visit


def transfer_all(database: Database, staff: Staff, session_id: str, to_session_id: str, why: str) -> list[ClinicVisit]:
    """A doctor leaves: everybody of her line, who waits, is examined or is still expected, goes to another one, in their order.
    Who is at a desk is put back first. Raises what transfer_visit does.
    """
    if session_id == to_session_id:
        raise Conflict("they are in this line", code="nothing_to_change")
    with database.transaction() as tx:
        store.queues.lock_queues(tx, [session_id, to_session_id])
        source = line_for(tx, staff, session_id)
        target = open_line(tx, store.queues.lock_queue(tx, to_session_id))
        all_of_it = store.visits.visits_of_queue(tx.conn, session_id, HERE | {VisitState.EXPECTED})
        locked = store.visits.lock_visits(tx, [v.id for v in all_of_it])
        going = [v for v in locked.values() if v.state in HERE | {VisitState.EXPECTED}]
        # those with places first and by them, so that their new numbers keep their order
        going = [*in_order(going), *(v for v in going if v.place is None)]
        source.waiting = [v for v in going if v.state in IN_LINE]
        facts = _takes_over(tx, target, *going)
        for visit in going:
            _transfer(source, target, visit, facts, staff.account_id, why)
        source.queue.note("transfer", staff.account_id, why, to=to_session_id, visits=len(going))
        source.settle()
        target.settle()
    return going


def _takes_over(tx: Tx, target: Line, *visits: ClinicVisit) -> SessionFacts:
    """Raises NotFound, Conflict unless that session can have them."""
    facts = store.get_session(tx.conn, target.queue.session_id)
    if facts is None:
        raise NotFound("no such session", code="session_not_found")
    if any(facts.hospital_id != visit.hospital_id for visit in visits):
        raise Conflict("a visit stays in its hospital", code="other_hospital")
    if any(facts.date != visit.visit.date for visit in visits):
        raise Conflict("that session is on another day", code="other_day", date=facts.date)
    if facts.state == "stopped":
        raise Conflict("that session does not take place", code="session_stopped")
    target.queue.check_open()
    # a clinic may run late into the evening: its line is served as long as a desk is open
    if tx.now >= facts.ends_at and not any(desk.is_open for desk in target.desks.values()):
        raise Conflict("that session is over, and nobody calls there", code="session_over", ends_at=facts.ends_at)
    return facts


def _transfer(source: Line, target: Line, visit: ClinicVisit, facts: SessionFacts, by: str, why: str) -> None:
    if visit.state in AT_DESK:
        return_to_line(source, visit, by, why)
    visit.check(Move.TRANSFER)
    source.leave(visit)
    number, told = target.queue.number(), {"left": visit.queue_id, "called_out": visit.ticket}
    visit.queue_id, visit.department_id, visit.served_by = target.queue.session_id, facts.department_id, None
    # two lines have the same tickets
    visit.ticket, visit.told_near = f"T{number}", False
    if visit.state in IN_LINE:
        target.stand(visit, _place_there(source, target, visit, number), Move.TRANSFER, by, why, **told)
    else:
        visit.move(Move.TRANSFER, target.now, by, why, **told)
        visit.place = visit.place and _place_there(source, target, visit, number)
        target.keep(visit)
    target.tx.send(telling.moved(visit, why, target.now, telling.there(visit.visit, facts)))


def _place_there(source: Line, target: Line, visit: ClinicVisit, number: int) -> Place:
    """The time that she has waited comes along; where the other line goes by other rules, it counts by those."""
    old = place_of(visit)
    if source.rules.discipline == target.rules.discipline:
        return Place(old.at, old.since, number)
    return place_by(target.rules, visit, visit.checked_in_at or old.since, number)


# --- another place ---------------------------------------------------------------------------------------------------


def reclass(
    database: Database, staff: Staff, visit_id: str, visit_class: VisitClass, reason: str | None
) -> ClinicVisit:
    """Staff say of which class she is, and why; she stands where she would, had she come as such. Raises Invalid for a class or
    reason that she cannot have.
    """
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        check_class(visit_class, reason, ordered=visit.order_id is not None)
        same = visit.visit_class == visit_class
        if same and visit.reason == reason:
            return visit
        visit.check(Move.RECLASS)
        visit.visit_class, visit.reason = visit_class, reason
        if visit.state in IN_LINE and not same:
            line.stand(
                visit, line.fresh_place(visit), Move.RECLASS, staff.account_id, visit_class=visit_class, reason=reason
            )
        else:
            visit.move(Move.RECLASS, line.now, staff.account_id, visit_class=visit_class, reason=reason)
            line.keep(visit)
        line.settle()
    return visit


def readmit(database: Database, staff: Staff, visit_id: str, why: str) -> ClinicVisit:
    """She counted as missed and is here after all: she waits, as one who comes now. A queue that is closed is open again for her,
    until it closes by the clock (clinic.ending). Raises Conflict(`not_possible`).
    """
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        visit.check(Move.READMIT)
        if line.queue.state == "closed":
            line.queue.state, line.queue.closed_at = "open", None
            line.queue.note("reopen", staff.account_id, why)
        visit.late, visit.room, visit.served_by, visit.called_at, visit.started_at = True, None, None, None, None
        line.admit(visit, Move.READMIT, staff.account_id, why)
        line.settle()
    return visit
