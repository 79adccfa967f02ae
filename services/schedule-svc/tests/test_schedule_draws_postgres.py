"""Draws and chances on PostgreSQL: the same tests, and statements that only it runs."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from common.outbox import Database
from common.outbox.migrate import migrate
from schedule_svc.store.tables import metadata
from schedule_world import START, World, make_world
from test_schedule_chance_api import (  # noqa: F401  the same tests, with the fixture below in place of SQLite
    test_a_draws_forecasts_are_kept_with_their_outcome,
    test_a_weighted_draw_by_weight_and_for_ones_own_order,
    test_one_who_waits_for_a_segment_counts_its_line_and_its_numbers,
    test_the_hospitals_past_is_learnt_from,
    test_the_waitlist_by_position_and_for_ones_own_order,
    test_the_waitlists_forecasts_are_kept_and_settled,
)
from test_schedule_draws import *  # noqa: F403


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    migrate(database, "schedule_svc")
    yield database
    database.close()


@pytest.fixture
def make(database: Database, postgres_url: str) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def fresh(**roster_changes: object) -> World:
        with database.engine.begin() as conn:
            for table in (*metadata.tables, "outbox", "inbox", "parked", "timers"):
                conn.execute(sa.text(f"TRUNCATE {table} CASCADE"))
        worlds.append(make_world(postgres_url, START, **roster_changes))
        return worlds[-1]

    yield fresh
    for world in worlds:
        world.database.close()
