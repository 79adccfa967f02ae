"""What is written in Alipay's fields: yuan, Beijing's time, numbers, deadlines; and how a call is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from payment_sandbox.parts import Sandbox

BEIJING = timezone(timedelta(hours=8))
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
MOST_FEN = 100_000_000_00

MESSAGES = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40005": "Call Limited",
}

SETTINGS: Mapping[str, Any] = {
    "alipay_require_product_code": True,  # precreate without product_code QR_CODE_OFFLINE is refused
    "alipay_repeat_code": False,  # an identical precreate gets the same code again
    "alipay_finished_days": 365,  # how long after its payment a trade is TRADE_FINISHED, and cannot be refunded
    "alipay_cancel_ends_code": False,  # a cancel of a code that nobody scanned makes it unpayable
    "alipay_refund_query_delay": False,  # refunds are found only 10 s after they were asked for
    "alipay_refund_again": "",  # the sub_code that a repeated refund is refused with, though it was made before
    "alipay_refund_notify": False,  # refunds are notified too
    "alipay_notify_empty": "",  # notices carry a parameter without a value: `signed` (it is in the signed text) or `unsigned`
    "alipay_empty_bill_code": "BILL_NOT_EXIST",  # or NO_BILL_DATA
    "alipay_early_bills": False,  # a day's bill can be had as soon as the day has begun
}
"""What may be set in `Options.more`, with what holds otherwise."""


class Refusal(Exception):
    """The answer's code and sub_code."""

    def __init__(self, code: str, sub_code: str, said: str, **more: str) -> None:
        super().__init__(sub_code)
        self.fields = {"code": code, "msg": MESSAGES[code], "sub_code": sub_code, "sub_msg": said, **more}


def business(sub_code: str, said: str, **more: str) -> Refusal:
    return Refusal("40004", sub_code, said, **more)


def bad(name: str) -> Refusal:
    """A business field that is missing, or cannot be."""
    return business("ACQ.INVALID_PARAMETER", f"参数无效：{name}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose signature is good: its public parameters, and its biz_content with numbers as they were written.

    `host`: what its sender called us.
    """

    params: Mapping[str, str]
    biz: Mapping[str, Any]
    host: str = ""


class Figure(str):
    """A number in JSON, as it was written. Amounts may be one; what is a string may not."""

    __slots__ = ()


def is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Figure)


def setting(sandbox: Sandbox, name: str) -> Any:
    return sandbox.options.more.get(name, SETTINGS[name])


def yuan(fen: int) -> str:
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{cents:02d}"


def fen(value: object, name: str) -> int:
    """An amount in yuan, at least a fen.

    Raises: Refusal.
    """
    found = re.fullmatch(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,2}))?", value) if isinstance(value, str) else None
    if found is None:
        raise bad(name)
    amount = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if not amount:
        raise bad(name)
    return amount


def number(value: object, name: str) -> str:
    """A merchant's number.

    Raises: Refusal.
    """
    if isinstance(value, str) and is_text(value) and re.fullmatch(r"[0-9A-Za-z_]{1,64}", value):
        return value
    raise bad(name)


def text(biz: Mapping[str, Any], name: str, longest: int, *, forbidden: str = "") -> str:
    """Raises: Refusal."""
    value = biz.get(name, "")
    if isinstance(value, str) and is_text(value) and len(value) <= longest and not set(forbidden) & set(value):
        return value
    raise bad(name)


def beijing(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime(TIME_FORMAT)


def moment(value: object) -> datetime | None:
    """None: not written as Alipay writes a time."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value, re.ASCII):
        return None
    try:
        return datetime.strptime(value, TIME_FORMAT).replace(tzinfo=BEIJING)
    except ValueError:
        return None


def _timeout(value: object, name: str, now: datetime) -> datetime:
    if value == "1c":  # the end of the day
        return now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", value) if isinstance(value, str) else None
    if found is None:
        raise bad(name)
    unit = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[found[2]]
    if int(found[1]) * unit > timedelta(days=15):
        raise bad(name)
    return now + int(found[1]) * unit


def deadline(biz: Mapping[str, Any], now: datetime, longest: timedelta) -> datetime:
    """Until when it can be paid: the earliest of what is asked for, and of `longest` from now.

    Raises: Refusal.
    """
    ends = [now + longest]
    ends += [_timeout(biz[name], name, now) for name in ("timeout_express", "qr_code_timeout_express") if name in biz]
    if "time_expire" in biz:
        expire = moment(biz["time_expire"])
        if expire is None or expire <= now:
            raise bad("time_expire")
        ends.append(expire)
    return min(ends)
