"""A clinic day over HTTP whose department has a past: consultations of any length, patients who came or did not."""

import functools
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from booking_patient import fire
from booking_svc import store
from booking_svc.app import Settings, build
from booking_svc.clinic.visits import ClinicVisit, VisitState
from booking_svc.usecases.waiting import ESTIMATE
from booking_world import VISIT
from clinic_day import OPENS, ClinicDay
from common import ids
from common.outbox import Database
from common.outbox.migrate import migrate
from common.outbox.tables import timers
from common.testing import bearer

STAFF = bearer("acc_admin", "hospital_admin", hospital_id=VISIT.hospital_id)
THEIRS = bearer("acc_theirs", "hospital_admin", hospital_id="h2")


@functools.cache
def migrated() -> bytes:
    """An empty database: to copy one takes a tenth of the time that it takes to make one."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        migrate(database, "booking_svc")
        database.close()
        return (Path(folder) / "empty.db").read_bytes()


def empty(path: Path) -> str:
    """The URL of a new database in this folder."""
    (path / "booking.db").write_bytes(migrated())
    return f"sqlite:///{path}/booking.db"


class WaitsDay(ClinicDay):
    """A service and a client on the same database."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.service = build(Settings(database_url=url), self.clock)
        self.client = self.service.app.test_client()

    def close(self) -> None:
        self.database.close()
        self.service.database.close()

    # --- the past ---

    def past(self, seconds, doctor_id=VISIT.doctor_id, days_ago=1, department_id=VISIT.department_id) -> None:
        """Consultations that took so long, one after the other, in a session of that day; each patient came ten minutes early."""
        session = ids.mint("ses")
        at = OPENS - timedelta(days=days_ago)
        done = []
        for n, took in enumerate(seconds):
            done.append(past_visit(session, n, at, at + timedelta(seconds=took), doctor_id, department_id))
            at += timedelta(seconds=took)
        with self.database.transaction() as tx:
            store.visits.insert_visits(tx, done)

    def known(self, mean: float, doctor_id=VISIT.doctor_id, spread: float = 0.4, count: int = 60) -> None:
        """A doctor who takes so many seconds for a patient, as is known from three days."""
        draw = np.random.default_rng(5)
        for n in range(3):
            self.past(mean * np.exp(spread * draw.standard_normal(count // 3) - spread**2 / 2), doctor_id, n + 1)

    # --- now ---

    def fire(self) -> None:
        """Let all timers fire that are due."""
        fire(self.service)

    def estimates(self, visit_id: str = "") -> list:
        table = store.metadata.tables["estimates"]
        query = table.select().order_by(table.c.id)
        with self.database.reading() as conn:
            return list(conn.execute(query.where(table.c.visit_id == visit_id) if visit_id else query))

    def timers(self) -> list:
        with self.database.reading() as conn:
            return list(conn.execute(timers.select().where(timers.c.kind == ESTIMATE)))

    def get(self, path: str, headers=STAFF):
        return self.client.get(f"/api/v1{path}", headers=headers)

    def wait(self, visit_id: str) -> dict:
        answer = self.get(f"/visits/{visit_id}/wait")
        assert answer.status_code == 200, answer.json
        return answer.json


def past_visit(
    session: str, n: int, called_at: datetime, ended_at: datetime, doctor_id: str, department_id: str
) -> ClinicVisit:
    visit_id = ids.mint("vis")
    starts_at = called_at - timedelta(minutes=5)
    return ClinicVisit(
        visit_id, session, session, VISIT.hospital_id, department_id,
        replace(VISIT, starts_at=starts_at, doctor_id=doctor_id, department_id=department_id), str(n), "appointment",
        f"ord_{visit_id}", state=VisitState.DONE, served_by=doctor_id, calls=1,
        checked_in_at=starts_at - timedelta(minutes=10), called_at=called_at, desk_seconds=(ended_at - called_at).total_seconds(), ended_at=ended_at, updated_at=ended_at,
    )  # fmt: skip
