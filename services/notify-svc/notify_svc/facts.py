"""What a text can say of a message: its values as a reader of one language expects them. Hospital time is Beijing time."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from common.clock import SHANGHAI

_ZH_WEEKDAYS = "一二三四五六日"
_EN_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EN_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_PERIODS = {
    "zh-CN": {"morning": "上午", "afternoon": "下午", "evening": "晚上"},
    "en": {"morning": "morning", "afternoon": "afternoon", "evening": "evening"},
}

_METHODS = {
    "zh-CN": {"window": "医院收费窗口", "sandbox": "模拟支付", "alipay": "支付宝", "wechat": "微信支付"},
    "en": {
        "window": "the cashier's counter",
        "sandbox": "the payment sandbox",
        "alipay": "Alipay",
        "wechat": "WeChat Pay",
    },
}

_REASONS = {
    "zh-CN": {
        "sold_out": "号源已满",
        "not_released": "尚未到放号时间",
        "session_stopped": "该医生停诊",
        "session_over": "已超过可预约时间",
        "session_not_found": "该出诊不存在",
        "slot_not_found": "所选时段不存在",
        "released": "预约已取消",
    },
    "en": {
        "sold_out": "all numbers are taken",
        "not_released": "numbers are not on sale yet",
        "session_stopped": "the doctor's session was stopped",
        "session_over": "it is too late for this session",
        "session_not_found": "there is no such session",
        "slot_not_found": "there is no such time segment",
        "released": "the order was cancelled",
    },
}

_FREE = {"zh-CN": "免费", "en": "free of charge"}


def facts_of(params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """The message's fields by name, written out. What a message does not tell, or is empty, is not among them."""
    found = {name: str(value) for name, value in params.items() if isinstance(value, str | int) and value != ""}
    for name in ("fee", "amount", "refunded"):
        if name in params:
            found[name] = yuan(params[name]) if params[name] else _FREE[locale]
    for name in ("amount", "refunded"):
        if params.get(name) == 0:
            del found[name]  # nothing goes back, so nothing is said of it
    for name in ("pay_before", "paid_at", "placed_at"):
        if name in params:
            found[name] = moment(params[name], locale)
    for name, words in (("reason", _REASONS), ("method", _METHODS)):
        if name in found:
            found[name] = words[locale].get(found[name], found[name])
    if params.get("visit"):
        found |= _visit(params["visit"], locale)
    return found


def _visit(visit: Mapping[str, Any], locale: str) -> dict[str, str]:
    starts, ends = _beijing(visit["starts_at"]), _beijing(visit["ends_at"])
    facts = {
        "hospital": visit["hospital_name"],
        "department": visit["department_name"],
        "doctor": visit["doctor_name"],
        "doctor_title": visit["doctor_title"],
        "room": visit["room"],
        "date": day(starts.date(), locale),
        "period": _PERIODS[locale][visit["period"]],
        "arrive": f"{starts:%H:%M}",
        "segment": f"{starts:%H:%M}–{ends:%H:%M}",
    }
    return {name: value for name, value in facts.items() if value}


def yuan(fen: int) -> str:
    """5000 -> ¥50.00; never by way of a float."""
    return f"¥{fen // 100}.{fen % 100:02d}"


def day(of: date, locale: str) -> str:
    """2026年11月24日 星期二, or Tue 24 Nov 2026. By our own tables: the host's locale says nothing."""
    if locale == "en":
        return f"{_EN_WEEKDAYS[of.weekday()]} {of.day} {_EN_MONTHS[of.month - 1]} {of.year}"
    return f"{of.year}年{of.month}月{of.day}日 星期{_ZH_WEEKDAYS[of.weekday()]}"


def moment(text: str, locale: str) -> str:
    """A time of RFC 3339 as Beijing's date and time."""
    at = _beijing(text)
    return f"{day(at.date(), locale)} {at:%H:%M}"


def _beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(SHANGHAI)
