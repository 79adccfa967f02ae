"""notify-svc's collections and queries. The only file here that knows MongoDB.

It keeps to what MongoDB and nx-27017 (its double over SQLite) both do rightly, as tests/test_notify_mongo_contract.py
shows: times are integers, since nx-27017 turns a datetime that is $set into a string; no upsert, since it invents an
_id for that; no query for null; one query for each recipient, since it has an index for equality and none for $in.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from common.clock import Clock, system_clock
from common.outbox import Parked
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.uri_parser import parse_uri

from notify_svc.domain import INBOX, Alarm, Notification, milliseconds

Document = dict[str, Any]

INDEXES = ((("recipient", ASCENDING), ("rank", DESCENDING)), (("recipient", ASCENDING),))
"""Of the notifications, beside that of _id. The first serves the inbox, and the search for an order in its owner's inbox;
nx-27017 uses it only if there is the second, which MongoDB could do without.
"""

ALARM_INDEXES = ((("rank", DESCENDING),), (("state", ASCENDING), ("rank", DESCENDING)), (("state", ASCENDING),))
"""Of the alarms; see INDEXES for the third."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENCE = 2_000  # milliseconds until a server counts as away
_DUPLICATE = 11_000
# not primary, shutting down, stepped down, interrupted: https://github.com/mongodb/specifications (retryable writes)
_PASSING = frozenset({6, 7, 64, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436})


def check_url(url: str) -> None:
    """Raises ValueError unless `url` is a MongoDB URL that names a database."""
    try:
        named = url.startswith("mongodb+srv://") or parse_uri(url)["database"]
    except (InvalidURI, ConfigurationError) as error:
        raise ValueError(str(error)) from error
    if not named:
        raise ValueError("must name a database: mongodb://host/<database>")


@dataclass(slots=True)
class MongoTx:
    """One batch of messages. What it adds is written at its end, in one command per collection.

    It is no transaction of MongoDB and needs none: every document's _id is made of the message's id, so a batch that
    failed half-way is simply done again, and what was there already stays as it is.
    """

    now: datetime
    _notifications: Collection[Document]
    added: list[Notification] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def first_time(self, message_ids: Sequence[str]) -> set[str]:
        """All of them: repetitions are found by the documents' _ids, so that dedupe and effect are one write."""
        return set(message_ids)

    def add(self, notification: Notification) -> None:
        self.added.append(notification)

    def keep_alarm(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)

    def hospital_of(self, account_id: str, order_id: str) -> str | None:
        """Where the visit of an order takes place, as far as its owner was told of it."""
        for notification in self.added:
            if notification.order_id == order_id and notification.hospital_id:
                return notification.hospital_id
        for document in self._notifications.find({"recipient": account_id, "order_id": order_id}):
            if document["hospital_id"]:
                return str(document["hospital_id"])
        return None


