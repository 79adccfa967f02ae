"""What providers say unasked: believed or refused, kept to the byte together with its effect, and only then answered.

Nobody is called because of a callback, so forged ones cost us no more than they cost their sender.
"""

from collections.abc import Mapping
from typing import cast

from common.clock import system_clock
from common.log import get_logger
from common.outbox import Database, Tx
from prometheus_client import Counter

from payment_svc.providers import Gateway, Heard, RefundOutcome, Refused, TradeOutcome
from payment_svc.store import callbacks as store
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.outcomes import apply_outcome, apply_refund_outcome

log = get_logger("callbacks")

CALLBACKS = Counter(
    "haoyuan_payment_callbacks_total",
    "Callbacks by what came of them: applied, repeated, failed, unavailable, or why they were refused",
    ["provider", "result"],
)
OVERSIZED = "oversized"
Reply = tuple[int, bytes, str]
"""Status, body, content type: in the words that the provider understands."""


def refuse(provider: str, gateway: Gateway, reason: str) -> Reply:
    """A callback that is not to be believed leaves a line in the log, a count, and no trace in the books."""
    CALLBACKS.labels(provider, reason).inc()
    log.warning("callback_refused", provider=provider, reason=reason)
    return gateway.refusal(reason)


def receive(database: Database, provider: str, gateway: Gateway, headers: Mapping[str, str], body: bytes) -> Reply:
    """Take a callback. It is answered as accepted when it is kept, together with its effect, and committed; else the provider
    is told to repeat it. A repetition is accepted and does nothing.
    """
    try:
        heard = gateway.hear(
            headers, body, system_clock()
        )  # signatures are of the host's time, whatever our own clock says
    except Refused as refused:
        return refuse(provider, gateway, refused.reason)
    try:
        result = _apply_once(database, provider, heard, headers, body)
    except Exception as error:  # noqa: BLE001  whatever it is: what was said is kept, and the provider hears that it failed
        if database.is_transient(error):
            CALLBACKS.labels(provider, "unavailable").inc()
            log.warning("callback_put_off", provider=provider, kind=heard.kind, number=heard.number)
            return gateway.refusal("unavailable")
        _keep_failed(database, provider, heard, headers, body, error)
        return gateway.refusal("failed")
    CALLBACKS.labels(provider, result).inc()
    return gateway.accepted


def _apply_once(database: Database, provider: str, heard: Heard, headers: Mapping[str, str], body: bytes) -> str:
    with database.reading() as conn:
        if store.is_applied(conn, provider, heard.notify_id):
            return "repeated"
    with database.transaction() as tx:
        if not store.begin(tx, provider, heard, headers, body):
            return "repeated"
        _apply(tx, provider, heard)
    return "applied"


def _apply(tx: Tx, provider: str, heard: Heard) -> None:
    if heard.outcome is None:
        return
    if heard.kind == "refund":
        apply_refund_outcome(tx, provider, heard.number, cast("RefundOutcome", heard.outcome), "callback")
    else:
        apply_outcome(tx, provider, heard.number, cast("TradeOutcome", heard.outcome), "callback")


def _keep_failed(
    database: Database, provider: str, heard: Heard, headers: Mapping[str, str], body: bytes, error: Exception
) -> None:
    """A fault of ours: what was said is kept nevertheless, and its repetition applies it once the fault is mended."""
    CALLBACKS.labels(provider, "failed").inc()
    log.error("callback_failed", provider=provider, number=heard.number, exc_info=error)
    with database.transaction() as tx:
        first = store.keep_failed(tx, provider, heard, headers, body, repr(error))
        alarm("callback_failed", tx=tx if first else None, provider=provider, number=heard.number)
