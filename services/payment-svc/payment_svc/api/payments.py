"""Paying: attempts, as their payers see them."""

from typing import Any

from common.web import Routes, answer, public, roles, service
from common.web.client import client_address
from common.web.idempotency import idempotency_key, request_hash
from flask import Response

from payment_svc.api.schemas import MethodsOut, PayArgs, PaymentOut, PaymentsArgs, PaymentsOut, caller, payment_out
from payment_svc.usecases import payments

blp = Routes("payments", __name__, url_prefix="/api/v1", description="Paying for an order")


@blp.post("/orders/<order_id>/payments")
@roles("patient", "cashier")
@blp.arguments(PayArgs)
@blp.response(201, PaymentOut)
def start_payment(args: dict[str, Any], order_id: str) -> Response:
    """Start to pay an order.

    What the payer needs is in `show`: `qr` is a text to scan, `link` an address to follow, `jsapi` the parameters of WeChat's
    payment call, `counter` a code to say at the cashier's counter (cashiers may start that for a patient). `alipay` has the channels
    qr, page, wap; `wechat` has native, jsapi (with `openid`), h5; the first is meant if none is named. After `page` and `wap` the payer
    comes back to `return_path`. Online there are 90 seconds at least, also where `pay_before` comes sooner. The same Idempotency-Key
    answers the same payment; without a key a payment that can still be paid in this very way is answered again. Either way `show` is made anew when it has gone stale (`show_until`). While the provider is slow,
    and has enough to answer, a payment is `created` without `show`: it comes within seconds, see GET /payments/{id}.
    409 codes: payment_not_ready (ask again), payment_window_over, payment_closed, already_paid, too_many_attempts,
    payment_refused. 422: method_not_available (see GET /payments/methods).
    """
    running = service()
    way = payments.Way(**args, client_ip=client_address(), public_url=running.settings.public_url)
    payment = payments.start_payment(
        running.database,
        running.parts.offered,
        running.parts.requests,
        caller(),
        order_id,
        way,
        key=idempotency_key(),
        request_hash=request_hash(),
        wait=running.settings.intent_wait,
    )
    return answer(payment_out(payment), 201, Location=f"/api/v1/payments/{payment.attempt.id}")


@blp.get("/payments/methods")
@public
@blp.response(200, MethodsOut)
def list_methods() -> dict[str, Any]:
    """By what patients may pay. Others are refused (`method_not_available`); what was begun by them before is brought to its end."""
    offered = service().parts.offered
    return {"items": [{"method": method, "channels": list(one.channels)} for method, one in offered.items()]}


@blp.get("/payments/<payment_id>")
@roles("patient", "cashier", "operator")
@blp.response(200, PaymentOut)
def show_payment(payment_id: str) -> dict[str, Any]:
    """How a payment stands. Seen by its payer, the cashiers of its hospital, and operators."""
    return payment_out(payments.find_payment(service().database, caller(), payment_id))


@blp.get("/payments")
@roles("patient", "cashier", "operator")
@blp.arguments(PaymentsArgs, location="query")
@blp.response(200, PaymentsOut)
def list_payments(args: dict[str, Any]) -> dict[str, Any]:
    """The payments of an order, oldest first; or, by the code that a patient says at the counter, that one.

    Payments of other orders whose money has moved to this order are among them: their `parts` say so.
    """
    found = payments.find_payments(service().database, caller(), order_id=args["order_id"], code=args["code"])
    return {"items": [payment_out(payment) for payment in found], "next_cursor": None}
