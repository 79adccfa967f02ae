"""What operators were answered under an Idempotency-Key."""

from collections.abc import Sequence
from datetime import datetime

from common.outbox.keeping import IDEMPOTENCY_KEPT, Answered
from pymongo import ASCENDING
from pymongo.database import Database

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, Keys


class Answers:
    """The collection `answers`: one document for each account and key."""

    indexes: Sequence[Keys] = ((("at", ASCENDING),),)

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["answers"]

    def get(self, account_id: str, key: str) -> Answered | None:
        d = self.collection.find_one({"_id": f"{account_id}:{key}"})
        return None if d is None else Answered(d["request_hash"], d["status"], d["location"], bytes(d["body"]))

    def keep(self, account_id: str, key: str, answer: Answered, now: datetime) -> None:
        """Raises DuplicateKeyError if something was answered under this key."""
        document = {"request_hash": answer.request_hash, "status": answer.status, "location": answer.location}
        self.collection.insert_one(
            {"_id": f"{account_id}:{key}", **document, "body": answer.body, "at": milliseconds(now)}
        )

    def forget(self, now: datetime) -> None:
        """Those that nobody asks for any more."""
        self.collection.delete_many({"at": {"$lt": milliseconds(now - IDEMPOTENCY_KEPT)}})
