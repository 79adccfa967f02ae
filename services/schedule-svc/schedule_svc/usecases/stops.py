"""停诊 and its end: our staff's stop and the hospital's are two things; a session takes place when nobody has stopped it."""

from dataclasses import dataclass, field
from datetime import timedelta

from common.log import get_logger
from common.messages import SessionStopped, Substitute
from common.outbox import Timer, Tx

from schedule_svc.domain import Session
from schedule_svc.store import catalogue
from schedule_svc.usecases import release
from schedule_svc.usecases.orders import at_desk, finish
from schedule_svc.usecases.substitutes import substitutes

log = get_logger("stops")

STOP_SETTLES = "stop_settles"
STOP_REPEATED = timedelta(minutes=5)
"""The saga gives numbers back in seconds; those still out after this long say that SessionStopped was lost, not late."""
STOP_REPEATED_AT_MOST = timedelta(hours=1)
"""Each repetition waits twice as long as the one before, up to this: while the saga is down, it finds few copies."""
RESUME_LOOKS = timedelta(seconds=10)
"""Who wants a stop to end waits for the last number to come back, and looks more often."""


@dataclass(slots=True)
class Stops:
    """The stops and resumptions of one transaction. `follow` each session at the desk, `finish` there, then `conclude`."""

    tx: Tx
    _reasons: dict[str, str] = field(default_factory=dict)
    _told: list[tuple[Session, str]] = field(default_factory=list)
    _resumed: list[Session] = field(default_factory=list)

    def follow(self, session: Session, reason: str | None, said: str) -> None:
        """Bring the session to what is wished: stopped for `reason`, or, None, not stopped. `said`: the reason as stored.

        A session that is over stays as it was. A stop ends when it has settled: at once if nobody holds a number.
        """
        if reason is None and session.stopped:
            self._resume(session)
        elif reason is not None and (session.stopped or self.tx.now < session.ends_at):
            if not session.stopped:
                session.stopped = True
                session.revision += 1
                self._told.append((session, reason))
            if reason != said:
                self._reasons[session.id] = reason

    def _resume(self, session: Session) -> None:
        if session.settled:
            session.stopped, session.changed = False, True
            self._resumed.append(session)
            self._reasons[session.id] = ""
            self.tx.cancel_timer(STOP_SETTLES, session.id)
        else:
            _look_again(self.tx, session.id, RESUME_LOOKS)

    def conclude(self) -> None:
        """Write the reasons and tell the saga. The sessions are written by now, so that none stands in for another."""
        rows = [{"id": session_id, "stop_reason": self._reasons[session_id]} for session_id in sorted(self._reasons)]
        catalogue.update_sessions(self.tx.conn, rows)
        release.plan(self.tx, self._resumed)  # what came due meanwhile did nothing
        known: dict[tuple[str, str], list[Substitute]] = {}
        for session, reason in self._told:
            if not session.draft:
                _tell(self.tx, session, reason, known)
                _look_again(self.tx, session.id, STOP_REPEATED)


def settle_stop(tx: Tx, timer: Timer) -> None:
    """The saga should have given all numbers of the stopped session back; if not, it is told again. If nobody wants the stop
    any more, it ends here. The key is the session.
    """
    working, desk = at_desk(tx, [timer.key])
    stops = Stops(tx)
    for session in working.sessions.values():
        standing = catalogue.standings(tx.conn, [session.id])[session.id]
        if session.stopped and not session.settled:
            log.warning("stop_repeated", session_id=session.id)
            wait = min(2 * timedelta(seconds=timer.payload["wait"]), STOP_REPEATED_AT_MOST)
            _tell(tx, session, standing.stop_reason, {})
            _look_again(tx, session.id, wait)
        elif session.stopped:
            stops.follow(session, stop_reason(standing.staff_stop, standing.roster_stop), standing.stop_reason)
    finish(tx, desk, working)
    stops.conclude()


def stop_reason(staff: str | None, roster: str | None) -> str | None:
    """Why a session is stopped; None if nobody has."""
    return staff if staff is not None else roster


def _look_again(tx: Tx, session_id: str, wait: timedelta) -> None:
    tx.set_timer(STOP_SETTLES, session_id, tx.now + wait, {"wait": wait.total_seconds()})


def _tell(tx: Tx, session: Session, reason: str, known: dict[tuple[str, str], list[Substitute]]) -> None:
    key = (session.department_id, session.grade)
    if key not in known:
        known[key] = substitutes(tx.conn, session, tx.now)
    tx.send(SessionStopped(session.id, session.facts(), reason, known[key]))
