"""What was said of people at the clinic is forgotten: with their accounts, and in time."""

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from booking_svc import store
from booking_svc.usecases import clinic, watching
from booking_svc.usecases.clinic import WalkIn
from clinic_day import DESK, ClinicDay
from common.outbox import Timer
from common.outbox.tables import timers

KEEP = timedelta(days=180)
SECRET = "wheelchair, of Wang"


@pytest.fixture
def day(tmp_path: Any) -> Iterator[ClinicDay]:
    made = ClinicDay(f"sqlite:///{tmp_path}/booking.db")
    yield made
    made.database.close()


def words(day: ClinicDay) -> str:
    """All that is kept of visits, their moves and what was told of waiting times."""
    with day.database.reading() as conn:
        tables = [store.metadata.tables[name] for name in ("visits", "visit_moves", "estimates")]
        return repr([tuple(row) for table in tables for row in conn.execute(sa.select(table))])


def said(day: ClinicDay, name: str) -> str:
    """She has priority, and why is written down."""
    visit_id = day.come(name)
    clinic.reclass(day.database, DESK, visit_id, "priority", "disabled")
    clinic.transfer_visit(day.database, DESK, visit_id, day.other, SECRET)
    return visit_id


def run(day: ClinicDay, rounds: int) -> None:
    service = SimpleNamespace(database=day.database, settings=SimpleNamespace(keep_visits_days=KEEP.days))
    for _ in range(rounds):
        with day.database.reading() as conn:
            row = conn.execute(sa.select(timers).where(timers.c.kind == watching.FORGET)).one()
        if row.due_at > day.clock():
            return
        watching.forget(service, Timer(watching.FORGET, "", row.due_at, json.loads(row.payload)))


def test_the_end_of_an_account_empties_why_she_had_priority_and_what_was_written(day: ClinicDay) -> None:
    mine, other = said(day, "anna"), day.come("bob")
    assert "disabled" in words(day)
    with day.database.transaction() as tx:
        store.days.forget_names(tx, "acc_anna")
    assert "disabled" not in words(day)
    assert SECRET not in words(day)
    assert (day.visit(mine).state, day.visit(mine).visit_class) == ("waiting", "priority"), "she keeps her place"
    assert day.line() == [day.visit(other).ticket]


def test_what_is_old_is_forgotten_in_bounded_steps(day: ClinicDay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SEEN_AT_ONCE", 3)
    for name in ("anna", "bob", "carl"):
        said(day, name)
    walk_in = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("李四"))
    with day.database.transaction() as tx:
        tx.set_timer(watching.FORGET, "", tx.now)
    run(day, 20)
    assert "disabled" in words(day), "it may be asked about"
    day.clock.advance(KEEP + timedelta(days=1))
    fresh = day.expect("dora", at=KEEP.total_seconds() / 60 + 24 * 60)
    day.check_in(fresh)
    clinic.reclass(day.database, DESK, fresh, "priority", "pregnant")
    run(day, 20)
    kept = words(day)
    assert "disabled" not in kept
    assert SECRET not in kept
    assert day.visit(walk_in.id).name is None
    assert day.visit(fresh).reason == "pregnant", "of today"
    assert len(day.moves(fresh)) > 0
