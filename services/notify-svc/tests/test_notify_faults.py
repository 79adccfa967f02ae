"""Crashes, an absent server, messages that cannot be told: nothing is lost, nothing is told twice."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.envelope import unseal
from common.errors import Transient
from common.outbox import Parked
from common.service import Service
from common.settings import BadSettings
from common.testing import assert_problem, bearer
from notify_svc.app import Settings, build
from notify_svc.store import MongoStore, mongo
from notify_svc.store import notifications as inboxes
from notify_world import SAMPLES, Reader, bodies
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from stack.stores import local_mongo


def mongo_of(service: Service) -> MongoStore:
    assert isinstance(service.store, MongoStore)
    return service.store


def test_a_crash_between_inbox_and_log_is_made_good(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = inboxes.insert_new
    store = mongo_of(service)

    def dies_before_the_log(collection: Any, documents: Any) -> None:
        if collection.name == "delivery_log":
            raise KeyboardInterrupt
        honest(collection, documents)

    batch = bodies(list(SAMPLES.values()))
    monkeypatch.setattr(inboxes, "insert_new", dies_before_the_log)
    with pytest.raises(KeyboardInterrupt):
        service.processor.process(batch)
    assert service.figures()["undelivered"], "the crash was where it should be"
    monkeypatch.undo()
    service.processor.process(batch)
    figures = service.figures()
    assert (figures["undelivered"], figures["untold"]) == ([], [])
    assert figures["notifications"] == len(list(store.notifications.all_delivered())) == len(SAMPLES) + 4


def test_what_was_read_stays_read_when_its_message_comes_again(service: Service) -> None:
    batch = bodies([SAMPLES["order_confirmed"]])
    service.processor.process(batch)
    reader = Reader(service, "acc_1")
    reader.read(reader.items()[0]["id"])
    service.processor.process(batch)
    assert reader.items()[0]["read_at"] is not None


def test_a_handler_that_fails_writes_nothing_of_its_batch_and_parks_the_culprit(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notify_svc import domain

    honest = domain.kinds_of

    def refuses_the_held(message: Any, hospital_id: str | None = None) -> Any:
        if message is not None and type(message).__name__ == "OrderHeld":
            raise LookupError("planted")
        return honest(message, hospital_id)

    monkeypatch.setattr(domain, "kinds_of", refuses_the_held)
    service.processor.process(bodies(list(SAMPLES.values())))
    (parked,) = mongo_of(service).parked()
    assert (parked.type, parked.reason) == ("booking.order_held.v2", "LookupError: planted")
    assert "order_held" not in Reader(service, "acc_1").kinds()
    assert len(Reader(service, "acc_1").kinds()) == len(SAMPLES) - 1, "its neighbours are told"
    monkeypatch.undo()
    service.processor.replay(parked)
    assert "order_held" in Reader(service, "acc_1").kinds()
    assert mongo_of(service).parked() == []


def test_unreadable_messages_are_parked_with_the_reason(service: Service) -> None:
    (good,) = bodies([SAMPLES["order_confirmed"]])
    spoiled = [
        b"",
        b"junk",
        b"\x00\xff",
        good.replace(b"order_confirmed.v1", b"order_confirmed.v9"),
        good.replace(b'"fee":5000', b'"fee":-1'),
    ]
    service.processor.process([*spoiled, good])
    parked = mongo_of(service).parked()
    assert {p.body for p in parked} == set(spoiled)
    assert all(p.reason for p in parked)
    assert any("$.fee" in p.reason for p in parked)
    assert Reader(service, "acc_1").kinds() == ["order_confirmed"]


def test_texts_that_databases_dislike(service: Service) -> None:
    """A NUL in a name, as an escape in JSON: told like any other."""
    (good,) = bodies([SAMPLES["order_confirmed"]])
    service.processor.process([good.replace("王立新".encode(), b"A\\u0000B{room}$set")])
    assert mongo_of(service).parked() == []
    assert "A\x00B{room}$set" in Reader(service, "acc_1").items()[0]["text"]


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "2026-11-22T06:05:00"])
def test_times_at_the_edge(service: Service, time: str) -> None:
    (body,) = bodies([SAMPLES["order_confirmed"]])
    at = unseal(body).time.strftime("%Y-%m-%dT%H:%M:%SZ")
    service.processor.process([body.replace(f'"time":"{at}"'.encode(), f'"time":"{time}"'.encode())])
    assert Reader(service, "acc_1").kinds() == ["order_confirmed"]


def test_parking(service: Service) -> None:
    store = mongo_of(service)
    at = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
    store.park([Parked("m2", "t", b"\x00\xff", "why", at.replace(minute=6)), Parked("m1", "t", b"b", "why", at)])
    store.park([Parked("m1", "t", b"b", "why now", at.replace(minute=9))])
    assert store.parked() == [
        Parked("m1", "t", b"b", "why now", at),
        Parked("m2", "t", b"\x00\xff", "why", at.replace(minute=6)),
    ]
    assert store.parked(limit=1)[0].message_id == "m1"
    assert [store.unpark("m1"), store.unpark("m1")] == [True, False]


def test_a_server_that_goes_away_and_comes_back(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "PATIENCE", 1000)
    server = local_mongo(tmp_path)
    service = build(Settings(mongo_url=server.url("t")), clock)
    batch = bodies(list(SAMPLES.values()))
    client, headers = service.app.test_client(), bearer("acc_1")
    try:
        assert service.missing() == ["database"], "it is built before its server is there"
        server.start()
        assert service.missing() == ["migrations"]
        service.migrate()
        assert service.missing() == []
        service.processor.process(batch[:8])
        server.kill()
        with pytest.raises(Transient):
            service.processor.process(batch)
        with pytest.raises(Transient):
            service.processor.process([b"junk"])
        assert service.missing() == ["database"]
        assert_problem(client.get("/api/v1/notifications", headers=headers), 503, "unavailable")
        assert_problem(client.post("/api/v1/notifications/x/read", headers=headers), 503, "unavailable")
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        server.start()
        until_done(lambda: service.processor.process(batch))
        assert len(Reader(service, "acc_1").kinds()) == len(SAMPLES)
        assert mongo_of(service).parked() == []
    finally:
        server.stop()
        mongo_of(service).close()


def until_done(work: Callable[[], None]) -> None:
    """Offer the work again while the store is away, as a consumer does; each try waits for the server itself."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return work()
        except Transient:
            assert time.monotonic() < deadline, "the server is back, and the store does not see it"


