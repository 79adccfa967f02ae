"""Which sessions stand in for one that does not take place."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from common.messages import Substitute, Visit

from schedule_svc.store import browse, catalogue

MOST = 3
WITHIN = timedelta(days=14)


class Like(Protocol):
    """What a substitute must be like, and not be."""

    @property
    def id(self) -> str: ...
    @property
    def department_id(self) -> str: ...
    @property
    def grade(self) -> str: ...


def find(conn: Any, session: Like, now: datetime) -> list[browse.Shown]:
    """Up to three other sessions of the same department and grade, soonest first, with a number to be had at once of a
    session that has not begun, in the next 14 days.
    """
    found = catalogue.substitutes(conn, session.department_id, session.grade, now, now + WITHIN, MOST + 1)
    shown = [browse.session_by_id(conn, other, now) for other in found if other != session.id]
    # its last number may have gone between the two looks
    return [s for s in shown if s is not None and any(slot.free for slot in s.slots)][:MOST]


def substitutes(conn: Any, session: Like, now: datetime) -> list[Substitute]:
    """The same, as messages tell it."""
    return [_told(shown) for shown in find(conn, session, now)]


def _told(shown: browse.Shown) -> Substitute:
    row = shown.session
    slot = next(slot for slot in shown.slots if slot.free)
    visit = Visit(
        hospital_id=row.hospital_id,
        hospital_name=row.hospital_name,
        department_id=row.department_id,
        department_name=row.department_name,
        doctor_id=row.doctor_id,
        doctor_name=row.doctor_name,
        doctor_title=row.doctor_title,
        date=row.date,
        period=row.period,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        room=row.room,
    )
    return Substitute(row.id, row.fee, visit)
