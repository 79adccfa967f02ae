"""WeChat Pay, APIv3 (https://pay.weixin.qq.com/doc/v3/merchant): QR codes, payments within WeChat, and in a phone's browser.

A number is never lost to a refusal that was hasty: what WeChat refuses is believed once it also says that it has nothing under
that number. The same goes for closes, of which it may be said in several ways that they came too late.
"""

import secrets
import time as host
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import quote

from common.clock import SHANGHAI
from wechatpayv3 import WeChatPayType

from payment_svc.domain import CREATE_GRACE
from payment_svc.providers import (
    Abnormal,
    Absent,
    BillOutcome,
    Card,
    Closed,
    CreateOutcome,
    Failed,
    Heard,
    Paid,
    RefundOrder,
    RefundOutcome,
    Shown,
    Trade,
    TradeOutcome,
    Unknown,
)
from payment_svc.providers.wechat import answers, bill, callbacks
from payment_svc.providers.wechat.client import Answer, Client, ask
from payment_svc.settings import Settings

_NO_TRADE = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
_USED = "OUT_TRADE_NO_USED"
_OTHERWISE = " (is WECHAT_APPID or CALLBACK_URL another than when it was made?)"
_NO_REFUND = "RESOURCE_NOT_EXISTS"
_ON_THE_WAY = timedelta(seconds=30)
"""What a link, or an id, must still be good for when the payer gets it."""
_KEPT = timedelta(hours=2) - _ON_THE_WAY
_H5_KEPT = timedelta(minutes=5) - _ON_THE_WAY


