"""What the platform tells the merchant: encrypted callbacks of APIv3, and the XML in which some refunds are still told."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7

from payment_sandbox.parts import Delivery, Notice, Refund, Sandbox, Trade
from payment_sandbox.wechat.identity import (
    APIV2_KEY,
    APPID,
    BEIJING,
    CERTIFICATE_SERIAL,
    MCHID,
    NAME,
    PUBLIC_KEY_ID,
    SIGNERS,
    rfc3339,
)
from payment_sandbox.wechat.orders import described
from payment_sandbox.wechat.refunds import STATES, received_by
from payment_sandbox.wechat.refusal import dumps
from payment_sandbox.wechat.signing import nonce_of, sealed, signed, spoilt

XML = "xml"
"""Instead of a flaw: tell it in XML."""
_SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
_XML_STATES = {"success": "SUCCESS", "abnormal": "CHANGE", "closed": "REFUNDCLOSE", "processing": "PROCESSING"}


def delivery(sandbox: Sandbox, notice: Notice, flaw: str | None) -> Delivery:
    """One attempt, freshly signed; only the notice's id stays the same. Raises LookupError if the books do not know it."""
    if flaw == XML:
        return xml(sandbox, notice)
    kind, original, plain = _told(sandbox, notice)
    body = dumps(
        {
            "id": notice.id,
            "create_time": rfc3339(notice.at),
            "resource_type": "encrypt-resource",
            "event_type": kind,
            "summary": _SUMMARIES[kind],
            "resource": {"original_type": original, **sealed(dumps(plain), original)},
        }
    )
    body = spoilt(body, flaw)
    return Delivery({"Content-Type": "application/json", **signed(body, _serial(sandbox, notice), flaw)}, body)


def xml(sandbox: Sandbox, notice: Notice) -> Delivery:
    """A refund as the older protocol tells it: one made in the console, or one without an address of its own. Unsigned."""
    refund, trade = _refund(sandbox, notice)
    padder = PKCS7(128).padder()
    plain = padder.update(_xml_of("root", _xml_fields(refund, trade)).encode()) + padder.finalize()
    key = hashlib.md5(APIV2_KEY, usedforsecurity=False).hexdigest().encode()
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - the protocol's
    secret = base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()
    body = _xml_of(
        "xml",
        {
            "return_code": "SUCCESS",
            "appid": APPID,
            "mch_id": MCHID,
            "nonce_str": nonce_of(32),
            "req_info": secret,
        },
    )
    return Delivery({"Content-Type": "text/xml"}, body.encode())


def _serial(sandbox: Sandbox, notice: Notice) -> str:
    """Under which key callbacks are signed: `more["wechat_callbacks"]` is public_key, certificate, or both (one way or the other)."""
    way = sandbox.options.more.get("wechat_callbacks", "public_key")
    if way == "both":
        return SIGNERS[hashlib.sha256(notice.id.encode()).digest()[0] % 2]
    return CERTIFICATE_SERIAL if way == "certificate" else PUBLIC_KEY_ID


def _told(sandbox: Sandbox, notice: Notice) -> tuple[str, str, Mapping[str, Any]]:
    """The event, the kind of what it is about, and that itself."""
    if notice.event == "refund":
        refund, trade = _refund(sandbox, notice)
        return f"REFUND.{STATES[refund.state]}", "refund", _refund_told(refund, trade)
    trade_ = sandbox.books.trade(NAME, notice.number)
    if trade_ is None:
        raise LookupError(f"no order {notice.number}")
    # An order of which something went back since was paid all the same, and that is what this callback says.
    said = described(sandbox, trade_) | {"trade_state": "SUCCESS", "trade_state_desc": "支付成功"}
    return (
        "TRANSACTION.SUCCESS",
        "transaction",
        {name: value for name, value in said.items() if name != "promotion_detail"},
    )


def _refund(sandbox: Sandbox, notice: Notice) -> tuple[Refund, Trade]:
    refund = sandbox.books.refund(NAME, notice.number)
    trade = sandbox.books.trade(NAME, refund.trade_number) if refund else None
    if refund is None or trade is None:
        raise LookupError(f"no refund {notice.number}")
    return refund, trade


def _refund_told(refund: Refund, trade: Trade) -> dict[str, Any]:
    """As a callback says it: `refund_status`, and an amount of four fields."""
    said: dict[str, Any] = {
        "mchid": MCHID,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.number,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.number,
        "refund_status": STATES[refund.state],
        "user_received_account": received_by(refund),
        "amount": {
            "total": trade.amount,
            "refund": refund.amount,
            "payer_total": trade.amount,
            "payer_refund": refund.amount,
        },
    }
    if refund.state == "success" and refund.done_at is not None:
        said["success_time"] = rfc3339(refund.done_at)
    return said


def _xml_fields(refund: Refund, trade: Trade) -> dict[str, str]:
    return {
        "out_refund_no": refund.number,
        "out_trade_no": trade.number,
        "refund_account": "REFUND_SOURCE_RECHARGE_FUNDS",
        "refund_fee": str(refund.amount),
        "refund_id": refund.refund_id,
        "refund_recv_accout": received_by(refund),  # spelled so by the vendor
        "refund_request_source": "VENDOR_PLATFORM",
        "refund_status": _XML_STATES[refund.state],
        "settlement_refund_fee": str(refund.amount),
        "settlement_total_fee": str(trade.amount),
        "success_time": _beijing(refund.done_at),
        "total_fee": str(trade.amount),
        "transaction_id": trade.transaction_id,
    }


def _xml_of(root: str, fields: Mapping[str, str]) -> str:
    return "".join(
        [f"<{root}>", *(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items()), f"</{root}>"]
    )


def _beijing(moment: datetime | None) -> str:
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}" if moment else ""
