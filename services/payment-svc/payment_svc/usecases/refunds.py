"""Giving back: money is reserved for its way back, the job `refund` asks the provider, and the answer ends it.

Each tender goes back to its own source, by a refund of its own: all of it, or what a move has left of it.

A refusal is final for its number. The money is owed again, booking-svc and staff hear of it, and staff issue it anew, or pay it
out at the counter. What is abnormal is not refused: its provider has the money still, and the same number may yet succeed.
Every function works under the lock of the refund's intent.
"""

from dataclasses import replace
from typing import Any

from common import ids
from common.errors import Conflict
from common.messages import Cause, RefundFailed, RefundSucceeded
from common.outbox import Tx

from payment_svc.domain import REST, UNSETTLED, Intent, Purpose, Refund, Tender, clearing, new_number, payable_account
from payment_svc.providers import RefundOrder
from payment_svc.store import intents, ledger, tenders
from payment_svc.store import refunds as store
from payment_svc.store.refunds import WENT_OTHERWISE
from payment_svc.usecases.alarms import alarm
from payment_svc.usecases.earning import owe_again

REFUND = "refund"
"""The kind of the job that asks about a refund; keyed by its id."""


def order_of(conn: Any, refund: Refund) -> RefundOrder:
    """What the provider is asked for: the stored refund, to the letter."""
    payment = intents.attempt(conn, refund.payment_id)
    transaction_id, total = intents.transaction_of(conn, refund.capture_id)
    number = payment.number if payment else ""
    return RefundOrder(refund.number, number, transaction_id, refund.amount, total, refund.reason)


def give_back(tx: Tx, intent: Intent, tender: Tender, purpose: Purpose, reason: str) -> None:
    """All of a tender goes back to where it came from."""
    tenders.give_on(tx, tender, moved=0)
    reserve(tx, intent, tender, tender.amount, purpose, reason)


def reserve(tx: Tx, intent: Intent, tender: Tender, amount: int, purpose: Purpose, reason: str) -> None:
    """Owe `amount` fen, what a tender has given for it, to its payer, and have the job see to it."""
    refund = Refund(
        id=ids.mint("rfd", intent.account_id),
        order_id=intent.order_id,
        tender_id=tender.id,
        payment_id=tender.payment_id,
        capture_id=tender.capture_id,
        provider=tender.provider,
        number=new_number(tx.now),
        amount=amount,
        purpose=purpose,
        state="reserved",
        created_at=tx.now,
        updated_at=tx.now,
        reason=reason[:500],
    )
    _issue(tx, intent, refund)


def _issue(tx: Tx, intent: Intent, refund: Refund) -> None:
    if refund.purpose == "order":
        owe_again(tx, intent)
    store.add_refund(tx, refund)
    _post(tx, "refund_reserved", intent, refund, payable_account(refund.purpose), "refund_in_flight")
    tx.set_timer(REFUND, refund.id, tx.now)


def refund_succeeded(tx: Tx, intent: Intent, refund: Refund) -> None:
    """The provider says that the money is back: success beats an earlier refusal."""
    if refund.state == "succeeded":
        return
    debit = "refund_in_flight"
    if refund.state == "failed":
        debit = payable_account(refund.purpose)
        if any(other.state != "failed" for other in store.refunds_of(tx.conn, refund.tender_id)):
            # it was issued again since: this money went out twice, and a person must get it back
            debit = "suspense"
            alarm("refunded_twice", tx=tx, order_id=refund.order_id, refund_id=refund.id, retried_as=refund.retried_as)
    store.set_refund(tx, refund.id, "succeeded", failure="")
    tx.cancel_timer(REFUND, refund.id)
    _post(tx, "refund_paid", intent, refund, debit, clearing(refund.provider))
    # one number is one movement: it was of the right amount after all
    if went := store.went_otherwise(tx.conn, refund.id):
        _post_apart(tx, "refund_right", intent, refund, clearing(refund.provider), "suspense", went)
    if debit != "suspense":
        _tell_back(tx, intent, refund)


