"""Follow which visits take place, and when."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec
from common import messages as m
from common.envelope import Received
from common.log import get_logger

from notify_svc import reminders
from notify_svc.domain import Notification, milliseconds
from notify_svc.kinds import OVER
from notify_svc.reminders import Appointment, Moved
from notify_svc.store import MongoStore, MongoTx
from notify_svc.store.mongo import time_of
from notify_svc.usecases import planning

log = get_logger("visits")

ENDS = (
    m.OrderWithdrawn,
    m.OrderCancelled,
    m.OrderRescheduled,
    m.SubstitutesOffered,
    m.VisitMissed,
    m.VisitCheckedIn,
    m.VisitVoided,
    m.VisitCompleted,
)
"""After these nobody needs to be reminded of the order's visit: it does not take place (any more), or she is there, or was. 停诊
offers substitutes: the visit itself is lost.
"""

_NOT_TO_COME = OVER | {"visit_checked_in"}

BATCH = 500
"""Notifications that are in memory at once."""


def follow(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep what the messages say of visits, in whatever order and how often they come: an end wins over its confirmation."""
    confirmed: dict[str, Appointment] = {}
    moved: list[Moved] = []
    ended: dict[str, tuple[str, datetime]] = {}
    for r in received:
        at = time_of(milliseconds(r.time))  # with a zone, whoever wrote it
        if isinstance(r.message, m.OrderConfirmed):
            known = confirmed.get(r.message.order_id)
            if known is None or known.confirmed_at < at:
                confirmed[r.message.order_id] = _appointment(r.message, at)
        elif isinstance(r.message, m.VisitMoved) and r.message.order_id:
            moved.append(_moved(r.message, at))
        elif isinstance(r.message, ENDS) and r.message.order_id and r.message.account_id:
            ended[r.message.order_id] = r.message.account_id, at
    for account_id in {a.account_id for a in confirmed.values()} | {account_id for account_id, _ in ended.values()}:
        planning.concern(tx, account_id)
    if ended:
        tx.at_end(lambda: tx.store.visits.end(ended))
        tx.at_end(lambda: tx.store.reminders.look_again(account_id for account_id, _ in ended.values()))
    if confirmed:
        tx.at_end(lambda: tx.store.visits.confirm(list(confirmed.values())))
        tx.at_end(lambda: tx.store.reminders.wake(_due(confirmed.values())))
        # after what is confirmed here is kept, and what is moved elsewhere is told: whichever comes first, the other finds it
        tx.last.append(
            lambda: tx.store.visits.move([_told_move(n) for n in tx.store.notifications.moves_of(confirmed)])
        )
    if moved:
        tx.last.append(lambda: tx.store.visits.move(moved))


def _due(confirmed: Iterable[Appointment]) -> dict[str, datetime]:
    """When accounts must be looked at for these visits."""
    due: dict[str, datetime] = {}
    for a in confirmed:
        if (look_at := reminders.first_due(a)) is not None:
            due[a.account_id] = min(look_at, due.get(a.account_id, look_at))
    return due


def catch_up(store: MongoStore) -> None:
    """Keep the visits to come that inboxes tell of and nobody follows: a release without reminders confirmed them. Again changes
    nothing.
    """
    rank = ""
    while told := store.notifications.told_after(rank, "order_confirmed", BATCH):
        rank = told[-1].rank
        found = [a for n in told if n.recipient and (a := _told(n)) is not None]
        known = [a for a in found if a.starts_at > store.clock()]
        standing = [a for a in known if not _NOT_TO_COME & store.notifications.kinds_told_of(a.order_id)]
        with store.transaction() as tx:
            for a in standing:
                planning.concern(tx, a.account_id)
            tx.at_end(partial(store.visits.confirm, standing))
            tx.at_end(partial(store.reminders.wake, _due(standing)))


def _told(n: Notification) -> Appointment | None:
    """None for one that does not say what it must: it stops no migration."""
    try:
        return _appointment(msgspec.convert(n.params, m.OrderConfirmed), n.created_at)
    except msgspec.ValidationError as error:
        log.warning("visit_unreadable", notification_id=n.id, error=str(error)[:300])
        return None


def _moved(message: m.VisitMoved, at: datetime) -> Moved:
    return Moved(message.order_id or "", message.ticket, msgspec.to_builtins(message.to), at)


def _told_move(n: Notification) -> Moved:
    return Moved(n.order_id or "", n.params["ticket"], n.params["to"], n.created_at)


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
