"""A clinic day of booking-svc without HTTP: a session and its neighbour, patients with confirmed orders, desks that call."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from booking_patient import FACTS
from booking_svc import store
from booking_svc.clinic.line import in_order
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import IN_LINE, ClinicVisit, Move
from booking_svc.domain import State
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.lining import open_line
from booking_world import FEE, VISIT
from common import ids
from common.clock import ManualClock
from common.messages import ClinicRules
from common.outbox import Database
from common.outbox.migrate import migrate
from common.testing import sent

OPENS = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
"""08:00 in Beijing."""
DESK = Staff("acc_desk", VISIT.hospital_id, of_desk=True)
DOCTOR = Staff("acc_doctor", VISIT.hospital_id, doctor_id=VISIT.doctor_id)
ROOM = "301"


class ClinicDay:
    """On any database. `session` and `other` are two of one department; `elsewhere` is another hospital's."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock(OPENS)
        self.database = Database(url, self.clock)
        migrate(self.database, "booking_svc")
        self.session = self.new_session()
        self.other = self.new_session(doctor_id="doc2", doctor_name="李医生", room="302")

    def new_session(self, **changes: object) -> str:
        session_id = ids.mint("ses")
        times = {"starts_at": OPENS, "ends_at": OPENS + timedelta(hours=4)}
        facts = replace(FACTS, session_id=session_id, **(times | changes))
        with self.database.transaction() as tx:
            store.save_sessions(tx, [facts])
        return session_id

    def rules(self, version: int = 1, **changes: object) -> None:
        with self.database.transaction() as tx:
            store.queues.save_clinic_rules(tx, [(VISIT.hospital_id, version, OPENS, ClinicRules(**changes))])

    def after(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    # --- patients ---

    def expect(self, name: str, at: float = 0, session: str = "", state: State = State.CONFIRMED) -> str:
        """A confirmed order, for `at` minutes after eight, and its visit, whose id is answered; her ticket is her name."""
        session, order_id = session or self.session, f"ord_{name}{ids.mint('x')[2:]}"
        starts_at = OPENS + timedelta(minutes=at)
        visit = replace(VISIT, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30))
        row = {
            "id": order_id, "account_id": f"acc_{name}", "patient_id": f"pat_{name}", "session_id": session, "slot_id": "slot",
            "join_waitlist": False, "placed_at": OPENS, "updated_at": OPENS, "state": state, "fee": FEE, "paid": FEE,
            "queue_number": 1, "cancel_before": OPENS + timedelta(days=1),
        }  # fmt: skip
        kept = ClinicVisit(
            store.visits.visit_id_of(order_id), session, session, VISIT.hospital_id, VISIT.department_id, visit, name,
            "appointment", order_id, f"acc_{name}", f"pat_{name}",
        )  # fmt: skip
        with self.database.transaction() as tx:
            tx.conn.execute(sa.insert(store.metadata.tables["orders"]).values(row))
            order = store.lock_orders(tx, [order_id])[order_id]
            order.visit = visit
            store.save_orders(tx, [order])
            store.visits.insert_visits(tx, [kept])
        return kept.id

    def check_in(self, visit_id: str, *, late: bool = False) -> None:
        with self.database.transaction() as tx:
            locked = store.visits.lock_lines(tx, [visit_id])
            visit = locked.visits[visit_id]
            visit.late = late
            line = open_line(tx, locked.queues[visit.queue_id])
            line.admit(visit, Move.CHECK_IN, "acc")
            line.settle()

    def come(self, name: str, at: float = 0, session: str = "") -> str:
        """She has an order for `at`, and checks in now."""
        visit_id = self.expect(name, at, session)
        self.check_in(visit_id)
        return visit_id

    # --- what is so ---

    def visit(self, visit_id: str) -> ClinicVisit:
        with self.database.reading() as conn:
            found = store.visits.get_visit(conn, visit_id)
        assert found is not None
        return found

    def order_state(self, visit_id: str) -> str:
        with self.database.reading() as conn:
            return store.get_state(conn, self.visit(visit_id).order_id or "")

    def line(self, session: str = "") -> list[str]:
        """The tickets of who waits, in order: read anew."""
        with self.database.reading() as conn:
            waiting = store.visits.visits_of_queue(conn, session or self.session, IN_LINE)
        return [visit.ticket for visit in in_order(waiting)]

    def names(self, session: str = "") -> list[str]:
        """As line, but by whose they are: a ticket is another one after a transfer."""
        with self.database.reading() as conn:
            waiting = store.visits.visits_of_queue(conn, session or self.session, IN_LINE)
        return [v.name or (v.account_id or "").removeprefix("acc_") for v in in_order(waiting)]

    def moves(self, visit_id: str) -> list[tuple[str, str, str, str]]:
        with self.database.reading() as conn:
            return [(s.move, s.state, s.by, s.why) for s in store.visits.moves_of_visit(conn, visit_id)]

    def told(self, kind: type) -> list[tuple[str, object]]:
        """(ticket, what is told besides) of each message of a kind, oldest first."""
        return [
            (m.ticket, getattr(m, "ahead", None) if hasattr(m, "ahead") else getattr(m, "room", None))
            for m in sent(self.database, kind)
        ]

    # --- desks ---

    def open(self, room: str = ROOM, doctor_id: str | None = None, session: str = "") -> None:
        clinic.open_desk(self.database, DESK, session or self.session, room, doctor_id)

    def next(self, after: str | None = None, outcome: str = "done", room: str = ROOM, session: str = "") -> str | None:
        """The id of who is called. Who is passed has had a minute to come, so that it counts."""
        if outcome == "passed":
            self.after(1)
        called = clinic.next_visit(self.database, DESK, session or self.session, room, after, outcome)
        return None if called.visit is None else called.visit.id
