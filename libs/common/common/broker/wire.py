"""AMQP 0-9-1 on the publisher's two hot paths, past pika's general ones: a message out, a run of confirms in.

https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, sections 2.3.5 and 4.2. Tests compare with pika's own frames.
"""

import re
import struct
from functools import lru_cache

from common.broker.topology import EVENTS, PARTITION_HEADER
from common.envelope import CONTENT_TYPE
from common.outbox.tables import OutboxRow

CHANNEL = 1
_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_BASIC, _PUBLISH, _ACK = 60, 40, 80
_MANDATORY = b"\x01"
_FLAGS = 0xB080  # content type, headers, delivery mode, message id; the values follow in this order
_PERSISTENT = b"\x02"

_frame = struct.Struct(">BHI").pack  # type, channel, size
_content = struct.Struct(">HHQH").pack  # class, weight, body size, property flags
_long = struct.Struct(">I").pack
_ack = struct.Struct(">BHIHHQBB")
_ACK_FRAME = (_METHOD, CHANNEL, 13, _BASIC, _ACK, _END[0])
_TRACEPARENT = re.compile(rb'"traceparent":"([0-9a-f-]{55})"')  # as our envelope writes it


def publish(row: OutboxRow, largest: int) -> bytes:
    """The frames of basic.publish: mandatory, persistent. `largest`: how many bytes of body a frame may hold."""
    body = row.body
    headers = _field(PARTITION_HEADER, row.partition.encode())
    if trace := _TRACEPARENT.search(body):
        headers += _field("traceparent", trace[1])
    header = b"".join(
        (
            _content(_BASIC, 0, len(body), _FLAGS),
            _short(row.content_type or CONTENT_TYPE),
            _long(len(headers)),
            headers,
            _PERSISTENT,
            _short(row.message_id),
        )
    )
    frames = [_publish_method(row.exchange or EVENTS, row.type), _frame(_HEADER, CHANNEL, len(header)), header, _END]
    for start in range(0, len(body), largest):
        part = body[start : start + largest]
        frames += (_frame(_BODY, CHANNEL, len(part)), part, _END)
    return b"".join(frames)


def confirms(data: bytes) -> list[tuple[int, bool]] | None:
    """(tag, multiple) of each basic.ack if `data` is nothing but such frames, as it nearly always is; else None."""
    if len(data) % _ack.size:
        return None
    found: list[tuple[int, bool]] = []
    for kind, channel, size, klass, method, tag, multiple, end in _ack.iter_unpack(data):
        if (kind, channel, size, klass, method, end) != _ACK_FRAME:
            return None
        found.append((tag, bool(multiple)))
    return found


@lru_cache(maxsize=256)
def _publish_method(exchange: str, routing_key: str) -> bytes:
    method = struct.pack(">HHH", _BASIC, _PUBLISH, 0) + _short(exchange) + _short(routing_key) + _MANDATORY
    return _frame(_METHOD, CHANNEL, len(method)) + method + _END


@lru_cache(maxsize=8)
def _name(text: str) -> bytes:
    return _short(text) + b"S"


def _field(name: str, value: bytes) -> bytes:
    """An entry of a table: a name and a long string."""
    return _name(name) + _long(len(value)) + value


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data
