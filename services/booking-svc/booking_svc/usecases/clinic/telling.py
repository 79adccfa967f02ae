"""What is told of a visit."""

from datetime import datetime

from common.messages import (
    Visit,
    VisitCalled,
    VisitCheckedIn,
    VisitMoved,
    VisitNear,
    VisitPassed,
)

from booking_svc.clinic.visits import ClinicVisit


def checked_in(v: ClinicVisit, ahead: int) -> VisitCheckedIn:
    return VisitCheckedIn(
        v.id, v.order_id, v.account_id, v.queue_id, v.ticket, v.visit_class, ahead, late=v.late, visit=v.visit
    )


def near(v: ClinicVisit, ahead: int) -> VisitNear:
    return VisitNear(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, ahead, v.visit)


def called(v: ClinicVisit, now: datetime) -> VisitCalled:
    return VisitCalled(
        v.id, v.order_id, v.account_id, v.queue_id, v.ticket, v.room or "", v.calls, called_at=now, visit=v.visit
    )


def passed(v: ClinicVisit, ahead: int, left: int) -> VisitPassed:
    return VisitPassed(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, ahead, left, v.visit)


def moved(v: ClinicVisit, why: str, to: Visit) -> VisitMoved:
    return VisitMoved(v.id, v.order_id, v.account_id, v.queue_id, v.ticket, why, v.visit, to)
