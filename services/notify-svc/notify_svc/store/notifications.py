"""The in-app inbox, and the log of what was put there."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from notify_svc.domain import INBOX, Notification, milliseconds
from notify_svc.store.mongo import Document, expiry, insert_new, time_of

_LATELY = 50
"""As many of an account's latest notifications are looked through for a visit that has no order."""


class Notifications:
    """The collections `notifications` and `delivery_log`: what was put into which inbox."""

    indexes = (
        (("recipient", ASCENDING), ("rank", DESCENDING)),
        (("recipient", ASCENDING),),
        (("rank", DESCENDING),),
        (("stored_at", ASCENDING),),
        (("recipient", ASCENDING), ("stored_at", ASCENDING)),
        (("order_id", ASCENDING),),
    )
    """The first serves the inbox; nx-27017 uses it only if there is the second, which MongoDB could do without. The third finds
    the oldest, the next two what is new, for live streams. The last finds what was told of an order.
    """

    def __init__(self, database: Database[Document], keep: timedelta) -> None:
        self.collection = database["notifications"]
        self.log = database["delivery_log"]
        self._keep = keep

    def add(self, notifications: Sequence[Notification], now: datetime) -> None:
        """Those that are not there yet."""
        if notifications:
            forgotten = expiry(now + self._keep)  # both at once: what was told and not delivered would be a fault
            insert_new(
                self.collection, [{**_document(n), "stored_at": milliseconds(now), **forgotten} for n in notifications]
            )
            insert_new(self.log, [{**_delivered(n, milliseconds(now)), **forgotten} for n in notifications])

    def newest(self, recipients: Iterable[str], before: str | None, limit: int, *, unread: bool) -> list[Notification]:
        """The newest `limit` notifications of these recipients whose rank is below `before`, newest first."""
        condition: Document = {"unread": True} if unread else {}
        if before is not None:
            condition["rank"] = {"$lt": before}
        found: list[Document] = []
        for recipient in recipients:
            found += self.collection.find({"recipient": recipient, **condition}).sort("rank", -1).limit(limit)
        found.sort(key=lambda document: str(document["rank"]), reverse=True)
        return [_notification(document) for document in found[:limit]]

    def get(self, notification_id: str) -> Notification | None:
        document = self.collection.find_one({"_id": notification_id})
        return None if document is None else _notification(document)

    def stored_since(self, at: int, limit: int) -> list[tuple[int, str, str]]:
        """When (milliseconds), for whom, and the id of what was stored from then on: the newest `limit`, the oldest first."""
        wanted = {"stored_at": 1, "recipient": 1, "rank": 1}
        found = list(self.collection.find({"stored_at": {"$gte": at}}, wanted).sort("stored_at", -1).limit(limit))
        found.sort(key=lambda d: (d["stored_at"], d["rank"]))
        return [(d["stored_at"], d["recipient"], d["_id"]) for d in found]

    def stored_for(self, recipients: Iterable[str], at: int, limit: int) -> list[tuple[int, Notification]]:
        """When (milliseconds) and what was stored for these recipients from then on, the oldest first, at most `limit` of each."""
        found: list[Document] = []
        for recipient in recipients:
            condition = {"recipient": recipient, "stored_at": {"$gte": at}}
            found += self.collection.find(condition).sort("stored_at", 1).limit(limit)
        found.sort(key=lambda d: (d["stored_at"], d["rank"]))
        return [(d["stored_at"], _notification(d)) for d in found]

    def mark_read(self, notification_id: str, reader: str, now: datetime) -> None:
        """Note who read it and when, if nobody has yet."""
        reading = {"unread": False, "read_at": milliseconds(now), "read_by": reader}
        self.collection.update_one({"_id": notification_id, "unread": True}, {"$set": reading})

    def of_order(self, order_id: str) -> list[Notification]:
        """What was told of an order, to anybody."""
        return [_notification(document) for document in self.collection.find({"order_id": order_id})]

    def moves_of(self, order_ids: Iterable[str]) -> list[Notification]:
        """What was told of these orders' moves to other lines, by accounts that are still there."""
        told: list[Document] = []
        for order_id in order_ids:  # nx-27017 looks into no index for several at once
            told += self.collection.find({"order_id": order_id, "kind": "visit_moved"})
        return [n for n in map(_notification, told) if n.recipient]

    def told_after(self, rank: str, kind: str, limit: int) -> list[Notification]:
        """At most `limit` of this kind behind this rank, the oldest first."""
        found = self.collection.find({"kind": kind, "rank": {"$gt": rank}}).sort("rank", 1).limit(limit)
        return [_notification(document) for document in found]

    def kinds_told_of(self, order_id: str) -> set[str]:
        """What has been told of an order."""
        return {str(document["kind"]) for document in self.collection.find({"order_id": order_id}, {"kind": 1})}

    def is_followed(self, n: Notification, kinds: AbstractSet[str]) -> bool:
        """True if one of these was told of the same visit, and happened after what `n` tells."""
        told = self.of_order(n.order_id) if n.order_id else self.newest([n.recipient], None, _LATELY, unread=False)
        beside = [each for each in told if each.order_id or each.params.get("visit_id") == n.params.get("visit_id")]
        return any(each.kind in kinds and _is_later(each, n) for each in beside)

    def hospital_of(self, order_id: str) -> str | None:
        """Where the visit of an order takes place, as far as anybody was told of it, be her account gone or not."""
        for document in self.collection.find({"order_id": order_id}):
            if document["hospital_id"]:
                return str(document["hospital_id"])
        return None

    def forget_account(self, account_id: str) -> None:
        """Of an account that is gone nothing stays but that it was told: the audit compares that with the orders, and the
        hospital's staff may still have to see to one.
        """
        nothing = {"recipient": "", "params": {}, "unread": False}
        self.collection.update_many({"recipient": account_id}, {"$set": nothing})

    def forget(self, now: datetime, limit: int) -> int:
        """Delete the oldest that are not kept any more, at most `limit`; answers how many. MongoDB does so itself by its TTL."""
        before = f"{milliseconds(now - self._keep):015d}"
        ids = [
            d["_id"] for d in self.collection.find({"rank": {"$lt": before}}, {"rank": 1}).sort("rank", 1).limit(limit)
        ]
        for notification_id in ids:
            self.log.delete_one({"_id": f"{notification_id}:{INBOX}"})
            self.collection.delete_one({"_id": notification_id})
        return len(ids)

    def all_told(self) -> Iterator[Document]:
        """Of every notification: _id, kind, recipient, order_id."""
        yield from self.collection.find({}, {"kind": 1, "recipient": 1, "order_id": 1}, batch_size=5000)

    def all_delivered(self) -> Iterator[Document]:
        """Of every one that was put into an inbox: its id and the status."""
        yield from self.log.find({}, {"notification_id": 1, "status": 1}, batch_size=5000)


