"""The same servers from testcontainers, for machines where Docker answers. Data lasts as long as the run."""

import base64
import os
import socket
import time
from pathlib import Path

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException, ImageNotFound  # type: ignore[import-untyped]
from docker.models.containers import Container as DockerHandle  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from stack import postgres, rabbitmq
from stack.process import free_port
from stack.server import ServersUnavailable
from stack.servers import Servers
from stack.stores import Mongo, Redis

PULL_SECONDS = 120.0  # for all images together; then local binaries serve as well
POSTGRES, RABBITMQ, REDIS, MONGO = "postgres:17", "rabbitmq:4-management", "redis:7", "mongo:8"


class Container:
    """Runs a server in a container with one port, which is published on the loopback. See `stack.server.Runner`."""

    def __init__(self, name: str, container: DockerContainer, inner_port: int) -> None:
        self.name = name
        self.port = free_port()
        self._container = container
        self._started = False
        # The type of `ports` knows no address, the client library below does.
        container.ports[str(inner_port)] = ("127.0.0.1", self.port)  # type: ignore[assignment]

    @property
    def _handle(self) -> DockerHandle:
        return self._container.get_wrapped_container()

    @property
    def _status(self) -> str:
        self._handle.reload()
        return str(self._handle.status)

    @property
    def alive(self) -> bool:
        if not self._started:
            return False
        return self._status in {"running", "paused"}

    @property
    def fate(self) -> str:
        return self._status if self._started else "never started"

    def start(self) -> None:
        if not self._started:
            self._container.start()
            self._started = True
        elif not self.alive:
            self._handle.start()

    def stop(self, seconds: float = 15) -> None:
        if self.alive:
            self.resume()
            self._handle.stop(timeout=round(seconds))

    def kill(self) -> None:
        if self.alive:
            self._handle.kill()
            self._handle.wait()

    def pause(self) -> None:
        self._handle.pause()

    def resume(self) -> None:
        if self._status == "paused":
            self._handle.unpause()

    def remove(self) -> None:
        """Remove the container with its data."""
        if self._started:
            self._container.stop()
            self._started = False

    def run(self, *command: str) -> None:
        """Run a command inside. Raises ChildProcessError with what it says."""
        status, output = self._handle.exec_run(list(command))
        if status:
            raise ChildProcessError(f"{' '.join(command)}: {output.decode(errors='replace')}")

    def last_words(self, lines: int = 20) -> str:
        if not self._started:
            return ""
        return bytes(self._handle.logs(tail=lines)).decode(errors="replace")


def provide(directory: Path, password: str) -> Servers:
    """Servers in containers, not yet started. Raises ServersUnavailable if Docker does not answer or lacks an image."""
    _fetch_images()
    broker = Container("rabbitmq", _rabbitmq(password), 5672)
    settings = [part for name, value in postgres.OPTIONS.items() for part in ("-c", f"{name}={value}")]
    database = Container(
        "postgres",
        DockerContainer(POSTGRES).with_env("POSTGRES_PASSWORD", password).with_command(["postgres", *settings]),
        5432,
    )
    redis = Container("redis", DockerContainer(REDIS).with_command(["redis-server", "--appendonly", "yes"]), 6379)
    mongo = Container("mongo", DockerContainer(MONGO), 27017)

    def remove_all() -> None:
        for container in (broker, database, redis, mongo):
            container.remove()

    def ctl(*arguments: str) -> None:
        broker.run("rabbitmqctl", "--quiet", *arguments)

    def load(definitions: str) -> None:
        text = base64.b64encode(definitions.encode()).decode()  # a command run inside has no standard input
        broker.run("sh", "-c", f"echo {text} | base64 -d | rabbitmqctl --quiet import_definitions")

    return Servers(
        directory,
        rabbitmq.RabbitMQ(broker, broker.port, password, ctl, load),
        postgres.Postgres(database, database.port, password),
        Redis(redis, redis.port),
        Mongo(mongo, mongo.port),
        real_mongo=True,
        at_end=remove_all,
    )


def _rabbitmq(password: str) -> DockerContainer:
    container = DockerContainer(RABBITMQ)
    container.with_env("RABBITMQ_DEFAULT_USER", rabbitmq.USER).with_env("RABBITMQ_DEFAULT_PASS", password)
    return container.with_copy_into_container(rabbitmq.PLUGINS.encode(), "/etc/rabbitmq/enabled_plugins")


def _fetch_images() -> None:
    knock()
    client = docker.from_env(timeout=20)
    try:
        client.ping()
        deadline = time.monotonic() + PULL_SECONDS
        for image in (POSTGRES, RABBITMQ, REDIS, MONGO):
            _fetch(client, image, deadline)
        _settle_reaper(client, deadline)
    except DockerException as error:
        raise ServersUnavailable(f"Docker: {str(error)[:200]}") from None
    finally:
        client.close()


def knock() -> None:
    """Raises ServersUnavailable if no Docker answers here. The client library would leave its socket open."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise ServersUnavailable("Docker runs on another host")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(host.removeprefix("unix://"))
        except OSError:
            raise ServersUnavailable("Docker does not answer") from None


def _fetch(client: docker.DockerClient, image: str, deadline: float) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        repository, _, tag = image.partition(":")
        for progress in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in progress or time.monotonic() > deadline:
                fault = progress.get("error", f"not within {PULL_SECONDS:g} s")
                raise ServersUnavailable(f"image {image}: {fault}") from None


def _settle_reaper(client: docker.DockerClient, deadline: float) -> None:
    """The reaper removes containers after a kill -9 of us; without its image we go without it."""
    try:
        _fetch(client, testcontainers_config.ryuk_image, deadline)
    except (ServersUnavailable, DockerException):
        testcontainers_config.ryuk_disabled = True
