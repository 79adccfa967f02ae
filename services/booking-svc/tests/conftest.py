"""One booking-svc on SQLite, and a client of it."""

from dataclasses import replace

import pytest
from booking_patient import FACTS, SESSION
from booking_svc.app import Settings, build
from booking_world import NOW
from clinic_service import THERE
from common.clock import ManualClock
from common.messages import SessionPublished
from common.testing import deliver


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


@pytest.fixture
def sessions(service):
    """Two of one hospital: SESSION and THERE."""
    there = replace(FACTS, session_id=THERE, doctor_id="doc2", doctor_name="李医生")
    deliver(service, SessionPublished(SESSION, FACTS), SessionPublished(THERE, there))
