"""`apply_fact`: callbacks, queries, answers, bill lines and receipts all come through here, under the lock of their intent.

Facts come in any order and any number of times; what they leave is the same. Success beats closed: a capture counts while its
intent is open or closing. What comes later, or again, or as another amount, is surplus: kept in the ledger and sent back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from common import ids
from common.messages import PaymentClosed, PaymentFailed, PaymentSucceeded
from common.outbox import Tx

from payment_svc.domain import (
    LIVE,
    UNSETTLED,
    Attempt,
    AttemptState,
    Fact,
    Intent,
    Tender,
    clearing,
    outranks,
    payable_account,
    weigh,
)
from payment_svc.store import intents as store
from payment_svc.store import ledger, tenders
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.refunds import give_back, refund_abnormal, refund_differs, refund_failed, refund_succeeded

QUERY, CLOSE = "query_attempt", "close_attempt"
"""The kinds of the jobs that ask about an attempt; keyed by its id."""


def apply_fact(tx: Tx, fact: Fact) -> None:
    """Keep a fact, and let it move what it moves. A repetition does nothing."""
    if fact.kind == "refund":
        _apply_to_refund(tx, fact)
        return
    intent = store.lock_intent_of(tx, fact.provider, fact.number)
    fact_id = store.add_fact(tx, fact, intent)
    if fact_id is None:
        if fact.transaction_id and store.contradicts(tx.conn, fact):
            alarm(
                "contradicting_fact",
                tx=tx,
                provider=fact.provider,
                transaction_id=fact.transaction_id,
                amount=fact.amount,
            )
        return
    if intent is None:
        _of_nobody(tx, fact, fact_id)
        return
    attempts = store.attempts_of(tx.conn, intent.order_id)
    attempt = next(a for a in attempts if a.number == fact.number)
    if fact.outcome == "succeeded":
        intent = _money_came(tx, intent, attempts, attempt, fact, fact_id)
    else:
        _end_attempt(tx, intent, attempt, "failed" if fact.outcome == "failed" else "closed", fact.reason)
    settle_closing(tx, intent)


def apply_reversal(tx: Tx, capture: Fact, reversed_at: datetime) -> None:
    """Money came, and the provider has given all of it back because we cancelled its trade: it counts for nothing.

    If it was counted nevertheless, the order is paid by money that is gone, and a person must see to it.
    """
    intent = store.lock_intent_of(tx, capture.provider, capture.number)
    attempt = store.attempt_numbered(tx.conn, capture.provider, capture.number)
    if attempt is not None:
        store.mark_cancelled(tx, attempt.id)
    apply_fact(tx, capture)
    number = capture.number
    if intent is not None:
        tender = tenders.tender_of_capture(tx.conn, capture.provider, capture.transaction_id or "")
        if tender is None or attempt is None or tender.payment_id != attempt.id:
            return  # it contradicts what is known of this transaction, and apply_fact has said so
        if tender.settles:
            alarm("reversed_after_counting", tx=tx, order_id=tender.order_id, payment_id=attempt.id)
            give_back(tx, intent, tender, "order", "reversed")
        issued = [r for r in refund_store.refunds_of(tx.conn, tender.id) if r.provider == capture.provider]
        if not issued or issued[-1].amount != capture.amount:
            alarm("reversed_after_moving", tx=tx, order_id=tender.order_id, payment_id=attempt.id)
            return
        number = issued[-1].number
    evidence = {"reversed": capture.number}
    back = replace(
        capture, kind="refund", number=number, occurred_at=reversed_at, transaction_id=None, evidence=evidence
    )
    apply_fact(tx, back)


def _of_nobody(tx: Tx, fact: Fact, fact_id: str) -> None:
    """A provider speaks of a number that we never gave out. Money of it waits in suspense."""
    if fact.outcome == "succeeded":
        ledger.post(tx, "capture", fact_id, None, debit=clearing(fact.provider), credit="suspense", amount=fact.amount)
    alarm("unknown_number", tx=tx, provider=fact.provider, number=fact.number, fact_id=fact_id, outcome=fact.outcome)


def _refund_of_nobody(tx: Tx, fact: Fact, fact_id: str) -> None:
    """A refund that we never issued, by the provider's console for example. What went out by it stands in suspense."""
    if fact.outcome == "succeeded":
        account = clearing(fact.provider)
        ledger.post(tx, "refund_paid", fact_id, None, debit="suspense", credit=account, amount=fact.amount)
    alarm(
        "unknown_refund_number",
        tx=tx,
        provider=fact.provider,
        number=fact.number,
        fact_id=fact_id,
        outcome=fact.outcome,
    )


