"""What others say to a service and what it answers them, by exchanges that are not ours alone: hospitals' rosters, say.

Between our own services nothing but the catalogue's messages travels (`common.messages`). Whoever stands outside writes to
a topic exchange that he may write to, an `Intake` of the service takes it, and `tx.send_out` answers by an `Outlet`. The
chassis sees to it that each takes effect once, in order, with its transaction; what a body means is for the handler.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

MAX_BYTES = 4 * 1024 * 1024
"""The largest foreign body. A week's roster of a large hospital has some 5,000 sessions of 500 bytes; a batch of such bodies, and
the next one that travels meanwhile, has to fit into a worker's memory. The broker refuses larger ones before us
(deploy/rabbitmq/rabbitmq.conf)."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A message from outside, as a handler gets it. Nothing of it has been looked at but its size.

    id: one for each event of each sender, see `foreign_id`; never taken from the message as it is.
    user_id: the broker's user who sent it if he said so: RabbitMQ refuses a wrong one. "" if he did not; then the routing key,
    of which users may write only their own, tells who he is.
    """

    id: str
    body: bytes
    routing_key: str
    user_id: str = ""
    content_type: str = ""

    @property
    def type(self) -> str:
        """What metrics, logs and parked messages name it by."""
        return self.routing_key

    @property
    def content(self) -> str:
        """An id of what the message says, for the inbox: another one under the same `id` is another event under a used id."""
        return f"{self.id}-{_content_of(self.body)}"


ForeignHandler = Callable[[Any, Sequence[Foreign]], None]
"""handler(tx, messages): one or more, in order, that are new. One whose handling raises alone is parked with the reason."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A topic exchange that others write to, and the service's queue that takes all of it.

    most: how many messages one transaction takes, None: all that a consumer has got at once. One whose single message locks many
    rows says 1, so that others wait for one message and not for a batch.
    reused: is given messages that say something else under an id that was taken already; they are not handled.
    """

    exchange: str
    queue: str
    handler: ForeignHandler
    most: int | None = None
    reused: ForeignHandler | None = None


@dataclass(frozen=True, slots=True)
class Outlet:
    """A topic exchange by which a service answers others. What nobody takes ends in the bounded queue `unclaimed`.

    Without such a queue an answer that nobody takes is an alarm, as it is for our own messages.
    """

    exchange: str
    unclaimed: str = ""


def foreign(body: bytes, routing_key: str, user_id: str = "", content_type: str = "") -> Foreign:
    """A message from outside with its id. What no database could keep in a text is replaced."""
    key, user, kind = _text(routing_key), _text(user_id), _text(content_type)
    return Foreign(foreign_id(body, user or key.partition(".")[0]), body, key, user, kind)


def foreign_id(body: bytes, sender: str) -> str:
    """The id for the inbox: of the sender and the event, that is CloudEvents' `source` and `id`, unique by its specification
    (https://github.com/cloudevents/spec, "id"); or of the whole body, if it is none.

    With the sender in it nobody can forestall another's event. One event sent twice, even if written differently, is one.
    """
    try:
        event = _decode_event(body) if len(body) <= MAX_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        event = None
    parts = (sender, event.source, event.id) if event else (sender, body)
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)  # with its length: "a" + "bc" is not "ab" + "c"
    return f"foreign-{digest.hexdigest()[:40]}"


class _Event(msgspec.Struct, frozen=True):
    """What tells one CloudEvent from another; the rest is the handler's to read."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    source: str = ""


_decode_event = msgspec.json.Decoder(_Event).decode


class _Said(msgspec.Struct, frozen=True):
    """What an event says; its time may be another when it is sent again."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: Any = None
    subject: Any = None
    data: Any = None


_decode_said = msgspec.json.Decoder(_Said).decode


def _content_of(body: bytes) -> str:
    try:
        said = msgspec.json.encode(_decode_said(body), order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = body
    return hashlib.sha256(said).hexdigest()[:16]


def _text(value: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in value)
