"""The publisher's own frames are pika's."""

from typing import Any

import pika
import pytest
from common.broker import wire
from common.broker.topology import EVENTS
from common.envelope import CONTENT_TYPE, seal
from common.outbox import OutboxRow
from delivery_rig import NOW, placed
from pika import frame, spec

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def row(body: bytes = b"", trace: str = "") -> OutboxRow:
    sealed = seal(placed("就诊人", 1), NOW, trace)
    return OutboxRow(1, sealed.id, sealed.type, sealed.partition, body or sealed.body)


def as_pika_writes(row: OutboxRow, headers: dict[str, str], largest: int) -> bytes:
    kind, exchange = row.content_type or CONTENT_TYPE, row.exchange or EVENTS
    properties = pika.BasicProperties(kind, headers=headers, delivery_mode=2, message_id=row.message_id)
    method = spec.Basic.Publish(exchange=exchange, routing_key=row.type, mandatory=True)
    frames: list[Any] = [frame.Method(1, method), frame.Header(1, len(row.body), properties)]
    frames += [frame.Body(1, row.body[i : i + largest]) for i in range(0, len(row.body), largest)]
    return b"".join(f.marshal() for f in frames)


@pytest.mark.parametrize("largest", [131_064, 100])
@pytest.mark.parametrize("trace", ["", TRACE])
def test_what_is_published(trace: str, largest: int) -> None:
    message = row(trace=trace)
    headers = {"partitionkey": "就诊人"} | ({"traceparent": trace} if trace else {})
    assert wire.publish(message, largest) == as_pika_writes(message, headers, largest)


def test_an_empty_body_has_no_frame() -> None:
    message = OutboxRow(1, "m", "t", "p", b"")
    assert wire.publish(message, 100) == as_pika_writes(message, {"partitionkey": "p"}, 100)


def test_what_leaves_the_platform_names_its_exchange_and_content_type() -> None:
    message = OutboxRow(1, "m", "res.仁", "res.仁", b"\xff", "roster.out", "text/csv")
    assert wire.publish(message, 100) == as_pika_writes(message, {"partitionkey": "res.仁"}, 100)


def test_a_run_of_confirms() -> None:
    acks = [(1, False), (2**40, True), (7, False)]
    data = b"".join(frame.Method(1, spec.Basic.Ack(tag, multiple)).marshal() for tag, multiple in acks)
    assert wire.confirms(data) == acks


@pytest.mark.parametrize(
    "other",
    [
        frame.Method(1, spec.Basic.Nack(1)).marshal(),
        frame.Method(2, spec.Basic.Ack(1)).marshal(),
        frame.Heartbeat().marshal(),
        frame.Method(1, spec.Basic.Return(312, "NO_ROUTE", EVENTS, "t")).marshal(),
        frame.Method(1, spec.Basic.Ack(1)).marshal()[:-1],
        b"",
    ],
    ids=["nack", "other channel", "heartbeat", "return", "torn", "nothing"],
)
def test_anything_else_is_left_to_pika(other: bytes) -> None:
    ack = frame.Method(1, spec.Basic.Ack(1)).marshal()
    assert wire.confirms(ack + other) in (None, [(1, False)])
    assert wire.confirms(ack + other) is None or other == b""
