"""The names and the declaration of everything in RabbitMQ, in one place. Declaring is idempotent, on RabbitMQ 3.10 to 4.x.

    haoyuan.events (topic) --types--> <svc>                                one partition
    haoyuan.events (topic) --types--> <svc> (hash) --> <svc>.0 .. n-1      PARTITIONS=n, by header `partitionkey`
    <svc>*  --dead letters--> haoyuan.dead (direct) --> <svc>.dead         parked from there into the service's database

What a service takes from others (an Intake), and by what it answers them (an Outlet):

    <exchange> (topic) --#--> <intake's queue> --dead letters--> <queue>.dead (fanout) --> <svc>.dead
    <exchange> (topic) --keys that others bind--> their queues; else --> <unclaimed> (fanout) --> <unclaimed>

Queues are quorum queues with a single active consumer: replicas of a worker are hot standbys, and order is kept. The
arguments of a declared queue cannot be changed (406 PRECONDITION_FAILED): what an operator may want to tune, such as
max-length, belongs into a policy.

Subscriptions change with the code. A worker only adds bindings, so that an old one that restarts during a rolling update
cannot take a new subscription away. `settle`, run by the migration of each release, adds them too, and removes what the
release no longer takes. It runs before the service's first message can be sent to it: a queue that does not exist yet
misses what is published meanwhile.

Changing PARTITIONS: `settle` moves the bindings. From 1 to n, workers empty the old `<svc>` by themselves. To fewer, keep
a worker with the old setting until its queues are empty. While two queues hold messages of a key, its order may break, and
guarded transitions hold; it is best done in a quiet hour.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from kombu.connection import Connection
from kombu.exceptions import OperationalError

from common.foreign import Intake, Outlet
from common.messages import CATALOGUE

EVENTS = "haoyuan.events"
DEAD = "haoyuan.dead"
PARTITION_HEADER = "partitionkey"

DELIVERY_LIMIT = 100
"""Deliveries after which RabbitMQ gives a message up. Each crash of a worker costs its whole prefetch one; a refusal costs
none, as we never send one. So it is for what kills the process itself, and leaves room for many an innocent crash."""

_WORK = {
    "x-single-active-consumer": True,
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # without it at-least-once is silently at-most-once
}

_NO_LIMIT = 1_000_000_000
"""RabbitMQ 4 sets a limit of 20 by itself and drops beyond it; 3.10 knows no -1 for none."""

_INTAKE_BYTES = 1024**3
"""What may wait in an intake: whoever floods it is refused (basic.nack), before the broker's disk is full for everybody."""

_UNCLAIMED = 10_000
_UNCLAIMED_BYTES = 256 * 1024**2
"""How much is kept of answers that nobody takes; the oldest go first. Their senders keep them in their databases anyway."""

_HEARTBEAT = 30
_IO_SECONDS = 15


def queue_names(service: str, partitions: int = 1) -> list[str]:
    """Every queue that the service's workers consume; the last one is its dead letters'."""
    return [*_live_queues(service, partitions), *([service] if partitions > 1 else []), dead_queue(service)]


def dead_queue(service: str) -> str:
    return f"{service}.dead"


def connect(url: str) -> Connection:
    """A new connection, established at once and once only. Raises kombu's OperationalError if the broker is away."""
    connection = Connection(
        url,
        heartbeat=_HEARTBEAT,
        connect_timeout=5,
        transport_options={"read_timeout": _IO_SECONDS, "write_timeout": _IO_SECONDS},
    )
    connection.ensure_connection(max_retries=0)
    return connection


def dead_exchange(intake_queue: str) -> str:
    """By which an intake's dead letters go: it keeps their routing key, which says who sent them."""
    return f"{intake_queue}.dead"


def is_away(error: BaseException) -> bool:
    """True if the broker could not be reached: the same may succeed later."""
    return isinstance(error, OperationalError | OSError)


def declare(
    channel: Any, service: str, types: Iterable[str], partitions: int = 1, intakes: Iterable[Intake] = ()
) -> None:
    """Declare the service's queues and bind them to what it takes. `channel`: py-amqp's or kombu's."""
    channel.exchange_declare(EVENTS, "topic", durable=True, auto_delete=False)
    channel.exchange_declare(DEAD, "direct", durable=True, auto_delete=False)
    dead = dead_queue(service)
    _declare_queue(channel, dead, {"x-delivery-limit": _NO_LIMIT})
    channel.queue_bind(dead, DEAD, service)
    for queue in queue_names(service, partitions)[:-1]:
        _declare_queue(channel, queue, {**_WORK, "x-dead-letter-exchange": DEAD, "x-dead-letter-routing-key": service})
    _bind_types(channel, service, types, partitions)
    for intake in intakes:
        _declare_intake(channel, intake, dead)


