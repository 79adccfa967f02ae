"""Alarms about money."""

from datetime import datetime

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from notify_svc.domain import Alarm, milliseconds
from notify_svc.store.mongo import Document, time_of


class Alarms:
    """The collection `alarms`."""

    indexes = ((("rank", DESCENDING),), (("state", ASCENDING), ("rank", DESCENDING)), (("state", ASCENDING),))
    """See Notifications.indexes for the third."""

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["alarms"]

    def keep(self, alarm: Alarm) -> None:
        """An alarm is new, or what is known of it gives way to what was said later."""
        said = {"state": alarm.state, "at": milliseconds(alarm.at)}
        said["cleared_at"] = None if alarm.cleared_at is None else said["at"]
        what = {"count": alarm.count, "about": list(alarm.about)}
        new = {"_id": alarm.id, "kind": alarm.kind, "raised_at": said["at"], "rank": alarm.rank}
        try:
            self.collection.insert_one({**new, **what, **said})
        except DuplicateKeyError:
            # what it was about stays to be read when it is cleared
            change = said if alarm.cleared_at else {**said, **what}
            self.collection.update_one({"_id": alarm.id, "at": {"$lt": said["at"]}}, {"$set": change})

    def newest(self, state: str | None, before: str | None, limit: int) -> list[Alarm]:
        """The newest `limit` alarms whose rank is below `before`, newest first."""
        condition: Document = {} if state is None else {"state": state}
        if before is not None:
            condition["rank"] = {"$lt": before}
        return [_alarm(document) for document in self.collection.find(condition).sort("rank", -1).limit(limit)]

    def get(self, alarm_id: str) -> Alarm | None:
        document = self.collection.find_one({"_id": alarm_id})
        return None if document is None else _alarm(document)

    def settle(self, alarm_id: str, account_id: str, now: datetime) -> None:
        """Note who saw to an open alarm. `at` stays, so that what is said later still counts."""
        settled = {"state": "cleared", "cleared_at": milliseconds(now), "cleared_by": account_id}
        self.collection.update_one({"_id": alarm_id, "state": "open"}, {"$set": settled})


def _alarm(d: Document) -> Alarm:
    return Alarm(
        id=d["_id"],
        kind=d["kind"],
        count=d["count"],
        about=tuple(d["about"]),
        raised_at=time_of(d["raised_at"]),
        at=time_of(d["at"]),
        cleared_at=None if d["cleared_at"] is None else time_of(d["cleared_at"]),
    )
