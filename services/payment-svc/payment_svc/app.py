"""The composition root of payment-svc."""

from dataclasses import dataclass

from common.clock import Clock, system_clock
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.settings import Settings as CommonSettings
from common.settings import env
from common.web import create_app

from payment_svc.api import blueprints
from payment_svc.providers import Provider, Providers
from payment_svc.providers.sandbox import Sandbox
from payment_svc.providers.window import Window
from payment_svc.store.audit import audit_figures
from payment_svc.worker import JOBS, SUBSCRIPTIONS, TIMERS

NAME = "payment-svc"
PACKAGE = "payment_svc"


@dataclass(frozen=True)
class Settings(CommonSettings):
    """payment-svc's environment."""

    intent_wait: float = env("INTENT_WAIT_SECONDS", 3.0)
    """How long POST /orders/{id}/payments waits, in seconds, for an intent that must be on its way."""


@dataclass(frozen=True)
class Parts:
    """Who takes the money, by method. The sandbox is among them, and known as such, outside of production only."""

    providers: Providers
    sandbox: Sandbox | None


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """payment-svc, wired."""
    database = Database(settings.database_url, clock or system_clock)
    sandbox = None if settings.production else Sandbox(database, production=settings.production)
    providers: dict[str, Provider] = {"window": Window()}
    if sandbox is not None:
        providers["sandbox"] = sandbox
    service = Service(
        NAME,
        settings,
        database,
        SUBSCRIPTIONS,
        migrate=lambda: migrate(database, PACKAGE),
        missing=sql_missing(database, PACKAGE),
        timers=TIMERS,
        jobs=JOBS,
        figures=sql_figures(database, audit_figures),
        parts=Parts(providers, sandbox),
    )
    service.web = create_app(service, blueprints(sandbox=sandbox is not None))
    return service
