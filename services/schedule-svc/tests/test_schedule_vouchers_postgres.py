"""Vouchers on PostgreSQL: the same tests, whose statements are others there."""

from test_schedule_postgres import database, make  # noqa: F401  in place of SQLite
from test_schedule_vouchers import *  # noqa: F403