def _is_later(told: Notification, n: Notification) -> bool:
    """By the time of the queue, which never goes back, as far as both tell it; else, in doubt, it is not."""
    at, of_n = _at(told), _at(n) or n.created_at
    return at > of_n if at is not None else told.created_at > max(of_n, n.created_at)


def _at(n: Notification) -> datetime | None:
    said = n.params.get("called_at") or n.params.get("at")
    return datetime.fromisoformat(said) if isinstance(said, str) else None


def _document(n: Notification) -> Document:
    return {
        "_id": n.id,
        "recipient": n.recipient,
        "kind": n.kind,
        "version": n.version,
        "params": dict(n.params),
        "order_id": n.order_id,
        "hospital_id": n.hospital_id,
        "created_at": milliseconds(n.created_at),
        "rank": n.rank,
        "unread": True,
        "read_at": None,
    }


def _delivered(n: Notification, now: int) -> Document:
    return {"_id": f"{n.id}:{INBOX}", "notification_id": n.id, "channel": INBOX, "status": "delivered", "at": now}


def _notification(d: Document) -> Notification:
    return Notification(
        id=d["_id"],
        recipient=d["recipient"],
        kind=d["kind"],
        version=d["version"],
        params=d["params"],
        order_id=d["order_id"],
        hospital_id=d["hospital_id"],
        created_at=time_of(d["created_at"]),
        rank=d["rank"],
        read_at=None if d["read_at"] is None else time_of(d["read_at"]),
    )
