"""Trades: precreate, page.pay, wap.pay, query, close, cancel."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from payment_sandbox.alipay.fields import (
    MOST_FEN,
    Call,
    Refusal,
    bad,
    beijing,
    business,
    deadline,
    fen,
    is_text,
    number,
    setting,
    text,
    yuan,
)
from payment_sandbox.alipay.signing import SELLER_ID
from payment_sandbox.parts import Sandbox, Trade

PRODUCTS = {"precreate": "QR_CODE_OFFLINE", "page": "FAST_INSTANT_TRADE_PAY", "wap": "QUICK_WAP_WAY"}
LONGEST = {"precreate": timedelta(hours=2), "page": timedelta(days=15), "wap": timedelta(days=15)}
_DEADLINES = {"time_expire", "timeout_express", "qr_code_timeout_express"}

Fields = dict[str, Any]


def _url(call: Call, name: str) -> str:
    value = call.params.get(name, "")
    parts = urlsplit(value)
    if value and (len(value) > 256 or parts.scheme not in {"http", "https"} or not parts.hostname):
        raise Refusal("40002", "isv.invalid-parameter", f"参数无效：{name}")
    return value


def _asked(sandbox: Sandbox, channel: str, call: Call) -> Trade:
    """The trade that is asked for, not yet in the books."""
    biz, now = call.biz, sandbox.now()
    out_trade_no = number(biz.get("out_trade_no"), "out_trade_no")
    amount = fen(biz.get("total_amount"), "total_amount")
    if amount > MOST_FEN:
        raise business("ACQ.TOTAL_FEE_EXCEED", "订单总金额不在允许范围内")
    subject = text(biz, "subject", 256, forbidden="/=&")
    if not subject.strip():
        raise bad("subject")
    text(biz, "body", 128)
    needed = channel != "precreate" or setting(sandbox, "alipay_require_product_code")
    if biz.get("product_code", None if needed else PRODUCTS[channel]) != PRODUCTS[channel]:
        raise bad("product_code")
    if biz.get("seller_id", SELLER_ID) != SELLER_ID:
        raise bad("seller_id")
    return Trade(
        provider="alipay",
        number=out_trade_no,
        channel=channel,
        amount=amount,
        subject=subject,
        params={name: value for name, value in biz.items() if name not in _DEADLINES},
        notify_url=_url(call, "notify_url"),
        return_url=_url(call, "return_url"),
        token=secrets.token_urlsafe(16),
        created_at=now,
        expires_at=deadline(biz, now, LONGEST[channel]),
    )


def _refuse_ended(trade: Trade) -> None:
    if trade.state == "paid":
        raise business("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if trade.state == "closed":
        raise business("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")


def precreate(sandbox: Sandbox, call: Call) -> Fields:
    """A code. There is no trade until somebody scans it."""
    asked = _asked(sandbox, "precreate", call)
    trade = sandbox.books.trade("alipay", asked.number)
    if trade is None:
        sandbox.books.add_trade(asked)
        return {"out_trade_no": asked.number, "qr_code": sandbox.link(asked)}
    trade = timed_out(sandbox, trade)
    _refuse_ended(trade)
    same = trade.channel == asked.channel and trade.params == asked.params
    if not same and (trade.scanned or setting(sandbox, "alipay_repeat_code")):
        raise business("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    if setting(sandbox, "alipay_repeat_code"):
        return {"out_trade_no": trade.number, "qr_code": sandbox.link(trade)}
    raise business("ACQ.APPLY_PC_MERCHANT_CODE_ERROR", "商户申请二维码失败")


def visit(sandbox: Sandbox, channel: str, call: Call) -> Trade:
    """The payer's browser comes with what the merchant signed: the trade exists from now on. She may come again."""
    asked = replace(_asked(sandbox, channel, call), scanned=True, transaction_id=_new_id(sandbox))
    trade = sandbox.books.trade("alipay", asked.number)
    if trade is None:
        sandbox.books.add_trade(asked)
        return asked
    trade = timed_out(sandbox, trade)
    _refuse_ended(trade)
    if (trade.channel, trade.params) != (asked.channel, asked.params):
        raise business("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    return trade


def _new_id(sandbox: Sandbox) -> str:
    return f"{sandbox.now():%Y%m%d}22001{secrets.randbelow(10**15):015d}"


def timed_out(sandbox: Sandbox, trade: Trade) -> Trade:
    """Alipay closes by itself what was scanned and not paid in time. A code that nobody scanned is only stale."""
    if trade.state == "unpaid" and trade.scanned and sandbox.now() >= trade.expires_at:
        trade = replace(trade, state="closed", closed_at=trade.expires_at)
        sandbox.books.set_trade(trade)
    return trade


def found(sandbox: Sandbox, biz: Mapping[str, Any], *, exactly: bool = False) -> Trade:
    """The trade meant by trade_no, or else by out_trade_no. `exactly`: not one that is meant by one of them only.

    Raises: Refusal.
    """
    for name in ("trade_no", "out_trade_no"):
        if biz.get(name) and not is_text(biz[name]):
            raise bad(name)
    if biz.get("trade_no"):
        trade = sandbox.books.trade_of("alipay", biz["trade_no"])
    elif biz.get("out_trade_no"):
        trade = sandbox.books.trade("alipay", biz["out_trade_no"])
    else:
        raise bad("out_trade_no, trade_no")
    other = exactly and trade is not None and biz.get("out_trade_no") not in (None, "", trade.number)
    if trade is None or other or (not trade.scanned and trade.state != "paid"):
        raise business("ACQ.TRADE_NOT_EXIST", "交易不存在")
    if not trade.transaction_id:
        trade = replace(trade, transaction_id=_new_id(sandbox))
        sandbox.books.set_trade(trade)
    return timed_out(sandbox, trade)


def refunded(sandbox: Sandbox, trade: Trade) -> int:
    """Fen that have gone back, or are on their way."""
    refunds = sandbox.books.refunds_of("alipay", trade.number)
    return sum(refund.amount for refund in refunds if refund.state in {"success", "processing"})


def status(sandbox: Sandbox, trade: Trade) -> str:
    if trade.state == "unpaid":
        return "WAIT_BUYER_PAY"
    refunds = sandbox.books.refunds_of("alipay", trade.number)
    back = sum(refund.amount for refund in refunds if refund.state == "success")
    if trade.state == "closed" or back >= trade.amount:
        return "TRADE_CLOSED"
    days = setting(sandbox, "alipay_finished_days")
    if trade.paid_at is not None and sandbox.now() >= trade.paid_at + timedelta(days=days):
        return "TRADE_FINISHED"
    return "TRADE_SUCCESS"


def names(trade: Trade) -> Fields:
    return {"trade_no": trade.transaction_id, "out_trade_no": trade.number}


def buyer(trade: Trade) -> Fields:
    return {"buyer_logon_id": "pay***@example.com", "buyer_user_id": trade.payer or "2088600000000001"}


def query(sandbox: Sandbox, call: Call) -> Fields:
    trade = found(sandbox, call.biz)
    paid = yuan(trade.amount if trade.paid_at else 0)
    fields = {
        **names(trade),
        **buyer(trade),
        "trade_status": status(sandbox, trade),
        "total_amount": yuan(trade.amount),
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "invoice_amount": paid,
        "point_amount": "0.00",
    }
    if trade.paid_at:
        fields["send_pay_date"] = beijing(trade.paid_at)
        fields["fund_bill_list"] = [{"fund_channel": "ALIPAYACCOUNT", "amount": paid}]
    return fields


def close(sandbox: Sandbox, call: Call) -> Fields:
    trade = found(sandbox, call.biz)
    match status(sandbox, trade):
        case "WAIT_BUYER_PAY":
            sandbox.books.set_trade(replace(trade, state="closed", closed_at=sandbox.now()))
            return names(trade)
        case "TRADE_SUCCESS":
            raise business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        case "TRADE_CLOSED":
            raise business("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常")
        case _:
            raise business("ACQ.REASON_ILLEGAL_STATUS", "交易状态异常")
