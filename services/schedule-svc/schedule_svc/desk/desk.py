"""The desk: decides a run of orders in memory, one after the other, in the order in which they arrived.

The store has locked the sessions and the patients and loaded what the run needs; it writes back what changed in a few
statements for all of them. That is why one consumer reserves thousands of numbers a second on one hot session, why exactly
k of N get one, and why nobody passes a limit by asking fifty times at once.
"""

import random
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from common.ids import person_of
from common.messages import (
    Message,
    OrderConfirmed,
    ReleaseSlot,
    ReserveSlot,
    SlotReleased,
    Visit,
    VisitCompleted,
    WeightPart,
)

from schedule_svc import rules as hospital_rules
from schedule_svc.desk.answers import answer
from schedule_svc.desk.people import Person, new_entry, undecided, wish
from schedule_svc.desk.sale import on_sale, segment_refusal, set_aside_again, take_aside
from schedule_svc.domain import ACTIVE, Entry, Reservation, Segment, Session, give_back
from schedule_svc.rules import RuleSet
from schedule_svc.vouchers import Voucher

_random = random.SystemRandom()


class OtherSession(Exception):
    """An order names another session than before: a bug of the sender. The message is parked."""


NextWaiting = Callable[[str, str | None], Reservation | None]
"""next_waiting(session_id, segment_id): each stored order that waits for that segment, once, in order of joining; None: that
waits for the session.
"""
_MOST_LOTS = 500


@dataclass(frozen=True, slots=True)
class Rest:
    """A freed number that is not public before `until`."""

    session_id: str
    segment_id: str
    number: int
    until: datetime


