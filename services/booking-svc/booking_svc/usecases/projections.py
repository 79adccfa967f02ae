"""What is kept of sessions and patients, and what a stopped session does to its orders."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.envelope import Received
from common.errors import NotFound
from common.messages import ClinicRulesSet, SessionFacts, SessionStopped
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.visits import HERE
from booking_svc.domain import State
from booking_svc.saga import Stop
from booking_svc.usecases.clinic.following import CLINIC, withdraw
from booking_svc.usecases.moving import move


def note_sessions(tx: Tx, received: Sequence[Received]) -> None:
    """Keep the projection of sessions."""
    store.save_sessions(tx, [r.message.session for r in received])


def stop_sessions(tx: Tx, received: Sequence[Received], window: timedelta | None) -> None:
    """停诊: every order of the session ends, whatever its state, also of who waits or is at a desk; who has paid may choose a
    substitute. Who was seen stays seen, and who is here in the line of another doctor who took over is seen by that one. Walk-ins in
    the session's line leave too.

    A stop that is late or told again, after the session was resumed, says nothing of the orders that it has now.
    """
    note_sessions(tx, received)
    stops = [r for r in received if _stands(tx, r.message)]
    sessions = {r.message.session_id for r in stops}
    orders = store.lock_orders_of_sessions(tx, sessions)
    _lock_queues(tx, sessions, orders)
    elsewhere = _seen_elsewhere(tx, orders)
    messages: list[tuple[str, object, str]] = []
    for r in stops:
        stop: SessionStopped = r.message
        substitutes = tuple(s for s in stop.substitutes if s.visit.starts_at > tx.now)
        # who was moving within the session hears that it was stopped, and not that her former order has ended
        concerned = [o for o in orders.values() if o.session_id == stop.session_id and o.id not in elsewhere]
        stopped = sorted(concerned, key=lambda o: not o.replaces)
        messages += [(o.id, Stop(o.id, substitutes), r.traceparent) for o in stopped]
    move(tx, orders, messages, window)
    withdraw(tx, dict.fromkeys(store.days.walk_ins_of(tx.conn, sessions), (CLINIC, "session_stopped")))


def _lock_queues(tx: Tx, sessions: Collection[str], orders: Collection[str]) -> None:
    """After the orders, all queues that this concerns, at once. Those of the sessions themselves are made if there are none: a walk-in
    who is just being added is here when we have them, or finds the session stopped.
    """
    stand_in = {visit.queue_id for visit in store.visits.visits_of_orders(tx.conn, orders).values()}
    store.queues.lock_queues(tx, set(sessions) | store.boards.revisions(tx.conn, stand_in).keys())


def _seen_elsewhere(tx: Tx, orders: Collection[str]) -> set[str]:
    """Whose visits are in the lines of sessions that go on: she is here, and will be seen, or has missed it. schedule-svc tells of the
    stop again until her number is settled.
    """
    visits = store.visits.visits_of_orders(tx.conn, orders)
    here = [v for v in visits.values() if v.state in HERE and v.queue_id != v.session_id]
    return {v.order_id for v in here if v.order_id is not None and _takes_place(tx, v.queue_id)}


def _takes_place(tx: Tx, session_id: str) -> bool:
    facts = store.get_session(tx.conn, session_id)
    return facts is not None and facts.state != "stopped"


def _stands(tx: Tx, stop: SessionStopped) -> bool:
    known = store.get_session(tx.conn, stop.session_id)
    return known is None or known.state == "stopped"


def note_clinic_rules(tx: Tx, received: Sequence[Received]) -> None:
    """Keep the versions of hospitals' rules of the clinic day."""
    told: list[ClinicRulesSet] = [r.message for r in received]
    store.queues.save_clinic_rules(tx, [(m.hospital_id, m.version, m.effective_at, m.rules) for m in told])


def note_patients(tx: Tx, received: Sequence[Received]) -> None:
    """Keep the projection of patients."""
    store.save_patients(
        tx,
        [
            {
                "id": m.patient_id,
                "account_id": m.account_id,
                "revision": m.revision,
                "masked_name": m.masked_name,
                "removed": m.removed,
            }
            for m in (r.message for r in received)
        ],
    )


@dataclass(frozen=True, slots=True)
class Stoppage:
    """What a stop of the session concerns, or, once it is stopped, leaves to settle.

    `states`: (state, how many orders, fen of theirs that are with us), without those that have ended and are owed nothing.
    """

    session: SessionFacts
    states: Sequence[tuple[State, int, int]]

    @property
    def stopped(self) -> bool:
        return self.session.state == "stopped"

    @property
    def settled(self) -> bool:
        return self.stopped and not self.states


def stoppage(database: Database, session_id: str) -> Stoppage:
    """The board of a session's stop. Raises NotFound for a session that nobody has told us of."""
    with database.reading() as conn:
        session = store.get_session(conn, session_id)
        if session is None:
            raise NotFound("no such session", code="session_not_found")
        states = [(State(state), count, amount) for state, count, amount in store.unsettled(conn, session_id)]
    return Stoppage(session, states)
