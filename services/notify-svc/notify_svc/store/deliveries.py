"""Deliveries: the queue of what is to be sent, and the log of what was.

`queue` is what a sender looks for: "waiting:<channel>:<lane>", or the state, with the channel while it is in a sender's hands. Every
change is guarded by it and by `holder`, the claim: whoever has lost a delivery to another changes nothing of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from notify_svc.delivery import Attempt, Delivery, Sealed
from notify_svc.domain import milliseconds
from notify_svc.kinds import LANES
from notify_svc.store.mongo import Document, expiry, insert_new, time_of

IN_HANDS = ("taken", "handed")

FILTERS = ("notification_id", "order_id", "account_id", "state", "channel")
"""What the log can be asked for, the one that finds the fewest first."""


def queue_of(d: Delivery) -> str:
    if d.state == "waiting":
        return f"waiting:{d.channel}:{d.lane}"
    return f"{d.state}:{d.channel}" if d.state in IN_HANDS else d.state


class Deliveries:
    """The collection `deliveries`. `keep`: how long the log goes back."""

    indexes = (
        (("queue", ASCENDING), ("due_at", ASCENDING)),
        (("queue", ASCENDING),),
        (("notification_id", ASCENDING), ("rank", DESCENDING)),
        (("notification_id", ASCENDING),),
        (("order_id", ASCENDING), ("rank", DESCENDING)),
        (("order_id", ASCENDING),),
        (("account_id", ASCENDING), ("rank", DESCENDING)),
        (("account_id", ASCENDING),),
        (("state", ASCENDING), ("rank", DESCENDING)),
        (("state", ASCENDING),),
        (("channel", ASCENDING), ("rank", DESCENDING)),
        (("channel", ASCENDING),),
        (("rank", DESCENDING),),
        (("reference", ASCENDING),),
    )
    """Those of one field beside those of two: see Notifications.indexes."""

    def __init__(self, database: Database[Document], keep: timedelta) -> None:
        self.collection = database["deliveries"]
        self._keep = keep

    def plan(self, deliveries: Sequence[Delivery]) -> None:
        """Those that are not there yet."""
        if deliveries:
            insert_new(self.collection, [{**_document(d), **expiry(d.created_at + self._keep)} for d in deliveries])

    def get(self, delivery_id: str) -> Delivery | None:
        document = self.collection.find_one({"_id": delivery_id})
        return None if document is None else _delivery(document)

    # --- the queue

    def due(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        """At most `limit` that are to be sent now, the urgent ones first, of these the oldest first."""
        found: list[Delivery] = []
        for lane in LANES:
            if len(found) < limit:
                found += self._looked_for(f"waiting:{channel}:{lane}", now, limit - len(found))
        return found

    def left_behind(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        """At most `limit` that somebody took and did not bring to an end within the lease."""
        return [d for state in IN_HANDS for d in self._looked_for(f"{state}:{channel}", now, limit)]

    def _looked_for(self, queue: str, now: datetime, limit: int) -> list[Delivery]:
        condition = {"queue": queue, "due_at": {"$lte": milliseconds(now)}}
        return [_delivery(d) for d in self.collection.find(condition).sort("due_at", 1).limit(limit)]

    def change(self, d: Delivery, **changes: Any) -> Delivery | None:
        """The delivery as changed; None if it is no longer as `d` says, and so somebody else's."""
        changed = replace(d, **changes)
        mine = {"_id": d.id, "queue": queue_of(d), "holder": d.holder, "due_at": milliseconds(d.due_at)}
        before, after = _document(d), _document(changed)
        new = {name: value for name, value in after.items() if before[name] != value}
        if not new:
            return changed
        return changed if self.collection.update_one(mine, {"$set": new}).matched_count else None

    def forget_account(self, account_id: str) -> None:
        """What waits for an account's own addresses goes; the log keeps ids, and no address."""
        while ids := [d["_id"] for d in self._waiting_for(account_id)]:
            for delivery_id in ids:
                self.collection.delete_one({"_id": delivery_id, "state": "waiting"})
        self.collection.update_many({"account_id": account_id}, {"$set": {"masked_to": "", "handed_to": ""}})

    def _waiting_for(self, account_id: str) -> Iterable[Document]:
        mine = {"account_id": account_id, "state": "waiting", "has_sealed": False}
        return self.collection.find(mine, {"state": 1}).limit(500)

    # --- the log

    def newest(self, filters: Mapping[str, str], before: str | None, limit: int) -> list[Delivery]:
        """The newest `limit` that are so, whose rank is below `before`, newest first."""
        condition: Document = {name: filters[name] for name in FILTERS if filters.get(name)}
        if before is not None:
            condition["rank"] = {"$lt": before}
        return [_delivery(d) for d in self.collection.find(condition).sort("rank", -1).limit(limit)]

    def referred_to(self, provider: str, reference: str) -> list[Delivery]:
        """What a provider knows by this name."""
        found = self.collection.find({"reference": reference}).limit(10)
        return [d for d in map(_delivery, found) if d.provider == provider]

    def oldest_due(self, channel: str, lane: int) -> datetime | None:
        """Since when the oldest has been due that waits."""
        found = self.collection.find({"queue": f"waiting:{channel}:{lane}"}).sort("due_at", 1).limit(1)
        return next((time_of(d["due_at"]) for d in found), None)

    def count(self, queue: str) -> int:
        return self.collection.count_documents({"queue": queue})

    def forget(self, now: datetime, limit: int) -> int:
        """Delete the oldest that are not kept any more, at most `limit`; answers how many. MongoDB does so itself by its TTL."""
        before = f"{milliseconds(now - self._keep):015d}"
        ids = [
            d["_id"] for d in self.collection.find({"rank": {"$lt": before}}, {"rank": 1}).sort("rank", 1).limit(limit)
        ]
        for delivery_id in ids:
            self.collection.delete_one({"_id": delivery_id})
        return len(ids)


