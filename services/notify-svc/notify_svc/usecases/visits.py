"""Follow which visits take place, and when."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from common import messages as m
from common.envelope import Received

from notify_svc import reminders
from notify_svc.domain import milliseconds
from notify_svc.reminders import Appointment
from notify_svc.store import MongoTx
from notify_svc.store.mongo import time_of
from notify_svc.usecases import planning

ENDS = (m.OrderWithdrawn, m.OrderCancelled, m.OrderRescheduled, m.SubstitutesOffered, m.VisitMissed)
"""After these the visit of the order does not take place (any more). 停诊 offers substitutes: the visit itself is lost."""


def follow(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep what the messages say of visits, in whatever order and how often they come: an end wins over its confirmation."""
    confirmed: dict[str, Appointment] = {}
    ended: dict[str, tuple[str, datetime]] = {}
    for r in received:
        at = time_of(milliseconds(r.time))  # with a zone, whoever wrote it
        if isinstance(r.message, m.OrderConfirmed):
            known = confirmed.get(r.message.order_id)
            if known is None or known.confirmed_at < at:
                confirmed[r.message.order_id] = _appointment(r.message, at)
        elif isinstance(r.message, ENDS):
            ended[r.message.order_id] = r.message.account_id, at
    for account_id in {a.account_id for a in confirmed.values()} | {account_id for account_id, _ in ended.values()}:
        planning.concern(tx, account_id)
    if ended:
        tx.at_end(lambda: tx.store.visits.end(ended))
        tx.at_end(lambda: tx.store.reminders.look_again(account_id for account_id, _ in ended.values()))
    if confirmed:
        tx.at_end(lambda: tx.store.visits.confirm(list(confirmed.values())))
        due: dict[str, datetime] = {}
        for a in confirmed.values():
            if (look_at := reminders.first_due(a)) is not None:
                due[a.account_id] = min(look_at, due.get(a.account_id, look_at))
        tx.at_end(lambda: tx.store.reminders.wake(due))


def _appointment(message: m.OrderConfirmed, at: datetime) -> Appointment:
    return Appointment(
        order_id=message.order_id,
        account_id=message.account_id,
        patient_id=message.patient_id,
        starts_at=message.visit.starts_at,
        queue_number=message.queue_number,
        visit=msgspec.to_builtins(message.visit),
        confirmed_at=at,
    )
