"""Draws: their seed is committed to at publishing; at `draw_at` the list is closed and drawn from; then all are answered.

One transaction draws, and ranks are final with it. Entrants are answered some hundreds at a time, in the order of the
draw; each round notes how far it got in the transaction that answers, so a crash repeats nothing and forgets nobody.
"""

import secrets
from collections.abc import Iterable
from datetime import timedelta

from common.log import get_logger
from common.outbox import Timer, Tx

from schedule_svc import draw
from schedule_svc.domain import Session
from schedule_svc.store import draws as store
from schedule_svc.usecases import forecasts
from schedule_svc.usecases.orders import at_desk, finish

log = get_logger("draws")

DRAW = "draw"
DELIVER = "draw_deliver"
"""The kinds of the two timers; both are keyed by the session."""
GRACE = timedelta(seconds=5)
"""Between the close of entries and the draw: who entered in time may still be on the way. Who placed her order later is refused."""
ROUND = 300
"""Entrants that are answered in one transaction."""


def prepare(tx: Tx, sessions: Iterable[Session]) -> None:
    """Commit to a seed for each session that will be drawn, and set its timer; done again, it only moves the timer.

    To be called when such a session is published, changed or resumed.
    """
    rows = []
    for session in sessions:
        if session.draft or not session.takes_entries or session.draw_at is None:
            continue
        seed = secrets.token_bytes(draw.SEED_BYTES)
        rows.append({"session_id": session.id, "commitment": draw.commitment_to(seed), "seed": seed.hex()})
        tx.set_timer(DRAW, session.id, session.draw_at + GRACE)
    store.add(tx.conn, rows)


def close_and_draw(tx: Tx, timer: Timer) -> None:
    """No more entries: the draw. A session that is stopped is not drawn; resumed, it is prepared again."""
    if _is_busy(tx):
        tx.set_timer(DRAW, timer.key, timer.due_at)
        return
    kept = store.lock(tx.conn, timer.key)
    working, desk = at_desk(tx, [timer.key])
    session = working.sessions.get(timer.key)
    if kept is None or session is None or session.draw_at is None or not session.takes_entries:
        return
    if session.stopped or session.draft:
        return
    if tx.now < session.draw_at + GRACE:
        tx.set_timer(DRAW, session.id, session.draw_at + GRACE)  # a roster moved it
        return
    entrants = store.entrants(tx.conn, session.id)
    terms = _terms(tx, session)
    if terms.policy == "lottery":
        entrants = [draw.Entrant(e.seq, e.pseudonym, 1) for e in entrants]
    drawn = draw.run(bytes.fromhex(kept.seed), terms, entrants)
    store.keep(tx.conn, session.id, drawn, terms.numbers, tx.now)
    forecasts.keep_draw(tx, session, terms.numbers, entrants, drawn.ranking)
    session.draw_state = "drawing"
    finish(tx, desk, working)
    tx.set_timer(DELIVER, session.id, tx.now)
    log.info("drawn", session_id=session.id, entrants=len(entrants), numbers=terms.numbers)


def deliver(tx: Tx, timer: Timer) -> None:
    """Answer the next entrants in the order of the draw: with numbers while there are any. After the last, what is left over
    is first come.
    """
    if _is_busy(tx):
        tx.set_timer(DELIVER, timer.key, timer.due_at)
        return
    kept = store.lock(tx.conn, timer.key)
    if kept is None or kept.drawn_at is None:
        return
    line = store.next_in_line(tx.conn, timer.key, kept.delivered, ROUND)
    working, desk = at_desk(tx, [timer.key], line)
    session = working.sessions[timer.key]
    if session.draw_state != "drawing":
        return
    for order_id in line:
        desk.drawn(order_id)
    if len(line) < ROUND:
        session.draw_state, session.changed = "drawn", True
    else:
        tx.set_timer(DELIVER, session.id, tx.now)
    finish(tx, desk, working)
    store.note_delivered(tx.conn, session.id, kept.delivered + len(line))


def _is_busy(tx: Tx) -> bool:
    """True if this transaction has drawn or answered for another session: one at a time keeps locks short. Who is put off keeps
    the time at which it was due, and so comes first in the next transaction.
    """
    return any(kind == DELIVER for kind, _ in tx.timers)


def _terms(tx: Tx, session: Session) -> draw.Terms:
    """What is drawn for: the numbers that are free now, in segments that are not over."""
    free = [(s.id, s.starts_at, s.free) for s in session.segments if s.free and tx.now < s.ends_at]
    return draw.Terms(
        session_id=session.id,
        hospital_id=session.hospital_id,
        department_id=session.department_id,
        doctor_id=session.doctor_id,
        date=session.date.isoformat(),
        period=session.period,
        starts_at=session.starts_at,
        policy="lottery" if session.policy == "lottery" else "weighted",
        opens_at=session.release_at,
        closes_at=session.draw_at or tx.now,
        drawn_at=tx.now,
        segments=free,
    )
