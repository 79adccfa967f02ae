"""What providers answer about attempts, and when they are asked again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from common.outbox import Database, Tx

from payment_svc.domain import UNANSWERED, Attempt, Fact, next_query
from payment_svc.providers import Closed, CreateOutcome, Failed, Paid, Shown, Trade, TradeOutcome, Unknown
from payment_svc.store import intents as store
from payment_svc.usecases.facts import QUERY, apply_fact, close_attempts

Source = Literal["callback", "query", "answer"]


def trade_of(attempt: Attempt) -> Trade:
    """What the provider is asked: the stored parameters, to the letter."""
    params: Mapping[str, Any] = attempt.params
    return Trade(
        params["number"], params["amount"], params["description"], datetime.fromisoformat(params["expires_at"])
    )


def ask_again(tx: Tx, attempt: Attempt, asked: int) -> None:
    """Query the attempt later, having asked `asked` times; after the last time, close it."""
    wait = next_query(asked)
    if wait is None:
        close_attempts(tx, [attempt])
    else:
        tx.set_timer(QUERY, attempt.id, tx.now + wait, {"asked": asked})


def record_created(tx: Tx, attempt: Attempt, outcome: CreateOutcome) -> Attempt:
    """Keep what the provider answered to being asked for a trade, unless things have moved on since; answers how it stands."""
    store.lock_intent(tx, attempt.order_id)
    now = store.attempt(tx.conn, attempt.id) or attempt
    if now.state in UNANSWERED:
        if isinstance(outcome, Shown):
            store.set_attempt(tx, attempt.id, "pending", show=outcome.show, reason="")
        elif isinstance(outcome, Unknown):
            store.set_attempt(tx, attempt.id, "unknown", reason=outcome.reason[:500])
        else:
            apply_outcome(tx, attempt, outcome, "answer")
    return store.attempt(tx.conn, attempt.id) or attempt


def apply_outcome(tx: Tx, attempt: Attempt, outcome: TradeOutcome, source: Source) -> None:
    """What a provider says of a trade becomes a fact, if it is one: Unpaid, Absent and Unknown say nothing about money."""
    if isinstance(outcome, Paid):
        apply_fact(tx, _paid(attempt.method, attempt.number, outcome, source))
    elif isinstance(outcome, Failed):
        apply_fact(tx, Fact(attempt.method, "payment", attempt.number, "failed", source, tx.now, reason=outcome.reason))
    elif isinstance(outcome, Closed):
        apply_fact(tx, Fact(attempt.method, "payment", attempt.number, "closed", source, tx.now))


def _paid(method: str, number: str, paid: Paid, source: Source) -> Fact:
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


def called_back(database: Database, method: str, number: str, outcome: TradeOutcome) -> None:
    """The provider called back about the trade `number`; its adapter has checked that it was the provider."""
    with database.transaction() as tx:
        attempt = store.attempt_numbered(tx.conn, method, number)
        if attempt is not None:
            apply_outcome(tx, attempt, outcome, "callback")
        elif isinstance(outcome, Paid):
            apply_fact(tx, _paid(method, number, outcome, "callback"))
