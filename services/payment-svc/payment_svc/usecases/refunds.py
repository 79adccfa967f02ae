"""Giving back: money is reserved for its way back, the job `refund` asks the provider, and the answer ends it.

A refusal is final for its number. The money is owed again, booking-svc and staff hear of it, and staff issue it anew, or pay it
out at the counter. Every function works under the lock of the refund's intent.
"""

from common import ids
from common.errors import Conflict
from common.messages import RefundFailed, RefundSucceeded
from common.outbox import Tx

from payment_svc.domain import UNSETTLED, Intent, Purpose, Refund, clearing, new_number, payable_account
from payment_svc.store import ledger
from payment_svc.store import refunds as store
from payment_svc.usecases.alarms import alarm

REFUND = "refund"
"""The kind of the job that asks about a refund; keyed by its id."""


def reserve(
    tx: Tx,
    intent: Intent,
    payment_id: str,
    capture_id: str,
    *,
    provider: str,
    amount: int,
    purpose: Purpose,
    reason: str,
    retry_of: str | None = None,
) -> Refund:
    """Owe a capture's money back by way of `provider`, and have the job see to it. `amount` in fen, all of the capture."""
    refund = Refund(
        id=ids.mint("rfd", intent.account_id),
        order_id=intent.order_id,
        payment_id=payment_id,
        capture_id=capture_id,
        provider=provider,
        number=new_number(tx.now),
        amount=amount,
        purpose=purpose,
        state="reserved",
        created_at=tx.now,
        updated_at=tx.now,
        reason=reason[:500],
        retry_of=retry_of,
    )
    store.add_refund(tx, refund)
    ledger.post(
        tx,
        "refund_reserved",
        refund.id,
        intent,
        debit=payable_account(purpose),
        credit="refund_in_flight",
        amount=amount,
    )
    tx.set_timer(REFUND, refund.id, tx.now)
    return refund


def refund_succeeded(tx: Tx, intent: Intent, refund: Refund) -> None:
    """The provider says that the money is back: success beats an earlier refusal."""
    if refund.state == "succeeded":
        return
    store.set_refund(tx, refund.id, "succeeded", failure="")
    tx.cancel_timer(REFUND, refund.id)
    debit = "refund_in_flight"
    if refund.state == "failed":
        debit = payable_account(refund.purpose)
        if refund.retried_as is not None:
            # it was issued again since: this money went out twice, and a person must get it back
            debit = "suspense"
            alarm("refunded_twice", order_id=refund.order_id, refund_id=refund.id, retried_as=refund.retried_as)
    ledger.post(
        tx, "refund_paid", refund.id, intent, debit=debit, credit=clearing(refund.provider), amount=refund.amount
    )
    if debit != "suspense":
        tell_refund(tx, intent, refund, "succeeded")


def refund_failed(tx: Tx, intent: Intent, refund: Refund, reason: str) -> None:
    """The provider refused for good: the money is owed again, and waits for staff."""
    store.set_refund(tx, refund.id, "failed", failure=reason[:500])
    tx.cancel_timer(REFUND, refund.id)
    ledger.post(
        tx,
        "refund_refused",
        refund.id,
        intent,
        debit="refund_in_flight",
        credit=payable_account(refund.purpose),
        amount=refund.amount,
    )
    alarm("refund_refused", order_id=refund.order_id, refund_id=refund.id, reason=reason)
    tell_refund(tx, intent, refund, "failed", reason)


def tell_refund(tx: Tx, intent: Intent, refund: Refund, state: str, failure: str = "") -> None:
    """Say how a refund ended, once more if asked; nothing while it is on its way."""
    if state == "succeeded":
        tx.send(
            RefundSucceeded(
                intent.order_id, intent.account_id, refund.id, refund.amount, refund.purpose, refund.provider
            )
        )
    elif state == "failed":
        tx.send(
            RefundFailed(intent.order_id, intent.account_id, refund.id, refund.amount, refund.purpose, failure[:500])
        )


def issue_again(tx: Tx, intent: Intent, refund: Refund, provider: str) -> Refund:
    """A refused refund once more, under a new number, by way of `provider`. Raises Conflict unless it is refused and waiting."""
    if refund.state in UNSETTLED:
        raise Conflict("the refund is on its way", code="refund_in_progress")
    if refund.state == "succeeded":
        raise Conflict("the money is back already", code="refund_succeeded")
    if refund.retried_as is not None:
        raise Conflict("the refund was issued again already", code="refund_retried", retried_as=refund.retried_as)
    return reserve(
        tx,
        intent,
        refund.payment_id,
        refund.capture_id,
        provider=provider,
        amount=refund.amount,
        purpose=refund.purpose,
        reason=refund.reason,
        retry_of=refund.id,
    )
