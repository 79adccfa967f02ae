"""What providers say about attempts and refunds, as facts; and when they are asked again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from common.outbox import Tx

from payment_svc.domain import Attempt, Fact, next_query
from payment_svc.providers import (
    Abnormal,
    Closed,
    CreateOutcome,
    Failed,
    Paid,
    Refunded,
    RefundOutcome,
    Reversed,
    Shown,
    Trade,
    TradeOutcome,
)
from payment_svc.store import intents as store
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.facts import QUERY, apply_fact, apply_reversal, close_attempts

Source = Literal["callback", "query", "answer", "bill"]


def trade_of(attempt: Attempt) -> Trade:
    """What the provider is asked: the stored parameters, to the letter."""
    params: Mapping[str, Any] = attempt.params
    return Trade(
        params["number"],
        params["amount"],
        params["description"],
        datetime.fromisoformat(params["expires_at"]),
        params.get("channel", ""),
        params.get("payer", {}),
    )


def ask_again(tx: Tx, attempt: Attempt, asked: int) -> None:
    """Query the attempt later, having asked `asked` times; after the last time, close it."""
    wait = next_query(asked)
    if wait is None:
        close_attempts(tx, [attempt])
    else:
        tx.set_timer(QUERY, attempt.id, tx.now + wait, {"asked": asked})


def record_created(tx: Tx, attempt: Attempt, outcome: CreateOutcome) -> Attempt:
    """Keep what the provider answered to a create, unless things have moved on since; answers how the attempt stands."""
    if isinstance(outcome, Failed | Paid):
        apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
    else:
        if isinstance(outcome, Shown):
            now = replace(attempt, state="pending", show=outcome.show, show_until=_until(tx, outcome), reason="")
        else:
            now = replace(attempt, state="unknown", reason=outcome.reason)
        if store.answer_attempt(tx, now):
            return now
    return store.attempt(tx.conn, attempt.id) or attempt


def record_shown_again(tx: Tx, attempt: Attempt, outcome: CreateOutcome) -> Attempt:
    """As `record_created`, for an attempt that can be paid already. A refusal does not prove that it was not: it is closed."""
    if isinstance(outcome, Shown):
        now = replace(attempt, show=outcome.show, show_until=_until(tx, outcome))
        if store.show_again(tx, now):
            return now
    elif isinstance(outcome, Paid):
        apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
    elif isinstance(outcome, Failed):
        store.lock_intent(tx, attempt.order_id)
        known = store.attempt(tx.conn, attempt.id)
        if known is not None and known.state == "pending":
            close_attempts(tx, [known])
    return store.attempt(tx.conn, attempt.id) or attempt


def _until(tx: Tx, shown: Shown) -> datetime | None:
    return None if shown.fresh_for is None else tx.now + shown.fresh_for


def apply_outcome(tx: Tx, method: str, number: str, outcome: TradeOutcome, source: Source) -> None:
    """What a provider says of a trade becomes a fact, if it is one: Unpaid, Absent and Unknown say nothing about money."""
    if isinstance(outcome, Reversed):
        apply_reversal(tx, _capture(method, number, outcome.paid, source), outcome.reversed_at)
    elif isinstance(outcome, Paid):
        apply_fact(tx, _capture(method, number, outcome, source))
    elif isinstance(outcome, Failed):
        apply_fact(tx, Fact(method, "payment", number, "failed", source, tx.now, reason=outcome.reason))
    elif isinstance(outcome, Closed):
        apply_fact(tx, Fact(method, "payment", number, "closed", source, tx.now))


def _capture(method: str, number: str, paid: Paid, source: Source) -> Fact:
    return Fact(
        method,
        "payment",
        number,
        "succeeded",
        source,
        paid.paid_at,
        amount=paid.amount,
        currency=paid.currency,
        transaction_id=paid.transaction_id,
        evidence=paid.evidence,
    )


def apply_refund_outcome(tx: Tx, method: str, number: str, outcome: RefundOutcome, source: Source) -> None:
    """The same for a refund: Processing, Absent and Unknown say nothing about money."""
    if isinstance(outcome, Refunded):
        known = refund_store.refund_numbered(tx.conn, method, number)
        amount = outcome.amount or (known.amount if known else 0)
        if not amount:
            alarm("unknown_refund_number", tx=tx, provider=method, number=number)
            return
        at, evidence = outcome.refunded_at, outcome.evidence
        apply_fact(tx, Fact(method, "refund", number, "succeeded", source, at, amount=amount, evidence=evidence))
    elif isinstance(outcome, Failed | Abnormal):
        said: Literal["failed", "abnormal"] = "failed" if isinstance(outcome, Failed) else "abnormal"
        apply_fact(tx, Fact(method, "refund", number, said, source, tx.now, reason=outcome.reason))
