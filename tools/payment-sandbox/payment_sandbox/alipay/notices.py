"""What Alipay tells the merchant: a form, signed without its `sign` and `sign_type`."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from payment_sandbox.alipay.fields import beijing, setting, yuan
from payment_sandbox.alipay.signing import APP_ID, SELLER_ID, canonical, signed
from payment_sandbox.alipay.trades import buyer, names, status
from payment_sandbox.parts import Delivery, Notice, Sandbox, Trade

STALE = 2 * 24 * 3600  # seconds


def delivery(sandbox: Sandbox, notice: Notice, flaw: str | None) -> Delivery:
    """A notice as it is sent now. notify_id is the same each time; notify_time, and so the signature, is not."""
    fields = _paid(sandbox, notice) if notice.event == "paid" else _refunded(sandbox, notice)
    sent_at = time.time() - (STALE if flaw == "stale" else 0)
    form: dict[str, str] = {
        **fields,
        "notify_id": notice.id,
        "notify_type": "trade_status_sync",
        "notify_time": beijing(datetime.fromtimestamp(sent_at, UTC)),
        "charset": "utf-8",
        "version": "1.0",
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "seller_id": SELLER_ID,
        "sign_type": "RSA2",
    }
    empties = setting(sandbox, "alipay_notify_empty")
    if empties:
        form["body"] = ""
    if flaw != "unsigned":
        text = canonical(form, "sign", "sign_type", empties=empties == "signed")
        form["sign"] = signed(text, flaw)
    body = urlencode(form).encode()
    if flaw == "malformed":
        body = body[: len(body) // 2]
    return Delivery({"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, body)


def accepted(status_code: int, body: bytes) -> bool:
    return status_code == 200 and body == b"success"


def _known(trade: Trade | None) -> Trade:
    if trade is None:
        raise LookupError("a notice about a trade that is not in the books")
    return trade


def _trade(trade: Trade) -> dict[str, Any]:
    amount = yuan(trade.amount)
    paid_at = trade.paid_at or trade.created_at
    echoed = {name: str(trade.params[name]) for name in ("body", "passback_params") if trade.params.get(name)}
    return {
        **names(trade),
        "buyer_id": buyer(trade)["buyer_user_id"],
        "buyer_logon_id": buyer(trade)["buyer_logon_id"],
        "subject": trade.subject,
        **echoed,
        "total_amount": amount,
        "receipt_amount": amount,
        "buyer_pay_amount": amount,
        "invoice_amount": amount,
        "point_amount": "0.00",
        "fund_bill_list": json.dumps([{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}], separators=(",", ":")),
        "gmt_create": beijing(trade.created_at),
        "gmt_payment": beijing(paid_at),
    }


def _paid(sandbox: Sandbox, notice: Notice) -> dict[str, Any]:
    trade = _known(sandbox.books.trade("alipay", notice.number))
    # What happened then, whatever has become of it since.
    finished = setting(sandbox, "alipay_finished_days") == 0
    return {**_trade(trade), "trade_status": "TRADE_FINISHED" if finished else "TRADE_SUCCESS"}


def _refunded(sandbox: Sandbox, notice: Notice) -> dict[str, Any]:
    refund = sandbox.books.refund("alipay", notice.number)
    trade = _known(sandbox.books.trade("alipay", refund.trade_number) if refund else None)
    done = [each for each in sandbox.books.refunds_of("alipay", trade.number) if each.state == "success"]
    return {
        **_trade(trade),
        "trade_status": status(sandbox, trade),
        "refund_fee": yuan(sum(each.amount for each in done)),
        "gmt_refund": beijing((refund.done_at if refund else None) or notice.at),
        "out_biz_no": notice.number,
    }
