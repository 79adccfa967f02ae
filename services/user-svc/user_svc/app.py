"""user-svc put together: `build`, the one place where its parts meet."""

import functools
from typing import Any

from common.clock import Clock, system_clock
from common.errors import Invalid
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.settings import BadSettings
from common.vault import Vault, decode_key
from common.web import create_app, sign_token

from user_svc import chain, store, usecases
from user_svc.api import BLUEPRINTS
from user_svc.domain import OPERATOR, SHORTEST_ALONE, SHORTEST_PASSWORD, Account
from user_svc.limiter import Limiter
from user_svc.passwords import Passwords
from user_svc.settings import Settings
from user_svc.usecases import Parts
from user_svc.worker import JOBS, SUBSCRIPTIONS, TIMERS, start_jobs


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service. Nothing is connected to before it is used."""
    database = Database(settings.database_url, clock or system_clock)
    parts = Parts(
        vault=Vault(settings.data_key),
        contacts=Vault(settings.contact_key),
        passwords=Passwords(settings.password_time_cost, settings.password_memory, settings.password_parallelism),
        limiter=Limiter(settings.redis_url, settings.limits),
        sign=functools.partial(_sign, settings),
        access_seconds=settings.access_seconds,
        refresh_seconds=settings.refresh_seconds,
        shortest_password=settings.password_shortest or (SHORTEST_ALONE if settings.production else SHORTEST_PASSWORD),
    )
    service = Service(
        "user-svc",
        settings,
        database,
        SUBSCRIPTIONS,
        migrate=lambda: _migrate(database, parts, settings),
        missing=sql_missing(database, "user_svc"),
        timers=TIMERS,
        jobs=JOBS,
        parts=parts,
        figures=sql_figures(database, functools.partial(_figures, database, settings)),
    )
    service.web = create_app(service, BLUEPRINTS)
    return service


def _sign(settings: Settings, account: Account, login_id: str, now: float) -> str:
    return sign_token(
        settings.jwt_private_key,
        account.id,
        account.roles,
        account.hospital_id or "",
        settings.access_seconds,
        now,
        doctor_id=account.doctor_id or "",
        login_id=login_id,
    )


def _figures(database: Database, settings: Settings, conn: Any) -> dict[str, Any]:
    trail = chain.figures(conn, decode_key(settings.trail_key), database.clock())
    return {**store.audit_figures(conn), "trail": trail}


def _migrate(database: Database, parts: Parts, settings: Settings) -> None:
    """Bring the tables up to date, set the jobs, and make the first operator if the environment names one."""
    migrate(database, "user_svc")
    with database.transaction() as tx:
        start_jobs(tx)
    if settings.admin_password:
        first = {"username": settings.admin_username, "password": settings.admin_password}
        try:
            usecases.ensure_account(database, parts, **first, roles=[OPERATOR])
        except Invalid as fault:
            said = "; ".join(f"ADMIN_{e['field'].upper()}: {e['message']}" for e in fault.extra["errors"])
            raise BadSettings(said) from None