def declare_outlet(channel: Any, outlet: Outlet) -> None:
    """Declare the exchange by which a service answers others. `channel`: py-amqp's, kombu's or pika's."""
    if not outlet.unclaimed:
        channel.exchange_declare(outlet.exchange, "topic", durable=True, auto_delete=False)
        return
    channel.exchange_declare(outlet.unclaimed, "fanout", durable=True, auto_delete=False)
    bounded = {"x-max-length": _UNCLAIMED, "x-max-length-bytes": _UNCLAIMED_BYTES, "x-overflow": "drop-head"}
    _declare_queue(channel, outlet.unclaimed, bounded)
    channel.queue_bind(outlet.unclaimed, outlet.unclaimed, "")
    arguments = {"alternate-exchange": outlet.unclaimed}
    channel.exchange_declare(outlet.exchange, "topic", durable=True, auto_delete=False, arguments=arguments)


def _declare_intake(channel: Any, intake: Intake, dead: str) -> None:
    channel.exchange_declare(intake.exchange, "topic", durable=True, auto_delete=False)
    letters = dead_exchange(intake.queue)
    channel.exchange_declare(letters, "fanout", durable=True, auto_delete=False)
    channel.queue_bind(dead, letters, "")
    arguments = {**_WORK, "x-dead-letter-exchange": letters, "x-max-length-bytes": _INTAKE_BYTES}
    _declare_queue(channel, intake.queue, arguments)
    channel.queue_bind(intake.queue, intake.exchange, "#")


def _bind_types(channel: Any, service: str, types: Iterable[str], partitions: int) -> None:
    if partitions == 1:
        for type_ in types:
            channel.queue_bind(service, EVENTS, type_)
        return
    hashed = {"hash-header": PARTITION_HEADER}
    channel.exchange_declare(service, "x-consistent-hash", durable=True, auto_delete=False, arguments=hashed)
    for queue in _live_queues(service, partitions):
        channel.queue_bind(queue, service, "1")  # the routing key is the queue's weight
    for type_ in types:
        channel.exchange_bind(service, EVENTS, type_)


def settle(
    url: str,
    service: str,
    types: Iterable[str],
    partitions: int = 1,
    intakes: Sequence[Intake] = (),
    outlets: Sequence[Outlet] = (),
) -> None:
    """Declare, remove the bindings of types and partitions that the service no longer has, and leave a mark.

    The mark is an exchange, `<svc>.settled`: processes look for everybody's before they serve, see `unsettled`.
    """
    taken = set(types)
    connection = connect(url)
    try:
        channel = connection.default_channel
        if taken or intakes:
            declare(channel, service, taken, partitions, intakes)
            _remove_stale(connection, service, taken, partitions)
        for outlet in outlets:
            declare_outlet(channel, outlet)
        channel.exchange_declare(_mark(service), "fanout", durable=True, auto_delete=False)
    finally:
        connection.collect()


def unsettled(url: str, services: Iterable[str]) -> list[str]:
    """The services whose queues have never been declared: what is published now, they miss."""
    connection = connect(url)
    try:
        return [service for service in services if not _is_settled(connection, service)]
    finally:
        connection.collect()


def _mark(service: str) -> str:
    return f"{service}.settled"


def _is_settled(connection: Connection, service: str) -> bool:
    channel = connection.channel()
    try:
        channel.exchange_declare(_mark(service), "fanout", passive=True)
    except connection.channel_errors:  # 404 closes the channel
        return False
    channel.close()
    return True


def _remove_stale(connection: Connection, service: str, taken: set[str], partitions: int) -> None:
    channel: Any = connection.default_channel
    stale = set(CATALOGUE) - taken
    if partitions == 1:
        for type_ in stale:
            channel.queue_unbind(service, EVENTS, type_)
        channel.exchange_delete(service)  # and its bindings
        return
    for type_ in stale:
        channel.exchange_unbind(service, EVENTS, type_)
    for type_ in CATALOGUE:
        channel.queue_unbind(service, EVENTS, type_)
    for queue in _fallen_out(connection, service, partitions):
        channel.queue_unbind(queue, service, "1")


def _live_queues(service: str, partitions: int) -> list[str]:
    return [service] if partitions == 1 else [f"{service}.{n}" for n in range(partitions)]


def _declare_queue(channel: Any, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum", **arguments})


def _fallen_out(connection: Connection, service: str, partitions: int) -> list[str]:
    """The queues of partitions beyond the present number that still exist."""
    found: list[str] = []
    while True:
        queue = f"{service}.{partitions + len(found)}"
        channel = connection.channel()
        try:
            channel.queue_declare(queue, passive=True)
        except connection.channel_errors:  # 404 closes the channel
            return found
        channel.close()
        found.append(queue)