class MongoStore:
    """The service's database. `url` names it."""

    def __init__(self, url: str, clock: Clock = system_clock) -> None:
        self.clock = clock
        self._client: MongoClient[Document] = MongoClient(
            url,
            connect=False,
            appname="notify-svc",
            serverSelectionTimeoutMS=_PATIENCE,
            connectTimeoutMS=_PATIENCE,
            socketTimeoutMS=5 * _PATIENCE,
            w="majority",
            journal=True,
        )
        self._database = self._client.get_default_database()
        self.notifications = self._database["notifications"]
        self.delivery_log = self._database["delivery_log"]
        self._alarms = self._database["alarms"]
        self._parked = self._database["parked"]

    # --- what the processor needs

    @contextmanager
    def transaction(self) -> Iterator[MongoTx]:
        """Write what was added when the block ends well; nothing of it otherwise."""
        tx = MongoTx(self.clock(), self.notifications)
        yield tx
        if tx.added:
            now = milliseconds(tx.now)
            _insert_new(self.notifications, [_document(n) for n in tx.added])
            _insert_new(self.delivery_log, [_delivered(n, now) for n in tx.added])
        for alarm in tx.alarms:
            self._keep(alarm)

    def is_transient(self, error: BaseException) -> bool:
        """True if the server is away or asks to try again: nothing is wrong with the work itself."""
        if isinstance(error, BulkWriteError):
            details = error.details or {}
            failed = [e["code"] for e in details.get("writeErrors", []) if e["code"] != _DUPLICATE]
            return all(code in _PASSING for code in failed) and bool(failed or details.get("writeConcernErrors"))
        if isinstance(error, ConnectionFailure | WTimeoutError):
            return True
        return isinstance(error, OperationFailure) and error.code in _PASSING

    def park(self, messages: Sequence[Parked]) -> None:
        """Keep messages that could not be handled, once each."""
        for p in messages:
            document = {"_id": p.message_id, "type": p.type, "body": p.body, "reason": p.reason}
            try:
                self._parked.insert_one({**document, "parked_at": milliseconds(p.parked_at)})
            except DuplicateKeyError:
                self._parked.update_one({"_id": p.message_id}, {"$set": {"reason": p.reason}})

    def parked(self, limit: int = 1000) -> list[Parked]:
        """The parked messages, oldest first."""
        found = self._parked.find().sort("parked_at", 1).limit(limit)
        return [Parked(d["_id"], d["type"], bytes(d["body"]), d["reason"], _time(d["parked_at"])) for d in found]

    def unpark(self, message_id: str) -> bool:
        """Forget a parked message (it was replayed, or is to be dropped). False if it is not parked."""
        return self._parked.delete_one({"_id": message_id}).deleted_count == 1

    # --- the inbox

    def inbox(self, recipients: Iterable[str], before: str | None, limit: int, *, unread: bool) -> list[Notification]:
        """The newest `limit` notifications of these recipients whose rank is below `before`, newest first."""
        condition: Document = {"unread": True} if unread else {}
        if before is not None:
            condition["rank"] = {"$lt": before}
        found: list[Document] = []
        for recipient in recipients:
            found += self.notifications.find({"recipient": recipient, **condition}).sort("rank", -1).limit(limit)
        found.sort(key=lambda document: str(document["rank"]), reverse=True)
        return [_notification(document) for document in found[:limit]]

    def get(self, notification_id: str) -> Notification | None:
        document = self.notifications.find_one({"_id": notification_id})
        return None if document is None else _notification(document)

    def mark_read(self, notification_id: str, reader: str) -> None:
        """Note who read it first, and when; later readings change nothing."""
        reading = {"unread": False, "read_at": milliseconds(self.clock()), "read_by": reader}
        self.notifications.update_one({"_id": notification_id, "unread": True}, {"$set": reading})

    # --- alarms

    def _keep(self, alarm: Alarm) -> None:
        """An alarm is new, or what is known of it gives way to what was said later."""
        said = {"state": alarm.state, "at": milliseconds(alarm.at)}
        said["cleared_at"] = None if alarm.cleared_at is None else said["at"]
        what = {"count": alarm.count, "about": list(alarm.about)}
        new = {"_id": alarm.id, "kind": alarm.kind, "raised_at": said["at"], "rank": alarm.rank}
        try:
            self._alarms.insert_one({**new, **what, **said})
        except DuplicateKeyError:
            # what it was about stays to be read when it is cleared
            change = said if alarm.cleared_at else {**said, **what}
            self._alarms.update_one({"_id": alarm.id, "at": {"$lt": said["at"]}}, {"$set": change})

    def alarms(self, state: str | None, before: str | None, limit: int) -> list[Alarm]:
        """The newest `limit` alarms whose rank is below `before`, newest first."""
        condition: Document = {} if state is None else {"state": state}
        if before is not None:
            condition["rank"] = {"$lt": before}
        return [_alarm(document) for document in self._alarms.find(condition).sort("rank", -1).limit(limit)]

    def alarm(self, alarm_id: str) -> Alarm | None:
        document = self._alarms.find_one({"_id": alarm_id})
        return None if document is None else _alarm(document)

    def settle_alarm(self, alarm_id: str, account_id: str) -> None:
        """Note who saw to an open alarm. `at` stays, so that what is said later still counts."""
        settled = {"state": "cleared", "cleared_at": milliseconds(self.clock()), "cleared_by": account_id}
        self._alarms.update_one({"_id": alarm_id, "state": "open"}, {"$set": settled})

    # --- its care

    def migrate(self) -> None:
        """Make the indexes; those that are there stay."""
        for collection, indexes in self._indexes():
            for keys in indexes:
                collection.create_index(list(keys))

    def _indexes(self) -> Iterable[tuple[Collection[Document], Sequence[Sequence[tuple[str, int]]]]]:
        return (self.notifications, INDEXES), (self._alarms, ALARM_INDEXES)

    def missing(self) -> list[str]:
        """What is not ready, for /readyz."""
        try:
            self._client.admin.command("ping")
            there = [(c, [_fields(i["key"]) for i in c.index_information().values()]) for c, _ in self._indexes()]
        except PyMongoError as error:
            if self.is_transient(error):
                return ["database"]
            raise
        wanted = [[_fields(keys) for keys in indexes] for _, indexes in self._indexes()]
        complete = all(keys in found for (_, found), all_ in zip(there, wanted, strict=True) for keys in all_)
        return [] if complete else ["migrations"]

    def all_told(self) -> Iterator[Document]:
        """Of every notification: _id, kind, recipient, order_id."""
        yield from self.notifications.find({}, {"kind": 1, "recipient": 1, "order_id": 1}, batch_size=5000)

    def all_delivered(self) -> Iterator[Document]:
        """Of every delivery: the notification's id and the status."""
        yield from self.delivery_log.find({}, {"notification_id": 1, "status": 1}, batch_size=5000)

    def close(self) -> None:
        self._client.close()


def _fields(keys: Iterable[tuple[str, Any]]) -> list[str]:
    """An index is known by the names of its fields: nx-27017 forgets the directions."""
    return [name for name, _ in keys]


def _insert_new(collection: Collection[Document], documents: Sequence[Document]) -> None:
    """Insert those whose _id is not there yet. Raises BulkWriteError for anything but a repetition."""
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        details = error.details or {}
        others = [e for e in details.get("writeErrors", []) if e["code"] != _DUPLICATE]
        if others or details.get("writeConcernErrors"):
            raise


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
        created_at=_time(d["created_at"]),
        rank=d["rank"],
        read_at=None if d["read_at"] is None else _time(d["read_at"]),
    )


def _alarm(d: Document) -> Alarm:
    return Alarm(
        id=d["_id"],
        kind=d["kind"],
        count=d["count"],
        about=tuple(d["about"]),
        raised_at=_time(d["raised_at"]),
        at=_time(d["at"]),
        cleared_at=None if d["cleared_at"] is None else _time(d["cleared_at"]),
    )


def _time(milliseconds_since_1970: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds_since_1970)
