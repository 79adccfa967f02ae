"""The people whom accounts book for: by what masked name they are told of."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pymongo import ASCENDING
from pymongo.database import Database

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, insert_new

_LAST = 2**62
"""The revision of somebody whose account is gone: whatever comes later is late."""

_NEVER = 2**62

KEPT = timedelta(days=180)
"""How long the name of somebody who was taken off the list is known: her orders stand, and money of them may still move."""


class People:
    """The collection `people`: one document for each patient."""

    indexes = ((("account_id", ASCENDING),), (("forget_at", ASCENDING),))

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["people"]

    def save(self, patient_id: str, account_id: str, revision: int, name: str) -> None:
        """Keep this masked name, unless something newer is known."""
        said: Document = {"account_id": account_id, "revision": revision, "name": name, "forget_at": _NEVER}
        self._change(patient_id, revision, said)

    def remove(self, patient_id: str, account_id: str, revision: int, now: datetime) -> None:
        """She was taken off her account's list. Her name, if it is known, stays for KEPT."""
        said: Document = {
            "account_id": account_id,
            "revision": revision,
            "forget_at": milliseconds(now + KEPT),
        }
        self._change(patient_id, revision, said)

    def name_of(self, patient_id: str) -> str:
        """Masked; empty if it is not known."""
        document = self.collection.find_one({"_id": patient_id})
        return "" if document is None else str(document["name"])

    def forget_account(self, account_id: str, patient_ids: Iterable[str] = ()) -> None:
        """Nothing is kept of the account's people but that these are gone, so that news which come late do not bring them back."""
        gone: Document = {"account_id": "", "revision": _LAST, "name": "", "forget_at": _NEVER}
        for patient_id in patient_ids:
            self._change(patient_id, _LAST, gone)
        self.collection.update_many({"account_id": account_id}, {"$set": gone})

    def forget(self, now: datetime, limit: int) -> int:
        """Delete those who were taken off long ago, at most `limit`; answers how many."""
        old = (
            self.collection.find({"forget_at": {"$lte": milliseconds(now)}}, {"_id": 1})
            .sort("forget_at", 1)
            .limit(limit)
        )
        ids = [document["_id"] for document in old]
        for patient_id in ids:
            self.collection.delete_one({"_id": patient_id})
        return len(ids)

    def _change(self, patient_id: str, revision: int, said: Document) -> None:
        unknown: Document = {"_id": patient_id, "account_id": "", "revision": -1, "name": "", "forget_at": _NEVER}
        if insert_new(self.collection, [{**unknown, **said}]):
            self.collection.update_one({"_id": patient_id, "revision": {"$lt": revision}}, {"$set": said})
