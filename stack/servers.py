"""The servers that the five services need, private to one directory: containers where Docker answers, else local binaries."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from stack import postgres, rabbitmq, stores
from stack.lock import sole_user
from stack.postgres import Postgres
from stack.rabbitmq import RabbitMQ
from stack.server import Server, ServersUnavailable
from stack.stores import Mongo, Redis

__all__ = ["SERVICES", "Servers", "ServersUnavailable", "provide"]

RELATIONAL = ("user-svc", "schedule-svc", "booking-svc", "payment-svc")
SERVICES = (*RELATIONAL, "notify-svc")


@dataclass
class Servers:
    """The four servers. They listen on the loopback, on ports nobody else uses; their data stays in `directory`."""

    directory: Path
    rabbitmq: RabbitMQ
    postgres: Postgres
    redis: Redis
    mongo: Mongo
    real_mongo: bool = False
    at_end: Callable[[], None] = lambda: None
    _held: ExitStack = field(default_factory=ExitStack)

    @property
    def all(self) -> tuple[Server, ...]:
        return self.rabbitmq, self.postgres, self.redis, self.mongo

    def start(self) -> None:
        """Start all of them and wait until they serve. Raises BlockingIOError if another run uses the directory."""
        self._held.enter_context(sole_user(self.directory))
        try:
            for server in self.all:
                server.launch()
            for server in self.all:
                server.wait_ready()
            self.realm().create()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all of them. The data of local servers stays."""
        for server in self.all:
            server.stop()
        self.at_end()
        self._held.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def realm(self, name: str = "") -> "Realm":
        """Databases and a virtual host of their own under these servers; "" is the one that is always there."""
        return Realm(self, name)

    def database_url(self, service: str) -> str:
        """The URL of a service's own database, as role of its own (DATABASE_URL)."""
        return self.realm().database_url(service)

    @property
    def broker_url(self) -> str:
        return self.realm().broker_url

    @property
    def redis_url(self) -> str:
        return self.realm().redis_url

    @property
    def mongo_url(self) -> str:
        return self.realm().mongo_url


@dataclass(frozen=True)
class Realm:
    """What one system needs of the servers; several do not see each other."""

    servers: Servers
    name: str

    def create(self) -> None:
        """Make what is not there yet."""
        for service in RELATIONAL:
            self.servers.postgres.add_database(self._database(service))
        if self.name:
            self.servers.rabbitmq.add_vhost(self.name)

    def drop(self) -> None:
        """Remove it with all that it holds."""
        for service in RELATIONAL:
            self.servers.postgres.drop_database(self._database(service))
        self.servers.mongo.drop_database(self._database("notify-svc"))
        if self.name:
            self.servers.rabbitmq.drop_vhost(self.name)

    def _database(self, service: str) -> str:
        return "_".join(filter(None, [self.name, service.replace("-", "_")]))

    def database_url(self, service: str) -> str:
        return self.servers.postgres.url(self._database(service))

    @property
    def broker_url(self) -> str:
        return self.servers.rabbitmq.url(self.name or "/")

    @property
    def redis_url(self) -> str:
        """One of Redis's sixteen databases; realms may share it, as it counts only what expires within minutes."""
        return self.servers.redis.url(crc32(self.name.encode()) % 16)

    @property
    def mongo_url(self) -> str:
        return self.servers.mongo.url(self._database("notify-svc"))


def provide(
    directory: Path, prefer: Sequence[str] = ("docker", "local"), say: Callable[[str], None] = print
) -> Servers:
    """The servers, not yet started: of the first kind that this machine has.

    STACK_SERVERS=docker or =local leaves no choice. Raises ServersUnavailable with what is missing.
    """
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    password = _password(directory)
    kinds = {"docker": _in_docker, "local": _local}
    faults: list[str] = []
    for kind in [os.environ["STACK_SERVERS"]] if os.environ.get("STACK_SERVERS") else prefer:
        try:
            servers = kinds[kind](directory, password)
        except ServersUnavailable as error:
            faults.append(str(error))
        else:
            say(f"servers: {kind}" + (f" ({faults[0]})" if faults else ""))
            return servers
    raise ServersUnavailable("; ".join(faults))


def _in_docker(directory: Path, password: str) -> Servers:
    try:
        from stack import containers
    except ImportError as error:
        raise ServersUnavailable(f"the Docker client is not installed ({error.name})") from None
    return containers.provide(directory, password)


def _local(directory: Path, password: str) -> Servers:
    return Servers(
        directory,
        rabbitmq.local(directory, password),
        postgres.local(directory, password),
        stores.local_redis(directory),
        stores.local_mongo(directory),
    )


def _password(directory: Path) -> str:
    """Of every role of every server in this directory: as long-lived as their data."""
    path = directory / "password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16))
    return path.read_text()
