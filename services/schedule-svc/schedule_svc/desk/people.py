"""The people before the desk: an order as nobody has decided it yet, and what is known of its patient."""

import secrets
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from common.messages import CreditMark, ReserveSlot, WeightPart

from schedule_svc.domain import Entry, Reservation, Session
from schedule_svc.rules import Registration, Wish


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of the patient of a new order: what else she has, and what stands against her."""

    registrations: MutableMapping[str, Registration] = field(default_factory=dict)
    marks: Sequence[CreditMark] = ()

    @property
    def past(self) -> list[Registration]:
        return [*self.registrations.values()]

    def add(self, r: Reservation, now: datetime) -> None:
        """She has this one too, or has it no more."""
        if r.date is None:
            return
        if r.state == "released" and r.queue_number is None:  # who leaves a draw or the waitlist gives no number back
            self.registrations.pop(r.order_id, None)
            return
        self.registrations[r.order_id] = Registration(
            r.order_id,
            r.session_id,
            r.hospital_id,
            r.department_id,
            r.doctor_id,
            r.date,
            r.period,
            r.state,
            r.released_by,
            now,
            r.was_sold,
        )


def undecided(order: ReserveSlot, session: Session | None) -> Reservation:
    """An order as nobody has decided it yet."""
    reservation = Reservation(order.order_id, order.session_id, order.patient_id, order.slot_id, "rejected")
    reservation.join_waitlist, reservation.auto_book = order.join_waitlist, order.auto_book
    reservation.voucher, reservation.replaces = order.voucher, order.replaces
    if session is not None:
        reservation.hospital_id, reservation.department_id = session.hospital_id, session.department_id
        reservation.doctor_id, reservation.date, reservation.period = session.doctor_id, session.date, session.period
    return reservation


def new_entry(session: Session, r: Reservation, parts: tuple[WeightPart, ...]) -> Entry:
    """The part in the session's draw of one who has just entered. Nobody knows another's pseudonym."""
    weight = sum(part.points for part in parts)
    return Entry(r.order_id, session.id, session.entry_seq, secrets.token_hex(8), weight, parts)


def wish(session: Session, r: Reservation, *, substitute: bool = False) -> Wish:
    """What an order asks for, as the hospital's rules look at it."""
    return Wish(
        r.order_id,
        session.id,
        session.hospital_id,
        session.department_id,
        session.doctor_id,
        session.date,
        session.period,
        session.starts_at,
        session.ends_at,
        session.urgent,
        r.replaces,
        substitute,
    )
