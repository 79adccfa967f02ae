"""WeChat's callbacks: who is believed, and what they say."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payment_svc.providers import Heard, Refused
from payment_svc.providers.wechat.answers import refund_outcome, trade_outcome
from payment_svc.providers.wechat.client import FRESH, Client

_HEADERS = (
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Serial",
    "Wechatpay-Signature",
    "Wechatpay-Signature-Type",
)
_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PROBE = "WECHATPAY/SIGNTEST/"
"""How WeChat tries out whether signatures are checked at all."""
_OURS = frozenset({"unavailable", "failed"})
"""Why a callback that is genuine was not kept."""


def hear(client: Client, headers: Mapping[str, str], body: bytes, now: datetime, *, mchid: str, appid: str) -> Heard:
    """Believe a callback. Calls nobody. Raises Refused, and nothing else."""
    try:
        signed = _signed(client, headers, now)
        notice = _opened(client, signed, body)
        return _understood(notice, mchid, appid)
    except Refused:
        raise
    except Exception:  # noqa: BLE001  # the library raises what its parts raise; so do fields of wrong types
        raise Refused("unreadable") from None


def refusal(reason: str) -> tuple[int, bytes, str]:
    """401 for what is wrong with the callback, 503 for what is wrong with us; either way WeChat comes again."""
    status = 503 if reason in _OURS else 401
    return status, json.dumps({"code": "FAIL", "message": reason}).encode(), "application/json"


def _signed(client: Client, headers: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The headers that count, and no others: the library also looks at other spellings, which nobody has checked."""
    given = {name.lower(): value for name, value in headers.items()}
    signed = {name: given.get(name.lower(), "") for name in _HEADERS}
    if not all(signed.values()) or signed["Wechatpay-Signature-Type"] != _SCHEME:
        raise Refused("headers")
    stamp = signed["Wechatpay-Timestamp"]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Refused("headers")
    if abs(now.timestamp() - int(stamp)) > FRESH:
        raise Refused("stale")
    if signed["Wechatpay-Signature"].startswith(_PROBE):
        raise Refused("probe")
    if signed["Wechatpay-Serial"] not in client.serials:
        raise Refused("serial")
    return signed


def _opened(client: Client, signed: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """The notice, with its resource decrypted."""
    text = body.decode()
    if not client.genuine(signed, text):
        raise Refused("signature")
    notice = json.loads(text)
    resource = client.opened(notice["resource"]) if notice["resource_type"] == "encrypt-resource" else None
    if not isinstance(resource, dict):
        raise Refused("unreadable")
    return {**notice, "resource": resource}


def _understood(notice: Mapping[str, Any], mchid: str, appid: str) -> Heard:
    """Refunds are notified without an appid. What kind of event it is that we do not know, it moves no money."""
    resource, event = notice["resource"], str(notice["event_type"])
    if not isinstance(notice["id"], str) or not notice["id"]:
        raise Refused("unreadable")
    if event == "TRANSACTION.SUCCESS":
        if (resource["mchid"], resource["appid"]) != (mchid, appid):
            raise Refused("merchant")
        return Heard(notice["id"], "payment", _name(resource["out_trade_no"]), trade_outcome(resource))
    if event in {"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"}:
        if resource["mchid"] != mchid:
            raise Refused("merchant")
        outcome = refund_outcome(resource, resource["refund_status"])
        return Heard(notice["id"], "refund", _name(resource["out_refund_no"]), outcome)
    if resource.get("mchid", mchid) != mchid:
        raise Refused("merchant")
    refund = event.startswith("REFUND.")
    number = resource.get("out_refund_no" if refund else "out_trade_no", "")
    return Heard(notice["id"], "refund" if refund else "payment", str(number), None)


def _name(number: Any) -> str:
    if not isinstance(number, str) or not number:
        raise Refused("unreadable")
    return number
