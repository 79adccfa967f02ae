"""What a session does by itself in time: its numbers are released (放号), what is set aside becomes public."""

from collections.abc import Iterable

from common.outbox import Timer, Tx

from schedule_svc import rules as hospital_rules
from schedule_svc.domain import CHANNELS, Session
from schedule_svc.store import rules as rules_store
from schedule_svc.usecases import draws
from schedule_svc.usecases.orders import at_desk, finish

RELEASE = "release"
ASIDES_END = "asides_end"


def plan(tx: Tx, sessions: Iterable[Session]) -> None:
    """Set the timers of new and changed sessions, and prepare their draws. Done again, it moves them."""
    planned = [session for session in sessions if not session.draft]
    rules = rules_store.rules_in_force(tx.conn, {s.hospital_id for s in planned}, tx.now)
    for session in planned:
        if not session.released:
            tx.set_timer(RELEASE, session.id, session.release_at)
        if any(key in CHANNELS for segment in session.segments for key in segment.asides):
            tx.set_timer(
                ASIDES_END, session.id, hospital_rules.asides_end(rules[session.hospital_id], session.starts_at)
            )
    draws.prepare(tx, planned)


def release(tx: Tx, timer: Timer) -> None:
    """放号: from now on numbers are to be had, or the draw to be entered; the others are told. The key is the session."""
    working, desk = at_desk(tx, [timer.key])
    for session in working.sessions.values():
        if tx.now < session.release_at:
            tx.set_timer(RELEASE, session.id, session.release_at)  # a roster moved it
        elif not session.released:
            session.released = session.changed = True
    finish(tx, desk, working)


def end_asides(tx: Tx, timer: Timer) -> None:
    """What nobody for whom it was set aside has taken is everybody's. Numbers bound to a person stay hers."""
    working, desk = at_desk(tx, [timer.key])
    for session in working.sessions.values():
        for segment in session.segments:
            segment.open_channels()
        desk.offer_all(session)
    finish(tx, desk, working)
