"""The staff's side of money: receipts and refunds."""

from typing import Any

from common.web import Routes, idempotent, page_of, roles, service

from payment_svc.api.schemas import (
    CardArgs,
    EmptyArgs,
    PaidOutArgs,
    PaymentOut,
    ReceiptArgs,
    RefundOut,
    RefundsArgs,
    RefundsOut,
    by_time,
    caller,
    payment_out,
    refund_out,
)
from payment_svc.providers import Card
from payment_svc.usecases import counter

blp = Routes("counter", __name__, url_prefix="/api/v1", description="Money, for staff")


@blp.post("/payments/<payment_id>/receipt")
@roles("cashier")
@idempotent
@blp.arguments(ReceiptArgs)
@blp.response(200, PaymentOut)
def record_receipt(args: dict[str, Any], payment_id: str) -> dict[str, Any]:
    """Record that the money was taken at the counter, all of it. The same receipt again changes nothing.

    409 (already_paid, payment_closed): do not take the money. 409 receipt_used: that number stands on another receipt.
    """
    taken = args["amount"]["amount"] if args["amount"] else None
    return payment_out(
        counter.record_receipt(
            service().database, caller(), payment_id, amount=taken, receipt_number=args["receipt_number"]
        )
    )


@blp.get("/refunds")
@roles("cashier", "operator")
@blp.arguments(RefundsArgs, location="query")
@blp.response(200, RefundsOut)
def list_refunds(args: dict[str, Any]) -> dict[str, Any]:
    """Refunds, oldest first: of one's hospital, or of all for operators.

    With `waiting`, those that wait for a person: `processing` by `window` wait to be paid out; `failed` ones whose `retried_as`
    is empty wait to be repeated or paid out; `abnormal` ones wait for a card.
    """
    found = counter.list_refunds(
        service().database,
        caller(),
        state=args["state"],
        order_id=args["order_id"],
        waiting=args["waiting"],
        after=args["cursor"],
        limit=args["limit"],
    )
    return page_of(found, args["limit"], by_time, refund_out)


@blp.post("/refunds/<refund_id>/retry")
@roles("cashier", "operator")
@idempotent
@blp.arguments(EmptyArgs)
@blp.response(202, RefundOut)
def retry_refund(_args: dict[str, Any], refund_id: str) -> dict[str, Any]:
    """Issue a refund that its provider refused again, under a new number. Answers the new refund.

    409 codes: refund_in_progress, refund_abnormal (send it to a card), refund_succeeded, refund_retried,
    refund_differs (a part went: pay out the rest).
    """
    return refund_out(counter.retry_refund(service().database, caller(), refund_id))


@blp.post("/refunds/<refund_id>/paid-out")
@roles("cashier")
@idempotent
@blp.arguments(PaidOutArgs)
@blp.response(200, RefundOut)
def pay_out(args: dict[str, Any], refund_id: str) -> dict[str, Any]:
    """Record that the money was given back at the counter.

    For a refund that its provider refused, this answers the new refund by `window` that settled it.
    409 codes: refund_in_progress, refund_abnormal (the provider has the money still), refund_succeeded, refund_retried,
    refund_differs (a part went, as `failure` says: hand out the `rest`, and say so by `amount`).
    """
    handed_out = args["amount"]["amount"] if args["amount"] else None
    return refund_out(counter.pay_out(service().database, caller(), refund_id, amount=handed_out))


@blp.post("/refunds/<refund_id>/to-card")
@roles("cashier")
@blp.arguments(CardArgs)
@blp.response(202, RefundOut)
def send_to_card(args: dict[str, Any], refund_id: str) -> dict[str, Any]:
    """Send an abnormal refund, which cannot reach the payer the way it came, to another bank card of hers.

    The card is passed on to the provider, encrypted, and kept nowhere. Answers the refund, which then is `processing`.
    409 codes: refund_in_progress, refund_succeeded, refund_refused (issue it again instead), card_refused,
    provider_missing, provider_busy (try again in a moment).
    """
    running = service()
    parts = running.parts
    sent = counter.send_to_card(running.database, parts.gateways, parts.requests, caller(), refund_id, Card(**args))
    return refund_out(sent)
