"""One person in the lists of two accounts, through three services: her id is good where she books, and her limits and marks are hers
whichever account books.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import booking_svc.app
import pytest
import schedule_svc.app
import sqlalchemy as sa
import user_svc.app
from common import ids
from common.clock import ManualClock
from common.messages import CreditChanged, ReserveSlot, SlotRejected, SlotReserved, Visit, VisitMissed
from common.service import Service
from common.testing import assert_problem, bearer, deliver, take_sent
from schedule_svc.store.tables import sessions
from schedule_svc.usecases.rosters import Publisher, apply_roster

NOW = datetime(2026, 12, 1, 1, tzinfo=UTC)
GRANDMOTHER = {"name": "张三丰", "id_type": "resident_id", "id_number": "11010519491231002X", "phone": "13812345678"}
DOCTORS = [f"D{n}" for n in range(6)]


def roster() -> dict[str, Any]:
    """Each doctor sits on one morning, a day apart."""
    doctors = [{"code": d, "version": 1, "name": d, "title": "主任医师", "department": "card"} for d in DOCTORS]
    rows = []
    for n, doctor in enumerate(DOCTORS):
        day = f"2026-12-{5 + n // 2:02}"
        slot = {"starts_at": f"{day}T08:00:00+08:00", "ends_at": f"{day}T09:00:00+08:00", "capacity": 9, "blocked": 0}
        rows.append(
            {"code": doctor, "version": 1, "doctor": doctor, "date": day, "period": "morning", "room": "1", "slots": [slot],
             "fee": {"amount": 5000, "currency": "CNY"}, "release_at": "2026-12-01T08:30:00+08:00"}
        )  # fmt: skip
    return {
        "hospital": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等"},
        "departments": [{"code": "card", "version": 1, "name": "心内科"}],
        "doctors": doctors,
        "sessions": rows,
    }


@dataclass
class World:
    users: Service
    booking: Service
    schedule: Service
    sessions: list[str]

    def join(self, name: str) -> str:
        body = {"username": name, "password": "a-long-enough-password", "email": f"{name}@example.com"}
        answer = self.users.app.test_client().post("/api/v1/users", json=body)
        assert answer.status_code == 201, answer.get_data()
        return str(answer.get_json()["id"])

    def add(self, account_id: str) -> str:
        client = self.users.app.test_client()
        answer = client.post("/api/v1/users/me/patients", json=GRANDMOTHER, headers=bearer(account_id))
        assert answer.status_code == 201, answer.get_data()
        return str(answer.get_json()["id"])

    def order(self, account_id: str, patient_id: str, session_id: str) -> Any:
        """Place an order; answers what schedule-svc says to it, or booking-svc's refusal."""
        body = {"session_id": session_id, "patient_id": patient_id}
        placed = self.booking.app.test_client().post("/api/v1/orders", json=body, headers=bearer(account_id))
        if placed.status_code != 202:
            return placed
        (reserve,) = [m for m in take_sent(self.booking.database) if isinstance(m, ReserveSlot)]
        deliver(self.schedule, reserve)
        answers = take_sent(self.schedule.database)
        return next(m for m in answers if isinstance(m, SlotReserved | SlotRejected))

    def misses(self, account_id: str, patient_id: str, order_id: str) -> None:
        """A visit that she missed, told by booking-svc, and what user-svc makes of it told to schedule-svc."""
        at = NOW - timedelta(days=3)
        visit = Visit(
            "hos", "仁爱", "dep", "心内科", "doc", "张伟", "主任医师", date(2026, 11, 28), "morning", at, at, "1"
        )
        deliver(self.users, VisitMissed(order_id, account_id, patient_id, "ses_1", visit, "acc_staff"))
        (changed,) = [m for m in take_sent(self.users.database) if isinstance(m, CreditChanged)]
        deliver(self.schedule, changed)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = ManualClock(NOW)
    cheap = {"password_time_cost": 1, "password_memory": 8}
    users = user_svc.app.build(user_svc.app.Settings(database_url=f"sqlite:///{tmp_path}/user.db", **cheap), clock)
    booking = booking_svc.app.build(booking_svc.app.Settings(database_url=f"sqlite:///{tmp_path}/booking.db"), clock)
    schedule = schedule_svc.app.build(schedule_svc.app.Settings(database_url=f"sqlite:///{tmp_path}/s.db"), clock)
    for service in (users, booking, schedule):
        service.migrate()
    apply_roster(schedule.database.transaction, roster(), Publisher("acc_operator", None))
    with schedule.database.reading() as conn:
        found = conn.execute(sa.select(sessions.c.id).order_by(sessions.c.code)).scalars().all()
    yield World(users, booking, schedule, list(found))
    for service in (users, booking, schedule):
        service.database.close()


def test_what_she_has_by_her_own_account_counts_for_her_daughters(world: World) -> None:
    owners = [world.join(name) for name in ("alice", "bob")]
    patients = [world.add(owner) for owner in owners]
    answers = [
        world.order(*pair, session) for pair in zip(owners, patients, strict=True) for session in world.sessions[:2]
    ]
    assert [type(answer) for answer in answers[:2]] == [SlotReserved, SlotReserved]
    assert [answer.reason for answer in answers[2:]] == ["limit_reached", "limit_reached"]
    assert isinstance(world.order(owners[1], patients[1], world.sessions[2]), SlotReserved), "another doctor"


def test_ids_of_both_forms_are_good_for_their_account_alone(world: World) -> None:
    alice, bob = world.join("alice"), world.join("bob")
    hers = world.add(alice)
    old = ids.mint("pat", alice)
    for patient_id, session in ((hers, world.sessions[0]), (old, world.sessions[0])):
        assert isinstance(world.order(alice, patient_id, session), SlotReserved)
        assert_problem(world.order(bob, patient_id, session), 404, "patient_not_found")
    assert_problem(world.order(alice, hers[:28], world.sessions[4]), 404, "patient_not_found")


def test_marks_by_two_accounts_trip_the_limit_together_and_urgent_care_is_open(world: World) -> None:
    """Three missed visits in a calendar year: the rule that holds where a hospital has said nothing."""
    alice, bob = world.join("alice"), world.join("bob")
    hers, his = world.add(alice), world.add(bob)
    world.misses(alice, hers, "ord_1")
    world.misses(bob, his, "ord_2")
    assert isinstance(world.order(bob, his, world.sessions[0]), SlotReserved)
    world.misses(alice, hers, "ord_3")
    for owner, patient in ((alice, hers), (bob, his)):
        assert world.order(owner, patient, world.sessions[2]).reason == "credit_blocked"
    with world.schedule.database.transaction() as tx:
        tx.conn.execute(sa.update(sessions).where(sessions.c.id == world.sessions[4]).values(urgent=True))
    assert isinstance(world.order(bob, his, world.sessions[4]), SlotReserved)