class WechatPay:
    """The adapter. It may be shared by threads."""

    by_hand = False
    channels = ("native", "jsapi", "h5")
    refund_gap = timedelta(seconds=60)
    reverses = False
    accepted = (204, b"", "application/json")
    bill_ready = time(10)

    def __init__(self, client: Client, mchid: str, appid: str) -> None:
        self._client, self._mchid, self._appid = client, mchid, appid

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises ValueError if the keys do not do; it shows no secrets. Calls nobody."""
        return cls(Client(settings), settings.wechat_mchid, settings.wechat_appid)

    # --- trades ------------------------------------------------------------------------------------------------------

    def create(self, trade: Trade) -> CreateOutcome:
        answer = ask(self._client.pay, **self._request(trade))
        shown = self._shown(trade, answer.document) if answer.status == 200 else None
        if shown or not answer.refused:
            return shown or Unknown(answer.reason)
        known = self.query(trade)  # it may have been made before, and the refusal be of the repetition
        if isinstance(known, Paid):
            return known
        if isinstance(known, Absent | Closed):
            return Failed(answer.reason)
        return Unknown(f"{answer.reason}{_OTHERWISE if answer.reason == _USED else ''}")

    def query(self, trade: Trade) -> TradeOutcome:
        answer = ask(self._client.query, out_trade_no=_in_path(trade.number))
        if answer.status == 404 and answer.reason in _NO_TRADE:
            return Absent()
        if answer.status != 200:
            return Unknown(answer.reason)
        return answers.about_trade(answer.document, trade, self._mchid, self._appid)

    def close(self, trade: Trade) -> TradeOutcome:
        answer = ask(self._client.close, out_trade_no=_in_path(trade.number))
        if answer.status == 204:
            return Closed()
        return self.query(trade) if 400 <= answer.status < 500 else Unknown(answer.reason)

    def cancel(self, trade: Trade) -> TradeOutcome:
        """The same as `close`: WeChat cancels only what is paid by a code that the payer shows."""
        return self.close(trade)

    def gone_after(self, trade: Trade, closing_since: datetime) -> datetime:
        """What WeChat does not know was never made, once no create can be under way any more."""
        del trade
        return closing_since + CREATE_GRACE

    # --- refunds -----------------------------------------------------------------------------------------------------

    def refund(self, order: RefundOrder) -> RefundOutcome:
        answer = ask(
            self._client.refund,
            out_refund_no=order.number,
            transaction_id=order.transaction_id,
            reason=order.reason[:80],
            amount={"refund": order.amount, "total": order.total, "currency": order.currency},
        )
        if answer.status == 200:
            return answers.about_refund(answer.document, order)
        if not answer.refused:
            return Unknown(answer.reason)
        known = self.query_refund(order)
        return Failed(answer.reason) if isinstance(known, Absent) else known

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        return self._refund_now(order)[0]

    def refund_to_card(self, order: RefundOrder, refund_id: str, card: Card) -> RefundOutcome:
        """Only if it is abnormal now. `refund_id` may be empty: WeChat is asked for it. Refused, it stays Abnormal."""
        now, answer = self._refund_now(order)
        known = answer.document.get("refund_id")
        if not isinstance(now, Abnormal):
            return now
        if not isinstance(known, str) or not known or refund_id not in {"", known}:
            return Abnormal("refund_id")
        answer = ask(
            self._client.abnormal_refund,
            refund_id=_in_path(known),
            out_refund_no=order.number,
            type="USER_BANK_CARD",
            bank_type=card.bank,
            bank_account=card.number,
            real_name=card.holder,
        )
        if answer.status == 200:
            return answers.about_refund(answer.document, order)
        return Abnormal(answer.reason) if answer.refused else Unknown(answer.reason)

    def _refund_now(self, order: RefundOrder) -> tuple[RefundOutcome, Answer]:
        answer = ask(self._client.query_refund, _in_path(order.number))
        if answer.status == 404 and answer.reason == _NO_REFUND:
            return Absent(), answer
        if answer.status != 200:
            return Unknown(answer.reason), answer
        return answers.about_refund(answer.document, order), answer

    # --- what it says itself -----------------------------------------------------------------------------------------

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        return callbacks.hear(self._client, headers, body, now, mchid=self._mchid, appid=self._appid)

    def refusal(self, reason: str) -> tuple[int, bytes, str]:
        return callbacks.refusal(reason)

    def bill(self, day: date) -> BillOutcome:
        return bill.fetch(self._client, day, self._mchid)

    # --- within ------------------------------------------------------------------------------------------------------

    def _request(self, trade: Trade) -> dict[str, Any]:
        """The same trade makes the same request, to the letter: WeChat refuses a number that comes with something else."""
        request: dict[str, Any] = {
            "description": trade.description[:127],
            "out_trade_no": trade.number,
            "amount": {"total": trade.amount, "currency": trade.currency},
            "time_expire": trade.expires_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            "pay_type": WeChatPayType.NATIVE,
        }
        if trade.channel == "jsapi":
            request |= {"pay_type": WeChatPayType.JSAPI, "payer": {"openid": trade.payer.get("openid", "")}}
        elif trade.channel == "h5":
            scene = {"payer_client_ip": trade.payer.get("client_ip", ""), "h5_info": {"type": "Wap"}}
            request |= {"pay_type": WeChatPayType.H5, "scene_info": scene}
        return request

    def _shown(self, trade: Trade, document: Mapping[str, Any]) -> Shown | None:
        field = {"jsapi": "prepay_id", "h5": "h5_url"}.get(trade.channel, "code_url")
        value = document.get(field)
        if not isinstance(value, str) or not value:
            return None
        if field == "code_url":
            return Shown({"type": "qr", "text": value}, _KEPT)
        if field == "h5_url":
            return Shown({"type": "link", "url": value}, _H5_KEPT)
        return Shown({"type": "jsapi", "params": self._jsapi(value)}, _KEPT)

    def _jsapi(self, prepay_id: str) -> dict[str, str]:
        """What WeixinJSBridge must be given (getBrandWCPayRequest)."""
        stamp, nonce, package = str(int(host.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        return {
            "appId": self._appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._client.sign([self._appid, stamp, nonce, package]),
        }


def _in_path(number: str) -> str:
    """The library signs a path as it is given, and sends it quoted: WeChat would find the signature wrong."""
    return quote(number, safe="")
