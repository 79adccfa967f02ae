"""The composition root of schedule-svc."""

from common.clock import Clock, system_clock
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.settings import Settings
from common.web import create_app

from schedule_svc.api import BLUEPRINTS
from schedule_svc.store.figures import audit_figures
from schedule_svc.worker import INTAKES, JOBS, OUTLETS, SUBSCRIPTIONS, TIMERS

__all__ = ["Settings", "build"]

NAME = "schedule-svc"
PACKAGE = "schedule_svc"


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service."""
    database = Database(settings.database_url, clock or system_clock)
    service = Service(
        NAME,
        settings,
        database,
        SUBSCRIPTIONS,
        migrate=lambda: migrate(database, PACKAGE),
        missing=sql_missing(database, PACKAGE),
        timers=TIMERS,
        jobs=JOBS,
        intakes=INTAKES,
        outlets=OUTLETS,
        figures=sql_figures(database, audit_figures),
    )
    service.web = create_app(service, BLUEPRINTS)
    return service
