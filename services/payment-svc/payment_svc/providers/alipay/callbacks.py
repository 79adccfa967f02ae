"""Alipay's callbacks: forms, signed by their fields. Whoever may have sent one, nothing here calls anybody.

Alipay repeats a notice for 25 hours, with the same notify_id and the time of the first: so age says nothing, and who keeps them sees
to it that none takes effect twice.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from payment_svc.providers import Heard, Refused
from payment_svc.providers.alipay.client import Client
from payment_svc.providers.alipay.fields import text, trade_outcome

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100
_TRADES = "trade_status_sync"


def hear(client: Client, seller_id: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
    """Raises Refused."""
    fields = _fields(headers, body)
    signature, sign_type = fields.pop("sign", ""), fields.pop("sign_type", "")
    if sign_type != client.sign_type or not client.genuine(fields, signature):
        raise Refused("signature")
    if text(fields, "app_id") != client.appid:
        raise Refused("merchant")
    notify_id, number = text(fields, "notify_id"), text(fields, "out_trade_no")
    if not notify_id:
        raise Refused("unreadable")
    if text(fields, "notify_type") != _TRADES:
        return Heard(notify_id, "payment", number, None)
    if text(fields, "seller_id") != seller_id:
        raise Refused("merchant")
    if not number:
        raise Refused("unreadable")
    try:
        # a refund's notice tells its trade's status once more; its refund_fee is of all refunds together, so it ends none of ours
        return Heard(notify_id, "payment", number, trade_outcome(fields, now))
    except ValueError:
        raise Refused("unreadable") from None


def _fields(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The form. What is there twice, or in another charset than we ask for in every request, is not read at all."""
    kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
    if any(kind.split(";")[0].strip().lower() != _FORM for kind in kinds):
        raise Refused("unreadable")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Refused("unreadable") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or fields.get("charset", "utf-8").lower() != "utf-8":
        raise Refused("unreadable")
    return fields
