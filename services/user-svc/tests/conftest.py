"""user-svc on SQLite, with cheap hashes and a clock that stands still, and people who talk to it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import take_sent
from credit_world import ZHANG, staff
from user_svc.app import Settings, build
from user_world import CHEAP, PASSWORD, Person, join


@pytest.fixture
def clock() -> ManualClock:
    """Starts now: tokens are verified against the time of day."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def service(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/user.db", admin_password=PASSWORD, **CHEAP), clock)
    made.migrate()
    yield made
    made.database.close()


@pytest.fixture
def anybody(service: Service) -> Person:
    return Person(service)


@pytest.fixture
def operator(service: Service) -> Person:
    return Person(service).log_in("operator")


@pytest.fixture
def alice(service: Service) -> Person:
    return join(service, "alice", phone="13812345678")


@pytest.fixture
def bob(service: Service) -> Person:
    return join(service, "bob")


@pytest.fixture
def patient(alice: Person) -> str:
    answer = alice.call("POST", "/users/me/patients", ZHANG)
    take_sent(alice.service.database)
    return str(answer.get_json()["id"])


@pytest.fixture
def registrar(service: Service, operator: Person) -> Person:
    return staff(service, operator, "rita", "hos_1")
