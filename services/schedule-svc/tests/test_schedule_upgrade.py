"""A database of the first release, with rows in it, becomes one of today's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.messages import SessionChanged
from common.outbox import Database, TimerLoop
from common.outbox import migrate as migrations
from common.outbox.migrate import migrate
from common.testing import sent, take_sent
from schedule_svc.usecases import planning
from schedule_svc.worker import TIMERS
from schedule_world import roster, session_row

FIRST = (
    "INSERT INTO hospitals VALUES ('hos', 'renai', '仁爱', '', '', 1, 'x')",
    "INSERT INTO departments VALUES ('dep', 'hos', 'card', '心内科', 1, 'x')",
    "INSERT INTO doctors VALUES ('doc', 'hos', 'dep', 'D1', '张伟', '主任医师', '', 1, 'x')",
    (
        "INSERT INTO sessions (id, hospital_id, department_id, doctor_id, code, version, digest, date, period, starts_at, ends_at,"
        " room, fee, policy, release_at, cancel_before, stopped, stop_reason, revision, sold_out, next_number, waiting, wait_seq)"
        " VALUES ('ses', 'hos', 'dep', 'doc', 's1', 1, 'x', '2020-12-05', 'morning', '2020-12-05 00:00:00+00:00',"
        " '2020-12-05 04:00:00+00:00', '', 5000, 'first_come', '2020-12-01 00:00:00+00:00', '2020-12-04 12:00:00+00:00', false, '',"
        " 1, false, 5, 0, 0)"
    ),
    (
        "INSERT INTO slots (id, session_id, starts_at, ends_at, published, withheld, extra, capacity, free, held, sold, blocked,"
        " first_number, span, issued) VALUES ('slt', 'ses', '2020-12-05 00:00:00+00:00', '2020-12-05 04:00:00+00:00', 4, 0, 0, 4, 3,"
        " 1, 0, 0, 1, 4, 1)"
    ),
    (
        "INSERT INTO reservations (order_id, session_id, patient_id, state, slot_id, queue_number, reason, created_at, updated_at)"
        " VALUES ('ord', 'ses', 'pat', 'held', 'slt', 1, '', '2020-12-01 01:00:00+00:00', '2020-12-01 01:00:00+00:00')"
    ),
)


@pytest.fixture
def first_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/first.db")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_upgrade", _only_the_first(migrations._upgrade))
        migrate(database, "schedule_svc")
    with database.engine.begin() as conn:
        for statement in FIRST:
            conn.execute(sa.text(statement))
    yield database
    database.close()


def _only_the_first(upgrade):
    def to_0001(conn, script, version_table):
        head = script.get_current_head
        if version_table == "alembic_version":
            script.get_current_head = lambda: "0001"
            script._upgrade_revs, whole = (lambda _head, revision: whole("0001", revision)), script._upgrade_revs
        upgrade(conn, script, version_table)
        script.get_current_head = head

    return to_0001


def test_what_was_there_is_there_and_knows_its_session(first_release):
    migrate(first_release, "schedule_svc")
    with first_release.reading() as conn:
        kept = conn.execute(
            sa.text("SELECT state, hospital_id, doctor_id, date, hold_seconds, person FROM reservations")
        ).one()
        session = conn.execute(sa.text("SELECT released, draw_state, draft FROM sessions")).one()
        slot = conn.execute(sa.text("SELECT asides, resting, free, held FROM slots")).one()
    assert tuple(kept) == ("held", "hos", "doc", "2020-12-05", 900, "pat")
    assert (bool(session.released), session.draw_state, bool(session.draft)) == (True, "none", False)
    assert tuple(slot) == ("{}", 0, 3, 1)


def test_sessions_to_come_are_told_once_more_with_their_names(first_release):
    """booking-svc heard of them without; in bounded batches."""
    coming = (
        "UPDATE sessions SET date = '2099-12-05', starts_at = '2099-12-05 00:00:00', ends_at = '2099-12-05 04:00:00'"
    )
    with first_release.engine.begin() as conn:
        conn.execute(sa.text(coming))
    migrate(first_release, "schedule_svc")
    migrate(first_release, "schedule_svc")
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=11))
    later = Database(first_release.engine.url.render_as_string(hide_password=False), clock)
    for _ in range(3):
        TimerLoop(later, TIMERS).fire_due()
    (told,) = sent(later, SessionChanged)
    later.close()
    assert (told.session_id, told.session.hospital_name, told.session.doctor_name) == ("ses", "仁爱", "张伟")
    assert told.session.revision == 2, "newer than what was told before"


def test_all_sessions_to_come_are_told_some_at_a_time(world, monkeypatch):
    monkeypatch.setattr(planning, "_TOLD_AT_ONCE", 2)
    world.publish(roster(sessions=[session_row(f"more{n}") for n in range(5)]))
    take_sent(world.database)
    with world.database.transaction() as tx:
        tx.set_timer(planning.TELL_SESSIONS, "", tx.now)
    for _ in range(6):
        TimerLoop(world.database, TIMERS).fire_due()
    told = [m.session_id for m in take_sent(world.database) if isinstance(m, SessionChanged)]
    assert len(told) == len(set(told)) == len(world.rows("SELECT id FROM sessions"))
