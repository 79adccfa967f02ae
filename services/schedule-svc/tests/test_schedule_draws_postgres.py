"""Draws on PostgreSQL: the same tests, statements that only it runs, and what only a database with many writers can break."""

from collections.abc import Callable

import pytest
from common.envelope import seal
from common.messages import SessionChanged
from common.outbox import TimerLoop
from common.testing import take_sent
from schedule_svc.usecases import draws
from schedule_svc.worker import TIMERS
from schedule_world import World, check_inventory
from test_schedule_draws import *  # noqa: F403  the same tests, with the fixtures below in place of SQLite
from test_schedule_draws import DRAW_AT, drawn_row, enter, ranked, state_of
from test_schedule_postgres import at_once, database, make  # noqa: F401


def test_workers_beside_each_other_answer_everybody_once(
    make: Callable[..., World],  # noqa: F811  the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cancellations come in meanwhile: who left is passed over or gives her number back, and nobody is told twice."""
    codes = ["s1", "s2", "s3"]
    world = make(sessions=[drawn_row(code=code) for code in codes])
    for code in codes:
        enter(world, *(f"{code}-{i}" for i in range(12)), wait=True, session=world.session_id(code))
    monkeypatch.setattr(draws, "ROUND", 2)
    world.clock.set(DRAW_AT)

    def work() -> None:
        loop = TimerLoop(world.database, TIMERS)
        for _ in range(60):
            loop.fire_due()

    def leave() -> None:
        for i in range(4):
            world.service.processor.process([seal(world.release(f"s1-{i}"), world.clock()).body])

    at_once(work, work, work, leave)
    work()
    told = take_sent(world.database)
    assert {state_of(world, code) for code in codes} == {"drawn"}
    for code in codes[1:]:
        mine = [m.order_id for m in told if not isinstance(m, SessionChanged) and m.order_id.startswith(code)]
        assert mine == ranked(world, code)
    held = world.rows("SELECT session_id, count(*) AS n FROM reservations WHERE state = 'held' GROUP BY session_id")
    assert [row.n for row in held] == [5, 5, 5]
    check_inventory(world)
