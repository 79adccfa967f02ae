"""Visits of a Tuesday, what reminds of them, and how often it did."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from common import messages as m
from common.clock import SHANGHAI
from notify_svc.reminders import SOON, TOMORROW
from notify_svc.store import MongoStore
from notify_svc.usecases import reminders
from notify_world import VISIT

MONDAY = datetime(2026, 11, 23, tzinfo=SHANGHAI)


def confirmed(order_id: str, hour: float = 9.5, account_id: str = "acc_1", day: int = 1) -> m.OrderConfirmed:
    """A visit on Tuesday at that hour, or so many days after Monday."""
    starts = (MONDAY + timedelta(days=day, hours=hour)).astimezone(UTC)
    visit = replace(
        VISIT, starts_at=starts, ends_at=starts + timedelta(minutes=30), date=(MONDAY + timedelta(day)).date()
    )
    return m.OrderConfirmed(order_id, account_id, "pat_1", "ses_1", visit, 7, 5000)


def cancelled(order_id: str, account_id: str = "acc_1") -> m.OrderCancelled:
    return m.OrderCancelled(order_id, account_id, "ses_1", "patient", 5000, VISIT)


def drain(store: MongoStore) -> None:
    """Fire until nothing is left to be fired now."""
    for _ in range(50):
        if not reminders.fire_due(store):
            return
    raise AssertionError("it fires for ever")


def told(store: MongoStore) -> list[tuple[str, str, list[str]]]:
    """Account, kind and orders of every reminder in the inboxes."""
    found = store.notifications.collection.find({})
    return sorted(
        (d["recipient"], d["kind"], [v["order_id"] for v in d["params"]["visits"]])
        for d in found
        if d["kind"] in (SOON, TOMORROW)
    )


def visits_told(store: MongoStore) -> list[tuple[str, str]]:
    """Kind and order, as often as it was told."""
    return sorted((kind, order_id) for _, kind, orders in told(store) for order_id in orders)
