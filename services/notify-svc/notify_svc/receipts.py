"""What SMS providers tell of messages later, in their own forms. Pure: from what came to what it says, each part by itself.

Alibaba Cloud, SmsReport: https://help.aliyun.com/zh/sms/developer-reference/smsreport-2
Tencent Cloud, status callback: https://cloud.tencent.com/document/product/382/52077
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 2000
"""Receipts in one call; the providers send some hundreds."""

_LONGEST = 200

_NOBODY = frozenset({"MK:0001", "MN:0001", "MI:0073", "MI:0210"})
"""Codes of the networks that both providers pass on, and that mean 空号 alone: there is no such subscriber. Those that may mean
switched off or out of credit too are none: she would hear nothing of a stopped session for it.
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """reference: the provider's own name of the message. key: ours, where it tells it. nobody: there is no such number."""

    reference: str
    key: str
    phone: str
    delivered: bool
    code: str
    nobody: bool


def read(provider: str, body: Any) -> tuple[list[Receipt], int]:
    """The receipts of one call, and how many parts of it are none. Raises ValueError for what is no list of them."""
    if not isinstance(body, list) or not 0 < len(body) <= MOST:
        raise ValueError(f"not a list of 1 to {MOST} receipts")
    of = {"alibaba": _alibaba, "tencent": _tencent}[provider]
    found = [of(each) if isinstance(each, dict) else None for each in body]
    good = [receipt for receipt in found if receipt is not None]
    return good, len(found) - len(good)


def _alibaba(said: Mapping[str, Any]) -> Receipt | None:
    reference, key, phone = (_text(said.get(name, "")) for name in ("biz_id", "out_id", "phone_number"))
    code, delivered = _text(said.get("err_code", "")), said.get("success")
    if reference is None or key is None or phone is None or code is None or not isinstance(delivered, bool):
        return None
    return _receipt(reference, key, phone, code, delivered=delivered)


def _tencent(said: Mapping[str, Any]) -> Receipt | None:
    reference, mobile, nation = (_text(said.get(name, "")) for name in ("sid", "mobile", "nationcode"))
    code, status = _text(said.get("errmsg", "")), said.get("report_status")
    if reference is None or mobile is None or nation is None or code is None or status not in ("SUCCESS", "FAIL"):
        return None
    phone = f"+{nation}{mobile}" if nation else mobile
    return _receipt(reference, "", phone, code, delivered=status == "SUCCESS")


def _receipt(reference: str, key: str, phone: str, code: str, *, delivered: bool) -> Receipt | None:
    if not reference and not key:
        return None
    return Receipt(reference, key, phone, delivered, code, nobody=not delivered and code.upper() in _NOBODY)


def _text(value: Any) -> str | None:
    """None for what is no short text, or one that cannot be looked for. Null is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST or any(c < " " or "\ud800" <= c <= "\udfff" for c in value):
        return None
    return value
