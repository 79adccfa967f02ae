"""Stored timers of reminders: for each account that has something to be told of its visits, when to look next."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DeleteOne, UpdateOne
from pymongo.database import Database

from notify_svc.domain import milliseconds
from notify_svc.store.mongo import Document, insert_new, time_of

LEASE = timedelta(seconds=30)

Telling = Mapping[str, Any]
"""A reminder that is being told, as it is kept until it has been: id, kind, at, and of its visits order and start."""


@dataclass(frozen=True, slots=True)
class Timer:
    """An account's timer as it was read. `telling`: what somebody began to tell, who may have died since."""

    account_id: str
    due_at: datetime
    revision: int
    attempts: int
    telling: Telling | None


class ReminderTimers:
    """The collection `reminders`, one document for each account. Whoever changes one raises its `revision`, so that of two who
    have read the same only one can go on; a visit that is confirmed or ends raises it too, so that nobody goes by what
    was before.
    """

    indexes = ((("due_at", ASCENDING),), (("holder", ASCENDING),))

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["reminders"]

    def wake(self, due: Mapping[str, datetime]) -> None:
        """Look at these accounts at that time at the latest, and whoever looks just now must look again.

        A timer is made, or changed if there was one; if that has been deleted in between, once more.
        """
        at = {account_id: milliseconds(time) for account_id, time in due.items()}
        while at:
            new = {"revision": 0, "attempts": 0, "telling": None, "holder": ""}
            known = insert_new(self.collection, [{"_id": name, "due_at": ms, **new} for name, ms in at.items()])
            changes = [UpdateOne({"_id": n}, {"$inc": {"revision": 1}, "$min": {"due_at": at[n]}}) for n in known]
            if not changes or self.collection.bulk_write(changes, ordered=False).matched_count == len(changes):
                return
            at = {name: at[name] for name in known}

    def look_again(self, account_ids: Iterable[str]) -> None:
        """Something of these accounts has changed: whoever looks just now must look again."""
        changes = [UpdateOne({"_id": account_id}, {"$inc": {"revision": 1}}) for account_id in set(account_ids)]
        if changes:
            self.collection.bulk_write(changes, ordered=False)

    def due(self, now: datetime, limit: int) -> list[Timer]:
        """Those that are due, the first first, at most `limit`."""
        found = self.collection.find({"due_at": {"$lte": milliseconds(now)}}).sort("due_at", 1).limit(limit)
        return [
            Timer(d["_id"], time_of(d["due_at"]), d["revision"], d.get("attempts", 0), d.get("telling")) for d in found
        ]

    def claim(self, wanted: Mapping[str, tuple[Timer, Telling]], now: datetime) -> set[str]:
        """Keep for these accounts what is about to be told, for as long as the lease; answers the accounts whose timer was still
        as it had been read: the others are somebody else's.
        """
        if not wanted:
            return set()
        holder, until = secrets.token_hex(8), milliseconds(now + LEASE)
        self.collection.bulk_write(
            [_change(timer, telling=dict(telling), holder=holder, due_at=until) for timer, telling in wanted.values()],
            ordered=False,
        )
        return {d["_id"] for d in self.collection.find({"holder": holder}, {"_id": 1})}

    def settle(self, done: Sequence[tuple[Timer, datetime | None]]) -> int:
        """There is nothing to tell before that time; None: nothing at all. Not for those that have changed since; answers for how
        many it was so.
        """
        changes = [
            DeleteOne(_as_read(timer))
            if again_at is None
            else _change(timer, telling=None, holder="", due_at=milliseconds(again_at), attempts=0)
            for timer, again_at in done
        ]
        if not changes:
            return 0
        answer = self.collection.bulk_write(changes, ordered=False)
        return answer.matched_count + answer.deleted_count

    def put_off(self, timer: Timer, until: datetime) -> None:
        """It failed: not again before then, unless it has changed since."""
        change = {"due_at": milliseconds(until), "attempts": timer.attempts + 1}
        self.collection.update_one(_as_read(timer), {"$set": change})

    def forget_account(self, account_id: str) -> None:
        self.collection.delete_one({"_id": account_id})


def _as_read(timer: Timer) -> Document:
    return {"_id": timer.account_id, "revision": timer.revision}


def _change(timer: Timer, **to: Any) -> UpdateOne:
    return UpdateOne(_as_read(timer), {"$set": {**to, "revision": timer.revision + 1}})