def bulk_error(*codes: int, concern: bool = False) -> BulkWriteError:
    errors = [{"index": n, "code": code, "errmsg": "x"} for n, code in enumerate(codes)]
    return BulkWriteError({"writeErrors": errors, "writeConcernErrors": [{"code": 64}] if concern else []})


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (AutoReconnect("gone"), True),
        (ServerSelectionTimeoutError("none"), True),
        (OperationFailure("stepping down", 189), True),
        (OperationFailure("bad value", 2), False),
        (DuplicateKeyError("twice", 11000), False),
        (bulk_error(11000, 91), True),
        (bulk_error(11000, concern=True), True),
        (bulk_error(11000, 2), False),
        (bulk_error(91, 2), False),
        (bulk_error(11000), False),
        (ValueError("ours"), False),
    ],
)
def test_which_errors_pass_by_themselves(service: Service, error: Exception, transient: bool) -> None:
    assert mongo_of(service).is_transient(error) is transient


def test_an_insert_that_fails_for_another_reason_is_not_taken_for_a_repetition(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = mongo_of(service).notifications.collection

    def fails(*_: Any, **__: Any) -> None:
        raise bulk_error(11000, 2)

    monkeypatch.setattr(type(collection), "insert_many", fails)
    with pytest.raises(BulkWriteError):
        mongo.insert_new(collection, [{"_id": "a"}])


@pytest.mark.parametrize(
    "url", ["", "postgresql://x/y", "mongodb://host", "mongodb://host/", "mongodb://a:b:c@host/db"]
)
def test_urls_that_do_not_do(url: str) -> None:
    with pytest.raises(BadSettings, match="MONGO_URL"):
        build(Settings(mongo_url=url))


def test_a_migration_may_be_repeated(service: Service) -> None:
    service.migrate()
    assert service.missing() == []
    inbox = mongo_of(service).notifications
    assert len(inbox.collection.index_information()) == len(inbox.indexes) + len(["_id"])