def refund_failed(tx: Tx, intent: Intent, refund: Refund, reason: str) -> None:
    """The provider refused for good: the money is owed again, and waits for staff. Who has heard of it as abnormal hears no more.

    Unless another refund of the same money succeeded after all: then it had gone out once, and not twice.
    """
    told = _fail(tx, intent, refund, reason)
    if told:
        alarm("refund_refused", tx=tx, order_id=refund.order_id, refund_id=refund.id, reason=reason)


def refund_differs(tx: Tx, intent: Intent, refund: Refund, went: int) -> None:
    """The provider says that another amount went back than was asked for: `went` fen, which stand in suspense.

    If it was more, the payer has all of hers, and only the excess stands there. If it was less, the refund counts as refused: all of it
    is owed, less what stands in suspense, and a cashier pays that rest out. No provider is asked again: it would be more in all.
    """
    what = {"order_id": refund.order_id, "refund_id": refund.id, "asked": refund.amount, "went": went}
    alarm("refund_amount_mismatch", tx=tx, **what)
    if refund.state == "succeeded" or store.went_otherwise(tx.conn, refund.id):
        return  # it is booked: the provider contradicts itself
    account = clearing(refund.provider)
    if went > refund.amount:
        _post_apart(tx, "refund_excess", intent, refund, "suspense", account, went - refund.amount)
        refund_succeeded(tx, intent, refund)
        return
    _post_apart(tx, WENT_OTHERWISE, intent, refund, "suspense", account, went)
    reason = f"amount_mismatch: {went} of {refund.amount} fen went"
    if refund.state in UNSETTLED:
        _fail(tx, intent, refund, reason)
    else:
        store.set_refund(tx, refund.id, "failed", failure=reason)


def rest_of(tx: Tx, refund: Refund) -> int:
    """Fen that the payer has not got yet of a refund that failed: all of it, unless some went nevertheless."""
    return refund.amount - _gone(tx, refund)


def _gone(tx: Tx, refund: Refund) -> int:
    issued = store.refunds_of(tx.conn, refund.tender_id)
    return min(refund.amount, sum(store.went_otherwise(tx.conn, one.id) for one in issued))


def rest_paid_out(tx: Tx, intent: Intent, refund: Refund) -> None:
    """The counter has settled a refund of which a part was gone: it handed out no more than the rest."""
    if gone := _gone(tx, refund):
        _post_apart(tx, "refund_rest", intent, refund, clearing(refund.provider), "suspense", gone)


def _fail(tx: Tx, intent: Intent, refund: Refund, reason: str) -> bool:
    """False if the money is back nevertheless, and nobody needs to act."""
    store.set_refund(tx, refund.id, "failed", failure=reason[:500])
    tx.cancel_timer(REFUND, refund.id)
    _post(tx, "refund_refused", intent, refund, "refund_in_flight", payable_account(refund.purpose))
    back = [other for other in store.refunds_of(tx.conn, refund.tender_id) if other.state == "succeeded"]
    if back:
        _post(tx, "refund_offset", intent, refund, payable_account(refund.purpose), "suspense")
        _tell_back(tx, intent, back[0])
        return False
    if not refund.failure:
        _tell_refused(tx, intent, replace(refund, state="failed", failure=reason))
    return True


def refund_abnormal(tx: Tx, intent: Intent, refund: Refund, reason: str) -> None:
    """The money cannot reach the payer the way it came: staff must act. Told once, however many cards are tried after that."""
    failure = reason[:500] or "abnormal"
    store.set_refund(tx, refund.id, "abnormal", failure=failure)
    alarm("refund_abnormal", tx=tx, order_id=refund.order_id, refund_id=refund.id, reason=failure)
    if not refund.failure:
        _tell_refused(tx, intent, replace(refund, failure=failure))


def _post(tx: Tx, kind: str, intent: Intent, refund: Refund, debit: str, credit: str) -> None:
    ledger.post(tx, kind, refund.id, intent, debit=debit, credit=credit, amount=refund.amount)


