"""The delivery contract on RabbitMQ and PostgreSQL, and what only a broker of its own can do wrong."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import amqp
import pytest
from common.broker.consumer import RabbitConsumer
from common.broker.publisher import RabbitPublisher
from common.broker.topology import DELIVERY_LIMIT, EVENTS, connect, dead_queue, declare, queue_names, settle
from common.envelope import CONTENT_TYPE, seal
from delivery_contract import DeliveryContract, by_subject
from delivery_rig import (
    NOW,
    OTHER,
    RECEIVER,
    SENDER,
    RabbitRig,
    Witness,
    forget_queues,
    outbox_rows,
    parties,
    placed,
    poison,
    unroutable,
    until,
)
from tcp_proxy import Proxy, proxied

PLACED, REJECTED = "booking.order_placed.v2", "booking.order_rejected.v2"


@pytest.fixture(scope="module")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A database for each of the contract's services: of PostgreSQL, unless the gate of the mutants lends us its broker."""
    names = {name: f"delivery_{name.partition('-')[0]}" for name in (SENDER, RECEIVER, OTHER)}
    if os.environ.get("TEST_BROKER_URL"):
        folder = tmp_path_factory.mktemp("databases")
        yield {name: f"sqlite:///{folder}/{database}.db" for name, database in names.items()}
        return
    postgres = request.getfixturevalue("servers").postgres
    yield {name: postgres.add_database(database) for name, database in names.items()}
    for database in names.values():
        postgres.drop_database(database)


@pytest.fixture
def url(rabbit_url: str) -> str:
    """The broker's, with no queue of ours on it."""
    forget_queues(rabbit_url)
    return rabbit_url


@pytest.fixture
def rig(url: str, databases: dict[str, str]) -> Iterator[RabbitRig]:
    rig = RabbitRig(parties(databases), url)
    yield rig
    rig.close()


@pytest.fixture
def channel(rabbit_url: str) -> Iterator[Any]:
    connection = connect(rabbit_url)
    yield connection.default_channel
    connection.collect()


@pytest.fixture
def proxy(rabbit_url: str) -> Iterator[Proxy]:
    where = urlsplit(rabbit_url)
    with proxied(where.hostname or "", where.port or 0) as proxy:
        yield proxy


