"""Show people their inbox, and note what they have read."""

from collections.abc import Sequence

from common.errors import NotFound

from notify_svc.domain import Notification
from notify_svc.store import MongoStore


def newest(
    store: MongoStore, recipients: Sequence[str], *, before: str | None, limit: int, unread: bool
) -> list[Notification]:
    """The newest notifications for these recipients, at most `limit`, older than rank `before`."""
    return store.notifications.newest(recipients, before, limit, unread=unread)


def mark_read(store: MongoStore, recipients: Sequence[str], account_id: str, notification_id: str) -> Notification:
    """Note that it was read; again changes nothing. Raises NotFound for what is not there or another's.

    Staff of a role share their inbox: one's reading is everybody's, and it is kept who that was.
    """
    notification = store.notifications.get(notification_id)
    if notification is None or notification.recipient not in recipients:
        raise NotFound("no such notification", code="notification_not_found")
    if notification.read_at is None:
        store.notifications.mark_read(notification_id, account_id, store.clock())
        notification = store.notifications.get(notification_id) or notification
    return notification
