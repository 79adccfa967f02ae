"""What is told of a visit."""

from dataclasses import replace
from datetime import datetime

from common.messages import (
    SessionFacts,
    Visit,
    VisitCalled,
    VisitCheckedIn,
    VisitMoved,
    VisitNear,
    VisitPassed,
)

from booking_svc.clinic.visits import ClinicVisit


def there(agreed: Visit, facts: SessionFacts) -> Visit:
    """What was agreed, with the doctor and the room of another session; her time stays. A session that was published before the
    names were told keeps them to itself: then what was agreed is all that can be said.
    """
    if not facts.doctor_name:
        return replace(agreed, department_id=facts.department_id, doctor_id=facts.doctor_id)
    return replace(
        agreed,
        department_id=facts.department_id,
        department_name=facts.department_name,
        doctor_id=facts.doctor_id,
        doctor_name=facts.doctor_name,
        doctor_title=facts.doctor_title,
        room=facts.room,
    )


def checked_in(v: ClinicVisit, ahead: int, where: Visit) -> VisitCheckedIn:
    return VisitCheckedIn(
        v.id, v.order_id, v.account_id, v.queue_id, v.ticket, v.visit_class, ahead, late=v.late, visit=where
    )


def near(v: ClinicVisit, ahead: int, now: datetime, where: Visit) -> VisitNear:
    return VisitNear(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, ahead, at=now, visit=where)


def called(v: ClinicVisit, now: datetime, where: Visit, *, again: bool = False) -> VisitCalled:
    return VisitCalled(
        v.id,
        v.order_id,
        v.account_id,
        v.queue_id,
        v.ticket,
        v.room or "",
        v.calls,
        again=again,
        called_at=now,
        visit=where,
    )


def passed(v: ClinicVisit, ahead: int, left: int, now: datetime, where: Visit) -> VisitPassed:
    return VisitPassed(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, ahead, left, at=now, visit=where)


def moved(v: ClinicVisit, why: str, now: datetime, to: Visit) -> VisitMoved:
    return VisitMoved(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, why, at=now, visit=v.visit, to=to)
