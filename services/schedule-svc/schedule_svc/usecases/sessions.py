"""What staff do to one session: stop it (停诊), add numbers to it (加号)."""

from collections.abc import Callable
from datetime import timedelta

from common.errors import Conflict, NotFound
from common.log import get_logger
from common.messages import SessionStopped
from common.outbox import Timer, Tx

from schedule_svc.desk import Desk
from schedule_svc.domain import MOST_NUMBERS, Session
from schedule_svc.store import catalogue
from schedule_svc.store.desk import Working
from schedule_svc.usecases.orders import at_desk, finish

log = get_logger("sessions")

MayTouch = Callable[[str], None]
"""may_touch(hospital_id) raises Forbidden when the caller may not touch that hospital's things."""

STOP_SETTLES = "stop_settles"
STOP_REPEATED = timedelta(minutes=5)
"""The saga gives numbers back in seconds; those still out after this long say that SessionStopped was lost, not late."""
STOP_REPEATED_AT_MOST = timedelta(hours=1)
"""Each repetition waits twice as long as the one before, up to this: while the saga is down, it finds few copies."""


def stop(tx: Tx, session_id: str, reason: str, may_touch: MayTouch) -> None:
    """停诊: nothing more is had of this session; the saga ends every order of it. Done again, it does nothing.

    Raises NotFound, Forbidden, or Conflict when the session is over.
    """
    working, _, session = _locked(tx, session_id, may_touch)
    if session.stopped:
        return
    _refuse_if_over(tx, session)
    session.stopped = True
    session.revision += 1
    catalogue.update_sessions(tx.conn, [{"id": session.id, "stop_reason": reason}])
    working.save(tx.now)
    _tell_stopped(tx, session, reason, STOP_REPEATED)


def settle_stop(tx: Tx, timer: Timer) -> None:
    """The saga should have given all numbers of the stopped session back; if not, it is told again. The key is the session."""
    session = at_desk(tx, [timer.key])[0].sessions[timer.key]
    if session.settled:
        return
    log.warning("stop_repeated", session_id=session.id)
    wait = min(2 * timedelta(seconds=timer.payload["wait"]), STOP_REPEATED_AT_MOST)
    _tell_stopped(tx, session, timer.payload["reason"], wait)


def _tell_stopped(tx: Tx, session: Session, reason: str, wait: timedelta) -> None:
    """Tell the saga, and look in `wait` whether it has heard."""
    tx.send(SessionStopped(session.id, session.facts(), reason, []))
    tx.set_timer(STOP_SETTLES, session.id, tx.now + wait, {"reason": reason, "wait": wait.total_seconds()})


def add_numbers(tx: Tx, session_id: str, slot_id: str, extra: int, may_touch: MayTouch) -> None:
    """加号: `extra` more numbers in one segment, beyond what the roster plans; those who wait get them first.

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
    if segment.capacity + extra > MOST_NUMBERS:
        raise Conflict(f"a slot has at most {MOST_NUMBERS} numbers", code="too_many_numbers")
    segment.extra += extra
    desk.offer_all(session)
    finish(tx, desk, working)


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
