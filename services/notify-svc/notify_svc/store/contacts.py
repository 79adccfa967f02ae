"""Where people are reached, and what they want."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from pymongo.database import Database

from notify_svc.delivery import Contact, QuietHours
from notify_svc.kinds import CHANNELS, OPTIONAL
from notify_svc.store.mongo import Document, Keys, insert_new

_LAST = 2**62
"""The revision of an account that is gone: whatever comes later is late."""


Same = Callable[[str, str, str, str], bool]


def _as_sealed(_account_id: str, _channel: str, before: str, now: str) -> bool:
    return before == now


class Contacts:
    """The collection `contacts`: one document for each account. What is not set in it is as nobody has said otherwise."""

    indexes: Sequence[Keys] = ()

    def __init__(self, database: Database[Document]) -> None:
        self.collection = database["contacts"]

    def get(self, account_id: str) -> Contact:
        """One that nobody has told us of is reached nowhere."""
        document = self.collection.find_one({"_id": account_id})
        return Contact(account_id) if document is None else _contact(document)

    def of(self, account_ids: Iterable[str]) -> dict[str, Contact]:
        """Those that we know among these."""
        found = self.collection.find({"_id": {"$in": list(account_ids)}})
        return {document["_id"]: _contact(document) for document in found}

    def change(
        self, account_id: str, revision: int, locale: str, addresses: Mapping[str, str | None], same: Same = _as_sealed
    ) -> None:
        """Keep where she is reached now, unless something newer is known. An address that is another one is not dead; of one that
        is the same nothing is said, so that a mark that is made meanwhile stays.

        same: whether two sealed addresses of this account and channel are one.
        """
        self._make(account_id)
        while (known := self.get(account_id)).revision < revision:
            said: Document = {"revision": revision, "locale": locale}
            for channel in CHANNELS:
                before, now = known.addresses.get(channel, ""), addresses.get(channel) or ""
                said[f"to_{channel}"] = now
                if not same(account_id, channel, before, now):
                    said[f"dead_{channel}"] = False
            as_read = {"_id": account_id, "revision": known.revision}
            if self.collection.update_one(as_read, {"$set": said}).matched_count:
                return

    def forget(self, account_id: str) -> None:
        """Nothing is kept but that she is gone, so that news which come late do not bring her back."""
        self._make(account_id)
        nothing: Document = {"revision": _LAST, "gone": True, "locale": "zh-CN", "quiet": []}
        for channel in CHANNELS:
            nothing |= {f"to_{channel}": "", f"dead_{channel}": False}
            nothing |= {f"{channel}_{category}": True for category in OPTIONAL}
        self.collection.update_one({"_id": account_id}, {"$set": nothing})

    def mark_dead(self, account_id: str, channel: str, address: str) -> bool:
        """Nobody is at this (sealed) address any more. False if that is known, or another one has taken its place."""
        mine = {"_id": account_id, f"to_{channel}": address, f"dead_{channel}": False}
        return self.collection.update_one(mine, {"$set": {f"dead_{channel}": True}}).modified_count == 1

    def prefer(self, account_id: str, wants: Mapping[str, Mapping[str, bool]], quiet: Sequence[str] | None) -> None:
        """Keep what she said: of each channel the categories named. quiet: from and to; empty: none; None: as it was."""
        self._make(account_id)
        said: Document = {
            f"{channel}_{category}": wanted for channel, of in wants.items() for category, wanted in of.items()
        }
        if quiet is not None:
            said["quiet"] = list(quiet)
        if said:
            self.collection.update_one({"_id": account_id, "gone": False}, {"$set": said})

    def _make(self, account_id: str) -> None:
        empty: Document = {"_id": account_id, "revision": -1, "gone": False, "locale": "zh-CN", "quiet": []}
        for channel in CHANNELS:
            empty |= {f"to_{channel}": "", f"dead_{channel}": False}
            empty |= {f"{channel}_{category}": True for category in OPTIONAL}
        insert_new(self.collection, [empty])


def _contact(d: Mapping[str, Any]) -> Contact:
    return Contact(
        account_id=d["_id"],
        revision=d["revision"],
        locale=d["locale"],
        addresses={channel: d[f"to_{channel}"] for channel in CHANNELS if d[f"to_{channel}"]},
        dead=frozenset(channel for channel in CHANNELS if d[f"dead_{channel}"]),
        wants={channel: {category: bool(d[f"{channel}_{category}"]) for category in OPTIONAL} for channel in CHANNELS},
        quiet=QuietHours(*(time.fromisoformat(t) for t in d["quiet"])) if d["quiet"] else None,
        gone=bool(d["gone"]),
    )
