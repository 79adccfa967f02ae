"""The same search on PostgreSQL, whose letters, wildcards and orders are its own."""

from test_schedule_postgres import database, make  # noqa: F401
from test_schedule_search import *  # noqa: F403  the same tests, with the fixtures above in place of SQLite
