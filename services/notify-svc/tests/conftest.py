"""notify-svc on a Mongo-wire server of this run's own, each test with a database of its own; on a real MongoDB too, where
Docker answers.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from common.clock import ManualClock
from common.service import Service
from notify_svc.app import Settings, build
from notify_svc.store import MongoStore
from pymongo import MongoClient
from pymongo.database import Database

from stack.servers import Servers
from stack.stores import local_mongo


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nx-27017."""
    server = local_mongo(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield f"mongodb://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture(scope="session")
def real(servers: Servers) -> str:
    """The URL of a MongoDB in a container."""
    if not servers.real_mongo:
        pytest.skip("no MongoDB: Docker does not answer, the server is nx-27017")
    return f"mongodb://127.0.0.1:{servers.mongo.port}"


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.mongo)])
def mongo(request: pytest.FixtureRequest) -> str:
    """The URL of a server: one test for each kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def is_double(mongo: str, double: str) -> bool:
    """True if the test runs on nx-27017."""
    return mongo == double


@pytest.fixture
def collections(mongo: str) -> Iterator[Database[dict[str, object]]]:
    """An empty database, for the contract."""
    with MongoClient[dict[str, object]](mongo, tz_aware=True, serverSelectionTimeoutMS=5000) as client:
        name = f"t{secrets.token_hex(4)}"
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def clock() -> ManualClock:
    """Starts now: tokens are verified against the time of day."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def service(double: str, clock: ManualClock) -> Iterator[Service]:
    """The service on an empty database."""
    made = build(Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}"), clock)
    made.migrate()
    yield made
    assert isinstance(made.store, MongoStore)
    made.store.client.drop_database(made.store.database.name)
    made.store.close()
