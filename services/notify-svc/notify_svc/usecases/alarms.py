"""Keep alarms about money for staff."""

from collections.abc import Sequence
from functools import partial

from common.envelope import Received
from common.errors import NotFound
from common.messages import MoneyAlarmCleared

from notify_svc.domain import Alarm
from notify_svc.store import MongoStore, MongoTx


def keep(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep how each alarm stands. What is heard late, or again, changes nothing."""
    for message in (r.message for r in received):
        cleared = isinstance(message, MoneyAlarmCleared)
        alarm = Alarm(
            id=message.alarm_id,
            kind=message.kind,
            count=0 if cleared else message.count,
            about=() if cleared else tuple(message.about),
            raised_at=message.at,
            at=message.at,
            cleared_at=message.at if cleared else None,
        )
        tx.at_end(partial(tx.store.alarms.keep, alarm))


def newest(store: MongoStore, *, state: str | None, before: str | None, limit: int) -> list[Alarm]:
    """The newest alarms, at most `limit`, older than rank `before`."""
    return store.alarms.newest(state, before, limit)


def settle(store: MongoStore, account_id: str, alarm_id: str) -> Alarm:
    """A member of staff has seen to it; again changes nothing. What goes on being wrong is raised again when it changes.

    Raises NotFound for what is not there.
    """
    store.alarms.settle(alarm_id, account_id, store.clock())
    alarm = store.alarms.get(alarm_id)
    if alarm is None:
        raise NotFound("no such alarm", code="alarm_not_found")
    return alarm
