"""One booking-svc on SQLite, and a client of it."""

import pytest
from booking_svc.app import Settings, build
from booking_world import NOW
from common.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def service(tmp_path, clock):
    service = build(Settings(database_url=f"sqlite:///{tmp_path}/booking.db"), clock)
    service.parts.board._believed = 0.0
    service.migrate()
    yield service
    service.database.close()


@pytest.fixture
def client(service):
    return service.app.test_client()
