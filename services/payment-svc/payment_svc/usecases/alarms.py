"""What a person must look at: said in the log, counted in the metrics."""

from typing import Any

from common.log import get_logger
from prometheus_client import Counter

log = get_logger("payments")

ALARMS = Counter("haoyuan_payment_alarms_total", "Things about money that a person must look at", ["kind"])


def alarm(kind: str, **what: Any) -> None:
    """Raise an alarm. `what` names the order, payment, refund and fact; never a person."""
    ALARMS.labels(kind).inc()
    log.error("payment_alarm", kind=kind, **what)
