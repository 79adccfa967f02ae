"""Tell people of messages."""

from collections.abc import Sequence
from typing import Any

import msgspec
from common.envelope import Received
from common.messages import SecurityNoted

from notify_svc import domain, templates
from notify_svc.domain import Notification
from notify_svc.store import MongoTx
from notify_svc.usecases import people, planning, visits


def tell(tx: MongoTx, received: Sequence[Received]) -> None:
    """Put what each message says into the inboxes that it concerns: once, however often the message comes."""
    visits.follow(tx, received)
    for r in received:
        order_id = domain.order_of(r.message)
        hospital_id = _hospital_id(r.message)
        if hospital_id is None and type(r.message) in domain.FOR_STAFF_TOO:
            hospital_id = tx.hospital_of(r.message.order_id)
        params = {k: v for k, v in msgspec.to_builtins(r.message).items() if k not in domain.UNTOLD}
        known = people.known_of(tx, r.message, order_id)
        for recipient, kind in domain.kinds_of(r.message, hospital_id):
            notification_id = f"{domain.known_by(r.message, r.id)}:{recipient}:{kind}"
            planning.tell_person(
                tx,
                Notification(
                    id=notification_id,
                    recipient=recipient,
                    kind=kind,
                    version=templates.newest(kind),
                    params=params if recipient.startswith(domain.ROLE) else params | known,
                    order_id=order_id,
                    hospital_id=hospital_id,
                    created_at=r.time,
                    rank=domain.rank(r.time, notification_id),
                ),
            )
        if isinstance(r.message, SecurityNoted) and r.message.former:
            planning.tell_former(tx, r)


def _hospital_id(message: Any) -> str | None:
    """The hospital that a message speaks of, if it does."""
    visit = getattr(message, "visit", None)
    found: str | None = visit.hospital_id if visit is not None else getattr(message, "hospital_id", None)
    return found
