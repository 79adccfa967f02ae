"""A world of which nothing is noted but by the tests, and who may do everything in its database."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Database
from common.service import Service
from common.testing import bearer
from common.vault import decode_key
from user_svc.app import Settings, build
from user_svc.settings import DEV_TRAIL_KEY
from user_svc.usecases import chain, trail
from user_world import CHEAP, Person

KEY = decode_key(DEV_TRAIL_KEY)
OPERATOR = "acc_operator"


def bare(directory: Path, clock: ManualClock) -> Service:
    """The service without an account."""
    made = build(Settings(database_url=f"sqlite:///{directory}/user.db", **CHEAP), clock)
    made.migrate()
    return made


def an_operator(service: Service) -> Person:
    """By her token alone."""
    token = bearer(OPERATOR, "operator")["Authorization"].removeprefix("Bearer ")
    return Person(service, "operator", OPERATOR, {"access_token": token})


def noted(service: Service, count: int, act: str = "logged_in", **more: Any) -> None:
    with service.database.transaction() as tx:
        for number in range(count):
            trail.note(tx, act, actor="acc_1", about="acc_1", number=number, **more)


def chained(service: Service, count: int) -> None:
    noted(service, count)
    chain.chain(service.database, KEY)


def unguarded(database: Database, *statements: str) -> None:
    """As somebody changes the trail who may do everything in the database."""
    with database.transaction() as tx:
        for name in tx.conn.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            tx.conn.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            tx.conn.exec_driver_sql(statement)
