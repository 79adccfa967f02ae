"""What notify-svc can do: tell people of messages, show them their inbox, note that they have read it; keep alarms for staff."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from common.envelope import Received
from common.errors import NotFound
from common.messages import MoneyAlarmCleared

from notify_svc import domain, templates
from notify_svc.domain import Alarm, Notification
from notify_svc.store import MongoStore, MongoTx


def tell(tx: MongoTx, received: Sequence[Received]) -> None:
    """Put what each message says into the inboxes that it concerns: once, however often the message comes."""
    for r in received:
        order_id = domain.order_of(r.message)
        hospital_id = _hospital_id(r.message)
        if hospital_id is None and type(r.message) in domain.FOR_STAFF_TOO:
            hospital_id = tx.hospital_of(r.message.account_id, r.message.order_id)
        params = {k: v for k, v in msgspec.to_builtins(r.message).items() if k not in domain.UNTOLD}
        for recipient, kind in domain.kinds_of(r.message, hospital_id):
            notification_id = f"{domain.known_by(r.message, r.id)}:{recipient}:{kind}"
            tx.add(
                Notification(
                    id=notification_id,
                    recipient=recipient,
                    kind=kind,
                    version=templates.newest(kind),
                    params=params,
                    order_id=order_id,
                    hospital_id=hospital_id,
                    created_at=r.time,
                    rank=domain.rank(r.time, notification_id),
                )
            )


def _hospital_id(message: Any) -> str | None:
    """The hospital that a message speaks of, if it does."""
    visit = getattr(message, "visit", None)
    found: str | None = visit.hospital_id if visit is not None else getattr(message, "hospital_id", None)
    return found


def inbox(
    store: MongoStore, recipients: Sequence[str], *, before: str | None, limit: int, unread: bool
) -> list[Notification]:
    """The newest notifications for these recipients, at most `limit`, older than rank `before`."""
    return store.inbox(recipients, before, limit, unread=unread)


def mark_read(store: MongoStore, recipients: Sequence[str], account_id: str, notification_id: str) -> Notification:
    """Note that it was read; again changes nothing. Raises NotFound for what is not there or another's.

    Staff of a role share their inbox: one's reading is everybody's, and it is kept who that was.
    """
    notification = store.get(notification_id)
    if notification is None or notification.recipient not in recipients:
        raise NotFound("no such notification", code="notification_not_found")
    if notification.read_at is None:
        store.mark_read(notification_id, account_id)
        notification = store.get(notification_id) or notification
    return notification


def keep_alarms(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep how each alarm stands. What is heard late, or again, changes nothing."""
    for message in (r.message for r in received):
        cleared = isinstance(message, MoneyAlarmCleared)
        tx.keep_alarm(
            Alarm(
                id=message.alarm_id,
                kind=message.kind,
                count=0 if cleared else message.count,
                about=() if cleared else tuple(message.about),
                raised_at=message.at,
                at=message.at,
                cleared_at=message.at if cleared else None,
            )
        )


def list_alarms(store: MongoStore, *, state: str | None, before: str | None, limit: int) -> list[Alarm]:
    """The newest alarms, at most `limit`, older than rank `before`."""
    return store.alarms(state, before, limit)


def settle_alarm(store: MongoStore, account_id: str, alarm_id: str) -> Alarm:
    """A member of staff has seen to it; again changes nothing. What goes on being wrong is raised again when it changes.

    Raises NotFound for what is not there.
    """
    store.settle_alarm(alarm_id, account_id)
    alarm = store.alarm(alarm_id)
    if alarm is None:
        raise NotFound("no such alarm", code="alarm_not_found")
    return alarm


def audit_figures(store: MongoStore) -> dict[str, Any]:
    """Our own figures: how many were told by kind and by order, and which notifications have no delivery."""
    by_kind: Counter[str] = Counter()
    by_order: defaultdict[str, Counter[str]] = defaultdict(Counter)
    told: set[str] = set()
    for document in store.all_told():
        told.add(document["_id"])
        by_kind[document["kind"]] += 1
        if document.get("order_id"):
            by_order[document["order_id"]][document["kind"]] += 1
    delivered = {d["notification_id"] for d in store.all_delivered() if d["status"] == "delivered"}
    return {
        "notifications": len(told),
        "by_kind": dict(by_kind),
        "by_order": {order_id: dict(kinds) for order_id, kinds in by_order.items()},
        "undelivered": sorted(told - delivered),
        "untold": sorted(delivered - told),
        "chassis": {
            "outbox": 0,
            "parked": [{"message_id": p.message_id, "reason": p.reason} for p in store.parked()],
            "overdue": [],
        },
    }
