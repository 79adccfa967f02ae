"""Giving back: money is reserved for its way back, the job `refund` asks the provider, and the answer ends it.

A refusal is final for its number. The money is owed again, booking-svc and staff hear of it, and staff issue it anew, or pay it
out at the counter. Every function works under the lock of the refund's intent.
"""

from dataclasses import replace

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
    _post(tx, "refund_reserved", intent, refund, payable_account(purpose), "refund_in_flight")
    tx.set_timer(REFUND, refund.id, tx.now)
    return refund


def refund_succeeded(tx: Tx, intent: Intent, refund: Refund) -> None:
    """The provider says that the money is back: success beats an earlier refusal."""
    if refund.state == "succeeded":
        return
    debit = "refund_in_flight"
    if refund.state == "failed":
        debit = payable_account(refund.purpose)
        if any(other.state != "failed" for other in store.refunds_of(tx.conn, refund.capture_id)):
            # it was issued again since: this money went out twice, and a person must get it back
            debit = "suspense"
            alarm("refunded_twice", order_id=refund.order_id, refund_id=refund.id, retried_as=refund.retried_as)
    store.set_refund(tx, refund.id, "succeeded", failure="")
    tx.cancel_timer(REFUND, refund.id)
    _post(tx, "refund_paid", intent, refund, debit, clearing(refund.provider))
    if debit != "suspense":
        tell_refund(tx, intent, replace(refund, state="succeeded"))


def refund_failed(tx: Tx, intent: Intent, refund: Refund, reason: str) -> None:
    """The provider refused for good: the money is owed again, and waits for staff.

    Unless another refund of the same capture succeeded after all: then it had gone out once, and not twice.
    """
    store.set_refund(tx, refund.id, "failed", failure=reason[:500])
    tx.cancel_timer(REFUND, refund.id)
    _post(tx, "refund_refused", intent, refund, "refund_in_flight", payable_account(refund.purpose))
    back = [other for other in store.refunds_of(tx.conn, refund.capture_id) if other.state == "succeeded"]
    if back:
        _post(tx, "refund_offset", intent, refund, payable_account(refund.purpose), "suspense")
        tell_refund(tx, intent, back[0])
        return
    alarm("refund_refused", order_id=refund.order_id, refund_id=refund.id, reason=reason)
    tell_refund(tx, intent, replace(refund, state="failed", failure=reason))


def _post(tx: Tx, kind: str, intent: Intent, refund: Refund, debit: str, credit: str) -> None:
    ledger.post(tx, kind, refund.id, intent, debit=debit, credit=credit, amount=refund.amount)


def how_it_stands(tx: Tx, capture_id: str) -> Refund | None:
    """The refund that brought a capture's money back, or else the one that was issued last."""
    issued = store.refunds_of(tx.conn, capture_id)
    back = [refund for refund in issued if refund.state == "succeeded"]
    waiting = [refund for refund in issued if refund.retried_as is None]
    return next(iter(back + waiting), None)


def tell_refund(tx: Tx, intent: Intent, refund: Refund) -> None:
    """Say how a refund ended, once more if asked; nothing while it is on its way."""
    about = (intent.order_id, intent.account_id, refund.id, refund.amount, refund.purpose)
    if refund.state == "succeeded":
        tx.send(RefundSucceeded(*about, refund.provider))
    elif refund.state == "failed":
        tx.send(RefundFailed(*about, refund.failure[:500]))


def issue_again(tx: Tx, intent: Intent, refund: Refund, provider: str) -> Refund:
    """A refused refund once more, under a new number, by way of `provider`. Raises Conflict unless it is refused and waiting."""
    if refund.state in UNSETTLED:
        raise Conflict("the refund is on its way", code="refund_in_progress")
    if any(issued.state == "succeeded" for issued in store.refunds_of(tx.conn, refund.capture_id)):
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
