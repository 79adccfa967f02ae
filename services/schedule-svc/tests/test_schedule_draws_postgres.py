"""Draws on PostgreSQL: the same tests, and statements that only it runs."""

from test_schedule_draws import *  # noqa: F403  the same tests, with the fixtures below in place of SQLite
from test_schedule_postgres import database, make  # noqa: F401
