"""Handles what a consumer has received: a batch in one transaction, with its inbox rows, bisected when it fails.

A message that no handler can take is parked with its reason, and the good ones around it flow. When the infrastructure
fails (`Transient`), nothing is parked and nothing is lost: the caller keeps the batch, pauses, and offers it again.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

from common.clock import Clock
from common.crash import reach
from common.envelope import Received, unseal
from common.errors import InvalidMessage, Transient
from common.log import get_logger, set_trace
from common.messages import SPECS, newest, versions
from common.metrics import MESSAGES_HANDLED, MESSAGES_PARKED
from common.outbox.database import Parked

log = get_logger("processor")

Handler = Callable[[Any, Sequence[Received]], None]
"""handler(tx, run): a run is one or more messages, in order, of types that this handler takes. Use it set-based."""

Subscriptions = Mapping[type, Handler]


class InboxTx(Protocol):
    """What a store's transaction must offer to the processor."""

    now: datetime

    def first_time(self, message_ids: Sequence[str]) -> set[str]: ...


class Store(Protocol):
    """What the processor needs of a service's store; Database is one, notify-svc's MongoDB another."""

    clock: Clock

    def transaction(self) -> AbstractContextManager[Any]: ...
    def is_transient(self, error: BaseException) -> bool: ...
    def park(self, messages: Sequence[Parked]) -> None: ...
    def parked(self, limit: int = 1000) -> list[Parked]: ...
    def unpark(self, message_id: str) -> bool: ...
    def close(self) -> None: ...


class Processor:
    """One service's handling of messages. Not thread-safe per partition: one consumer calls it at a time."""

    def __init__(self, service: str, store: Store, subscriptions: Subscriptions) -> None:
        self.service = service
        self.store = store
        self.subscriptions = {
            SPECS[version].type: handler for cls, handler in subscriptions.items() for version in versions(cls)
        }

    @property
    def types(self) -> list[str]:
        """The CloudEvents types that this service takes, older versions among them: its queue's bindings."""
        return sorted(self.subscriptions)

    def process(self, bodies: Sequence[bytes]) -> None:
        """Handle a batch completely: when this returns, each message has taken effect, was a repetition, or is parked.

        Raises Transient when the store is away; then offer the same batch again.
        """
        batch = [r for body in bodies if (r := self._read(body)) is not None]
        self._handle(batch)

    def replay(self, parked: Parked) -> None:
        """Handle a parked message again and unpark it. Raises what its reading or handling raises; then it stays parked."""
        self._handle_together([self._unseal(parked.body)])
        self.store.unpark(parked.message_id)

    def _read(self, body: bytes) -> Received | None:
        try:
            return self._unseal(body)
        except InvalidMessage as error:
            self._park(Parked(unreadable_id(body), "", body, str(error)[:2000], self.store.clock()))
            return None

    def _unseal(self, body: bytes) -> Received:
        received = unseal(body)
        if received.type not in self.subscriptions:
            raise InvalidMessage(f"{self.service} does not take {received.type}")
        return replace(received, message=newest(received.message))

    def _handle(self, batch: Sequence[Received]) -> None:
        if not batch:
            return
        try:
            self._handle_together(batch)
        except Transient:
            raise
        except Exception as error:
            if self.store.is_transient(error):
                raise Transient(str(error)) from error
            if len(batch) == 1:
                log.exception("handler_failed", type=batch[0].type, message_id=batch[0].id)
                self._park(_poison(batch[0], error, self.store.clock()))
                return
            middle = len(batch) // 2
            self._handle(batch[:middle])
            self._handle(batch[middle:])

    def _handle_together(self, batch: Sequence[Received]) -> None:
        try:
            with self.store.transaction() as tx:
                fresh = tx.first_time([r.id for r in batch])
                reach("inbox_insert")
                for handler, run in groupby(_once(batch, fresh), key=lambda r: self.subscriptions[r.type]):
                    messages = list(run)
                    set_trace(messages[0].traceparent)
                    handler(tx, messages)
                reach("effect")
        finally:
            set_trace("")
        for received in batch:
            if received.id in fresh:
                MESSAGES_HANDLED.labels(self.service, received.type).inc()

    def _park(self, parked: Parked) -> None:
        try:
            self.store.park([parked])
        except Exception as error:
            raise Transient(f"cannot park: {error}") from error
        MESSAGES_PARKED.labels(self.service).inc()
        log.error("message_parked", type=parked.type, message_id=parked.message_id, reason=parked.reason)


def _once(batch: Sequence[Received], fresh: set[str]) -> list[Received]:
    """The fresh messages, in order, each once though the batch may hold it twice."""
    return list({r.id: r for r in batch if r.id in fresh}.values())


def _poison(received: Received, error: Exception, now: datetime) -> Parked:
    reason = f"{type(error).__name__}: {error}".replace("\x00", "\\0")  # PostgreSQL keeps no text with NUL
    return Parked(received.id, received.type, received.body, reason[:2000], now)


def unreadable_id(body: bytes) -> str:
    """The id under which a message is parked whose own cannot be read."""
    return f"unreadable-{hashlib.sha256(body).hexdigest()[:32]}"