def _post_apart(tx: Tx, kind: str, intent: Intent, refund: Refund, debit: str, credit: str, amount: int) -> None:
    """What was not asked for is no movement of the order, whose books say what they would without it; but of its hospital."""
    ledger.post(tx, kind, refund.id, replace(intent, order_id=""), debit=debit, credit=credit, amount=amount)


def _tell_back(tx: Tx, intent: Intent, refund: Refund) -> None:
    """A refund is back. Of surplus that is told at once; of an order's money when all of it is back, with the total."""
    if refund.purpose == "surplus":
        _tell_succeeded(tx, intent, refund, refund.amount, _ways(tx, [refund]))
        return
    standing = _how_they_stand(tx, intent)
    if all(one.state == "succeeded" for one in standing):
        last = max(standing, key=lambda one: (one.updated_at, one.id))
        _tell_succeeded(tx, intent, last, sum(one.amount for one in standing), _ways(tx, standing))


def _ways(tx: Tx, back: list[Refund]) -> str:
    """All by which this money went back: of what was paid out as the rest, also the one by which a part had gone."""
    issued = [one for refund in back for one in store.refunds_of(tx.conn, refund.tender_id)]
    parts = [one for one in issued if store.went_otherwise(tx.conn, one.id)]
    return ",".join(sorted({one.provider for one in (*back, *parts)}))


def tell_again(tx: Tx, intent: Intent) -> None:
    """Say once more how the refunds of an order's money ended; nothing of those that are on their way."""
    standing = _how_they_stand(tx, intent)
    for refund in standing:
        if refund.state in {"failed", "abnormal"}:
            _tell_refused(tx, intent, refund)
    if standing:
        _tell_back(tx, intent, standing[0])


def _how_they_stand(tx: Tx, intent: Intent) -> list[Refund]:
    """For each tender of the order that goes back: the refund that brought it back, or else the one that was issued last."""
    standing = []
    for issued in store.refunds_for(tx.conn, intent.order_id).values():
        last = [refund for refund in issued if refund.retried_as is None]
        back = [refund for refund in (*last, *issued) if refund.state == "succeeded"]
        standing.append((back + last)[0])
    return standing


def _tell_succeeded(tx: Tx, intent: Intent, refund: Refund, amount: int, methods: str) -> None:
    about = (intent.order_id, intent.account_id, refund.id, amount, refund.purpose, methods)
    tx.send(RefundSucceeded(*about, _cause_of(refund)))


def _cause_of(refund: Refund) -> Cause:
    """Why its money goes back, for those who are told."""
    if refund.purpose == "order":
        return "cancelled"
    if refund.reason == REST:
        return "fee_difference"
    return "amount_mismatch" if refund.reason == "amount_mismatch" else "late_or_twice"


def _tell_refused(tx: Tx, intent: Intent, refund: Refund) -> None:
    about = (intent.order_id, intent.account_id, refund.id, refund.amount, refund.purpose)
    tx.send(RefundFailed(*about, refund.failure[:500]))


def issue_again(tx: Tx, intent: Intent, refund: Refund, provider: str) -> Refund:
    """A refused refund once more, under a new number, by way of `provider`. Raises Conflict unless it is refused and waiting."""
    if refund.state == "abnormal":
        detail = "the provider has this money still: send the refund to a card, or settle it in the provider's console"
        raise Conflict(detail, code="refund_abnormal")
    if refund.state in UNSETTLED:
        raise Conflict("the refund is on its way", code="refund_in_progress")
    if any(issued.state == "succeeded" for issued in store.refunds_of(tx.conn, refund.tender_id)):
        raise Conflict("the money is back already", code="refund_succeeded")
    if refund.retried_as is not None:
        raise Conflict("the refund was issued again already", code="refund_retried", retried_as=refund.retried_as)
    again = replace(
        refund,
        id=ids.mint("rfd", intent.account_id),
        number=new_number(tx.now),
        provider=provider,
        state="reserved",
        failure="",
        retry_of=refund.id,
        created_at=tx.now,
        updated_at=tx.now,
    )
    _issue(tx, intent, again)
    return again
