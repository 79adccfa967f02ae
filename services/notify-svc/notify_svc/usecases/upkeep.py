"""Look after the queue and the log: figures, and what is not kept any more, which a MongoDB deletes by its TTL as well."""

from notify_svc.delivery import Delivery
from notify_svc.kinds import CHANNELS, LANES
from notify_svc.metrics import OLDEST_DUE, STUCK, UNSURE
from notify_svc.store import MongoStore

AT_ONCE = 500
"""Documents deleted in one go, of each collection."""
_SHOWN = 100
PAUSE = 30.0  # seconds between two looks


def turn(store: MongoStore) -> float:
    """Measure, and delete what is not kept any more; answers how many seconds there are until there is something to do."""
    measure(store)
    return 0.0 if forget(store) else PAUSE


def measure(store: MongoStore) -> None:
    now = store.clock()
    for channel in CHANNELS:
        for lane in LANES:
            since = store.deliveries.oldest_due(channel, lane)
            OLDEST_DUE.labels(channel, str(lane)).set(max(0.0, (now - since).total_seconds()) if since else 0.0)
    UNSURE.set(store.deliveries.count("unsure"))
    STUCK.set(len(stuck(store)))


def stuck(store: MongoStore) -> list[Delivery]:
    """Some that were taken up and not brought to an end within their lease: a sender will, if there is one."""
    return [d for channel in CHANNELS for d in store.deliveries.left_behind(channel, store.clock(), _SHOWN)]


def forget(store: MongoStore) -> bool:
    """Delete what is too old to be kept. True if there may be more."""
    now = store.clock()
    store.rates.forget(now)
    store.answers.forget(now)
    told, sent = store.notifications.forget(now, AT_ONCE), store.deliveries.forget(now, AT_ONCE)
    visits, people = store.visits.forget(now, AT_ONCE), store.people.forget(now, AT_ONCE)
    return AT_ONCE in (told, sent, visits, people)
