"""A line, open for changes: everything that moves in it goes through here, under the lock of its queue."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.errors import NotFound
from common.messages import ClinicRules, SessionFacts, Visit
from common.outbox import Tx

from booking_svc import store
from booking_svc.clinic.line import Place, in_order, place, place_of
from booking_svc.clinic.queue import Desk, Queue
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import IN_LINE, ClinicVisit, Move
from booking_svc.domain import Order
from booking_svc.usecases.clinic import telling
from booking_svc.usecases.waiting import somebody_waits

MOST_NEAR = 3
"""As often she is told that her turn is near, however often others come before her."""


def place_by(rules: ClinicRules, visit: ClinicVisit, came_at: datetime, number: int) -> Place:
    """Where a visit stands that came at `came_at`, by these rules. Who keeps an appointment in time stands by its segment."""
    in_time = visit.order_id is not None and not visit.late
    return place(rules, visit.visit_class, came_at, number, visit.visit.starts_at if in_time else None)


@dataclass(slots=True)
class Line:
    """One queue, locked: who waits, in order, and its desks. `settle` writes what was changed."""

    tx: Tx
    queue: Queue
    rules: ClinicRules
    waiting: list[ClinicVisit]
    desks: dict[str, Desk]
    passed: dict[str, int] = field(default_factory=dict)
    """Who was passed, and after how many more missed calls it counts as missed: told when it is clear who is before her."""
    _facts: SessionFacts | None = None
    _changed: dict[str, ClinicVisit] = field(default_factory=dict)
    _desks: dict[str, Desk] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The time in this queue, which never goes back: for its order and its history. Rules go by `tx.now`."""
        return self.queue.now

    # --- who stands where ---

    def admit(self, visit: ClinicVisit, move: Move, by: str, why: str = "") -> None:
        """She comes, and joins the line by when she came; `late` says whether her appointment still counts."""
        visit.checked_in_at, visit.ended_at = self.now, None
        at = place_by(self.rules, visit, self.now, self.queue.number())
        self.stand(visit, at, move, by, why, visit_class=visit.visit_class, late=visit.late)
        ahead = self.ahead_of(visit)
        visit.told_near = ahead <= self.rules.near
        self.tx.send(telling.checked_in(visit, ahead, self.where(visit)))

    def stand(self, visit: ClinicVisit, at: Place, move: Move, by: str, why: str = "", **facts: Any) -> None:
        """She waits at a place that is new to her."""
        visit.move(move, self.now, by, why, place=at, **facts)
        self.leave(visit)
        visit.place = at
        insort(self.waiting, visit, key=place_of)
        somebody_waits(self.tx, self.queue)
        self.keep(visit)

    def leave(self, visit: ClinicVisit) -> None:
        """She is in the line and at a desk no more."""
        self.waiting[:] = [v for v in self.waiting if v.id != visit.id]
        self.vacate(visit)

    def vacate(self, visit: ClinicVisit) -> None:
        """She is at no desk any more."""
        for desk in self.desks.values():
            if desk.visit_id == visit.id:
                desk.free(self.now)
                self.keep_desk(desk)

    def end(self, visit: ClinicVisit, move: Move, by: str, why: str = "") -> None:
        """She leaves for good: done, missed, void, withdrawn or lapsed."""
        visit.move(move, self.now, by, why)
        self.leave(visit)
        visit.ended_at = self.now
        self.keep(visit)

    def fresh_place(self, visit: ClinicVisit) -> Place:
        """Where she stands by these rules, had she come as what she is now when she came."""
        old = visit.place
        number = old.number if old is not None and not old.path else self.queue.number()
        return place_by(self.rules, visit, visit.checked_in_at or self.now, number)

    def ahead_of(self, visit: ClinicVisit) -> int:
        """How many wait before her."""
        return bisect_left(self.waiting, place_of(visit), key=place_of)

    def where(self, visit: ClinicVisit) -> Visit:
        """What she has an appointment for, with the doctor and the room of this line: another one's after a transfer."""
        if visit.queue_id == visit.session_id:
            return visit.visit
        self._facts = self._facts or store.get_session(self.tx.conn, self.queue.session_id)
        return visit.visit if self._facts is None else telling.there(visit.visit, self._facts)

    # --- what is written ---

    def keep(self, visit: ClinicVisit) -> None:
        """She was changed."""
        self._changed[visit.id] = visit

    def keep_desk(self, desk: Desk) -> None:
        """It was changed, or is new."""
        self._desks[desk.room] = self.desks[desk.room] = desk

    def settle(self) -> None:
        """Tell who was passed and who has come near, and write all that was changed."""
        for ahead, visit in enumerate(self.waiting):
            # whoever was told, and a pass tells too, is told anew only if she has been much further back since then
            knows = (visit.told_near or visit.id in self.passed) and ahead <= 2 * self.rules.near
            near = not knows and ahead <= self.rules.near and visit.nears < MOST_NEAR
            if visit.id in self.passed:
                self.tx.send(telling.passed(visit, ahead, self.passed[visit.id], self.now, self.where(visit)))
            elif near:
                self.tx.send(telling.near(visit, ahead, self.now, self.where(visit)))
                visit.nears += 1
            if visit.told_near != (knows or near):
                visit.told_near = knows or near
                self.keep(visit)
        self.passed.clear()
        store.visits.save_visits(self.tx, list(self._changed.values()))
        for desk in self._desks.values():
            store.queues.save_desk(self.tx, desk)
        store.queues.save_queue(self.tx, self.queue)
        self._changed.clear()
        self._desks.clear()


def open_line(tx: Tx, queue: Queue) -> Line:
    """The line of a locked queue."""
    waiting = in_order(store.visits.visits_of_queue(tx.conn, queue.session_id, IN_LINE))
    hospital = store.queues.rules_in_force(tx.conn, queue.hospital_id, tx.now)
    return Line(tx, queue, queue.rules(hospital), waiting, store.queues.desks_of(tx.conn, queue.session_id))


def line_for(tx: Tx, staff: Staff, session_id: str) -> Line:
    """The line of a session, its queue locked, for a member of staff who may act in it."""
    line = open_line(tx, store.queues.lock_queue(tx, session_id))
    staff.check_hospital(line.queue.hospital_id, "session_not_found")
    staff.check_may_act(line.queue, line.desks.values())
    return line


@dataclass(frozen=True, slots=True)
class Acting:
    """One visit that a member of staff acts on: everything locked, she herself in `line` if she waits there."""

    visit: ClinicVisit
    line: Line
    orders: dict[str, Order]
    """Her order, with its heir."""
    queues: dict[str, Queue]
    """The other queues that were asked for."""


def act_on(tx: Tx, staff: Staff, visit_id: str, also: tuple[str, ...] = ()) -> Acting:
    """Lock a visit's order, its queue, and the queues in `also`; for a member of staff who may act on it."""
    seen = store.visits.get_visit(tx.conn, visit_id)
    if seen is None:
        raise NotFound("no such visit", code="visit_not_found")
    staff.check_hospital(seen.hospital_id, "visit_not_found")
    orders = store.lock_with_heirs(tx, [seen.order_id]) if seen.order_id else {}
    locked = store.visits.lock_lines(tx, [visit_id], also)
    visit = locked.visits[visit_id]
    line = open_line(tx, locked.queues[visit.queue_id])
    staff.check_may_act(line.queue, line.desks.values())
    waiting = next((v for v in line.waiting if v.id == visit_id), visit)
    return Acting(waiting, line, orders, {q: queue for q, queue in locked.queues.items() if q != visit.queue_id})
