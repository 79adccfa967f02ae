"""What a service's database keeps beside its state: parked messages, the inbox, and answers under their Idempotency-Key."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from common.outbox import tables
from common.outbox.tables import UtcDateTime

INBOX_KEPT = timedelta(days=8)
"""Longer than any replay: parked messages and broker queues are drained in days."""
IDEMPOTENCY_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that no handler could take, kept with the reason."""

    message_id: str
    type: str
    body: bytes
    reason: str
    parked_at: datetime
    origin: str = ""
    """Of a foreign message: the queue it came by, who sent it and as what, so that it can be replayed (common.processor)."""
    left_out: int = 0
    """How many bytes the body has, where it was too long to be looked at here: then `body` is empty."""

    @property
    def size(self) -> int:
        return self.left_out or len(self.body)


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered under an Idempotency-Key, and a digest of what was asked."""

    request_hash: str
    status: int
    location: str | None
    body: bytes


class Keeping(ABC):
    """That part of a `Database`."""

    key_used: type[Exception] = IntegrityError
    """What `keep_answer` raises if something was answered under this key."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]: ...

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]: ...

    # --- parked messages

    def park(self, messages: Sequence[Parked]) -> None:
        """Keep messages that could not be handled, once each."""
        with self.transaction() as tx:
            for p in messages:
                tx.conn.execute(
                    _park,
                    {
                        "message_id": p.message_id,
                        "type": p.type,
                        "body": p.body,
                        "reason": p.reason,
                        "parked_at": p.parked_at,
                        "origin": p.origin or None,
                    },
                )

    def parked(
        self, limit: int = 1000, after: tuple[datetime, str] | None = None, largest: int | None = None
    ) -> list[Parked]:
        """The parked messages, oldest first. after: when the last one that was seen was parked, and its id. largest: longer bodies are
        left out, for a page of them may be more than a process can hold.
        """
        t = tables.parked.c
        query = _all_parked.order_by(t.parked_at, t.message_id).limit(limit)
        if after is not None:
            at, message_id = after
            query = query.where(t.parked_at >= at, sa.or_(t.parked_at > at, t.message_id > message_id))
        with self.reading() as conn:
            rows = conn.execute(query, {"largest": LARGEST if largest is None else largest}).all()
        return [_parked(row) for row in rows]

    def parked_message(self, message_id: str) -> Parked | None:
        query = _all_parked.where(tables.parked.c.message_id == message_id)
        with self.reading() as conn:
            row = conn.execute(query, {"largest": LARGEST}).one_or_none()
        return None if row is None else _parked(row)

    def unpark(self, message_id: str) -> bool:
        """Forget a parked message (it was replayed, or is to be dropped). False if it is not parked."""
        with self.transaction() as tx:
            gone = tx.conn.execute(sa.delete(tables.parked).where(tables.parked.c.message_id == message_id))
            return bool(gone.rowcount == 1)

    # --- answers

    def answered(self, account_id: str, key: str) -> Answered | None:
        """What this account was answered under this key."""
        t = tables.idempotency.c
        query = sa.select(tables.idempotency).where(t.account_id == account_id, t.key == key)
        with self.reading() as conn:
            row = conn.execute(query).one_or_none()
        return None if row is None else Answered(row.request_hash, row.status, row.location, bytes(row.body))

    def keep_answer(self, account_id: str, key: str, answer: Answered) -> None:
        """Keep what was answered. Raises `key_used`."""
        with self.transaction() as tx:
            tx.conn.execute(
                sa.insert(tables.idempotency).values(
                    account_id=account_id,
                    key=key,
                    request_hash=answer.request_hash,
                    status=answer.status,
                    location=answer.location,
                    body=answer.body,
                    created_at=tx.now,
                )
            )

    def prune(self) -> None:
        """Delete what has served: old inbox rows and idempotency records."""
        with self.transaction() as tx:
            tx.conn.execute(sa.delete(tables.inbox).where(tables.inbox.c.received_at < tx.now - INBOX_KEPT))
            tx.conn.execute(
                sa.delete(tables.idempotency).where(tables.idempotency.c.created_at < tx.now - IDEMPOTENCY_KEPT)
            )


LARGEST = 2**31 - 1
_size = sa.func.length(tables.parked.c.body)
_all_parked = sa.select(
    *(column for column in tables.parked.c if column.name != "body"),
    _size.label("size"),
    sa.case((_size <= sa.bindparam("largest"), tables.parked.c.body)).label("body"),
)


def _parked(row: Any) -> Parked:
    body, left_out = (b"", row.size) if row.body is None else (bytes(row.body), 0)
    return Parked(row.message_id, row.type, body, row.reason, row.parked_at, row.origin or "", left_out)


_park = sa.text(
    "INSERT INTO parked (message_id, type, body, reason, parked_at, origin)"
    " VALUES (:message_id, :type, :body, :reason, :parked_at, :origin)"
    " ON CONFLICT (message_id) DO UPDATE SET reason = excluded.reason"
).bindparams(sa.bindparam("parked_at", type_=UtcDateTime))
