"""What staff do to one session: stop it (停诊) and let it take place after all, add numbers to it (加号)."""

from collections.abc import Callable
from typing import Any

from common.errors import Conflict, NotFound
from common.outbox import Tx

from schedule_svc.desk import Desk
from schedule_svc.domain import MOST_NUMBERS, Segment, Session
from schedule_svc.store import catalogue
from schedule_svc.store.desk import Working
from schedule_svc.usecases.orders import at_desk, finish
from schedule_svc.usecases.stops import Stops, stop_reason
from schedule_svc.usecases.substitutes import substitutes

__all__ = ["add_numbers", "resume", "stop", "substitutes"]

MayTouch = Callable[[str], None]
"""may_touch(hospital_id) raises Forbidden when the caller may not touch that hospital's things."""


def stop(tx: Tx, session_id: str, reason: str, may_touch: MayTouch) -> None:
    """停诊: nothing more is had of this session; the saga ends every order of it. Done again, it does nothing.

    Raises NotFound, Forbidden, or Conflict when the session is over.
    """
    working, desk, session = _locked(tx, session_id, may_touch)
    standing = catalogue.standings(tx.conn, [session_id])[session_id]
    if standing.staff_stop is not None:
        return
    _refuse_if_over(tx, session)
    _follow(tx, working, desk, session, reason, standing)


def resume(tx: Tx, session_id: str, may_touch: MayTouch) -> None:
    """Take back the staff's stop. The session takes place again when it has settled: at once if nobody holds a number of it.
    Done again, it does nothing.

    Raises NotFound, Forbidden, or Conflict when the session is over, or when it is the hospital's own system that has
    stopped it, which alone can take that back.
    """
    working, desk, session = _locked(tx, session_id, may_touch)
    standing = catalogue.standings(tx.conn, [session_id])[session_id]
    if session.stopped:
        _refuse_if_over(tx, session)
    if standing.staff_stop is None and standing.roster_stop is not None:
        raise Conflict("the hospital's own system has stopped the session", code="stopped_by_hospital")
    _follow(tx, working, desk, session, None, standing)


def _follow(tx: Tx, working: Working, desk: Desk, session: Session, staff_stop: str | None, standing: Any) -> None:
    catalogue.update_sessions(tx.conn, [{"id": session.id, "staff_stop": staff_stop}])
    stops = Stops(tx)
    stops.follow(session, stop_reason(staff_stop, standing.roster_stop), standing.stop_reason)
    finish(tx, desk, working)
    stops.conclude()


def add_numbers(
    tx: Tx, session_id: str, slot_id: str, extra: int, may_touch: MayTouch, patient_id: str | None = None
) -> None:
    """加号: `extra` more numbers in one segment, beyond what the roster plans; those who wait get them first. For a
    `patient_id` they are set aside: nobody else gets them. Where more numbers are taken or set aside than there are, as many are
    added besides as it takes for hers to exist.

    Raises NotFound, Forbidden, or Conflict when the session is stopped or the segment over.
    """
    working, desk, session = _locked(tx, session_id, may_touch)
    segment = session.segment(slot_id)
    if segment is None or not segment.published:
        raise NotFound("the session has no such slot", code="slot_not_found")
    if session.stopped:
        raise Conflict("the session is stopped", code="session_stopped")
    if tx.now >= segment.ends_at:
        raise Conflict("this part of the session is over", code="session_over")
    lacking = 0 if patient_id is None else max(0, _promised(segment) - segment.planned)
    if segment.planned + lacking + extra > MOST_NUMBERS:
        raise Conflict(f"a slot has at most {MOST_NUMBERS} numbers", code="too_many_numbers")
    segment.extra += lacking + extra
    if patient_id is None:
        desk.offer_all(session)
    else:
        key = f"@{patient_id}"
        segment.set_aside(key, segment.asides.get(key, (0, 0))[0] + extra)
    finish(tx, desk, working)


def _promised(segment: Segment) -> int:
    """Numbers that somebody has, or may have for the asking."""
    return segment.taken + sum(aside - used for aside, used in segment.asides.values())


def _locked(tx: Tx, session_id: str, may_touch: MayTouch) -> tuple[Working, Desk, Session]:
    hospital_id = catalogue.hospital_of_session(tx.conn, session_id)
    if hospital_id is None:
        raise NotFound("there is no such session", code="session_not_found")
    may_touch(hospital_id)
    working, desk = at_desk(tx, [session_id])
    return working, desk, working.sessions[session_id]


def _refuse_if_over(tx: Tx, session: Session) -> None:
    if tx.now >= session.ends_at:
        raise Conflict("the session is over", code="session_over")
