"""The composition root of payment-svc."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from common.clock import Clock, system_clock
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.web import create_app

from payment_svc.api import blueprints
from payment_svc.providers import Gateway, Gateways, Provider, Providers
from payment_svc.providers.alipay import Alipay
from payment_svc.providers.wechat import WechatPay
from payment_svc.providers.window import Window
from payment_svc.settings import Settings
from payment_svc.store.audit import audit_figures
from payment_svc.usecases import watchdog
from payment_svc.usecases.reconciliation import days
from payment_svc.usecases.rooms import IN_JOBS, IN_REQUESTS, Rooms
from payment_svc.worker import JOBS, SUBSCRIPTIONS, TIMERS

__all__ = ["Parts", "Settings", "build"]

NAME = "payment-svc"
PACKAGE = "payment_svc"
ADAPTERS: Mapping[str, Callable[[Settings], Provider]] = {
    "alipay": Alipay.of,
    "wechat": WechatPay.of,
    "window": lambda _settings: Window(),
}
AT_REST = timedelta(minutes=1)
"""How long things may be under way for the audit, which looks at rest."""


@dataclass(frozen=True)
class Parts:
    """Who takes the money, by method; and how many of their calls there may be at once, by requests and by jobs.

    `methods` are offered. Others may be among the providers, so that what was begun by them is brought to its end.
    """

    providers: Providers
    methods: Sequence[str]
    requests: Rooms = field(default_factory=lambda: Rooms(IN_REQUESTS))
    jobs: Rooms = field(default_factory=lambda: Rooms(IN_JOBS))

    @property
    def offered(self) -> Providers:
        """By whom patients may pay."""
        return {method: self.providers[method] for method in self.methods if method in self.providers}

    @property
    def gateways(self) -> Gateways:
        """Those across the network: they call back, and bill."""
        return {method: cast("Gateway", one) for method, one in self.providers.items() if not one.by_hand}


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """payment-svc, wired."""
    database = Database(settings.database_url, clock or system_clock)
    providers = {method: make(settings) for method, make in ADAPTERS.items() if settings.speaks_with(method)}
    parts = Parts(providers, settings.methods)

    def prepare() -> None:
        migrate(database, PACKAGE)
        with database.transaction() as tx:
            if settings.watchdog_minutes:
                watchdog.start(tx)
            days.start(tx, wanted=settings.reconcile and bool(parts.gateways))

    def figures(conn: Any) -> dict[str, Any]:
        return audit_figures(conn, watchdog.whole_scope(database.clock(), AT_REST))

    service = Service(
        NAME,
        settings,
        database,
        SUBSCRIPTIONS,
        migrate=prepare,
        missing=sql_missing(database, PACKAGE),
        timers=TIMERS,
        jobs=JOBS,
        figures=sql_figures(database, figures),
        parts=parts,
    )
    service.web = create_app(service, blueprints())
    return service
