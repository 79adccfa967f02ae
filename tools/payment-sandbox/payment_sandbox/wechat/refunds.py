"""Refunds: POST and GET /v3/refund/domestic/refunds, and what is done about one that cannot reach its payer."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from payment_sandbox.parts import Refund, Sandbox, Trade
from payment_sandbox.wechat.call import Answer, Call
from payment_sandbox.wechat.fields import Field, address, many, must, one_of, record, text, whole
from payment_sandbox.wechat.identity import NAME, SIGNERS, rfc3339
from payment_sandbox.wechat.refusal import Refusal, bad_field
from payment_sandbox.wechat.signing import opened

MOST_PARTS = 50
LEAST_GAP = timedelta(minutes=1)
LONGEST = timedelta(days=365)
STATES = {"processing": "PROCESSING", "success": "SUCCESS", "closed": "CLOSED", "abnormal": "ABNORMAL"}

_NUMBER = text(64, pattern=r"[0-9A-Za-z_\-|*@]+")
_GOODS = record(
    {
        "merchant_goods_id": must(text(32)),
        "wechatpay_goods_id": text(32),
        "goods_name": text(256),
        "unit_price": must(whole(0)),
        "refund_amount": must(whole(0)),
        "refund_quantity": must(whole()),
    }
)
_FROM = record({"account": must(one_of("AVAILABLE", "UNAVAILABLE")), "amount": must(whole())})
_REFUND: Mapping[str, Field] = {
    "transaction_id": text(32),
    "out_trade_no": text(32, 6),
    "out_refund_no": must(_NUMBER),
    "reason": text(80),
    "notify_url": address(),
    "funds_account": one_of("AVAILABLE", "UNSETTLED"),
    "amount": must(
        record(
            {
                "refund": must(whole()),
                "total": must(whole()),
                "currency": must(one_of("CNY")),
                "from": many(_FROM),
            }
        )
    ),
    "goods_detail": many(_GOODS),
}
_ABNORMAL: Mapping[str, Field] = {
    "out_refund_no": must(_NUMBER),
    "type": must(one_of("USER_BANK_CARD", "MERCHANT_BANK_CARD")),
    "bank_type": text(16),
    "bank_account": text(1024),
    "real_name": text(1024),
}
_CARD = ("bank_type", "bank_account", "real_name")


def refund(sandbox: Sandbox, call: Call) -> Answer:
    params = call.read(_REFUND)
    trade = _trade(sandbox, params)
    known = sandbox.books.refund(NAME, params["out_refund_no"])
    amount = params["amount"]
    if amount["total"] != trade.amount or (
        known and (known.trade_number, known.amount) != (trade.number, amount["refund"])
    ):
        raise Refusal(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    if known is None:
        _affordable(sandbox, trade, amount["refund"])
        known = _accepted(sandbox, trade, params)
    return 200, described(known, trade)


def query(sandbox: Sandbox, call: Call) -> Answer:
    call.query_of()
    sandbox.finish_refunds()
    found = sandbox.books.refund(NAME, call.part("number"))
    if found is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return 200, described(found, _of(sandbox, found))


def abnormal(sandbox: Sandbox, call: Call) -> Answer:
    """An abnormal refund goes to another card of the payer, or to one of the merchant, who gives it to her."""
    params = call.read(_ABNORMAL)
    found = sandbox.books.refund_by_id(NAME, call.part("refund_id"))
    if found is None or found.number != params["out_refund_no"]:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    card = _card(call, params)
    if found.source and found.state != "abnormal":
        return 200, described(found, _of(sandbox, found))
    if found.state != "abnormal":
        raise Refusal(400, "INVALID_REQUEST", "退款单不处于异常状态")
    moved = replace(found, state="processing", done_at=None, source=card)
    sandbox.books.set_refund(moved)
    if sandbox.options.refund_outcome != "processing":  # else it waits to be told
        sandbox.books.set_refund(replace(moved, state="success", done_at=sandbox.now()))
        sandbox.notify(NAME, "refund", moved.number, moved.notify_url)
    return 200, described(moved, _of(sandbox, moved))


def described(found: Refund, trade: Trade) -> dict[str, Any]:
    """A refund as the calls answer it. (Its callback says some things otherwise.)"""
    said: dict[str, Any] = {
        "refund_id": found.refund_id,
        "out_refund_no": found.number,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.number,
        "channel": "OTHER_BANKCARD" if found.source else "ORIGINAL",
        "user_received_account": received_by(found),
        "create_time": rfc3339(found.requested_at),
        "status": STATES[found.state],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": trade.amount,
            "refund": found.amount,
            "payer_total": trade.amount,
            "payer_refund": found.amount,
            "settlement_refund": found.amount,
            "settlement_total": trade.amount,
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if found.state == "success" and found.done_at is not None:
        said["success_time"] = rfc3339(found.done_at)
    return said


def received_by(found: Refund) -> str:
    return found.source or "支付用户零钱"


def _trade(sandbox: Sandbox, params: Mapping[str, Any]) -> Trade:
    """The order that is meant, by either of its numbers. Raises Refusal."""
    number, transaction_id = params.get("out_trade_no"), params.get("transaction_id")
    if number is None and transaction_id is None:
        raise bad_field("/transaction_id", None, "is missing, and so is out_trade_no")
    trade = sandbox.books.trade(NAME, number) if number else sandbox.books.trade_of(NAME, str(transaction_id))
    if trade is None:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    if transaction_id is not None and trade.transaction_id != transaction_id:
        raise Refusal(400, "INVALID_REQUEST", "微信支付订单号与商户订单号不匹配")
    if trade.state != "paid":
        raise Refusal(403, "TRADE_ERROR", "订单未支付，不能退款")
    return trade


def _affordable(sandbox: Sandbox, trade: Trade, amount: int) -> None:
    """Raises Refusal if no more may go back of this order, or not now."""
    now, options = sandbox.now(), sandbox.options
    earlier = sandbox.books.refunds_of(NAME, trade.number)
    if trade.paid_at is not None and now - trade.paid_at > LONGEST:
        raise Refusal(400, "INVALID_REQUEST", "订单已超过可退款的最大期限（365 天）")
    if sum(one.amount for one in earlier if one.state != "closed") + amount > trade.amount:
        raise Refusal(400, "INVALID_REQUEST", "申请退款金额超过订单可退金额")
    if len(earlier) >= MOST_PARTS:
        raise Refusal(403, "RULE_LIMIT", "部分退款次数超过 50 次")
    if options.refund_rule_seconds and any(now - one.requested_at < LEAST_GAP for one in earlier):
        raise Refusal(429, "FREQUENCY_LIMITED", "同一订单多次退款，请间隔 1 分钟后再试")
    if options.refund_outcome == "refused":
        raise Refusal(403, "USER_ACCOUNT_ABNORMAL", "用户账户异常，退款请求未受理")
    if options.balance is not None and amount > options.balance:
        raise Refusal(403, "NOT_ENOUGH", "基本账户余额不足，请充值后用原单号重新申请")


def _accepted(sandbox: Sandbox, trade: Trade, params: Mapping[str, Any]) -> Refund:
    """Take a refund on. Where it ends is told later: by the query, and by a callback."""
    now, amount = sandbox.now(), params["amount"]["refund"]
    found = Refund(
        provider=NAME,
        number=params["out_refund_no"],
        trade_number=trade.number,
        refund_id=_refund_id(now),
        amount=amount,
        reason=params.get("reason", ""),
        notify_url=params.get("notify_url", ""),
        requested_at=now,
    )
    sandbox.books.add_refund(found)
    if sandbox.options.balance is not None:
        sandbox.options.balance -= amount
    return found


def _refund_id(now: datetime) -> str:
    return f"503{now:%Y%m%d%H%M%S}{secrets.randbelow(10**12):012d}"


def _card(call: Call, params: Mapping[str, Any]) -> str:
    """Where the money shall go, as it is shown. Raises Refusal if a field is missing or was not encrypted for us."""
    if params["type"] == "MERCHANT_BANK_CARD":
        return "商户结算银行卡"
    for name in _CARD:
        if name not in params:
            raise bad_field(f"/{name}", None, "is missing")
    if call.serial not in SIGNERS:
        raise Refusal(400, "PARAM_ERROR", "HTTP header 缺少微信支付平台证书序列号 (Wechatpay-Serial)")
    plain = {}
    for name in ("bank_account", "real_name"):
        try:
            plain[name] = opened(params[name])
        except ValueError:
            raise bad_field(f"/{name}", "***", "cannot be decrypted") from None
    if not (plain["bank_account"].isdigit() and 8 <= len(plain["bank_account"]) <= 32):
        raise bad_field("/bank_account", "***", "is no card number")
    return f"{params['bank_type']} {plain['bank_account'][-4:]}"


def _of(sandbox: Sandbox, found: Refund) -> Trade:
    trade = sandbox.books.trade(NAME, found.trade_number)
    assert trade is not None  # noqa: S101 - a refund refers to its trade
    return trade
