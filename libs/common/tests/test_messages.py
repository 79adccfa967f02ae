"""The catalogue and the envelope: what was ever published stays readable, and what we write is CloudEvents."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from common.envelope import MAX_BYTES, new_traceparent, seal, unseal
from common.errors import InvalidMessage
from common.messages import CATALOGUE, SPECS, SUPERSEDED, AccountDeleted, OrderPlaced, RequestPayment, newest, versions

GOLDEN = resources.files("common") / "golden"
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
PLACED = OrderPlaced(order_id="ord_1", account_id="acc_1", patient_id="pat_1", session_id="ses_1", placed_at=NOW)


def golden(type_: str) -> bytes:
    return (GOLDEN / f"{type_}.json").read_bytes()


def test_every_message_has_its_golden_file() -> None:
    """A golden file is added with its message and never edited; one of an older version stays, with its class."""
    assert {entry.name for entry in GOLDEN.iterdir()} == {f"{type_}.json" for type_ in CATALOGUE}


@pytest.mark.parametrize("type_", CATALOGUE)
def test_golden_files_are_read_and_written_again_alike(type_: str) -> None:
    original = json.loads(golden(type_))
    received = unseal(golden(type_))
    assert type(received.message) is CATALOGUE[type_]
    again = json.loads(seal(received.message, received.time, received.traceparent).body)
    assert {**again, "id": original["id"]} == original


@pytest.mark.parametrize("type_", CATALOGUE)
def test_envelopes_are_cloudevents(type_: str) -> None:
    """The reference library checks attributes' names, types and formats strictly."""
    sealed = seal(unseal(golden(type_)).message, NOW, new_traceparent())
    headers = {"content-type": "application/cloudevents+json"}
    event = from_structured_event(HTTPMessage(headers, sealed.body), JSONFormat())
    assert event.get_id() == sealed.id
    assert event.get_type() == sealed.type == type_
    assert event.get_subject() == sealed.subject
    assert event.get_extension("partitionkey") == sealed.partition
    assert event.get_time() == NOW


@pytest.mark.parametrize("cls", SPECS, ids=lambda cls: cls.__name__)
def test_subject_and_partition_name_fields_of_the_message(cls: type[Any]) -> None:
    assert {SPECS[cls].subject, SPECS[cls].partition} <= {field.name for field in fields(cls)}


@pytest.mark.parametrize("cls", SPECS, ids=lambda cls: cls.__name__)
def test_every_message_says_who_sends_it_and_what_it_means(cls: type[Any]) -> None:
    assert SPECS[cls].sender in {"user-svc", "schedule-svc", "booking-svc", "payment-svc", "notify-svc"}
    assert len(cls.__doc__ or "") > 20


def test_a_wrong_value_is_caught_at_the_sender() -> None:
    with pytest.raises(InvalidMessage, match=r"payment.request_payment.v1: .*amount"):
        seal(RequestPayment("o", "a", "h", -1, "d", NOW), NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"specversion": "0.3"}, "specversion '0.3', not 1.0"),
        ({"type": "booking.order_placed.v9"}, "unknown type 'booking.order_placed.v9'"),
        ({"time": "yesterday"}, "time"),
        ({"id": 7}, "id"),
        ({"id": ""}, "id"),
        ({"id": "a\x00b"}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"data": {"order_id": "o"}}, "account_id"),
        ({"data": {**json.loads(seal(PLACED, NOW).body)["data"], "order_id": ""}}, "order_id"),
        ({"data": "text"}, "Expected `object`"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(change: dict[str, Any], reason: str) -> None:
    event = {**json.loads(seal(PLACED, NOW).body), **change}
    with pytest.raises(InvalidMessage, match=reason):
        unseal(json.dumps(event).encode())


def test_unknown_attributes_and_fields_of_newer_senders_are_let_through() -> None:
    event = json.loads(seal(PLACED, NOW).body)
    event["priority"] = "high"
    event["data"]["loyalty"] = 3
    assert unseal(json.dumps(event).encode()).message == PLACED


def test_a_huge_body_is_refused_unread() -> None:
    with pytest.raises(InvalidMessage, match="larger than"):
        unseal(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize("old", SUPERSEDED, ids=lambda cls: cls.__name__)
def test_an_older_version_reads_as_the_newest(old: type[Any]) -> None:
    received = unseal(golden(SPECS[old].type))
    new = newest(received.message)
    assert type(new) not in SUPERSEDED
    assert old in versions(type(new))
    assert SPECS[type(new)].name == SPECS[old].name
    seal(new, NOW)  # and it is a valid one


def test_what_no_reader_would_take_is_refused_at_its_sender() -> None:
    """One that is sent all the same would be parked by each of its readers, for ever."""
    people = [f"pat_{n:040}" for n in range(MAX_BYTES // 40)]
    with pytest.raises(InvalidMessage, match="larger than"):
        seal(AccountDeleted("acc_1", people, NOW), NOW)
    fits = seal(AccountDeleted("acc_1", people[: len(people) // 2], NOW), NOW)
    assert unseal(fits.body).message.patient_ids == people[: len(people) // 2]
