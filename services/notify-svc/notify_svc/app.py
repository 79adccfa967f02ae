"""notify-svc put together: `build`, the one place where its parts meet."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from common.clock import Clock, system_clock
from common.log import get_logger
from common.service import Service
from common.settings import BadSettings
from common.vault import Vault
from common.web import create_app

from notify_svc.api import BLUEPRINTS
from notify_svc.channels.build import carriers
from notify_svc.kinds import CHANNELS
from notify_svc.listeners import Inboxes
from notify_svc.sender import Loop, Sender
from notify_svc.settings import Settings
from notify_svc.store import Keep, MongoStore, check_url
from notify_svc.usecases import figures, reminders, upkeep, visits
from notify_svc.usecases.sending import Post
from notify_svc.worker import subscriptions

log = get_logger("notify")


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

    def migrate() -> None:
        store.migrate()
        visits.catch_up(store)

    service = Service(
        "notify-svc",
        settings,
        store,
        subscriptions(Vault(settings.contact_key)),
        migrate=migrate,
        missing=store.missing,
        figures=lambda: figures.audit_figures(store),
    )
    inboxes = Inboxes(store, settings.stream_listeners)
    service.parts = Parts(inboxes)
    service.streams = inboxes.hub
    post = post_of(settings, store)
    silent = [channel for channel in CHANNELS if channel not in {carrier.channel for carrier in post.carriers}]
    if silent and settings.production:
        log.warning("nothing_is_sent", by=silent, why="SMTP_URL or SMS_PROVIDERS is empty")
    service.loops = (
        lambda: Loop("reminders", lambda: reminders.turn(store)),
        *(partial(Sender, channel, partial(post.due, channel)) for channel in CHANNELS),
        lambda: Loop("upkeep", lambda: upkeep.turn(store)),
    )
    service.web = create_app(service, BLUEPRINTS)
    return service


def post_of(settings: Settings, store: MongoStore) -> Post:
    """What sending needs, of these settings. Raises BadSettings."""
    found = carriers(settings)
    most = {"email": settings.email_per_second, "sms": settings.sms_per_second}
    return Post(
        store,
        Vault(settings.contact_key),
        found,
        most={carrier.name: most[carrier.channel] for carrier in found},
        call=timedelta(seconds=3 * settings.provider_timeout),
        public_url=settings.public_url.rstrip("/"),
        mail_from=settings.mail_from,
    )
