"""What the audit compares with the other services' figures."""

from collections import Counter, defaultdict
from typing import Any

from notify_svc.store import MongoStore
from notify_svc.usecases import upkeep


def audit_figures(store: MongoStore) -> dict[str, Any]:
    """Our own figures: how many were told by kind and by order, and which notifications have no delivery."""
    by_kind: Counter[str] = Counter()
    by_order: defaultdict[str, Counter[str]] = defaultdict(Counter)
    told: set[str] = set()
    for document in store.notifications.all_told():
        told.add(document["_id"])
        by_kind[document["kind"]] += 1
        if document.get("order_id"):
            by_order[document["order_id"]][document["kind"]] += 1
    delivered = {d["notification_id"] for d in store.notifications.all_delivered() if d["status"] == "delivered"}
    return {
        "notifications": len(told),
        "by_kind": dict(by_kind),
        "by_order": {order_id: dict(kinds) for order_id, kinds in by_order.items()},
        "undelivered": sorted(told - delivered),
        "untold": sorted(delivered - told),
        "stuck": [delivery.id for delivery in upkeep.stuck(store)],
        "chassis": {
            "outbox": 0,
            "parked": [{"message_id": p.message_id, "reason": p.reason} for p in store.parked()],
            "overdue": [],
        },
    }
