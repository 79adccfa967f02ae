"""What strangers send and get over a real RabbitMQ, on both databases."""

import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from amqp.basic_message import Message
from common.broker import consumer, topology
from common.broker.topology import connect, dead_exchange, dead_queue, queue_names
from common.foreign import MAX_BYTES, Outlet, foreign
from common.metrics import OUTBOX_RETURNED
from delivery_rig import OTHER, PATIENCE, Party, RabbitRig, forget_queues, parties, placed, until
from delivery_rig import RECEIVER as TAKER
from foreign_rig import DESK, IN, OUT, QUEUE, UNCLAIMED, desk, event


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/desk.db"
        return
    postgres = request.getfixturevalue("servers").postgres
    yield postgres.add_database("foreign_rabbit")
    postgres.drop_database("foreign_rabbit")


@pytest.fixture
def broker(rabbit_url: str) -> str:
    """The broker's URL, with nothing on it that another test has declared."""
    forget_queues(rabbit_url)
    connection = connect(rabbit_url)
    channel: Any = connection.default_channel
    for queue in (*queue_names(DESK), QUEUE, UNCLAIMED, "results res.a"):
        channel.queue_delete(queue)
    for exchange in (IN, OUT, UNCLAIMED, dead_exchange(QUEUE)):
        channel.exchange_delete(exchange)
    connection.collect()
    return rabbit_url


Open = Callable[..., RabbitRig]


@pytest.fixture
def open_rig(broker: str, database: str, tmp_path: Path) -> Iterator[Open]:
    rigs: list[RabbitRig] = []

    def open_(*outlets: Outlet) -> RabbitRig:
        taker = parties({name: f"sqlite:///{tmp_path}/{name}.db" for name in ("alpha-svc", TAKER, OTHER)})[1]
        rigs.append(RabbitRig([desk(database, *outlets), taker], broker))
        rigs[-1][DESK].sweep_seconds = 0.1
        return rigs[-1]

    yield open_
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(open_rig: Open) -> RabbitRig:
    return open_rig()


@pytest.fixture
def channel(broker: str) -> Iterator[Any]:
    connection = connect(broker)
    channel = connection.default_channel
    channel.confirm_select()  # type: ignore[attr-defined]
    yield channel
    connection.collect()


def publish(channel: Any, body: bytes, key: str = "a.r", **properties: Any) -> None:
    channel.basic_publish(Message(body, delivery_mode=2, **properties), IN, key, mandatory=True)


