"""The jobs: they ask a provider, outside of any transaction, and write down what it says in one of their own.

A job that dies between the two is run again and asks the same with the same number, so nothing is done twice. `service` is
payment-svc's `Service`; its `parts` hold the providers.
"""

from typing import Any

from common.outbox import Database, Timer, Tx

from payment_svc.domain import (
    CREATE_GRACE,
    PAYABLE,
    UNANSWERED,
    UNSETTLED,
    Attempt,
    Fact,
    Refund,
    next_close,
    next_refund_query,
)
from payment_svc.providers import Absent, Closed, Failed, Processing, Provider, Refunded, RefundOrder, RefundOutcome
from payment_svc.store import intents as store
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.facts import CLOSE, QUERY, apply_fact
from payment_svc.usecases.outcomes import apply_outcome, ask_again, record_created, trade_of
from payment_svc.usecases.refunds import REFUND

_SLOW = 8
"""Asked so often without an answer, a person should know."""


def query_attempt(service: Any, timer: Timer) -> None:
    """Find out what became of a payable attempt: a callback may have been lost, or a create may never have arrived."""
    database: Database = service.database
    with database.reading() as conn:
        attempt = store.attempt(conn, timer.key)
    if attempt is None or attempt.state not in PAYABLE:
        _done(database, timer)
        return
    provider: Provider = service.parts.providers[attempt.method]
    if attempt.state in UNANSWERED:
        created = provider.create(trade_of(attempt))
        with database.transaction() as tx:
            store.lock_intent(tx, attempt.order_id)
            attempt = record_created(tx, attempt, created)
            _query_on(tx, attempt, timer)
    else:
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
    """Have the provider close an attempt. For ever, if it must be: only its word lets the number go back into sale."""
    database: Database = service.database
    with database.reading() as conn:
        attempt = store.attempt(conn, timer.key)
    if attempt is None or attempt.state != "closing":
        _done(database, timer)
        return
    provider: Provider = service.parts.providers[attempt.method]
    outcome = provider.close(trade_of(attempt))
    tried = int(timer.payload.get("tried", 0))
    with database.transaction() as tx:
        store.lock_intent(tx, attempt.order_id)
        if isinstance(outcome, Absent) and tx.now - attempt.updated_at >= CREATE_GRACE:
            outcome = Closed()  # no create that could still arrive is under way
        apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
        now = store.attempt(tx.conn, attempt.id)
        if now is not None and now.state == "closing":
            tx.set_timer(CLOSE, attempt.id, tx.now + next_close(tried), {"tried": tried + 1})
            if tried == _SLOW:
                alarm("close_unanswered", order_id=attempt.order_id, payment_id=attempt.id, outcome=repr(outcome))
        else:
            tx.cancel_timer(CLOSE, attempt.id)


def give_back(service: Any, timer: Timer) -> None:
    """Have the provider refund; while its answer is unknown or not final, ask on with the same number."""
    database: Database = service.database
    with database.reading() as conn:
        refund = refund_store.refund(conn, timer.key)
        if refund is None or refund.state not in UNSETTLED:
            order = None
        else:
            payment = store.attempt(conn, refund.payment_id)
            transaction_id, total = store.transaction_of(conn, refund.capture_id)
            number = payment.number if payment else ""
            order = RefundOrder(refund.number, number, transaction_id, refund.amount, total, refund.reason)
    if refund is None or order is None:
        _done(database, timer)
        return
    provider: Provider = service.parts.providers[refund.provider]
    if refund.state == "reserved":
        with database.transaction() as tx:
            store.lock_intent(tx, refund.order_id)
            _move(tx, refund, "submitted")
        outcome = provider.refund(order)
    else:
        outcome = provider.query_refund(order)
        if isinstance(outcome, Absent):
            outcome = provider.refund(order)
    with database.transaction() as tx:
        _record_refund(tx, refund, outcome, by_hand=provider.by_hand, asked=int(timer.payload.get("asked", 0)))


def _move(tx: Tx, refund: Refund, state: Any) -> None:
    now = refund_store.refund(tx.conn, refund.id)
    if now is not None and now.state in UNSETTLED:
        refund_store.set_refund(tx, refund.id, state)


def _record_refund(tx: Tx, refund: Refund, outcome: RefundOutcome, *, by_hand: bool, asked: int) -> None:
    store.lock_intent(tx, refund.order_id)
    if isinstance(outcome, Refunded):
        evidence = outcome.evidence
        apply_fact(
            tx,
            Fact(
                refund.provider,
                "refund",
                refund.number,
                "succeeded",
                "answer",
                outcome.refunded_at,
                amount=refund.amount,
                evidence=evidence,
            ),
        )
    elif isinstance(outcome, Failed):
        apply_fact(
            tx, Fact(refund.provider, "refund", refund.number, "failed", "answer", tx.now, reason=outcome.reason)
        )
    elif isinstance(outcome, Processing):
        _move(tx, refund, "processing")
    now = refund_store.refund(tx.conn, refund.id)
    if now is None or now.state not in UNSETTLED or (by_hand and now.state == "processing"):
        tx.cancel_timer(REFUND, refund.id)
        return
    tx.set_timer(REFUND, refund.id, tx.now + next_refund_query(asked), {"asked": asked + 1})
    if asked == _SLOW:
        alarm("refund_unanswered", order_id=refund.order_id, refund_id=refund.id, outcome=repr(outcome))


def _done(database: Database, timer: Timer) -> None:
    with database.transaction() as tx:
        tx.cancel_timer(timer.kind, timer.key)
