"""What a person must look at: said in the log, counted in the metrics, and told to staff by notify-svc."""

from collections.abc import Sequence
from typing import Any

from common import ids
from common.log import get_logger
from common.messages import MoneyAlarmCleared, MoneyAlarmRaised
from common.outbox import Tx
from prometheus_client import Counter

log = get_logger("payments")

ALARMS = Counter("haoyuan_payment_alarms_total", "Things about money that a person must look at", ["kind"])
MOST_NAMED = 20
"""Ids that an alarm names."""


def alarm(kind: str, *, tx: Tx | None = None, alarm_id: Any = "", **what: Any) -> None:
    """Raise an alarm. `what` names the order, payment, refund and fact; never a person.

    With `tx`, staff are told too, by a message that leaves with its commit. It stands until one of them settles it, or until it is
    cleared by its `alarm_id`, if it was given one.
    """
    ALARMS.labels(kind).inc()
    log.error("payment_alarm", kind=kind, **what)
    if tx is not None:
        about = [str(value) for name, value in what.items() if value and (name.endswith("_id") or name == "number")]
        raise_alarm(tx, alarm_id or ids.mint("alm"), kind, 1, about)


def raise_alarm(tx: Tx, alarm_id: str, kind: str, count: int, about: Sequence[str]) -> None:
    """Tell staff of `count` things that break the rule `kind`; again, with the same id, when there are others."""
    tx.send(MoneyAlarmRaised(alarm_id, kind, count, [one[:64] for one in about[:MOST_NAMED]], tx.now))


def clear_alarm(tx: Tx, alarm_id: str, kind: str) -> None:
    """Tell staff that nothing is left of it."""
    tx.send(MoneyAlarmCleared(alarm_id, kind, tx.now))
