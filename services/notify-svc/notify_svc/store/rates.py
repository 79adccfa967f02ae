"""How many letters each provider got in which second, by all workers together."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING
from pymongo.database import Database

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, Keys, insert_new


class Rates:
    """The collection `rates`: one document for each provider and second, made first and counted then, as nx-27017 wants it."""

    indexes: Sequence[Keys] = ((("second", ASCENDING),),)

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["rates"]

    def take(self, provider: str, most: int, now: datetime) -> bool:
        """One more in this second? False if that would be more than `most`."""
        second = milliseconds(now) // 1000
        name = f"{provider}:{second}"
        free = {"_id": name, "count": {"$lt": most}}
        if self._count(free):
            return True
        insert_new(self.collection, [{"_id": name, "second": second, "count": 0}])
        return self._count(free)

    def _count(self, free: Document) -> bool:
        return self.collection.update_one(free, {"$inc": {"count": 1}}).modified_count == 1

    def forget(self, now: datetime) -> None:
        """What is some minutes old counts no more."""
        before = milliseconds(now - timedelta(minutes=5)) // 1000
        self.collection.delete_many({"second": {"$lt": before}})
