"""Messages on the wire: CloudEvents 1.0, structured JSON (https://github.com/cloudevents/spec), by msgspec.

`partitionkey` is the CloudEvents partitioning extension, `traceparent` the distributed tracing extension: the trace of the
request that caused the message, which does not change on its way.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from common.errors import InvalidMessage
from common.messages import CATALOGUE, SPECS, Message

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 256 * 1024

EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"\A[^\x00]*\Z")]
"""A key in inboxes and among the parked: one that no index could keep would stand before its queue for ever."""


class _Event(msgspec.Struct, frozen=True):
    """The attributes that we require; unknown extensions of others are let through."""

    id: EventId
    source: str
    type: str
    time: datetime
    data: msgspec.Raw
    specversion: str
    subject: str = ""
    partitionkey: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message made ready to be stored and sent.

    With an `exchange` it leaves the platform (`Tx.send_out`): its type is the routing key there, its body may be anything.
    """

    id: str
    type: str
    subject: str
    partition: str
    body: bytes
    exchange: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a handler gets it."""

    message: Message
    id: str
    type: str
    subject: str
    source: str
    time: datetime
    traceparent: str = ""
    body: bytes = b""


_encoder = msgspec.json.Encoder()
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_data: dict[str, Callable[[Any], Any]] = {t: msgspec.json.Decoder(cls).decode for t, cls in CATALOGUE.items()}


def new_traceparent() -> str:
    """A fresh W3C trace context (https://www.w3.org/TR/trace-context/)."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def seal(message: Message, now: datetime, traceparent: str = "") -> Outgoing:
    """Validate a message and put it into its envelope. Raises InvalidMessage: a bug of the sender, caught before it spreads."""
    spec = SPECS[type(message)]
    data = _encoder.encode(message)
    try:
        _decode_data[spec.type](data)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"{spec.type}: {error}") from error
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": f"/{spec.sender}",
        "type": spec.type,
        "subject": getattr(message, spec.subject),
        "time": now,
        "datacontenttype": "application/json",
        "partitionkey": getattr(message, spec.partition),
        "data": msgspec.Raw(data),
    }
    if traceparent:
        event["traceparent"] = traceparent
    body = _encoder.encode(event)
    if len(body) > MAX_BYTES:
        raise InvalidMessage(f"{spec.type}: larger than {MAX_BYTES} bytes, no reader would take it")
    return Outgoing(event["id"], spec.type, event["subject"], event["partitionkey"], body)


def unseal(body: bytes) -> Received:
    """Read and validate an envelope and its message. Raises InvalidMessage with the reason, naming the field."""
    if len(body) > MAX_BYTES:
        raise InvalidMessage(f"larger than {MAX_BYTES} bytes")
    try:
        event = _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"no CloudEvent: {error}") from error
    if event.specversion != "1.0":
        raise InvalidMessage(f"specversion {event.specversion!r}, not 1.0")
    decode = _decode_data.get(event.type)
    if decode is None:
        raise InvalidMessage(f"unknown type {event.type!r}")
    try:
        message = decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"{event.type}: {error}") from error
    return Received(message, event.id, event.type, event.subject, event.source, event.time, event.traceparent, body)
