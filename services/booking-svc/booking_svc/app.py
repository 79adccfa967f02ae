"""booking-svc's composition root."""

from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore

from common.clock import Clock, system_clock
from common.messages import SessionFacts
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.settings import Settings as Common
from common.settings import env
from common.web import create_app

from booking_svc import store, usecases, worker
from booking_svc.api import blueprint
from booking_svc.api.streams import tell
from booking_svc.board import SessionBoard
from booking_svc.boards import Boards
from booking_svc.clinic.checkin import Door

DEV_DOOR_KEY = "haoyuan-dev-door-key"


@dataclass(frozen=True)
class Settings(Common):
    """`payment_window`: seconds for which a number is held unpaid or offered, in place of the hospitals' rules; 0: theirs.

    stream_listeners: live streams of this process at most, each of which takes one of its threads; 0: none. door_key: of the
    codes at the hospitals' doors. keep_visits_days: how long it is known why somebody had priority.
    """

    payment_window: int = env("PAYMENT_WINDOW_SECONDS", 0)
    stream_listeners: int = env("STREAM_LISTENERS", 0)
    keep_visits_days: int = env("KEEP_VISITS_DAYS", 180)
    door_key: str = env("DOOR_KEY", DEV_DOOR_KEY, secret=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views need beyond the database."""

    board: SessionBoard
    window: timedelta | None
    door: Door
    waiters: BoundedSemaphore
    """At most this many requests of a process wait for their number; the others are answered at once, with 202."""
    boards: Boards


MOST_WAITERS = 4
"""Half of a gunicorn worker's threads: a rush of waiting clients must not keep others out."""


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service; starts nothing."""
    database = Database(settings.database_url, clock or system_clock)
    window = timedelta(seconds=settings.payment_window) if settings.payment_window else None

    boards = Boards(database, settings.stream_listeners, tell)

    def look_up(session_id: str) -> SessionFacts | None:
        with database.reading() as conn:
            return store.get_session(conn, session_id)

    def prepare() -> None:
        migrate(database, "booking_svc")
        with database.transaction() as tx:
            usecases.start_watching(tx)

    service = Service(
        "booking-svc",
        settings,
        database,
        worker.subscriptions(window),
        migrate=prepare,
        missing=sql_missing(database, "booking_svc"),
        timers=worker.timers(window),
        jobs=worker.jobs(window),
        figures=sql_figures(database, lambda conn: store.audit_figures(conn, database.clock())),
        parts=Parts(SessionBoard(look_up), window, Door(settings.door_key), BoundedSemaphore(MOST_WAITERS), boards),
    )
    service.streams = boards.hub
    service.web = create_app(service, [blueprint])
    return service
