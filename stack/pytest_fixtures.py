"""Fixtures for every test of the tree: the real servers, started once, and something of its own on them for each test module.

Tests that use them are marked `stack` by themselves. Where the servers cannot be had they are skipped with the reason; in CI (CI=true)
they fail.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.servers import Servers, ServersUnavailable, provide

TEST_REDIS = 15  # the last of its databases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the servers."""
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)


@contextmanager
def open_directory() -> Iterator[Path]:
    """A folder that goes afterwards, and that others may pass: root's PostgreSQL runs as somebody else."""
    directory = Path(tempfile.mkdtemp(prefix="haoyuan-test-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """RabbitMQ, PostgreSQL, Redis and a Mongo-wire server, private to this run of the tests."""
    with open_directory() as directory, _provide(directory) as running:
        yield running


def _provide(directory: Path) -> Servers:
    try:
        return provide(directory)
    except ServersUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs the servers: {reason}")
        pytest.skip(f"no servers: {reason}")


def _fresh_name() -> str:
    return f"t{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def rabbit_url(servers: Servers) -> Iterator[str]:
    """A virtual host of this module's own."""
    name = _fresh_name()
    yield servers.rabbitmq.add_vhost(name)
    servers.rabbitmq.drop_vhost(name)


@pytest.fixture(scope="module")
def postgres_url(servers: Servers) -> Iterator[str]:
    """An empty database of this module's own, for SQLAlchemy."""
    name = _fresh_name()
    yield servers.postgres.add_database(name)
    servers.postgres.drop_database(name)


@pytest.fixture(scope="module")
def mongo_url(servers: Servers) -> Iterator[str]:
    """An empty document database of this module's own."""
    name = _fresh_name()
    yield servers.mongo.url(name)
    servers.mongo.drop_database(name)


@pytest.fixture(scope="module")
def redis_url(servers: Servers) -> Iterator[str]:
    """A Redis database, emptied before and after."""
    servers.redis.clear(TEST_REDIS)
    yield servers.redis.url(TEST_REDIS)
    servers.redis.clear(TEST_REDIS)
