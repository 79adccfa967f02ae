"""Handles what a consumer has received: a batch in one transaction, with its inbox rows, bisected when it fails.

A message that no handler can take is parked with its reason, and the good ones around it flow. When the infrastructure
fails (`Transient`), nothing is parked and nothing is lost: the caller keeps the batch, pauses, and offers it again.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from common import foreign
from common.clock import Clock
from common.crash import reach
from common.envelope import Received, new_traceparent, unseal
from common.errors import InvalidMessage, Transient
from common.foreign import Foreign, Intake
from common.log import get_logger, set_trace
from common.messages import SPECS, newest, versions
from common.metrics import MESSAGES_HANDLED, MESSAGES_PARKED
from common.outbox.keeping import Parked

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
    def parked(
        self, limit: int = 1000, after: tuple[datetime, str] | None = None, largest: int | None = None
    ) -> list[Parked]: ...
    def parked_message(self, message_id: str) -> Parked | None: ...
    def unpark(self, message_id: str) -> bool: ...
    def close(self) -> None: ...


class Item(Protocol):
    """What a batch consists of: our own messages (Received), or foreign ones."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def body(self) -> bytes: ...


I = TypeVar("I", bound=Item)  # noqa: E741  an item


@dataclass(frozen=True, slots=True)
class _Way(Generic[I]):
    """How one kind of item is handled: its effect, what is done about one whose id is known, its name among the metrics, what is
    kept of its origin when it is parked.
    """

    effect: Callable[[Any, list[I]], None]
    again: Callable[[Any, list[I]], None]
    label: Callable[[I], str]
    origin: Callable[[I], str]


class Processor:
    """One service's handling of messages. Not thread-safe per queue: one consumer calls it at a time."""

    def __init__(
        self, service: str, store: Store, subscriptions: Subscriptions, intakes: Sequence[Intake] = ()
    ) -> None:
        self.service = service
        self.store = store
        self.subscriptions = {
            SPECS[version].type: handler for cls, handler in subscriptions.items() for version in versions(cls)
        }
        self.intakes = {intake.queue: intake for intake in intakes}
        self._own: _Way[Received] = _Way(self._run, lambda _tx, _known: None, lambda r: r.type, lambda _r: "")

    @property
    def types(self) -> list[str]:
        """The CloudEvents types that this service takes, older versions among them: its queue's bindings."""
        return sorted(self.subscriptions)

    def process(self, bodies: Sequence[bytes]) -> None:
        """Handle a batch completely: when this returns, each message has taken effect, was a repetition, or is parked.

        Raises Transient when the store is away; then offer the same batch again.
        """
        batch = [r for body in bodies if (r := self._read(body)) is not None]
        self._handle(batch, self._own)

    def take(self, queue: str, messages: Sequence[Foreign]) -> None:
        """As `process`, for what came from outside by the intake of this queue; in transactions as small as that wants."""
        intake = self.intakes[queue]
        way = _foreign_way(intake)
        fitting: list[Foreign] = []
        for m in messages:
            if len(m.body) <= foreign.MAX_BYTES:
                fitting.append(m)
            else:
                self._park(given_up(m, queue, _TOO_LARGE, self.store.clock()))
        at_once = intake.most or max(1, len(fitting))
        for first in range(0, len(fitting), at_once):
            self._handle(fitting[first : first + at_once], way)

    def replay(self, parked: Parked) -> None:
        """Handle a parked message again and unpark it. Raises what its reading or handling raises; then it stays parked."""
        if parked.origin:
            message, intake = self._from_outside(parked)
            self._handle_together([message], _foreign_way(intake))
        else:
            self._handle_together([self._unseal(parked.body)], self._own)
        self.store.unpark(parked.message_id)

    def _from_outside(self, parked: Parked) -> tuple[Foreign, Intake]:
        origin = _decode_origin(parked.origin)
        if origin.queue not in self.intakes:
            raise InvalidMessage(f"{self.service} has no intake {origin.queue}")
        if len(parked.body) > foreign.MAX_BYTES:
            raise InvalidMessage(_TOO_LARGE)
        message = Foreign(parked.message_id, parked.body, parked.type, origin.user_id, origin.content_type)
        return message, self.intakes[origin.queue]

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

    def _handle(self, batch: Sequence[I], way: _Way[I]) -> None:
        if not batch:
            return
        try:
            self._handle_together(batch, way)
        except Transient:
            raise
        except Exception as error:
            if self.store.is_transient(error):
                raise Transient(str(error)) from error
            if len(batch) == 1:
                log.exception("handler_failed", type=batch[0].type, message_id=batch[0].id)
                self._park(_poison(batch[0], error, way.origin(batch[0]), self.store.clock()))
                return
            middle = len(batch) // 2
            self._handle(batch[:middle], way)
            self._handle(batch[middle:], way)

    def _handle_together(self, batch: Sequence[I], way: _Way[I]) -> None:
        try:
            with self.store.transaction() as tx:
                fresh = tx.first_time([item.id for item in batch])
                reach("inbox_insert")
                if messages := _once(batch, fresh):
                    way.effect(tx, messages)
                if known := [item for item in batch if item.id not in fresh]:
                    way.again(tx, known)
                reach("effect")
        finally:
            set_trace("")
        for item in batch:
            if item.id in fresh:
                MESSAGES_HANDLED.labels(self.service, way.label(item)).inc()

    def _run(self, tx: Any, messages: list[Received]) -> None:
        """Give each handler its runs."""
        for handler, run in groupby(messages, key=lambda r: self.subscriptions[r.type]):
            together = list(run)
            set_trace(together[0].traceparent)
            handler(tx, together)

    def _park(self, parked: Parked) -> None:
        try:
            self.store.park([parked])
        except Exception as error:
            raise Transient(f"cannot park: {error}") from error
        MESSAGES_PARKED.labels(self.service).inc()
        log.error("message_parked", type=parked.type, message_id=parked.message_id, reason=parked.reason)


