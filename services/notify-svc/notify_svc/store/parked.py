"""Messages that could not be handled."""

from collections.abc import Sequence

from common.outbox import Parked
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, Keys, time_of


class ParkedMessages:
    """The collection `parked`."""

    indexes: Sequence[Keys] = ()

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

    def all(self, limit: int) -> list[Parked]:
        """The oldest first."""
        found = self.collection.find().sort("parked_at", 1).limit(limit)
        return [Parked(d["_id"], d["type"], bytes(d["body"]), d["reason"], time_of(d["parked_at"])) for d in found]

    def forget(self, message_id: str) -> bool:
        """False if it is not parked."""
        return self.collection.delete_one({"_id": message_id}).deleted_count == 1
