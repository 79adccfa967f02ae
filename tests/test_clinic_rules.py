"""A hospital's rules of the clinic day: what schedule-svc shows is what booking-svc goes by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import booking_svc.app
import booking_svc.store
import pytest
import schedule_svc.app
import sqlalchemy as sa
from common.clock import ManualClock
from common.messages import ClinicRules, ClinicRulesSet
from common.testing import deliver, sent
from schedule_svc.store.tables import hospitals
from schedule_svc.usecases import rules

NOW = datetime(2026, 12, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSPITAL = {
    "id": "hos_1",
    "code": "renai",
    "name": "仁爱医院",
    "grade": "三级甲等",
    "address": "",
    "version": 1,
    "digest": "",
}


@pytest.mark.parametrize("after", [(3, 1, 1), (1, 2, 3), (2, 0, 2)], ids=["later first", "in turn", "one at once"])
def test_both_services_go_by_the_version_that_took_effect_last(tmp_path: Path, after: tuple[int, int, int]) -> None:
    """Whatever the order in which versions were published, and in which they were told. A version for today, published after one for
    tomorrow, holds until tomorrow.
    """
    clock = ManualClock(NOW)
    schedule = schedule_svc.app.build(
        schedule_svc.app.Settings(database_url=f"sqlite:///{tmp_path}/schedule.db"), clock
    )
    schedule.migrate()
    with schedule.database.transaction() as tx:
        tx.conn.execute(sa.insert(hospitals).values(HOSPITAL))
        for late, hours in zip((11, 22, 33), after, strict=True):
            rules.publish(tx, "hos_1", {"clinic": {"late_minutes": late}}, NOW + hours * HOUR, "acc", lambda _: None)
    told = sent(schedule.database, ClinicRulesSet)
    assert len(told) == 3
    for number, messages in enumerate((told, told[::-1])):
        url = f"sqlite:///{tmp_path}/booking{number}.db"
        booking = booking_svc.app.build(booking_svc.app.Settings(database_url=url), clock)
        booking.migrate()
        deliver(booking, *messages)
        for hours in (0.5, 1, 1.5, 2, 2.5, 3, 30):
            clock.set(NOW + hours * HOUR)
            shown = rules.published(schedule.database, "hos_1").in_force
            with booking.database.reading() as conn:
                enforced = booking_svc.store.queues.rules_in_force(conn, "hos_1", clock())
            late = ClinicRules().late_minutes if shown is None else shown.rules.clinic.late_minutes
            assert enforced.late_minutes == late, (number, hours)
        clock.set(NOW)
        booking.database.close()
    schedule.database.close()
