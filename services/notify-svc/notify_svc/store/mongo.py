"""What the collections share: how they are reached and written.

The store keeps to what MongoDB and nx-27017 (its double over SQLite) both do rightly, as tests/test_notify_mongo_contract.py
shows: times are integers, since nx-27017 turns a datetime that is $set into a string; no upsert, since it invents an
_id for that; no query for null; one query for each recipient, since it has an index for equality and none for $in; truth
values are made such when they are read, since nx-27017 turns one that is $set into 0 or 1.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    WTimeoutError,
)
from pymongo.uri_parser import parse_uri

Document = dict[str, Any]

Keys = Sequence[tuple[str, int]]
"""Of one index: its fields, with their directions."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PATIENCE = 2_000  # milliseconds until a server counts as away
_DUPLICATE = 11_000
# not primary, shutting down, stepped down, interrupted: https://github.com/mongodb/specifications (retryable writes)
_PASSING = frozenset({6, 7, 64, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436})


class Kept(Protocol):
    """One collection, with what belongs to it. `indexes`: beside that of _id."""

    @property
    def collection(self) -> Collection[Document]: ...
    @property
    def indexes(self) -> Sequence[Keys]: ...


def check_url(url: str) -> None:
    """Raises ValueError unless `url` is a MongoDB URL that names a database."""
    try:
        named = url.startswith("mongodb+srv://") or parse_uri(url)["database"]
    except (InvalidURI, ConfigurationError) as error:
        raise ValueError(str(error)) from error
    if not named:
        raise ValueError("must name a database: mongodb://host/<database>")


def connect(url: str) -> MongoClient[Document]:
    """A client that connects when it is first used."""
    return MongoClient(
        url,
        connect=False,
        appname="notify-svc",
        serverSelectionTimeoutMS=PATIENCE,
        connectTimeoutMS=PATIENCE,
        socketTimeoutMS=5 * PATIENCE,
        w="majority",
        journal=True,
    )


def is_transient(error: BaseException) -> bool:
    """True if the server is away or asks to try again: nothing is wrong with the work itself."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        failed = [e["code"] for e in details.get("writeErrors", []) if e["code"] != _DUPLICATE]
        return all(code in _PASSING for code in failed) and bool(failed or details.get("writeConcernErrors"))
    if isinstance(error, ConnectionFailure | WTimeoutError):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING


def insert_new(collection: Collection[Document], documents: Sequence[Document]) -> set[str]:
    """Insert those whose _id is not there yet; answers the _ids that were. Raises BulkWriteError for anything but a repetition."""
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        details = error.details or {}
        failed = details.get("writeErrors", [])
        if details.get("writeConcernErrors") or any(e["code"] != _DUPLICATE for e in failed):
            raise
        return {documents[e["index"]]["_id"] for e in failed}
    return set()


def fields_of(keys: Iterable[tuple[str, Any]]) -> list[str]:
    """An index is known by the names of its fields: nx-27017 forgets the directions."""
    return [name for name, _ in keys]


FORGET_ON = "forget_on"


def expiry(at: datetime) -> Document:
    """The field by which MongoDB deletes a document at this time (TTL), which must be a date, and is never changed."""
    return {FORGET_ON: at}


def expires(client: MongoClient[Document]) -> bool:
    """True for MongoDB. nx-27017 has a TTL too, and reads the whole collection for it before every query: there only the sweep
    deletes. A MongoDB names its version.
    """
    return "version" in client.server_info()


def time_of(milliseconds_since_1970: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds_since_1970)