def _money_came(
    tx: Tx, intent: Intent, attempts: Sequence[Attempt], attempt: Attempt, fact: Fact, fact_id: str
) -> Intent:
    """Book a capture; answers the intent as it is then."""
    verdict = weigh(intent, attempt, fact)
    counts = verdict == "counts"
    credit = payable_account("order" if counts else "surplus")
    ledger.post(tx, "capture", fact_id, intent, debit=clearing(fact.provider), credit=credit, amount=fact.amount)
    if verdict == "mismatch":
        alarm(
            "amount_mismatch",
            tx=tx,
            order_id=intent.order_id,
            payment_id=attempt.id,
            asked=attempt.amount,
            came=fact.amount,
            currency=fact.currency,
        )
        _end_attempt(tx, intent, attempt, "failed", "amount_mismatch")
    elif attempt.state != "succeeded":
        store.set_attempt(tx, attempt.id, "succeeded", paid_at=fact.occurred_at)
        _stop_asking(tx, attempt.id)
    tender = Tender(
        ids.mint("tnd"), intent.order_id, fact_id, attempt.id, fact.provider, fact.amount, None, created_at=tx.now
    )
    tenders.add_tender(tx, tender)
    if not counts:
        give_back(tx, intent, tender, "surplus", "amount_mismatch" if verdict == "mismatch" else "paid_late_or_twice")
        return intent
    store.set_intent(tx, intent.order_id, state="paid", payment_id=attempt.id, capture_id=fact_id)
    tx.send(
        PaymentSucceeded(
            intent.order_id, intent.account_id, attempt.id, attempt.amount, attempt.method, fact.occurred_at
        )
    )
    close_attempts(tx, [other for other in attempts if other.id != attempt.id and other.state in LIVE])
    return replace(intent, state="paid", payment_id=attempt.id, capture_id=fact_id)


def _end_attempt(tx: Tx, intent: Intent, attempt: Attempt, state: AttemptState, reason: str) -> None:
    """The attempt came to nothing, as far as is known by now."""
    if not outranks(state, attempt.state):
        return
    store.set_attempt(tx, attempt.id, state, reason=reason[:500])
    _stop_asking(tx, attempt.id)
    if state == "failed" and intent.state == "open":
        tx.send(PaymentFailed(intent.order_id, intent.account_id, attempt.id, attempt.method, reason[:500]))


def _stop_asking(tx: Tx, attempt_id: str) -> None:
    tx.cancel_timer(QUERY, attempt_id)
    tx.cancel_timer(CLOSE, attempt_id)


def close_attempts(tx: Tx, live: Iterable[Attempt]) -> None:
    """Have the provider asked, by a job each, to close what might still be paid."""
    for attempt in live:
        if attempt.state != "closing":
            store.set_attempt(tx, attempt.id, "closing")
            tx.cancel_timer(QUERY, attempt.id)
            tx.set_timer(CLOSE, attempt.id, tx.now)


def settle_closing(tx: Tx, intent: Intent) -> None:
    """A closing intent is closed as soon as none of its attempts can be paid any more, and not before."""
    if intent.state == "closing" and not store.live_attempts(tx.conn, [intent.order_id]):
        store.set_intent(tx, intent.order_id, state="closed")
        tx.send(PaymentClosed(intent.order_id))


def _apply_to_refund(tx: Tx, fact: Fact) -> None:
    found = refund_store.refund_numbered(tx.conn, fact.provider, fact.number)
    intent = store.lock_intent(tx, found.order_id) if found else None
    refund = refund_store.refund(tx.conn, found.id) if found else None
    if fact.outcome == "abnormal" and refund is not None and refund.state not in UNSETTLED - {"abnormal"}:
        return  # known, or over; it is news again only after staff have tried a card
    fact_id = store.add_fact(tx, fact, intent)
    if fact_id is None:
        return
    if refund is None or intent is None:
        _refund_of_nobody(tx, fact, fact_id)
    elif fact.outcome == "abnormal":
        refund_abnormal(tx, intent, refund, fact.reason)
    elif fact.outcome == "succeeded" and fact.amount != refund.amount:
        refund_differs(tx, intent, refund, fact.amount)
    elif fact.outcome == "succeeded":
        refund_succeeded(tx, intent, refund)
    elif refund.state in UNSETTLED:
        refund_failed(tx, intent, refund, fact.reason)
