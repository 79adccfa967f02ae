"""The visits that are confirmed: a projection of orders, for reminders."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database

from notify_svc.domain import milliseconds
from notify_svc.reminders import Appointment, Moved
from notify_svc.store.mongo import Document, expiry, insert_new, time_of

KEPT = timedelta(days=90)
"""How long a visit is known after its time, and its end after it was heard: longer than any message is on its way."""


class Visits:
    """The collection `visits`, one document for each order. An order that has ended stays ended, whatever comes after it."""

    indexes = (
        (("account_id", ASCENDING), ("starts_at", ASCENDING)),
        (("account_id", ASCENDING),),
        (("forget_at", ASCENDING),),
    )
    """The second is for nx-27017, which uses the first only with it."""

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["visits"]

    def confirm(self, appointments: Sequence[Appointment]) -> None:
        """Keep those that are not known; of one that is, the time that was confirmed last. What was told of it stays."""
        if not appointments:
            return
        known = insert_new(self.collection, [_document(a) for a in appointments])
        if known:
            self.collection.bulk_write([_moved(a) for a in appointments if a.order_id in known], ordered=False)

    def move(self, moved: Sequence[Moved]) -> None:
        """These are with another doctor: as the last word on each says, be it this one or that of its confirmation."""
        for each in moved:
            at = milliseconds(each.at)
            known = {"_id": each.order_id, "stands": True, "confirmed_at": {"$lte": at}}
            there = {"visit": dict(each.visit), "queue_number": each.ticket, "moved_at": at}
            for before in (None, {"$lt": at}):  # two steps: nx-27017 forgets the other conditions beside an $or
                self.collection.update_one({**known, "moved_at": before}, {"$set": there})

    def end(self, ended: Mapping[str, tuple[str, datetime]]) -> None:
        """These orders' visits do not take place (any more): order -> its account, and when that was said."""
        if not ended:
            return
        known = insert_new(self.collection, [_tombstone(order_id, *said) for order_id, said in ended.items()])
        if known:
            self.collection.bulk_write(
                [UpdateOne({"_id": order_id, "stands": True}, {"$set": {"stands": False}}) for order_id in known],
                ordered=False,
            )

    def of_accounts(self, account_ids: Sequence[str], since: datetime) -> dict[str, list[Document]]:
        """By account, the visits that begin after `since`; as documents, of which `appointment` makes what they mean.

        One query for a batch of accounts: MongoDB answers it by the index; nx-27017 reads all, and is faster so than asked for
        each account.
        """
        found: defaultdict[str, list[Document]] = defaultdict(list)
        condition = {"account_id": {"$in": list(account_ids)}, "starts_at": {"$gt": milliseconds(since)}}
        for document in self.collection.find(condition):
            found[document["account_id"]].append(document)
        return found

    def standing(self, order_ids: Iterable[str]) -> dict[str, Appointment]:
        """By order, those of these visits that take place, as far as we know."""
        found = (self.collection.find_one({"_id": order_id, "stands": True}) for order_id in order_ids)
        return {document["_id"]: appointment(document) for document in found if document is not None}

    def mark_told(self, told: Sequence[tuple[str, str, int]]) -> None:
        """Note what reminders have told: order, kind, and the start that was told of in milliseconds."""
        if told:
            self.collection.bulk_write(
                [UpdateOne({"_id": order_id}, {"$set": {f"told_{kind}": at}}) for order_id, kind, at in told],
                ordered=False,
            )

    def forget_account(self, account_id: str) -> None:
        self.collection.delete_many({"account_id": account_id})

    def forget(self, now: datetime, limit: int) -> int:
        """Delete what is older than anybody needs, at most `limit`; answers how many. MongoDB does so itself by its TTL."""
        old = (
            self.collection.find({"forget_at": {"$lte": milliseconds(now)}}, {"_id": 1})
            .sort("forget_at", 1)
            .limit(limit)
        )
        ids = [d["_id"] for d in old]
        for order_id in ids:
            self.collection.delete_one({"_id": order_id})
        return len(ids)


def _document(a: Appointment) -> Document:
    return {
        "_id": a.order_id,
        "account_id": a.account_id,
        "patient_id": a.patient_id,
        "stands": True,
        **_when_and_what(a),
        **_forgotten_after(a.starts_at),
    }


def _when_and_what(a: Appointment) -> Document:
    return {
        "starts_at": milliseconds(a.starts_at),
        "queue_number": a.queue_number,
        "visit": dict(a.visit),
        "confirmed_at": milliseconds(a.confirmed_at),
    }


def _moved(a: Appointment) -> UpdateOne:
    older = {"stands": True, "confirmed_at": {"$lt": milliseconds(a.confirmed_at)}}
    elsewhen = {"starts_at": {"$ne": milliseconds(a.starts_at)}}
    return UpdateOne({"_id": a.order_id, **older, **elsewhen}, {"$set": _when_and_what(a)})


def _tombstone(order_id: str, account_id: str, at: datetime) -> Document:
    return {"_id": order_id, "account_id": account_id, "stands": False, **_forgotten_after(at)}


def _forgotten_after(at: datetime) -> Document:
    """Never changed: another time is some days off at most."""
    try:
        end = at + KEPT
    except OverflowError:  # a message from the edge of time
        end = at
    return {"forget_at": milliseconds(end), **expiry(end)}


def appointment(d: Document) -> Appointment:
    """Raises KeyError or TypeError for a document that is broken."""
    told = {name.removeprefix("told_"): time_of(at) for name, at in d.items() if name.startswith("told_")}
    return Appointment(
        order_id=d["_id"],
        account_id=d["account_id"],
        starts_at=time_of(d["starts_at"]),
        queue_number=d["queue_number"],
        visit=d["visit"],
        confirmed_at=time_of(d["confirmed_at"]),
        patient_id=d.get("patient_id", ""),
        stands=bool(d["stands"]),
        told=told,
    )
