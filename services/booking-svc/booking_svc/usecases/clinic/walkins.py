"""Who comes without an order gets a number of the line too; the hospital's own till bills her."""

from dataclasses import dataclass
from datetime import datetime

from common import ids
from common.clock import SHANGHAI
from common.errors import Conflict, NotFound
from common.messages import SessionFacts, Visit, VisitClass
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.ending import LONGEST, OPEN
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import ClinicVisit, Move, check_class
from booking_svc.usecases.clinic.lining import Line, line_for


@dataclass(frozen=True, slots=True)
class WalkIn:
    """`name` is kept masked. `patient_id`: of one who is known to the platform; her account is told then."""

    name: str
    patient_id: str | None = None
    visit_class: VisitClass = "walk_in"
    reason: str | None = None


def add_walk_in(database: Database, staff: Staff, session_id: str, who: WalkIn) -> ClinicVisit:
    """She is in the line from now on, with a ticket. Raises Invalid for a class or reason that she cannot have,
    NotFound(`session_not_found`, `patient_not_found`), Conflict(`session_stopped`, `too_early` with `date`,
    `session_over`, `queue_closed`, `already_here` with `visit_id` for a patient who has a visit in this line).
    """
    check_class(who.visit_class, who.reason, ordered=False)
    with database.transaction() as tx:
        line = line_for(tx, staff, session_id)
        facts = _facts(tx, line)
        account_id = None
        if who.patient_id is not None:
            account_id = store.account_of(tx.conn, who.patient_id)
            if account_id is None:
                raise NotFound("no such patient", code="patient_not_found")
            _check_is_new(tx, session_id, who.patient_id)
        line.queue.walk_ins += 1
        visit = _visit(line, facts, who, account_id)
        store.visits.insert_visits(tx, [visit])
        line.admit(visit, Move.CHECK_IN, staff.account_id, "walk_in")
        line.settle()
    return visit


def _check_is_new(tx: Tx, queue_id: str, patient_id: str) -> None:
    """Else two desks would call her at once."""
    found = [v for v in store.visits.visits_of_queue(tx.conn, queue_id, OPEN) if v.patient_id == patient_id]
    if found:
        raise Conflict("she has a visit in this line", code="already_here", visit_id=found[0].id)


def _facts(tx: Tx, line: Line) -> SessionFacts:
    facts = store.get_session(tx.conn, line.queue.session_id)
    if facts is None:
        raise NotFound("no such session", code="session_not_found")
    line.queue.check_open()
    if facts.state == "stopped":
        raise Conflict("this session does not take place", code="session_stopped")
    if line.tx.now.astimezone(SHANGHAI).date() < facts.date:
        raise Conflict("this session is on a later day", code="too_early", date=facts.date)
    if line.tx.now > facts.ends_at + LONGEST:
        raise Conflict("this session is over", code="session_over", ends_at=facts.ends_at)
    return facts


def _visit(line: Line, facts: SessionFacts, who: WalkIn, account_id: str | None) -> ClinicVisit:
    return ClinicVisit(
        id=ids.mint("vis"),
        session_id=facts.session_id,
        queue_id=facts.session_id,
        hospital_id=facts.hospital_id,
        department_id=facts.department_id,
        visit=_agreed(facts, line.tx.now),
        ticket=f"W{line.queue.walk_ins}",
        visit_class=who.visit_class,
        account_id=account_id,
        patient_id=who.patient_id,
        name=f"{who.name.strip()[:1]}*",
        reason=who.reason,
        updated_at=line.now,
    )


def _agreed(facts: SessionFacts, now: datetime) -> Visit:
    """Her time is now, in an overrun session too."""
    return Visit(
        hospital_id=facts.hospital_id,
        hospital_name=facts.hospital_name,
        department_id=facts.department_id,
        department_name=facts.department_name,
        doctor_id=facts.doctor_id,
        doctor_name=facts.doctor_name,
        doctor_title=facts.doctor_title,
        date=facts.date,
        period=facts.period,
        starts_at=now,
        ends_at=max(facts.ends_at, now),
        room=facts.room,
    )
