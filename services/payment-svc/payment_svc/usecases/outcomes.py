"""What providers answer about attempts, and when they are asked again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from common.outbox import Database, Tx

from payment_svc.domain import Attempt, Fact, next_query
from payment_svc.providers import Closed, CreateOutcome, Failed, Paid, Shown, Trade, TradeOutcome
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
    """Keep what the provider answered to a create, unless things have moved on since; answers how the attempt stands."""
    if isinstance(outcome, Failed):
        apply_outcome(tx, attempt.method, attempt.number, outcome, "answer")
    else:
        if isinstance(outcome, Shown):
            now = replace(attempt, state="pending", show=outcome.show, reason="")
        else:
            now = replace(attempt, state="unknown", reason=outcome.reason)
        if store.answer_attempt(tx, now):
            return now
    return store.attempt(tx.conn, attempt.id) or attempt


def apply_outcome(tx: Tx, method: str, number: str, outcome: TradeOutcome, source: Source) -> None:
    """What a provider says of a trade becomes a fact, if it is one: Unpaid, Absent and Unknown say nothing about money."""
    if isinstance(outcome, Paid):
        fact = Fact(
            method,
            "payment",
            number,
            "succeeded",
            source,
            outcome.paid_at,
            amount=outcome.amount,
            currency=outcome.currency,
            transaction_id=outcome.transaction_id,
            evidence=outcome.evidence,
        )
    elif isinstance(outcome, Failed):
        fact = Fact(method, "payment", number, "failed", source, tx.now, reason=outcome.reason)
    elif isinstance(outcome, Closed):
        fact = Fact(method, "payment", number, "closed", source, tx.now)
    else:
        return
    apply_fact(tx, fact)


def called_back(database: Database, method: str, number: str, outcome: TradeOutcome) -> None:
    """The provider called back about the trade `number`; its adapter has checked that it was the provider."""
    with database.transaction() as tx:
        apply_outcome(tx, method, number, outcome, "callback")