def through(proxy: Proxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


def take_all(channel: Any, queue: str, until_id: str) -> list[Any]:
    """Take messages off a queue, up to the one of this id."""
    got: list[Any] = []
    tag = channel.basic_consume(queue, no_ack=True, callback=got.append)
    while not got or got[-1].properties["message_id"] != until_id:
        channel.connection.drain_events(timeout=10)
    channel.basic_cancel(tag)
    return got


def depth(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


class TestRabbit(DeliveryContract):
    pass


class TestPublisher:
    @pytest.fixture
    def witness(self) -> Witness:
        return Witness()

    def test_only_what_the_broker_has_confirmed_is_settled(
        self, url: str, witness: Witness, proxy: Proxy, channel: Any
    ) -> None:
        declare(channel, RECEIVER, [PLACED])
        publisher = RabbitPublisher(through(proxy, url))
        publisher.start(witness)
        first, *others = outbox_rows(*(placed("a", n) for n in range(300)))
        publisher.publish([first])
        until(lambda: witness.settled_ids == [1])
        proxy.swallows = True
        publisher.publish(others)
        until(lambda: len(publisher._unconfirmed) == 299)
        time.sleep(0.2)  # a wrong answer would have come by now
        assert witness.settled_ids == [1]
        proxy.swallows = False
        proxy.cut()
        until(lambda: len(witness.settled_ids) == 300)
        publisher.stop()
        assert depth(channel, RECEIVER) == 300

    def test_what_is_sent_again_after_a_cut_keeps_its_order(
        self, url: str, witness: Witness, proxy: Proxy, channel: Any
    ) -> None:
        declare(channel, RECEIVER, [PLACED])
        publisher = RabbitPublisher(through(proxy, url), window=50)
        publisher.start(witness)
        rows = outbox_rows(*(placed("a", n) for n in range(2000)))
        for i in range(0, 2000, 20):
            publisher.publish(rows[i : i + 20])
            if i % 500 == 480:
                until(lambda: witness.settled_ids, what="something has passed")
                proxy.cut()
        until(lambda: sorted(witness.settled_ids) == list(range(1, 2001)))
        publisher.stop()
        got = [
            message.properties["message_id"] for message in take_all(channel, RECEIVER, until_id=rows[-1].message_id)
        ]
        assert list(dict.fromkeys(got)) == [row.message_id for row in rows]

    def test_returned_and_refused_messages_are_told_apart_from_settled_ones(
        self, url: str, witness: Witness, channel: Any
    ) -> None:
        declare(channel, RECEIVER, [PLACED])
        publisher = RabbitPublisher(url)
        publisher.start(witness)
        publisher.publish(outbox_rows(placed("a", 1), unroutable("a"), placed("a", 2), poison("a")))
        until(lambda: len(witness.settled_ids) + len(witness.returned_ids) == 4)
        publisher.stop()
        assert witness.settled_ids == [1, 3]
        assert witness.returned_ids == {2: "NO_ROUTE: schedule.slot_released.v1", 4: f"NO_ROUTE: {REJECTED}"}

    def test_a_full_queue_that_refuses_is_returned(self, url: str, witness: Witness, channel: Any) -> None:
        arguments = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
        channel.exchange_declare(EVENTS, "topic", durable=True, auto_delete=False)
        channel.queue_declare("full", durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind("full", EVENTS, PLACED)
        publisher = RabbitPublisher(url)
        publisher.start(witness)
        for row in outbox_rows(*(placed("a", n) for n in range(100))):
            publisher.publish([row])
            until(lambda row=row: row.id in witness.settled_ids or row.id in witness.returned_ids)
        publisher.stop()
        channel.queue_delete("full")
        assert "refused by the broker" in witness.returned_ids.values()
        assert witness.settled_ids

    def test_messages_carry_what_brokers_and_tracers_need(self, url: str, witness: Witness, channel: Any) -> None:
        declare(channel, RECEIVER, [PLACED])
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        sealed = seal(placed("ord_1", 1), NOW, trace)
        (row,) = outbox_rows(placed("ord_1", 1))
        publisher = RabbitPublisher(url)
        publisher.start(witness)
        publisher.publish([type(row)(1, sealed.id, sealed.type, sealed.partition, sealed.body)])
        until(lambda: witness.settled_ids)
        publisher.stop()
        (message,) = take_all(channel, RECEIVER, until_id=sealed.id)
        assert message.properties["application_headers"] == {"partitionkey": "ord_1", "traceparent": trace}
        assert message.properties["content_type"] == CONTENT_TYPE
        assert message.properties["delivery_mode"] == 2
        assert message.properties["message_id"] == sealed.id
        assert message.body in (sealed.body, sealed.body.decode())

    def test_it_waits_for_a_broker_that_is_not_there_and_stops_all_the_same(
        self, witness: Witness, ends: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("common.broker.publisher.LONGEST_PAUSE", 3600.0)
        monkeypatch.setattr("common.broker.publisher.FIRST_PAUSE", 3600.0)
        publisher = RabbitPublisher("amqp://guest:guest@127.0.0.1:1/%2F")
        publisher.start(witness)
        publisher.publish(outbox_rows(placed("a", 1)))
        publisher.stop()
        ends(publisher._thread.join)
        assert witness.settled_ids == []


@pytest.mark.faults
class TestBrokerFaults:
    def test_a_broker_killed_while_publishing_and_consuming_loses_and_doubles_nothing(
        self, rig: RabbitRig, servers: Any
    ) -> None:
        rig.start()
        stop = threading.Event()
        sent = 0

        def send() -> None:
            nonlocal sent
            while not stop.wait(0.002):
                rig[SENDER].send(placed("a", sent), placed("b", sent))
                sent += 1

        sender = threading.Thread(target=send)
        sender.start()
        try:
            until(lambda: len(rig[RECEIVER].effects) > 100)
            # RabbitMQ 3.10 writes a new quorum queue's name down half a second late; one that it forgot never gets a leader
            servers.rabbitmq.ctl("eval", "[dets:sync(T) || T <- dets:all()].")
            servers.rabbitmq.kill()
            until(lambda: sent > 500)
            servers.rabbitmq.start()
            until(lambda: len(rig[RECEIVER].effects) > 1000, 60)
        finally:
            stop.set()
            sender.join()
        until(lambda: rig[SENDER].at_rest(), 30)
        until(lambda: all(len(rig[name].effects) >= 2 * sent for name in (RECEIVER, OTHER)), 30)
        assert by_subject(rig[RECEIVER].effects) == {"a": list(range(sent)), "b": list(range(sent))}
        assert sorted(rig[OTHER].effects) == sorted(rig[RECEIVER].effects)

    def test_nothing_hangs_on_a_frozen_broker(self, rig: RabbitRig, servers: Any, ends: Any) -> None:
        rig.start()
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].effects)
        servers.rabbitmq.pause()
        try:
            rig[SENDER].send(placed("a", 2))
            ends(lambda: rig.stop(patience=0.2))
        finally:
            servers.rabbitmq.resume()
        rig[SENDER].sweep_seconds = 0.1
        rig.start()
        until(lambda: sorted(rig[RECEIVER].effects) == [("a", "1"), ("a", "2")])

    def test_a_blocked_connection_is_waited_for_and_not_broken(self, rig: RabbitRig, servers: Any) -> None:
        rig.start()
        rig[SENDER].send(placed("a", 0))
        until(rig[SENDER].at_rest)
        servers.rabbitmq.ctl("set_vm_memory_high_watermark", "0")
        try:
            rig[SENDER].send(placed("a", 1))
            publisher: Any = rig[SENDER].relay._publisher  # type: ignore[union-attr]
            connection = publisher._connection
            until(lambda: publisher._blocked)
            rig[SENDER].send(placed("a", 2), placed("a", 3))
            until(lambda: publisher._waiting)
        finally:
            servers.rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
        until(rig[SENDER].at_rest)
        assert publisher._connection is connection
        until(lambda: by_subject(rig[RECEIVER].effects) == {"a": [0, 1, 2, 3]})

    def test_a_deleted_queue_comes_back_and_the_consumer_with_it(self, rig: RabbitRig, channel: Any) -> None:
        rig[SENDER].sweep_seconds = 0.1
        rig.start()
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].effects)
        channel.queue_delete(RECEIVER)
        until(lambda: _takes(channel, RECEIVER))
        rig[SENDER].send(placed("a", 2))
        until(lambda: rig[RECEIVER].effects == [("a", "1"), ("a", "2")])