@dataclass(slots=True)
class Desk:
    """The working set of one transaction. `answers` gathers what is to be told."""

    now: datetime
    sessions: dict[str, Session]
    reservations: dict[str, Reservation]
    next_waiting: NextWaiting
    rules: Mapping[str, RuleSet]
    """By hospital."""
    people: MutableMapping[str, Person] = field(default_factory=dict)
    """The persons (common.ids.person_of) of orders that are not decided yet."""
    vouchers: dict[str, Voucher] = field(default_factory=dict)
    used: dict[str, str | None] = field(default_factory=dict)
    """Vouchers whose use changed, and the order that uses each now; None: free again."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """Of those who take part in a draw: as stored, and new ones."""
    answers: list[Message] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    joined: dict[str, list[Reservation]] = field(default_factory=dict)  # the waitlist, by session
    _visits: dict[str | None, Visit] = field(default_factory=dict)

    def reserve(self, order: ReserveSlot) -> None:
        """Hold a number for the order, enter it into the draw, let it wait, or reject it. Asked again, the answer is the same."""
        reservation = self._known(order.order_id, order.session_id)
        if reservation is None:
            reservation = undecided(order, self.sessions.get(order.session_id))
            self._decide(order, reservation)
            self.reservations[order.order_id] = reservation
            self._remember(reservation)
        self._tell(reservation)

    def release(self, order: ReleaseSlot) -> None:
        """The order gives its number back; if it has not asked yet, it is remembered and will not get one."""
        reservation = self._known(order.order_id, order.session_id)
        freed: Segment | None = None
        if reservation is None:
            reservation = Reservation(order.order_id, order.session_id, "", None, "released")
            self.reservations[order.order_id] = reservation
        elif reservation.state in ("held", "sold"):
            session, freed = self.sessions[reservation.session_id], self._segment_of(reservation)
            session.seen -= reservation.seen
            give_back(freed, reservation)
            set_aside_again(self._rules(session), session, freed, reservation, self.now)
        elif reservation.state == "waiting":
            self.sessions[reservation.session_id].waiting -= 1
            reservation.state = "released"
        elif reservation.state == "entered":
            self.sessions[reservation.session_id].entered -= 1
            reservation.state = "released"
        if reservation.state == "released" and reservation.released_by is None:
            reservation.released_by = order.cause
            self._free_voucher(reservation)
            self._remember(reservation)
        self.answers.append(SlotReleased(order.order_id, order.session_id))
        if freed is not None:
            self._offer(self.sessions[order.session_id], freed)
            self._rest(self.sessions[order.session_id], freed, reservation)

    def complete(self, order: VisitCompleted) -> bool:
        """Her number is used up: she was seen. False if the order holds none."""
        sold = self.confirm(order)
        if sold and not (reservation := self.reservations[order.order_id]).seen:
            reservation.seen = True
            self.sessions[order.session_id].seen += 1
        return sold

    def confirm(self, order: OrderConfirmed | VisitCompleted) -> bool:
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

    def drawn(self, order_id: str) -> None:
        """An entrant's turn, in the order of the draw: a number while there are any, then the waitlist, or nothing."""
        reservation = self.reservations[order_id]
        if reservation.state != "entered":
            return
        session = self.sessions[reservation.session_id]
        session.entered -= 1
        segment = None if session.stopped else self._with_a_number(session, None)
        if segment is not None:
            self._hold(session, segment, reservation)
        elif reservation.join_waitlist and self.waitlist_open(session):
            self._wait(session, reservation)
        else:
            reservation.state = "rejected"
            reservation.reason = "session_stopped" if session.stopped else "not_drawn"
            self._free_voucher(reservation)
        self._tell(reservation)

    def offer_all(self, session: Session) -> None:
        """Numbers have come in: those who wait get them first, in order."""
        for segment in session.segments:
            self._offer(session, segment)

    def close_waitlist(self, session: Session, most: int) -> bool:
        """The cut-off has come, or the session will not take place: the next `most` of those who wait are told so.

        Answers True when nobody is left.
        """
        reason = "session_stopped" if session.stopped else "sold_out"
        for _ in range(most):
            stored = self.next_waiting(session.id, None)
            if stored is None:
                return True
            reservation = self.reservations.setdefault(stored.order_id, stored)
            if reservation.state == "waiting":
                session.waiting -= 1
                reservation.state, reservation.reason = "rejected", reason
                self._free_voucher(reservation)
                self._tell(reservation)
        return False

    def waitlist_closes(self, session: Session) -> datetime:
        """The hospital's cut-off, and never later than the session's start."""
        return min(session.starts_at, hospital_rules.waitlist_closes(self._rules(session), session.starts_at))

    def waitlist_open(self, session: Session) -> bool:
        """Nobody is offered a number after the cut-off, or once the session has begun."""
        return not session.stopped and self.now < self.waitlist_closes(session)

    def take_answers(self) -> list[Message]:
        """The answers since the last call."""
        answers, self.answers = self.answers, []
        return answers

    def _rules(self, session: Session) -> RuleSet:
        return self.rules[session.hospital_id]

    def _person(self, reservation: Reservation) -> Person:
        return self.people[person_of(reservation.patient_id)]

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

    # --- deciding ----------------------------------------------------------------------------------------------------

    def _decide(self, order: ReserveSlot, reservation: Reservation) -> None:
        """Fill in what the order gets."""
        session = self.sessions.get(order.session_id)
        if session is None:
            reservation.reason = "session_not_found"
            return
        self._rules(session)
        reservation.reason = session.refusal(self.now, order.placed_at)
        reservation.reason = reservation.reason or segment_refusal(session, order.slot_id, self.now)
        if reservation.reason == "not_released":
            reservation.until = session.release_at
        voucher = self._voucher(order, session)
        if not reservation.reason and order.voucher is not None and voucher is None:
            reservation.reason = "voucher_invalid"
        if reservation.reason or self._against_the_rules(session, order, reservation):
            return
        if not self._hold_aside(session, reservation, voucher):
            self._share(session, reservation, voucher)
        if reservation.state != "rejected" and voucher is not None:
            self._use_voucher(voucher.code, reservation.order_id)

    def _share(self, session: Session, reservation: Reservation, voucher: Voucher | None) -> None:
        """By the session's policy: the draw while it takes entries, else who comes first."""
        segment = self._with_a_number(session, reservation.wanted)
        if session.takes_entries:
            if reservation.wanted is not None:
                reservation.reason = "slot_not_choosable"
            else:
                self._enter(session, reservation, voucher)
        elif segment is not None:
            self._hold(session, segment, reservation)
        elif reservation.join_waitlist and self.waitlist_open(session):
            self._wait(session, reservation)
        else:
            reservation.reason = "sold_out"

    def _against_the_rules(self, session: Session, order: ReserveSlot, reservation: Reservation) -> bool:
        person = self._person(reservation)
        refusal = hospital_rules.refuse(
            self._rules(session),
            wish(session, reservation, substitute=order.substitute),
            self.now,
            person.past,
            person.marks,
            order.placed_at,
        )
        if refusal is None:
            return False
        reservation.reason, reservation.rule, reservation.until = refusal.reason, refusal.rule, refusal.until
        return True

    def _voucher(self, order: ReserveSlot, session: Session) -> Voucher | None:
        """The order's voucher, if it is good for it."""
        voucher = self.vouchers.get(order.voucher or "")
        return voucher if voucher is not None and voucher.serves(session.id, order.patient_id, self.now) else None

    def _free_voucher(self, reservation: Reservation) -> None:
        """Who held, waited or hoped by a voucher was its one user; she no longer is."""
        if reservation.voucher is not None:
            self._use_voucher(reservation.voucher, None)

    def _use_voucher(self, code: str, order_id: str | None) -> None:
        self.used[code] = order_id
        if code in self.vouchers:
            self.vouchers[code] = replace(self.vouchers[code], order_id=order_id)

    def _hold_aside(self, session: Session, reservation: Reservation, voucher: Voucher | None) -> bool:
        """Hold a number that was set aside for such as her, if there is one."""
        keys = [f"@{reservation.patient_id}"]
        if voucher is not None:
            keys.append(voucher.channel)
        if any(segment.left_aside("follow_up") for segment in session.segments):
            person, asked = self._person(reservation), wish(session, reservation)
            if hospital_rules.is_follow_up(self._rules(session), asked, person.past, person.marks, self.now):
                keys.append("follow_up")
        for key in keys:
            for segment in on_sale(session, reservation.wanted, self.now):
                if segment.left_aside(key):
                    take_aside(segment, key)
                    reservation.channel = key
                    self._hold(session, segment, reservation)
                    return True
        return False

    def _with_a_number(self, session: Session, segment_id: str | None) -> Segment | None:
        """The segment asked for, or the earliest, if it has a free number."""
        segments = on_sale(session, segment_id, self.now)
        return next((segment for segment in segments if segment.free), None)

    def _hold(self, session: Session, segment: Segment, reservation: Reservation) -> None:
        reservation.queue_number = session.take(segment)
        reservation.slot_id = segment.id
        reservation.state, reservation.reason = "held", ""
        reservation.hold_seconds = hospital_rules.hold_seconds(self._rules(session), self.now, segment.ends_at)
        reservation.cancel_before = session.last_cancel

    def _enter(self, session: Session, reservation: Reservation, voucher: Voucher | None) -> None:
        session.entered += 1
        session.entry_seq += 1
        parts: tuple[WeightPart, ...] = (WeightPart("base", 1),)
        if session.policy == "weighted":
            person, rules = self._person(reservation), self._rules(session)
            urgency = voucher.urgency if voucher is not None and voucher.channel == "referral" else None
            asked = wish(session, reservation)
            parts = (*hospital_rules.weigh(rules, asked, person.past, person.marks, urgency, self.now),)
        reservation.state, reservation.reason = "entered", ""
        self.entries[reservation.order_id] = new_entry(session, reservation, parts)

    def _wait(self, session: Session, reservation: Reservation) -> None:
        session.waiting += 1
        session.wait_seq += 1
        reservation.reason = ""
        reservation.state, reservation.wait_seq, reservation.position = "waiting", session.wait_seq, session.waiting
        self.joined.setdefault(session.id, []).append(reservation)

    # --- freed numbers -----------------------------------------------------------------------------------------------

    def _offer(self, session: Session, segment: Segment) -> None:
        """Give free numbers of a segment to those who wait for it."""
        while session.waiting and segment.free and self._may_offer(session):
            reservation = self._first_waiting(session, segment)
            if reservation is None:
                return
            self._book(session, segment, reservation)

    def _may_offer(self, session: Session) -> bool:
        return self.waitlist_open(session) and self.now >= session.release_at

    def _book(self, session: Session, segment: Segment, waiting: Reservation) -> None:
        """A free number for one who waits."""
        session.waiting -= 1
        self._hold(session, segment, waiting)
        if not waiting.auto_book:
            seconds = hospital_rules.offer_seconds(self._rules(session), self.now, session.starts_at)
            waiting.offered, waiting.hold_seconds = True, min(waiting.hold_seconds, seconds)
        self._tell(waiting)

    def end_rest(self, session: Session, segment: Segment, number: int) -> None:
        """A freed number is public again. Whoever joined the waitlist while it rested has the same chance of it: a friend who was
        told has none more than a stranger.
        """
        segment.end_rest(number)
        line: list[Reservation] = []
        while len(line) < _MOST_LOTS and (stored := self.next_waiting(session.id, segment.id)) is not None:
            line.append(self.reservations.setdefault(stored.order_id, stored))
        line = [r for r in (*line, *self.joined.get(session.id, ())) if r.state == "waiting"]
        lots = [r for r in line if r.wanted in (None, segment.id)]
        if lots and segment.free and self._may_offer(session):
            self._book(session, segment, _random.choice(lots))

    def _rest(self, session: Session, segment: Segment, freed: Reservation) -> None:
        """The last number of a segment, freed with nobody waiting, is not public at once: so nobody can pass it on."""
        if segment.free != 1 or session.stopped or session.draw_state in ("open", "drawing"):
            return
        if self.now < session.release_at or self.now >= session.starts_at:
            return
        pause = hospital_rules.rest(self._rules(session), _random.uniform)
        if freed.queue_number is not None and freed.queue_number in segment.returned and pause:
            segment.begin_rest(freed.queue_number)
            self.rests.append(Rest(session.id, segment.id, freed.queue_number, self.now + pause))

    def _first_waiting(self, session: Session, segment: Segment) -> Reservation | None:
        while (stored := self.next_waiting(session.id, segment.id)) is not None:
            reservation = self.reservations.setdefault(stored.order_id, stored)
            if reservation.state == "waiting":
                return reservation
        for reservation in self.joined.get(session.id, ()):
            if reservation.state == "waiting" and reservation.wanted in (None, segment.id):
                return reservation
        return None

    # --- telling -----------------------------------------------------------------------------------------------------

    def _remember(self, reservation: Reservation) -> None:
        """The person's next order in this run is judged by this one too."""
        person = self.people.get(person_of(reservation.patient_id))
        if person is not None and reservation.state != "rejected":
            person.add(reservation, self.now)

    def _visit(self, r: Reservation) -> Visit:
        visit = self._visits.get(r.slot_id)
        if visit is None:
            visit = self._visits[r.slot_id] = self.sessions[r.session_id].visit(self._segment_of(r))
        return visit

    def _tell(self, r: Reservation) -> None:
        session = self.sessions.get(r.session_id)
        visit = self._visit(r) if r.state in ACTIVE else None
        self.answers.append(answer(r, session, self.entries.get(r.order_id), visit))
