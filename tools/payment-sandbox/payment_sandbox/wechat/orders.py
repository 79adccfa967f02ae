"""Orders: POST /v3/pay/transactions/{native,jsapi,h5,app}, their query and their close."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from payment_sandbox.parts import Sandbox, Trade
from payment_sandbox.wechat.call import Answer, Call
from payment_sandbox.wechat.fields import (
    Field,
    address,
    flag,
    internet_address,
    many,
    moment,
    must,
    one_of,
    record,
    text,
    whole,
)
from payment_sandbox.wechat.identity import APPID, MCHID, NAME, rfc3339
from payment_sandbox.wechat.refusal import Refusal, bad_field

TRADE_TYPES = {"native": "NATIVE", "jsapi": "JSAPI", "h5": "MWEB", "app": "APP"}
CLOSED_BY_ITSELF = timedelta(days=7)
"""How long an order can be paid if it does not say."""
SHORTEST = timedelta(minutes=1)

_GOODS = record(
    {
        "merchant_goods_id": must(text(32)),
        "wechatpay_goods_id": text(32),
        "goods_name": text(256),
        "quantity": must(whole()),
        "unit_price": must(whole(0)),
    }
)
_STORE = record({"id": must(text(32)), "name": text(256), "area_code": text(32), "address": text(512)})
_SCENE = {"payer_client_ip": must(internet_address()), "device_id": text(32), "store_info": _STORE}
_H5 = record(
    {
        "type": must(one_of("iOS", "Android", "Wap")),
        "app_name": text(64),
        "app_url": text(128),
        "bundle_id": text(128),
        "package_name": text(128),
    }
)
_COMMON: Mapping[str, Field] = {
    "appid": must(text(32)),
    "mchid": must(text(32)),
    "description": must(text(127)),
    "out_trade_no": must(text(32, 6, r"[0-9A-Za-z_\-|*]+")),
    "time_expire": moment(),
    "attach": text(128),
    "notify_url": must(address()),
    "goods_tag": text(32),
    "support_fapiao": flag(),
    "amount": must(record({"total": must(whole()), "currency": one_of("CNY")})),
    "detail": record({"cost_price": whole(), "invoice_id": text(32), "goods_detail": many(_GOODS)}),
    "scene_info": record(_SCENE),
    "settle_info": record({"profit_sharing": flag()}),
}
_ORDER = {
    "native": _COMMON,
    "app": _COMMON,
    "jsapi": {**_COMMON, "payer": must(record({"openid": must(text(128, pattern=r"[0-9A-Za-z_\-]+"))}))},
    "h5": {**_COMMON, "scene_info": must(record({**_SCENE, "h5_info": must(_H5)}))},
}
_STATES = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "REFUND": "订单发生过退款，退款详情请查询退款单",
    "CLOSED": "订单已关闭",
}


def create(sandbox: Sandbox, call: Call) -> Answer:
    channel = call.part("channel")
    params = call.read(_ORDER[channel])
    _own(params)
    trade = sandbox.books.trade(NAME, params["out_trade_no"])
    if trade is None:
        trade = _new(sandbox, channel, params)
        sandbox.books.add_trade(trade)
    else:
        _same(trade, channel, params)
    return 200, _shown(sandbox, trade)


def query(sandbox: Sandbox, call: Call) -> Answer:
    call.query_of("mchid")
    _own({"mchid": call.query["mchid"]}, "query")
    number, transaction_id = call.parts.get("number"), call.parts.get("transaction_id")
    trade = sandbox.books.trade(NAME, number) if number else sandbox.books.trade_of(NAME, str(transaction_id))
    if trade is None:
        raise _absent(sandbox)
    return 200, described(sandbox, trade)


def close(sandbox: Sandbox, call: Call) -> Answer:
    _own(call.read({"mchid": must(text(32))}))
    trade = sandbox.books.trade(NAME, call.part("number"))
    if trade is None:
        raise _absent(sandbox)
    if trade.state == "paid":
        code = sandbox.options.close_paid_code
        raise Refusal(403 if code == "TRADE_ERROR" else 400, code, "该订单已支付")
    if trade.state == "unpaid":
        sandbox.books.set_trade(replace(trade, state="closed", closed_at=sandbox.now()))
    return 204, b""


def described(sandbox: Sandbox, trade: Trade) -> dict[str, Any]:
    """An order as the query answers it, and as its callback says it. What is not so yet is absent, not empty."""
    state = state_of(sandbox, trade)
    said: dict[str, Any] = {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": trade.number,
        "trade_state": state,
        "trade_state_desc": _STATES[state],
        "promotion_detail": [],
        "amount": {"total": trade.amount, "payer_currency": "CNY"},
    }
    if "attach" in trade.params:
        said["attach"] = trade.params["attach"]
    if trade.state != "paid" or trade.paid_at is None:
        return said
    return said | {
        "transaction_id": trade.transaction_id,
        "trade_type": TRADE_TYPES[trade.channel],
        "bank_type": "OTHERS",
        "success_time": rfc3339(trade.paid_at),
        "payer": {"openid": openid(trade)},
        "amount": {"total": trade.amount, "payer_total": trade.amount, "currency": "CNY", "payer_currency": "CNY"},
    }


def state_of(sandbox: Sandbox, trade: Trade) -> str:
    """An order of which any part went back is REFUND for ever, and no less paid."""
    if trade.state == "paid":
        return "REFUND" if sandbox.books.refunds_of(NAME, trade.number) else "SUCCESS"
    return "CLOSED" if trade.state == "closed" else "NOTPAY"


def openid(trade: Trade) -> str:
    payer = trade.params.get("payer") or {}
    return str(payer.get("openid") or trade.payer or "oSandboxPayer000000000000001")


def _new(sandbox: Sandbox, channel: str, params: Mapping[str, Any]) -> Trade:
    """Only the first order of a number is held against the clock."""
    now = sandbox.now()
    expires_at = now + CLOSED_BY_ITSELF
    if "time_expire" in params:
        expires_at = datetime.fromisoformat(params["time_expire"])
        if expires_at < now + SHORTEST:
            raise bad_field("/time_expire", params["time_expire"], "must be at least one minute away")
        if expires_at > now + timedelta(days=sandbox.options.longest_expiry_days):
            raise bad_field("/time_expire", params["time_expire"], "is too far away")
    return Trade(
        provider=NAME,
        number=params["out_trade_no"],
        channel=channel,
        amount=params["amount"]["total"],
        subject=params["description"],
        params=params,
        notify_url=params["notify_url"],
        token=secrets.token_urlsafe(18),
        created_at=now,
        expires_at=expires_at,
    )


def _same(trade: Trade, channel: str, params: Mapping[str, Any]) -> None:
    """A repetition must be one. Raises Refusal."""
    if channel != trade.channel or dict(params) != dict(trade.params):
        raise Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复：参数与首次下单不一致")
    if trade.state == "closed":
        raise Refusal(400, "ORDER_CLOSED", "订单已关闭")
    if trade.state == "paid":
        raise Refusal(400, "ORDERPAID", "该订单已支付")


def _shown(sandbox: Sandbox, trade: Trade) -> dict[str, str]:
    """What leads the payer to the order: always the same, however often it is asked for."""
    if trade.channel == "native":
        return {"code_url": sandbox.link(trade)}
    if trade.channel == "h5":
        return {"h5_url": sandbox.link(trade)}
    return {"prepay_id": f"wx{trade.created_at:%d%H%M%S}{trade.token}"}


def _own(params: Mapping[str, Any], location: str = "body") -> None:
    """Raises Refusal if it is another merchant's, or another app's."""
    if params["mchid"] != MCHID:
        if not params["mchid"].isdigit():
            raise bad_field("/mchid", params["mchid"], "is no merchant's number", location)
        raise Refusal(400, "MCH_NOT_EXISTS", "商户号不存在")
    if params.get("appid", APPID) != APPID:
        raise Refusal(400, "APPID_MCHID_NOT_MATCH", "商户号和 AppID 不匹配")


def _absent(sandbox: Sandbox) -> Refusal:
    return Refusal(404, sandbox.options.order_not_exist_code, "订单不存在")
