"""notify-svc put together: its settings, and `build`, the one place where its parts meet."""

from dataclasses import dataclass

from common.clock import Clock, system_clock
from common.service import Service
from common.settings import BadSettings, env
from common.settings import Settings as Common
from common.web import create_app

from notify_svc import api, usecases
from notify_svc.store import MongoStore, check_url
from notify_svc.worker import SUBSCRIPTIONS


@dataclass(frozen=True)
class Settings(Common):
    """`mongo_url` names the database too."""

    mongo_url: str = env("MONGO_URL", "mongodb://127.0.0.1:27017/notify_svc")

    def __post_init__(self) -> None:
        """Raises BadSettings."""
        try:
            check_url(self.mongo_url)
        except ValueError as error:
            raise BadSettings(f"the environment does not do:\nMONGO_URL: {error}") from error


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service. Nothing is connected to before it is used."""
    store = MongoStore(settings.mongo_url, clock or system_clock)
    service = Service(
        "notify-svc",
        settings,
        store,
        SUBSCRIPTIONS,
        migrate=store.migrate,
        missing=store.missing,
        figures=lambda: usecases.audit_figures(store),
    )
    service.web = create_app(service, [api.blp, api.alarms])
    return service
