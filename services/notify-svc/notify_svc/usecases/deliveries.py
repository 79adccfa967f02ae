"""The log of deliveries, and sending one anew."""

from collections.abc import Mapping, Sequence

from common.errors import Conflict, NotFound

from notify_svc.delivery import Delivery
from notify_svc.kinds import KINDS
from notify_svc.store import MongoStore


def newest(store: MongoStore, filters: Mapping[str, str], *, before: str | None, limit: int) -> list[Delivery]:
    """The newest that are so, at most `limit`, older than rank `before`."""
    return store.deliveries.newest(filters, before, limit)


def get(store: MongoStore, delivery_id: str) -> Delivery:
    """Raises NotFound."""
    found = store.deliveries.get(delivery_id)
    if found is None:
        raise NotFound("no such delivery", code="delivery_not_found")
    return found


def of_notification(store: MongoStore, recipients: Sequence[str], notification_id: str) -> list[Delivery]:
    """How one's own notification went out. Raises NotFound for what is not there or another's."""
    notification = store.notifications.get(notification_id)
    if notification is None or notification.recipient not in recipients:
        raise NotFound("no such notification", code="notification_not_found")
    return store.deliveries.newest({"notification_id": notification_id}, None, 10)


def resend(store: MongoStore, delivery_id: str) -> Delivery:
    """Send one anew that failed, or of which nobody knows: staff have decided so, and bear that it may come twice.

    Raises NotFound, or Conflict for one that is in another state, of which nothing is left to send (codes), or that is too late.
    """
    found = get(store, delivery_id)
    if found.state not in {"failed", "unsure"}:
        raise Conflict("only what failed, or is unsure, can be sent anew", code="delivery_not_ended")
    told = store.notifications.get(found.notification_id)
    if told is None or not told.recipient:
        raise Conflict("what it said is gone: codes and former addresses are not kept", code="delivery_forgotten")
    now, kind = store.clock(), KINDS[found.kind]
    if kind.has_its_end and now >= found.expires_at:
        raise Conflict("it speaks of a time that is over", code="too_late")
    again = store.deliveries.change(
        found,
        state="waiting",
        reason="",
        due_at=now,
        expires_at=found.expires_at if kind.has_its_end else now + kind.worth,
        refused_by=(),
        tries=0,
        resent=found.resent + 1,
        ended_at=None,
    )
    if again is None:
        raise Conflict("somebody else was quicker", code="delivery_not_ended")
    return again
