"""The jobs: they ask a provider, outside of any transaction, and write down what it says in one of their own.

A job that dies between the two is run again and asks the same with the same number, so nothing is done twice. `service` is
payment-svc's `Service`; its `parts` hold the providers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common.outbox import Database, Timer, Tx

from payment_svc.domain import (
    PAYABLE,
    UNANSWERED,
    UNSETTLED,
    Attempt,
    Refund,
    next_close,
    next_refund_query,
)
from payment_svc.providers import (
    Absent,
    Closed,
    Failed,
    Processing,
    Provider,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Reversed,
    TradeOutcome,
    Unknown,
    Unpaid,
)
from payment_svc.store import intents as store
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.facts import CLOSE, QUERY
from payment_svc.usecases.outcomes import apply_outcome, apply_refund_outcome, ask_again, record_created, trade_of
from payment_svc.usecases.refunds import REFUND, order_of

_SLOW = 8
"""Asked so often without an answer, a person should know."""
_CANCEL_AFTER = 6
"""So many closes in vain, a minute in all, and the trade is cancelled if it is there and unpaid."""
_MISSING = timedelta(hours=1)
_FULL = timedelta(seconds=8)
"""The longest that a job waits before it looks again for room."""


def query_attempt(service: Any, timer: Timer) -> None:
    """Find out what became of a payable attempt: a callback may have been lost, or a create may never have arrived."""
    database: Database = service.database
    with database.reading() as conn:
        attempt = store.attempt(conn, timer.key)
    if attempt is None or attempt.state not in PAYABLE:
        _done(database, timer)
        return
    with _at(service, attempt.method, timer) as provider:
        if provider is not None:
            _query(database, provider, attempt, timer)


def _query(database: Database, provider: Provider, attempt: Attempt, timer: Timer) -> None:
    if attempt.state in UNANSWERED:
        created = provider.create(trade_of(attempt))
        with database.transaction() as tx:
            store.lock_intent(tx, attempt.order_id)
            attempt = record_created(tx, attempt, created)
            _query_on(tx, attempt, timer)
        return
    outcome = provider.query(trade_of(attempt))
    with database.transaction() as tx:
        store.lock_intent(tx, attempt.order_id)
        apply_outcome(tx, attempt.method, attempt.number, outcome, "query")
        _query_on(tx, store.attempt(tx.conn, attempt.id) or attempt, timer)


def _query_on(tx: Tx, attempt: Attempt, timer: Timer) -> None:
    if attempt.state in PAYABLE:
        ask_again(tx, attempt, int(timer.payload.get("asked", 0)) + 1)
    else:
        tx.cancel_timer(QUERY, attempt.id)


def close_attempt(service: Any, timer: Timer) -> None:
    """Have the provider close an attempt. For ever, if it must be: only its word lets the number go back into sale.

    The timer counts how often that was `tried`, and how often in `vain`: unanswered, or refused although nothing was paid.
    """
    database: Database = service.database
    with database.reading() as conn:
        attempt = store.attempt(conn, timer.key)
    if attempt is None or attempt.state != "closing":
        _done(database, timer)
        return
    with _at(service, attempt.method, timer) as provider:
        if provider is not None:
            _close(database, provider, attempt, timer)


def _close(database: Database, provider: Provider, attempt: Attempt, timer: Timer) -> None:
    outcome = _end(database, provider, attempt, int(timer.payload.get("vain", 0)))
    with database.transaction() as tx:
        store.lock_intent(tx, attempt.order_id)
        known = store.attempt(tx.conn, attempt.id)
        if known is not None and known.state == "closing":
            _record_close(tx, provider, known, outcome, timer)
        else:
            apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
            tx.cancel_timer(CLOSE, attempt.id)


def _end(database: Database, provider: Provider, attempt: Attempt, vain: int) -> TradeOutcome:
    """Close a trade, or cancel it if that is in vain and gives money back. What came until then still counts if a query finds it;
    what comes after does not. Once it is being cancelled nothing but the cancel is asked: a query would say paid, and not that it
    has gone back.
    """
    trade = trade_of(attempt)
    if attempt.cancelled_at is None:
        if not provider.reverses or vain < _CANCEL_AFTER or vain % 2:
            return provider.close(trade)
        outcome = provider.query(trade)
        if not isinstance(outcome, Unpaid) or not _begin_to_cancel(database, attempt):
            return outcome
    return provider.cancel(trade)


def _begin_to_cancel(database: Database, attempt: Attempt) -> bool:
    """False if a callback has ended the attempt since the query: what it counted must not be given back."""
    with database.transaction() as tx:
        store.lock_intent(tx, attempt.order_id)
        now = store.attempt(tx.conn, attempt.id)
        if now is None or now.state != "closing":
            return False
        store.mark_cancelled(tx, attempt.id)
    return True


def _record_close(tx: Tx, provider: Provider, attempt: Attempt, outcome: TradeOutcome, timer: Timer) -> None:
    gone_at = provider.gone_after(trade_of(attempt), attempt.updated_at) if isinstance(outcome, Absent) else None
    if gone_at is not None and tx.now >= gone_at:
        outcome = Closed()
    apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
    now = store.attempt(tx.conn, attempt.id)
    if now is None or now.state != "closing":
        tx.cancel_timer(CLOSE, attempt.id)
        return
    tried, vain = (int(timer.payload.get(name, 0)) for name in ("tried", "vain"))
    again = tx.now + next_close(tried)
    if gone_at is None:
        vain += 1
        if vain == _SLOW:
            alarm("close_unanswered", tx=tx, order_id=attempt.order_id, payment_id=attempt.id, outcome=repr(outcome))
    elif gone_at < again:
        again = gone_at
    tx.set_timer(CLOSE, attempt.id, again, {"tried": tried + 1, "vain": vain})


def give_back(service: Any, timer: Timer) -> None:
    """Have the provider refund; while its answer is unknown or not final, ask on with the same number."""
    database: Database = service.database
    with database.reading() as conn:
        refund = refund_store.refund(conn, timer.key)
        order = order_of(conn, refund) if refund and refund.state in UNSETTLED else None
    if refund is None or order is None:
        _done(database, timer)
        return
    with _at(service, refund.provider, timer) as provider:
        if provider is not None:
            _give_back(database, provider, refund, order, timer)


def _give_back(database: Database, provider: Provider, refund: Refund, order: RefundOrder, timer: Timer) -> None:
    outcome: RefundOutcome = Absent() if refund.state == "reserved" else provider.query_refund(order)
    taken_at = None
    if isinstance(outcome, Absent) and refund.state != "abnormal":
        turn = _take_turn(database, provider, refund, timer)
        if turn is None:
            return
        taken_at, sent_before = turn
        outcome = provider.refund(replace(order, sent_before=sent_before))
    if isinstance(outcome, Failed) and (gone := _reversed(database, provider, refund)):
        outcome = gone
    with database.transaction() as tx:
        if taken_at is not None and isinstance(outcome, Failed):
            store.return_turn(tx, refund.payment_id, taken_at)
        _record_refund(tx, refund, order, outcome, by_hand=provider.by_hand, timer=timer)


def _reversed(database: Database, provider: Provider, refund: Refund) -> RefundOutcome | None:
    """Why a refund was refused, if its trade was being cancelled: the money may be back already. None: it was refused."""
    with database.reading() as conn:
        payment = store.attempt(conn, refund.payment_id)
    if payment is None or payment.cancelled_at is None or payment.method != refund.provider:
        return None
    outcome = provider.cancel(trade_of(payment))
    if isinstance(outcome, Reversed):
        with database.transaction() as tx:
            apply_outcome(tx, payment.method, payment.number, outcome, "answer")
        return Refunded(outcome.reversed_at, refund.amount)
    return Unknown("its trade was cancelled") if isinstance(outcome, Unknown) else None


def _take_turn(
    database: Database, provider: Provider, refund: Refund, timer: Timer
) -> tuple[datetime, timedelta | None] | None:
    """Since when the provider may be asked for this refund, if it may, and how long before that it was sent first (None: it never was);
    else (None) that is tried again when its trade may have one.
    """
    with database.transaction() as tx:
        store.lock_intent(tx, refund.order_id)
        now = refund_store.refund(tx.conn, refund.id)
        if now is None or now.state not in UNSETTLED:
            tx.cancel_timer(REFUND, refund.id)
            return None
        later = store.turn_to_refund(tx, refund.payment_id, provider.refund_gap)
        if later is not None:
            tx.set_timer(REFUND, refund.id, later, timer.payload)
            return None
        if now.state != "reserved":
            return tx.now, tx.now - now.updated_at
        refund_store.set_refund(tx, refund.id, "submitted")
        return tx.now, None


def _record_refund(
    tx: Tx, refund: Refund, order: RefundOrder, outcome: RefundOutcome, *, by_hand: bool, timer: Timer
) -> None:
    store.lock_intent(tx, refund.order_id)
    apply_refund_outcome(tx, refund.provider, order.number, outcome, "answer")
    now = refund_store.refund(tx.conn, refund.id)
    accepted = isinstance(outcome, Processing) and now is not None and now.state in {"reserved", "submitted"}
    if accepted:
        refund_store.set_refund(tx, refund.id, "processing")
    if now is None or now.state not in UNSETTLED or (by_hand and (accepted or now.state == "processing")):
        tx.cancel_timer(REFUND, refund.id)
        return
    asked, vain = (int(timer.payload.get(name, 0)) for name in ("asked", "vain"))
    vain = vain + 1 if isinstance(outcome, Unknown | Absent) else 0
    short, told = isinstance(outcome, Unknown) and "NOT_ENOUGH" in outcome.reason, timer.payload.get("short", False)
    payload = {"asked": asked + 1, "vain": vain, "short": told or short}
    tx.set_timer(REFUND, refund.id, tx.now + next_refund_query(asked), payload)
    if short and not told:  # our account with the provider must be topped up
        alarm("balance_too_low", tx=tx, order_id=refund.order_id, refund_id=refund.id, provider=refund.provider)
    if vain == _SLOW:
        alarm("refund_unanswered", tx=tx, order_id=refund.order_id, refund_id=refund.id, outcome=repr(outcome))


@contextmanager
def _at(service: Any, method: str, timer: Timer) -> Iterator[Provider | None]:
    """Who is to be asked. None if the job was put off instead, which does not count as asked: so many calls of that provider are
    under way that it must be slow; or nobody here speaks with it any more: money may hang on it, so a person must know.
    """
    provider: Provider | None = service.parts.providers.get(method)
    if provider is None:
        with service.database.transaction() as tx:
            told = timer.payload.get("missing", False)
            alarm("provider_missing", tx=None if told else tx, provider=method, job=timer.kind, about_id=timer.key)
            tx.set_timer(timer.kind, timer.key, tx.now + _MISSING, {**timer.payload, "missing": True})
        yield None
        return
    with service.parts.jobs.enter(method, provider) as entered:
        if not entered:
            full = int(timer.payload.get("full", 0))
            with service.database.transaction() as tx:
                later = tx.now + min(next_close(full), _FULL)
                tx.set_timer(timer.kind, timer.key, later, {**timer.payload, "full": full + 1})
        yield provider if entered else None


def _done(database: Database, timer: Timer) -> None:
    with database.transaction() as tx:
        tx.cancel_timer(timer.kind, timer.key)
