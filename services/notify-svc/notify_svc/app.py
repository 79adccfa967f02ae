"""notify-svc put together: `build`, the one place where its parts meet."""

from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock, system_clock
from common.service import Service
from common.settings import BadSettings
from common.web import create_app

from notify_svc.api import BLUEPRINTS
from notify_svc.listeners import Inboxes
from notify_svc.reminder_loop import ReminderLoop
from notify_svc.settings import Settings
from notify_svc.store import Keep, MongoStore, check_url
from notify_svc.usecases import figures, reminders
from notify_svc.worker import SUBSCRIPTIONS


@dataclass(frozen=True)
class Parts:
    """What views need beyond the store."""

    inboxes: Inboxes


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service. Nothing is connected to before it is used. Raises BadSettings."""
    try:
        check_url(settings.mongo_url)
    except ValueError as error:
        raise BadSettings(f"the environment does not do:\nMONGO_URL: {error}") from error
    keep = Keep(timedelta(days=settings.keep_notifications), timedelta(days=settings.keep_deliveries))
    store = MongoStore(settings.mongo_url, clock or system_clock, keep)
    service = Service(
        "notify-svc",
        settings,
        store,
        SUBSCRIPTIONS,
        migrate=store.migrate,
        missing=store.missing,
        figures=lambda: figures.audit_figures(store),
    )
    inboxes = Inboxes(store, settings.stream_listeners)
    service.parts = Parts(inboxes)
    service.streams = inboxes.hub
    service.loops = (lambda: ReminderLoop(lambda: reminders.fire_due(store)),)
    service.web = create_app(service, BLUEPRINTS)
    return service