def results(channel: Any, key: str) -> str:
    """A queue of a stranger's own for what he is answered."""
    channel.queue_declare(f"results {key}", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(f"results {key}", OUT, key)
    return f"results {key}"


def take_one(channel: Any, queue: str, seconds: float = PATIENCE) -> Any:
    got: list[Any] = []
    until(lambda: got.append(channel.basic_get(queue, no_ack=True)) or got[-1], seconds, "a message")  # type: ignore[func-returns-value]
    return got[-1]


def depth(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


def said(party: Party) -> list[tuple[str, str]]:
    """(sender, event's id) of what took effect, in order."""
    return [(subject, json.loads(text)["id"]) for subject, text in party.effects]


def test_what_a_stranger_says_takes_effect_in_order_and_is_answered(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    queue = results(channel, "res.a")
    for n in range(60):
        publish(channel, event(f"e{n}"), content_type="application/cloudevents+json")
    until(lambda: len(rig[DESK].effects) == 60)
    assert said(rig[DESK]) == [("a", f"e{n}") for n in range(60)]
    until(rig[DESK].at_rest)
    assert depth(channel, queue) == 60
    answer = take_one(channel, queue)
    assert answer.body == b"\xffgot " + event("e0")
    assert answer.properties["message_id"] == f"re-{foreign(event('e0'), 'a.r').id}"
    assert answer.properties["content_type"] == "application/cloudevents+json"
    assert answer.properties["delivery_mode"] == 2
    assert answer.delivery_info["exchange"] == OUT


def test_poison_among_good_ones_is_parked_and_its_neighbours_are_unharmed(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    for n in range(40):
        publish(channel, event(f"e{n}", "poison" if n in {7, 8, 31} else ""))
    for body in (b"", b"\xff\xfe no JSON", b"[]"):
        publish(channel, body)
    until(lambda: len(rig[DESK].effects) == 40 and len(rig[DESK].store.parked()) == 3)
    assert {p.reason for p in rig[DESK].store.parked()} == {"ValueError: this one kills me"}
    assert [text for _, text in rig[DESK].effects[-3:]] == ["", "\ufffd\ufffd no JSON", "[]"]
    until(lambda: depth(channel, QUEUE) == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_death_between_effect_and_acknowledgement_effects_are_exactly_once(
    rig: RabbitRig, channel: Any
) -> None:
    rig[DESK].processor.dies_after = 10
    rig.start()
    queue = results(channel, "res.a")
    for n in range(40):
        publish(channel, event(f"e{n}"))
    until(lambda: rig.dead(QUEUE), what="the consumer dies")
    taken = len(rig[DESK].effects)
    assert 10 <= taken < 40
    rig[DESK].processor.dies_after = None
    rig.restart()
    until(lambda: len(rig[DESK].effects) == 40 and depth(channel, QUEUE) == 0)
    publish(channel, event("last"))
    until(lambda: len(rig[DESK].effects) == 41)
    assert said(rig[DESK]) == [*(("a", f"e{n}") for n in range(40)), ("a", "last")]
    until(rig[DESK].at_rest)
    ids: set[str] = set()
    while len(ids) < 41:  # those that a death left unconfirmed are there twice, under one id
        ids.add(take_one(channel, queue).properties["message_id"])


def test_the_same_event_id_of_two_senders_is_two_messages_and_twice_from_one_is_one(
    rig: RabbitRig, channel: Any, servers: Any, broker: str
) -> None:
    rig.start()
    for user in ("a", "b"):
        servers.rabbitmq.ctl("add_user", user, "secret")
    try:
        for user in ("a", "b", "a"):
            servers.rabbitmq.ctl("set_permissions", "-p", urlsplit(broker).path[1:], user, "", ".*", "")
            said_by(broker, user, event("e1"))
        until(lambda: len(rig[DESK].effects) == 2)
        publish(channel, event("last"), "c.r")
        until(lambda: ("c", "last") in said(rig[DESK]))
        assert said(rig[DESK]) == [("a", "e1"), ("b", "e1"), ("c", "last")]
    finally:
        for user in ("a", "b"):
            servers.rabbitmq.ctl("delete_user", user)


def said_by(broker: str, user: str, body: bytes) -> None:
    """Publish as this user, who says so."""
    parameters = pika.URLParameters(broker)
    parameters.credentials = pika.PlainCredentials(user, "secret")
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(IN, "shared.key", body, pika.BasicProperties(user_id=user), mandatory=True)


def test_properties_that_nobody_can_decode_stop_nobody(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    publish(channel, event("e1"), content_type="text/x", user_id="haoyuan")
    channel.basic_publish(_Torn(event("e2")), IN, "a.r")
    publish(channel, event("e3"))
    until(lambda: len(rig[DESK].effects) == 3)
    assert said(rig[DESK]) == [("haoyuan", "e1"), ("a", "e2"), ("a", "e3")]


class _Torn(Message):  # type: ignore[misc]  # py-amqp has no types
    """A message whose content type is no UTF-8."""

    def _serialize_properties(self) -> bytes:
        return struct.pack(">HB", 0x8000, 2) + b"\xff\xfe"


def test_one_that_is_too_large_is_parked_and_the_next_ones_flow(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    publish(channel, b"x" * MAX_BYTES)
    publish(channel, b"x" * (MAX_BYTES + 1))
    publish(channel, event("e1"))
    until(lambda: len(rig[DESK].effects) == 2)
    (parked,) = rig[DESK].store.parked()
    assert parked.reason == f"larger than {MAX_BYTES} bytes"
    assert len(parked.body) == MAX_BYTES + 1


def test_large_ones_go_in_small_batches(rig: RabbitRig, channel: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(consumer, "BATCH_BYTES", 2500)
    batches: list[list[int]] = []
    take = rig[DESK].processor.take
    rig[DESK].processor.take = lambda queue, batch: (  # type: ignore[method-assign]
        batches.append([len(m.body) for m in batch]) or take(queue, batch)  # type: ignore[func-returns-value]
    )
    rig.start()
    rig[DESK].store.away = True
    publish(channel, b"first")
    until(lambda: batches, what="it holds the first, while the others come")
    for n, size in enumerate([1000, 1400, 3000, 2000, 400, 100]):
        publish(channel, b"%d" % n + b"x" * (size - 1))
    until(lambda: depth(channel, QUEUE) == 0, what="all are on their way to the consumer")
    rig[DESK].store.away = False
    until(lambda: len(rig[DESK].effects) == 7)
    assert batches[-1][-1] == 100
    assert [n for batch in batches if batch != [5] for n in batch] == [1000, 1400, 3000, 2000, 400, 100]
    assert all(sum(batch) <= 2500 for batch in batches if batch != [3000])
    assert any(len(batch) > 1 for batch in batches)


def test_an_intake_that_is_full_refuses_until_there_is_room_again(
    rig: RabbitRig, broker: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(topology, "_INTAKE_BYTES", 50_000)
    rig.start()
    rig.stop()
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()

        def taken() -> bool:
            try:
                channel.basic_publish(IN, "a.r", b"x" * 1000 + str(time.monotonic()).encode(), mandatory=True)
            except pika.exceptions.NackError:
                return False
            return True

        until(lambda: not taken(), what="it is full")
        rig.start()
        until(taken, what="it has room again")


def test_what_rabbitmq_gives_up_is_parked_as_whose_it_was_and_can_be_replayed(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    channel.basic_publish(Message(event("e1"), user_id="haoyuan"), dead_exchange(QUEUE), "a.r")
    until(lambda: rig[DESK].store.parked())
    (parked,) = rig[DESK].store.parked()
    assert parked.reason.startswith("given up by RabbitMQ after")
    assert (parked.message_id, parked.type) == (foreign(event("e1"), "a.r", "haoyuan").id, "a.r")
    rig[DESK].processor.replay(parked)
    assert said(rig[DESK]) == [("haoyuan", "e1")]


def test_an_intakes_dead_letters_keep_their_key(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    rig.stop()
    publish(channel, event("e1"), "a.r")
    tag = channel.basic_consume(QUEUE, callback=lambda m: channel.basic_reject(m.delivery_tag, requeue=False))
    channel.connection.drain_events(timeout=10)
    channel.basic_cancel(tag)
    until(lambda: depth(channel, dead_queue(DESK)) == 1)
    letter = take_one(channel, dead_queue(DESK))
    assert letter.delivery_info["exchange"] == dead_exchange(QUEUE)
    assert letter.delivery_info["routing_key"] == "a.r"


def test_an_answer_that_nobody_takes_is_kept_for_a_while_and_is_no_alarm(rig: RabbitRig, channel: Any) -> None:
    before = OUTBOX_RETURNED._value.get()
    rig.start()
    publish(channel, event("e1"), "nobody.r")
    until(lambda: rig[DESK].effects and rig[DESK].at_rest())
    until(lambda: depth(channel, UNCLAIMED) == 1)
    assert take_one(channel, UNCLAIMED).delivery_info["routing_key"] == "res.nobody"
    assert OUTBOX_RETURNED._value.get() == before


def test_without_such_a_queue_it_is_an_alarm_and_is_sent_again(open_rig: Open, channel: Any) -> None:
    rig = open_rig(Outlet(OUT))
    before = OUTBOX_RETURNED._value.get()
    rig.start()
    queue = results(channel, "res.a")
    publish(channel, event("e1"), "nobody.r")
    publish(channel, event("e2"), "a.r")
    until(lambda: [row.attempts for row in rig[DESK].outbox] == [1])
    (row,) = rig[DESK].outbox
    assert (row.exchange, row.type, row.error) == (OUT, "res.nobody", "NO_ROUTE: res.nobody")
    assert OUTBOX_RETURNED._value.get() == before + 1
    assert depth(channel, queue) == 1


def test_an_exchange_that_is_no_outlet_is_an_alarm_and_stands_in_nobodys_way(rig: RabbitRig, channel: Any) -> None:
    rig.start()
    queue = results(channel, "res.a")
    with rig[DESK].store.transaction() as tx:
        tx.send_out("nowhere", "res.a", b"x", "m1")
        tx.send_out(OUT, "res.a", b"x", "m2")
        tx.send(placed("a", 1))
    until(lambda: [row.attempts for row in rig[DESK].outbox] == [1])
    assert rig[DESK].outbox[0].error == "no outlet: nowhere"
    assert take_one(channel, queue).properties["message_id"] == "m2"
    until(lambda: rig[TAKER].effects == [("a", "1")])


def test_an_outlet_that_another_has_declared_otherwise_stops_only_what_would_leave_by_it(
    rig: RabbitRig, channel: Any
) -> None:
    rig.start()
    rig.stop()
    channel.exchange_delete(OUT)
    channel.exchange_declare(OUT, "fanout", durable=False, auto_delete=False)
    publisher = rig._publisher(DESK)
    witness = _Relay()
    publisher.start(witness)  # type: ignore[arg-type]
    rig[DESK].store.on_commit = publisher.publish
    with rig[DESK].store.transaction() as tx:
        tx.send_out(OUT, "res.a", b"x", "m1")
        tx.send(placed("a", 1))
    until(lambda: witness.told == {1: f"no outlet: {OUT}", 2: ""})
    publisher.stop()


class _Relay:
    def __init__(self) -> None:
        self.told: dict[int, str] = {}

    def settled(self, row_ids: Any) -> None:
        self.told |= dict.fromkeys(row_ids, "")

    def returned(self, row_id: int, reason: str) -> None:
        self.told[row_id] = reason


@pytest.mark.faults
def test_rows_sent_out_and_messages_taken_in_survive_a_broker_that_is_killed(
    rig: RabbitRig, broker: str, servers: Any
) -> None:
    rig.start()
    connection = connect(broker)
    queue = results(connection.default_channel, "res.a")
    publish(connection.default_channel, event("e0"))
    until(lambda: len(rig[DESK].effects) == 1)
    servers.rabbitmq.settle()
    connection.collect()
    servers.rabbitmq.kill()
    with rig[DESK].store.transaction() as tx:
        for n in range(1, 20):
            tx.send_out(OUT, "res.a", b"%d" % n, f"m{n}")
    servers.rabbitmq.start()
    until(rig[DESK].at_rest, 60)
    connection = connect(broker)
    try:
        channel: Any = connection.default_channel
        ids: dict[str, None] = {}
        # not by counting first: a queue that looks for its leader says that it holds nothing
        while "m19" not in ids:
            ids.setdefault(take_one(channel, queue, 90).properties["message_id"])
        assert list(ids)[1:] == [f"m{n}" for n in range(1, 20)]
        publish(channel, event("after"))
        until(lambda: said(rig[DESK]) == [("a", "e0"), ("a", "after")])
    finally:
        connection.collect()
