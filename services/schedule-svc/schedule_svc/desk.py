"""The desk: decides a run of orders in memory, one after the other, in the order in which they arrived.

The store has locked the sessions and loaded what the run needs; it writes back what changed in a few statements for all of
them. That is why one consumer reserves thousands of numbers a second on one hot session, and why exactly k of N get one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from common.messages import (
    Message,
    OrderConfirmed,
    ReleaseSlot,
    ReserveSlot,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
    Visit,
)

from schedule_svc.domain import Reservation, Segment, Session, give_back


class OtherSession(Exception):
    """An order names another session than before: a bug of the sender. The message is parked."""


NextWaiting = Callable[[str, str], Reservation | None]
"""next_waiting(session_id, segment_id): each stored order that waits for that segment, once, in order of joining."""


@dataclass(slots=True)
class Desk:
    """The working set of one transaction. `answers` gathers what is to be told."""

    now: datetime
    sessions: dict[str, Session]
    reservations: dict[str, Reservation]
    next_waiting: NextWaiting
    answers: list[Message] = field(default_factory=list)
    _joined: dict[str, list[Reservation]] = field(default_factory=dict)
    _visits: dict[str | None, Visit] = field(default_factory=dict)

    def reserve(self, order: ReserveSlot) -> None:
        """Hold a number for the order, let it wait, or reject it. Asked again, the answer is the same."""
        reservation = self._known(order.order_id, order.session_id)
        if reservation is None:
            reservation = self._decide(order)
            self.reservations[order.order_id] = reservation
        self._tell(reservation)

    def release(self, order: ReleaseSlot) -> None:
        """The order gives its number back; if it has not asked yet, it is remembered and will not get one."""
        reservation = self._known(order.order_id, order.session_id)
        freed: Segment | None = None
        if reservation is None:
            self.reservations[order.order_id] = Reservation(order.order_id, order.session_id, "", None, "released")
        elif reservation.state in ("held", "sold"):
            freed = self._segment_of(reservation)
            give_back(freed, reservation)
        elif reservation.state == "waiting":
            self.sessions[reservation.session_id].waiting -= 1
            reservation.state = "released"
        self.answers.append(SlotReleased(order.order_id, order.session_id))
        if freed is not None:
            self._offer(self.sessions[order.session_id], freed)

    def confirm(self, order: OrderConfirmed) -> bool:
        """A held number is sold. False if the order holds none: it gave it back before this arrived."""
        reservation = self._known(order.order_id, order.session_id)
        if reservation is None:
            return False
        if reservation.state == "held":
            segment = self._segment_of(reservation)
            segment.held -= 1
            segment.sold += 1
            reservation.state = "sold"
        return reservation.state == "sold"

    def offer_all(self, session: Session) -> None:
        """Numbers have come in: those who wait get them first, in order."""
        for segment in session.segments:
            self._offer(session, segment)

    def close_waitlist(self, session: Session) -> None:
        """Nobody waits any longer: the session has begun, or will not take place."""
        reason = "session_stopped" if session.stopped else "sold_out"
        for segment in session.segments:
            while (reservation := self._first_waiting(session, segment)) is not None:
                session.waiting -= 1
                reservation.state, reservation.reason = "rejected", reason
                self._tell(reservation)

    def take_answers(self) -> list[Message]:
        """The answers since the last call."""
        answers, self.answers = self.answers, []
        return answers

    def _known(self, order_id: str, session_id: str) -> Reservation | None:
        reservation = self.reservations.get(order_id)
        if reservation is not None and reservation.session_id != session_id:
            raise OtherSession(f"order {order_id} belongs to session {reservation.session_id}, not {session_id}")
        return reservation

    def _segment_of(self, reservation: Reservation) -> Segment:
        segment = self.sessions[reservation.session_id].segment(reservation.slot_id)
        if segment is None:
            raise LookupError(f"order {reservation.order_id} has a number of no segment")
        return segment

    def _decide(self, order: ReserveSlot) -> Reservation:
        reservation = Reservation(order.order_id, order.session_id, order.patient_id, order.slot_id, "rejected")
        session = self.sessions.get(order.session_id)
        if session is None:
            reservation.reason = "session_not_found"
            return reservation
        reservation.reason = session.refusal(self.now) or self._segment_refusal(session, order.slot_id)
        if reservation.reason:
            return reservation
        segment = self._with_a_number(session, order.slot_id)
        if segment is not None:
            self._hold(session, segment, reservation)
        elif order.join_waitlist and session.waitlist_open(self.now):
            self._wait(session, reservation)
        else:
            reservation.reason = "sold_out"
        return reservation

    def _segment_refusal(self, session: Session, segment_id: str | None) -> str:
        if segment_id is None:
            return ""
        segment = session.segment(segment_id)
        if segment is None or segment.capacity == 0:
            return "slot_not_found"
        return "session_over" if self.now >= segment.ends_at else ""

    def _with_a_number(self, session: Session, segment_id: str | None) -> Segment | None:
        """The segment asked for, or the earliest that is not over, if it has a free number."""
        for segment in session.segments:
            if segment_id in (None, segment.id) and self.now < segment.ends_at and segment.free:
                return segment
        return None

    def _hold(self, session: Session, segment: Segment, reservation: Reservation) -> None:
        reservation.queue_number = session.take(segment)
        reservation.slot_id = segment.id
        reservation.state, reservation.reason = "held", ""

    def _wait(self, session: Session, reservation: Reservation) -> None:
        session.waiting += 1
        session.wait_seq += 1
        reservation.state, reservation.wait_seq, reservation.position = "waiting", session.wait_seq, session.waiting
        self._joined.setdefault(session.id, []).append(reservation)

    def _offer(self, session: Session, segment: Segment) -> None:
        """Give free numbers of a segment to those who wait for it."""
        while session.waiting and segment.free and session.waitlist_open(self.now):
            reservation = self._first_waiting(session, segment)
            if reservation is None:
                return
            session.waiting -= 1
            self._hold(session, segment, reservation)
            self._tell(reservation)

    def _first_waiting(self, session: Session, segment: Segment) -> Reservation | None:
        while (stored := self.next_waiting(session.id, segment.id)) is not None:
            reservation = self.reservations.setdefault(stored.order_id, stored)
            if reservation.state == "waiting":
                return reservation
        for reservation in self._joined.get(session.id, ()):
            if reservation.state == "waiting" and reservation.wanted in (None, segment.id):
                return reservation
        return None

    def _visit(self, r: Reservation) -> Visit:
        visit = self._visits.get(r.slot_id)
        if visit is None:
            visit = self._visits[r.slot_id] = self.sessions[r.session_id].visit(self._segment_of(r))
        return visit

    def _tell(self, r: Reservation) -> None:
        if r.state == "waiting" and r.position is not None:
            self.answers.append(SlotWaitlisted(r.order_id, r.session_id, r.position))
        elif r.state in ("held", "sold") and r.slot_id is not None and r.queue_number is not None:
            session, visit = self.sessions[r.session_id], self._visit(r)
            self.answers.append(
                SlotReserved(
                    r.order_id, r.session_id, r.slot_id, r.queue_number, session.fee, visit, session.cancel_before
                )
            )
        else:
            reason = "released" if r.state == "released" else r.reason
            self.answers.append(SlotRejected(r.order_id, r.session_id, reason))