class TestTopology:
    def test_partitions_share_the_work_and_keep_the_order_of_each_key(self, rig: RabbitRig) -> None:
        rig[RECEIVER].partitions = 4
        seen: dict[str, set[str]] = defaultdict(set)

        process = rig[RECEIVER].processor.process

        def watched(bodies: Any) -> None:
            seen[threading.current_thread().name].update(bodies)
            process(bodies)

        rig[RECEIVER].processor.process = watched  # type: ignore[method-assign]
        rig.start()
        for n in range(100):
            rig[SENDER].send(*(placed(f"s{k}", n) for k in range(12)))
        until(lambda: len(rig[RECEIVER].effects) == 1200)
        assert len(seen) >= 3
        for numbers in by_subject(rig[RECEIVER].effects).values():
            assert numbers == list(range(100))

    def test_declaring_again_and_repartitioning_keep_what_waits(self, rig: RabbitRig, channel: Any) -> None:
        settle(rig.url, RECEIVER, [PLACED])
        _publish(channel, PLACED)
        for partitions in (4, 4, 2, 1):
            settle(rig.url, RECEIVER, [PLACED], partitions)
            assert depth(channel, RECEIVER) == 1
        settle(rig.url, RECEIVER, [PLACED], 4)
        _publish(channel, PLACED)
        until(lambda: sum(depth(channel, q) for q in queue_names(RECEIVER, 4)) == 2)
        assert depth(channel, RECEIVER) == 1  # not in both: its own binding is gone

    def test_a_type_that_is_no_longer_taken_is_unbound_by_settle_and_only_by_settle(
        self, rig: RabbitRig, channel: Any
    ) -> None:
        settle(rig.url, RECEIVER, [PLACED, REJECTED])
        declare(channel, RECEIVER, [PLACED])
        _publish(channel, REJECTED)
        until(lambda: depth(channel, RECEIVER) == 1)
        settle(rig.url, RECEIVER, [PLACED])
        _publish(channel, REJECTED)
        _publish(channel, PLACED)
        until(lambda: depth(channel, RECEIVER) == 2)

    def test_what_rabbitmq_gives_up_shows_among_the_parked(self, rig: RabbitRig, channel: Any) -> None:
        rig.start()
        sealed = seal(placed("a", 1), NOW)
        for body in (sealed.body, b"\xff"):
            channel.basic_publish(amqp.Message(body, content_encoding="utf-8"), "", dead_queue(RECEIVER))
        until(lambda: len(rig[RECEIVER].store.parked()) == 2)
        parked = {p.message_id: p for p in rig[RECEIVER].store.parked()}
        assert parked[sealed.id].reason.startswith("given up by RabbitMQ after")
        assert sorted(p.body for p in parked.values()) == sorted([sealed.body, b"\xff"])
        until(lambda: depth(channel, dead_queue(RECEIVER)) == 0)

    def test_a_message_that_is_delivered_too_often_ends_in_the_dead_letters(self, rig: RabbitRig, channel: Any) -> None:
        declare(channel, RECEIVER, [PLACED])
        _publish(channel, PLACED)
        channel.basic_consume(RECEIVER, callback=lambda m: channel.basic_reject(m.delivery_tag, requeue=True))
        for _ in range(DELIVERY_LIMIT + 1):
            channel.connection.drain_events(timeout=10)
        until(lambda: depth(channel, dead_queue(RECEIVER)) == 1)

    def test_a_standby_takes_over_when_the_active_consumer_dies(self, rig: RabbitRig) -> None:
        rig.start()
        standby = RabbitConsumer(rig.url, RECEIVER, rig[RECEIVER].processor)
        standby.start()
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].effects)
        for consumer in rig.consumers:
            consumer.stop()
        rig[SENDER].send(placed("a", 2))
        until(lambda: rig[RECEIVER].effects == [("a", "1"), ("a", "2")])
        standby.stop()


def _publish(channel: Any, type_: str) -> None:
    sealed = seal(placed("a", 1), NOW)
    message = amqp.Message(sealed.body, delivery_mode=2, application_headers={"partitionkey": "a"})
    channel.basic_publish(message, EVENTS, type_)


def _takes(channel: Any, queue: str) -> bool:
    connection = channel.connection
    probe = connection.channel()
    try:
        taken = probe.queue_declare(queue, passive=True).consumer_count > 0
    except amqp.NotFound:
        return False
    probe.close()
    return bool(taken)
