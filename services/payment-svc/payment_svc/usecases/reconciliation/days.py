"""Which days there are, and how their bills are had. One job sees to it that days have rows, one job for each day sees it through.

A day's job always has its timer until the day is closed, so no crash and no standstill leaves one behind.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.log import get_logger
from common.outbox import Database, Timer, Tx

from payment_svc.providers import Bill, Gateway
from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.reconciliation.rounds import BILL, go_through, key_of

log = get_logger("payments")

RECONCILE = "reconcile"
"""The kind of the job that looks for days that are over; it has no key."""
EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=30)
"""After which a bill that was not ready is asked for again: WeChat Pay's advice for STATEMENT_CREATING."""
LOOKED_BACK = timedelta(days=35)
_ALARM = 48
"""Asked so often in vain, a day has passed."""
_NEXT = timedelta(days=1)


def start(tx: Tx, *, wanted: bool) -> None:
    """Set the job that makes days, or take it away. Called with every migration: setting it again loses nothing."""
    if wanted:
        tx.set_timer(RECONCILE, "", tx.now)
    else:
        tx.cancel_timer(RECONCILE, "")


def make_days(service: Any, timer: Timer) -> None:
    """Each day that is over has a row, and a job that will have its bill. `service` is payment-svc's `Service`."""
    database: Database = service.database
    with database.transaction() as tx:
        if not service.settings.reconcile:
            tx.cancel_timer(RECONCILE, timer.key)
            return
        for provider, gateway in service.parts.gateways.items():
            new = store.add_days(tx, provider)
            for day in sorted([*(_no_longer_true(tx, provider) if new else ()), *new]):
                tx.set_timer(BILL, key_of(provider, day), max(tx.now, ready_at(gateway, day)))
        tx.set_timer(RECONCILE, timer.key, tx.now + EVERY)


def _no_longer_true(tx: Tx, provider: str) -> Iterator[date]:
    """Days of late that were closed, and whose books have changed since: something came with an old date."""
    since = (tx.now - LOOKED_BACK).astimezone(SHANGHAI).date()
    for known in store.list_bills(tx.conn, provider=provider, state="closed", since=since, limit=LOOKED_BACK.days):
        if any(one != store.Sum() for one in differences.unexplained(tx.conn, provider, known.day).values()):
            yield known.day


def ready_at(gateway: Gateway, day: date) -> datetime:
    """From when on a day's bill can be had."""
    return datetime.combine(day + _NEXT, gateway.bill_ready, SHANGHAI)


def see_through(service: Any, timer: Timer) -> None:
    """Have a day's bill, if it is not there; else compare it, and settle what can be settled.

    The timer's `again`: have it once more, though it is there; `tried`: how often it was asked for in vain.
    """
    database: Database = service.database
    provider, day = _of_key(timer.key)
    with database.reading() as conn:
        known = store.bill(conn, provider, day)
    gateway: Gateway | None = service.parts.gateways.get(provider)
    if known is None:
        with database.transaction() as tx:
            tx.cancel_timer(BILL, timer.key)
    elif known.state == "waiting" or timer.payload.get("again"):
        outcome = gateway.bill(day) if gateway is not None else None
        with database.transaction() as tx:
            if isinstance(outcome, Bill):
                keep_bill(tx, provider, day, outcome)
            else:
                _ask_again(tx, provider, day, outcome.reason if outcome else "the provider is not set up", timer)
    else:
        go_through(database, gateway, provider, day, timer)


def _ask_again(tx: Tx, provider: str, day: date, reason: str, timer: Timer) -> None:
    tried = int(timer.payload.get("tried", 0)) + 1
    store.set_bill(tx, provider, day, reason=reason[:500])
    tx.set_timer(BILL, timer.key, tx.now + AGAIN, {**timer.payload, "tried": tried})
    if tried % _ALARM == 0:
        alarm("bill_not_ready", tx=tx, provider=provider, bill_id=key_of(provider, day), reason=reason[:500])


def keep_bill(tx: Tx, provider: str, day: date, bill: Bill) -> None:
    """Keep a bill as evidence, with its lines, and have it compared; its neighbours too, which may have waited for it."""
    known = store.lock_bill(tx, provider, day)
    if known is None:
        return
    if known.digest != bill.digest or known.state == "waiting":
        state = "open" if known.state == "waiting" else known.state
        if known.digest:
            log.info("bill_replaced", provider=provider, day=day.isoformat(), before=known.digest, now=bill.digest)
        fee = sum(line.fee for line in bill.lines)
        values = {"state": state, "content": bill.content, "digest": bill.digest, "fee": fee}
        store.set_bill(tx, provider, day, reason="", fetched_at=tx.now, **values)
        store.keep_lines(tx, provider, day, bill)
    for one in (
        day - _NEXT,
        day,
        day + _NEXT,
    ):  # everybody sets them in this order: they are rows, which others set, too
        neighbour = store.bill(tx.conn, provider, one)
        if neighbour is not None and neighbour.state != "waiting":
            tx.set_timer(BILL, key_of(provider, one), tx.now)


def _of_key(key: str) -> tuple[str, date]:
    provider, _, day = key.rpartition(":")
    return provider, date.fromisoformat(day)