def _document(d: Delivery) -> Document:
    return {
        "_id": d.id,
        "queue": queue_of(d),
        "lane": d.lane,
        "rank": d.rank,
        "notification_id": d.notification_id,
        "account_id": d.account_id,
        "kind": d.kind,
        "channel": d.channel,
        "order_id": d.order_id or "",
        "created_at": milliseconds(d.created_at),
        "due_at": milliseconds(d.due_at),
        "expires_at": milliseconds(d.expires_at),
        "guard": list(d.guard),
        "sealed": _sealed_document(d.sealed),
        "has_sealed": d.sealed is not None,
        "state": d.state,
        "reason": d.reason,
        "provider": d.provider,
        "reference": d.reference,
        "masked_to": d.masked_to,
        "handed_to": d.handed_to,
        "attempts": [_attempt_document(a) for a in d.attempts],
        "refused_by": list(d.refused_by),
        "tries": d.tries,
        "resent": d.resent,
        "holder": d.holder,
        "ended_at": milliseconds(d.ended_at) if d.ended_at else 0,
    }


def _delivery(d: Document) -> Delivery:
    return Delivery(
        id=d["_id"],
        notification_id=d["notification_id"],
        account_id=d["account_id"],
        kind=d["kind"],
        channel=d["channel"],
        order_id=d["order_id"] or None,
        created_at=time_of(d["created_at"]),
        due_at=time_of(d["due_at"]),
        expires_at=time_of(d["expires_at"]),
        guard=tuple(d["guard"]),
        sealed=_sealed(d["sealed"]),
        state=d["state"],
        reason=d["reason"],
        provider=d["provider"],
        reference=d["reference"],
        masked_to=d["masked_to"],
        handed_to=d.get("handed_to", ""),
        attempts=tuple(_attempt(a) for a in d["attempts"]),
        refused_by=tuple(d["refused_by"]),
        tries=d["tries"],
        resent=d["resent"],
        holder=d["holder"],
        ended_at=time_of(d["ended_at"]) if d["ended_at"] else None,
    )


def _sealed_document(s: Sealed | None) -> Document:
    if s is None:
        return {}
    code = list(s.code) if s.code else []
    return {"to": list(s.to), "code": code, "locale": s.locale, "params": dict(s.params), "version": s.version}


def _sealed(d: Document) -> Sealed | None:
    if not d:
        return None
    to, code = tuple(d["to"]), tuple(d["code"]) or None
    return Sealed(to, code, d["locale"], d["params"], d["version"])


def _attempt_document(a: Attempt) -> Document:
    return {
        "at": milliseconds(a.at),
        "provider": a.provider,
        "outcome": a.outcome,
        "code": a.code,
        "why": a.why,
        "reference": a.reference,
    }


def _attempt(d: Document) -> Attempt:
    return Attempt(time_of(d["at"]), d["provider"], d["outcome"], d["code"], d["why"], d["reference"])