def _foreign_way(intake: Intake) -> _Way[Foreign]:
    def effect(tx: Any, messages: list[Foreign]) -> None:
        set_trace(new_traceparent())  # what the batch causes belongs together
        tx.first_time([m.content for m in messages])
        intake.handler(tx, messages)

    def again(tx: Any, known: list[Foreign]) -> None:
        """A repetition is nothing. Another event under a used id would be lost without a word."""
        fresh = tx.first_time([m.content for m in known])
        reused = [m for m in known if m.content in fresh]
        for m in reused:
            log.warning("foreign_id_reused", type=m.type, message_id=m.id)
        if reused and intake.reused is not None:
            intake.reused(tx, reused)

    return _Way(effect, again, lambda _m: intake.queue, lambda m: _origin(m, intake.queue))


def _once(batch: Sequence[I], fresh: set[str]) -> list[I]:
    """The fresh messages, in order, each once though the batch may hold it twice."""
    return list({item.id: item for item in batch if item.id in fresh}.values())


def _poison(item: Item, error: Exception, origin: str, now: datetime) -> Parked:
    text = f"{type(error).__name__}: {error}".replace("\x00", "\\0")  # PostgreSQL keeps no text with NUL,
    reason = text.encode(errors="backslashreplace").decode()  # and no half of a surrogate pair
    return Parked(item.id, item.type, item.body, reason[:2000], now, origin)


def given_up(message: Foreign, queue: str, reason: str, now: datetime) -> Parked:
    """A foreign message of the intake of this queue, parked without having been handled."""
    return Parked(message.id, message.type, message.body, reason, now, _origin(message, queue))


class _Origin(msgspec.Struct, frozen=True):
    """What a parked foreign message needs besides its body and routing key to be handled again."""

    queue: str
    user_id: str
    content_type: str


_decode_origin = msgspec.json.Decoder(_Origin).decode
_TOO_LARGE = f"larger than {foreign.MAX_BYTES} bytes"


def _origin(message: Foreign, queue: str) -> str:
    return msgspec.json.encode(_Origin(queue, message.user_id, message.content_type)).decode()


def unreadable_id(body: bytes) -> str:
    """The id under which a message is parked whose own cannot be read."""
    return f"unreadable-{hashlib.sha256(body).hexdigest()[:32]}"
