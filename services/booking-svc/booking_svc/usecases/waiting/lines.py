"""A queue's rows as the models see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.messages import ClinicRules, SessionFacts
from haoyuan_waiting.line import Customer, Line, Server, ServiceTime

from booking_svc import store
from booking_svc.clinic import checkin
from booking_svc.clinic.line import ahead, in_order, place
from booking_svc.clinic.queue import Desk, Queue
from booking_svc.clinic.visits import AT_DESK, HERE, ClinicVisit, VisitState
from booking_svc.usecases.waiting.learning import ABSENT_FOR, Manners, manners, service_times

PAUSED_FOR = timedelta(minutes=15)
"""A pause of which nobody says when it ends: what is assumed of all of it."""
SOON = 60.0
"""Seconds: what is overdue is assumed to come in a moment."""
_SEEN = HERE | {VisitState.EXPECTED}


@dataclass(frozen=True, slots=True)
class Seen:
    """A queue as it is: who waits, in order; who is at a desk, away, or expected."""

    queue: Queue
    rules: ClinicRules
    session: SessionFacts | None
    desks: Sequence[Desk]
    """Those that are open."""
    waiting: Sequence[ClinicVisit]
    others: Sequence[ClinicVisit]
    now: datetime

    @property
    def begins_in(self) -> float:
        """Seconds until the session begins; 0 once somebody was called."""
        return 0.0 if self.queue.first_called_at is not None else self.starts_in

    @property
    def starts_in(self) -> float:
        """Seconds until the session should begin."""
        return 0.0 if self.session is None else max((self.session.starts_at - self.now).total_seconds(), 0.0)

    @property
    def paused(self) -> bool:
        return self.queue.is_paused(self.now)

    @property
    def opens_in(self) -> float:
        """Seconds until one may check in for the session; who comes unannounced comes from then on."""
        return max(self.begins_in - 60.0 * self.rules.early_minutes, 0.0)

    @property
    def no_desk(self) -> bool:
        """Nobody calls: no desk is open, though it is time. Until the session begins, its doctor is expected to open one then."""
        if self.session is None:
            return not self.desks and self.queue.first_called_at is not None
        return not self.desks and self.now > self.session.starts_at

    @property
    def ends_in(self) -> float:
        return 0.0 if self.session is None else max((self.session.ends_at - self.now).total_seconds(), 0.0)

    def ahead_of(self, visit: ClinicVisit) -> int:
        """How many wait before her."""
        ids = [v.id for v in self.waiting]
        return ids.index(visit.id) if visit.id in ids else len(ids)


def see(conn: store.Connection, queue: Queue, now: datetime, instead: Collection[ClinicVisit] = ()) -> Seen:
    """Read a queue. `instead`: visits as they are about to be written, in place of their rows."""
    known = {v.id: v for v in store.visits.visits_of_queue(conn, queue.session_id, _SEEN)}
    known |= {v.id: v for v in instead if v.queue_id == queue.session_id}
    return Seen(
        queue,
        queue.rules(store.queues.rules_in_force(conn, queue.hospital_id, now)),
        store.get_session(conn, queue.session_id),
        [d for d in store.queues.desks_of(conn, queue.session_id).values() if d.is_open],
        in_order(v for v in known.values() if v.state == VisitState.WAITING),
        sorted((v for v in known.values() if v.state in _SEEN - {VisitState.WAITING}), key=lambda v: v.id),
        now,
    )


@dataclass(frozen=True, slots=True)
class Live:
    """A queue as the models see it, and what of it is told in other ways too: the department's manners, and a patient's service
    time at each desk.
    """

    line: Line
    manners: Manners
    services: Sequence[ServiceTime]


def model(conn: store.Connection, seen: Seen, comes: str | None = None) -> Live:
    """What is known of a queue, with what is learnt of its department. `comes`: one who is expected, and will certainly come."""
    at_desk = {v.id: _since(v, seen.now) for v in seen.others if v.state in AT_DESK}
    desks = [d.doctor_id for d in seen.desks] or [seen.queue.doctor_id]
    going_on: dict[str, list[float]] = {}
    for desk in seen.desks:
        if desk.visit_id in at_desk:
            going_on.setdefault(desk.doctor_id, []).append(at_desk[desk.visit_id])
    learnt = manners(conn, seen.queue.department_id, seen.rules, seen.now)
    services = service_times(conn, seen.queue.department_id, desks, seen.now, going_on)
    rest, returned = _rest(seen), {v.id for v in seen.others if _has_returned(v)}
    servers = tuple(
        Server(
            services[d.doctor_id],
            at_desk.get(d.visit_id or ""),
            rest if d.visit_id is None else _pause(seen),
            d.visit_id in returned,
        )
        for d in seen.desks
    )
    if not servers and not seen.no_desk:
        servers = (Server(services[seen.queue.doctor_id], None, max(seen.starts_in, rest)),)
    line = Line(
        servers,
        _customers(seen, learnt, comes),
        learnt.punctuality,
        learnt.streams(seen.rules, seen.ends_in, seen.opens_in),
        learnt.absent,
        ABSENT_FOR,
        tuple(seen.rules.passed),
        learnt.raised,
        (ahead(seen.rules, "priority") - ahead(seen.rules, "appointment")).total_seconds(),
        learnt.examined,
        learnt.examination,
        seen.rules.return_places,
        learnt.second,
    )
    return Live(line, learnt, [services[d] for d in desks])


def _since(visit: ClinicVisit, now: datetime) -> float:
    return max((now - (visit.called_at or now)).total_seconds(), 0.0)


def _rest(seen: Seen) -> float:
    """Seconds for which a desk calls nobody at which nobody is."""
    return max(seen.begins_in, _pause(seen))


def _pause(seen: Seen) -> float:
    """Seconds that are left of a pause."""
    if not seen.paused or seen.queue.paused_at is None:
        return 0.0
    until = seen.queue.paused_until or seen.queue.paused_at + PAUSED_FOR
    return max((until - seen.now).total_seconds(), SOON)


def _customers(seen: Seen, learnt: Manners, comes: str | None) -> tuple[Customer, ...]:
    """Who waits, in order; who is at an examination; then who may come."""
    waiting = [_here(v, seen) for v in seen.waiting]
    back = [_comes_back(v, seen) for v in seen.others if v.state == VisitState.AWAY]
    expected = [v for v in seen.others if v.state == VisitState.EXPECTED and _may_come(v, seen)]
    return (*waiting, *back, *(_expected(v, seen, 1.0 if v.id == comes else 1 - learnt.no_show) for v in expected))


def _here(visit: ClinicVisit, seen: Seen) -> Customer:
    at = _seconds(visit, seen.now)
    back = _has_returned(visit)
    return Customer(visit.id, at, passes=visit.passes, returned=back, desk=_desk_of(visit, seen) if back else None)


def _has_returned(visit: ClinicVisit) -> bool:
    """She was seen before she was sent away; who is passed, or put back, was not."""
    return visit.desk_seconds is not None


def _desk_of(visit: ClinicVisit, seen: Seen) -> int | None:
    """That of the doctor who saw her first, as long as it is open."""
    return next((n for n, desk in enumerate(seen.desks) if desk.doctor_id == visit.served_by), None)


def _seconds(visit: ClinicVisit, now: datetime) -> float:
    return 0.0 if visit.place is None else (visit.place.at - now).total_seconds()


def _may_come(visit: ClinicVisit, seen: Seen) -> bool:
    """Not later than the rule allows."""
    return seen.now <= checkin.void_after(seen.rules, visit.visit.starts_at, visit.visit.ends_at)


def _expected(visit: ClinicVisit, seen: Seen, comes: float) -> Customer:
    rules, starts_at = seen.rules, visit.visit.starts_at
    in_time = place(rules, visit.visit_class, starts_at, 0, starts_at)
    by_segment = rules.discipline == "priority"
    return Customer(
        visit.id,
        (in_time.at - seen.now).total_seconds(),
        due_in=(starts_at - seen.now).total_seconds(),
        comes=comes,
        late_after=60.0 * rules.grace_minutes if by_segment else -float("inf"),
        late_place=-ahead(rules, visit.visit_class).total_seconds(),
        void_after=(checkin.void_after(rules, starts_at, visit.visit.ends_at) - starts_at).total_seconds(),
        raised=visit.visit_class != "appointment",
    )


def _comes_back(visit: ClinicVisit, seen: Seen) -> Customer:
    """From an examination: her doctor calls her then, behind so many who wait."""
    gone = max((seen.now - (visit.updated_at or seen.now)).total_seconds(), 0.0)
    return Customer(visit.id, _seconds(visit, seen.now), away_for=gone, desk=_desk_of(visit, seen))
