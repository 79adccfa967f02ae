"""Messages that could not be handled."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter

from common.outbox import Parked
from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, Keys, time_of


class ParkedMessages:
    """The collection `parked`."""

    indexes: Sequence[Keys] = ((("parked_at", ASCENDING),),)

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["parked"]

    def keep(self, messages: Sequence[Parked]) -> None:
        """Keep them once each, with the last reason."""
        for p in messages:
            document = {"_id": p.message_id, "type": p.type, "body": p.body, "reason": p.reason}
            try:
                self.collection.insert_one({**document, "parked_at": milliseconds(p.parked_at)})
            except DuplicateKeyError:
                self.collection.update_one({"_id": p.message_id}, {"$set": {"reason": p.reason}})

    def all(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Parked]:
        """The oldest first. after: when the last one that was seen was parked, and its id."""
        since, seen = (milliseconds(after[0]), after[1]) if after else (0, "")
        found = self.collection.find({"parked_at": {"$gte": since}}).sort("parked_at", ASCENDING)
        # of one moment by their ids, here: nx-27017 has no index of a field and _id
        moments = (sorted(of_one, key=itemgetter("_id")) for _, of_one in groupby(found, key=itemgetter("parked_at")))
        fresh = (d for of_one in moments for d in of_one if (d["parked_at"], d["_id"]) > (since, seen))
        return [_parked(document) for document in islice(fresh, limit)]

    def get(self, message_id: str) -> Parked | None:
        document = self.collection.find_one({"_id": message_id})
        return None if document is None else _parked(document)

    def forget(self, message_id: str) -> bool:
        """False if it is not parked."""
        return self.collection.delete_one({"_id": message_id}).deleted_count == 1


def _parked(d: Document) -> Parked:
    return Parked(d["_id"], d["type"], bytes(d["body"]), d["reason"], time_of(d["parked_at"]))
