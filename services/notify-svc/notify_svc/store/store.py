"""The database as the processor and the use cases see it: one object for each collection, and the batch of messages."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.clock import Clock, system_clock
from common.outbox import Parked
from common.outbox.keeping import Answered
from pymongo.errors import DuplicateKeyError, PyMongoError

from notify_svc.domain import Notification
from notify_svc.store import mongo
from notify_svc.store.alarms import Alarms
from notify_svc.store.answers import Answers
from notify_svc.store.contacts import Contacts
from notify_svc.store.deliveries import Deliveries
from notify_svc.store.mongo import FORGET_ON, Kept, fields_of
from notify_svc.store.notifications import Notifications
from notify_svc.store.parked import ParkedMessages
from notify_svc.store.people import People
from notify_svc.store.rates import Rates
from notify_svc.store.reminders import ReminderTimers
from notify_svc.store.visits import Visits


@dataclass(frozen=True, slots=True)
class Keep:
    """How long is kept what was told, and the log of what was sent."""

    notifications: timedelta = timedelta(days=730)
    deliveries: timedelta = timedelta(days=180)


class MongoStore:
    """The service's database. `url` names it."""

    def __init__(self, url: str, clock: Clock = system_clock, keep: Keep = Keep()) -> None:
        self.clock = clock
        self.client = mongo.connect(url)
        self.database = self.client.get_default_database()
        self.notifications = Notifications(self.database, keep.notifications)
        self.alarms = Alarms(self.database)
        self.contacts = Contacts(self.database)
        self.deliveries = Deliveries(self.database, keep.deliveries)
        self.rates = Rates(self.database)
        self.answers = Answers(self.database)
        self.parked_messages = ParkedMessages(self.database)
        self.visits = Visits(self.database)
        self.people = People(self.database)
        self.reminders = ReminderTimers(self.database)
        self._kept: Sequence[Kept] = (
            self.notifications,
            self.alarms,
            self.contacts,
            self.deliveries,
            self.rates,
            self.answers,
            self.parked_messages,
            self.visits,
            self.people,
            self.reminders,
        )
        self._forgotten = (
            self.notifications.collection,
            self.notifications.log,
            self.deliveries.collection,
            self.visits.collection,
        )

    # --- what the processor needs

    @contextmanager
    def transaction(self) -> Iterator["MongoTx"]:
        """Write what was added when the block ends well; nothing of it otherwise."""
        tx = MongoTx(self.clock(), self)
        yield tx
        for write in tx.writes:
            write()
        self.notifications.add(tx.added, self.clock())
        for write in tx.last:
            write()

    def is_transient(self, error: BaseException) -> bool:
        """True if the server is away or asks to try again: nothing is wrong with the work itself."""
        return mongo.is_transient(error)

    def park(self, messages: Sequence[Parked]) -> None:
        """Keep messages that could not be handled, once each."""
        self.parked_messages.keep(messages)

    def parked(
        self, limit: int = 1000, after: tuple[datetime, str] | None = None, largest: int | None = None
    ) -> list[Parked]:
        """The parked messages, oldest first. after: when the last one that was seen was parked, and its id. They are our own, and
        never as long as `largest`.
        """
        del largest
        return self.parked_messages.all(limit, after)

    def parked_message(self, message_id: str) -> Parked | None:
        return self.parked_messages.get(message_id)

    def unpark(self, message_id: str) -> bool:
        """Forget a parked message (it was replayed, or is to be dropped). False if it is not parked."""
        return self.parked_messages.forget(message_id)

    # --- what repeated requests need

    key_used = DuplicateKeyError
    """What `keep_answer` raises if something was answered under this key."""

    def answered(self, account_id: str, key: str) -> Answered | None:
        """What this account was answered under this key."""
        return self.answers.get(account_id, key)

    def keep_answer(self, account_id: str, key: str, answer: Answered) -> None:
        """Keep what was answered. Raises `key_used`."""
        self.answers.keep(account_id, key, answer, self.clock())

    # --- its care

    def migrate(self) -> None:
        """Make the indexes; those that are there stay."""
        for kept in self._kept:
            for keys in kept.indexes:
                kept.collection.create_index(list(keys))
        if mongo.expires(self.client):
            for collection in self._forgotten:
                collection.create_index(FORGET_ON, expireAfterSeconds=0)

    def missing(self) -> list[str]:
        """What is not ready, for /readyz."""
        indexed = [kept for kept in self._kept if kept.indexes]
        try:
            self.client.admin.command("ping")
            there = [[fields_of(i["key"]) for i in kept.collection.index_information().values()] for kept in indexed]
        except PyMongoError as error:
            if self.is_transient(error):
                return ["database"]
            raise
        wanted = [[fields_of(keys) for keys in kept.indexes] for kept in indexed]
        complete = all(keys in found for found, all_ in zip(there, wanted, strict=True) for keys in all_)
        return [] if complete else ["migrations"]

    def close(self) -> None:
        self.client.close()


@dataclass(slots=True)
class MongoTx:
    """One batch of messages. What it adds is written at its end, in one command per collection.

    It is no transaction of MongoDB and needs none: every document's _id is made of the message's id, so a batch that
    failed half-way is simply done again, and what was there already stays as it is.
    """

    now: datetime
    store: MongoStore
    added: list[Notification] = field(default_factory=list)
    writes: list[Callable[[], None]] = field(default_factory=list)
    """What else is written at the end, before the notifications, in this order. Each must bear repetition."""
    last: list[Callable[[], None]] = field(default_factory=list)
    """As `writes`, but after the notifications."""
    plans: list[tuple[Notification, Sequence[str], datetime | None]] = field(default_factory=list)
    """What is to go out beside the inbox: usecases.planning."""
    about: set[str] = field(default_factory=set)
    """Accounts of which something is kept: if one has ended, it is forgotten again: usecases.planning."""

    def first_time(self, message_ids: Sequence[str]) -> set[str]:
        """All of them: repetitions are found by the documents' _ids, so that dedupe and effect are one write."""
        return set(message_ids)

    def add(self, notification: Notification) -> None:
        self.added.append(notification)

    def at_end(self, write: Callable[[], None]) -> None:
        self.writes.append(write)

    def hospital_of(self, order_id: str) -> str | None:
        """Where the visit of an order takes place, as far as anybody was told of it."""
        for notification in self.added:
            if notification.order_id == order_id and notification.hospital_id:
                return notification.hospital_id
        return self.store.notifications.hospital_of(order_id)
