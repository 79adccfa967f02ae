"""What a text can say of a message: its values as a reader of one language expects them. Hospital time is Beijing time."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.log import mask_text

from notify_svc import rules
from notify_svc.refusals import NEXT, UNTIL, WHY

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

_AND = {"zh-CN": "、", "en": " + "}
_WENT = {
    "zh-CN": {
        "counter": "已在医院收费窗口退还。",
        "provider": "由{provider}退回，到账时间以支付渠道为准。",
        "both": "一部分已在医院收费窗口退还，其余由{provider}退回，到账时间以支付渠道为准。",
    },
    "en": {
        "counter": "It was paid out at the cashier's counter.",
        "provider": "It went back by way of {provider}; when it arrives depends on the payment provider.",
        "both": "A part was paid out at the cashier's counter. The rest went back by way of {provider}; "
        "when it arrives depends on the payment provider.",
    },
}
"""How money went back: cash is in her hands already, and only what a provider gives back is still to arrive."""

_MARKS = {
    "zh-CN": {"no_show": "爽约（未按时就诊）", "late_cancel": "临时退号"},
    "en": {"no_show": "a missed visit", "late_cancel": "a late cancellation"},
}

_CREDIT = {
    "zh-CN": {
        True: "就诊前临时退号可能记入信用记录；如有记录，会另行通知您。",
        False: "退回未支付的号不计入信用记录。",
    },
    "en": {
        True: "A cancellation shortly before the visit may enter your credit record; if it does, we tell you.",
        False: "Giving back a number that was not paid never enters your credit record.",
    },
}

MARK_STANDS = timedelta(days=365)
"""From a missed visit on, as user-svc has it: tests/test_credit_words.py holds the two together."""

_CAUSES = {
    "zh-CN": {
        "late_or_twice": "有一笔付款重复或到账过晚",
        "amount_mismatch": "有一笔付款的金额与应付金额不符",
        "fee_difference": "改约后的挂号费低于已付金额",
        "unsaid": "改约差额、重复付款或付款到账过晚",
    },
    "en": {
        "late_or_twice": "A payment came twice or too late",
        "amount_mismatch": "A payment came with another amount than was due",
        "fee_difference": "Your new appointment costs less than you had paid",
        "unsaid": "A fee difference, or a payment that came twice or too late",
    },
}
"""Why surplus goes back, as RefundSucceeded says it."""

_BALANCE = {"zh-CN": "余额不足", "en": "the balance was too low"}
_FAILURES = {
    "balance too low": _BALANCE,
    "NOTENOUGH": _BALANCE,
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": _BALANCE,
    "CLOSED": {"zh-CN": "支付已关闭", "en": "the payment was closed"},
}
"""What providers say of a payment that failed. What has no words here is left out."""

_FREE = {"zh-CN": "免费", "en": "free of charge"}
_LATE = {
    "zh-CN": "您已过约定时间，按报到时间排队。",
    "en": "You came after the appointed time, and stand in line from when you checked in.",
}


_REMINDER = {
    "zh-CN": "{arrive} {patient}{hospital} {department} {doctor}（{doctor_title}）",
    "en": "{arrive} {patient}{doctor} ({doctor_title}), {department}, {hospital}",
}
_WHOSE = {"zh-CN": "{_patient}，", "en": "{_patient}: "}
_ROOM = {"zh-CN": "，地点：{room}", "en": ", room {room}"}
_NUMBER = {"zh-CN": "，序号 {queue_number}", "en": ", your number {queue_number}"}

_ADDRESS = {
    "zh-CN": {"email": "您的邮箱", "sms": "您的手机号"},
    "en": {"email": "Your e-mail address", "sms": "Your phone number"},
}

_DEVICE = re.compile(r"[A-Za-z]+(?:,? [A-Za-z]+)*", re.ASCII)
_ANOTHER = {"zh-CN": "其他程序", "en": "another program"}

MOMENTS = ("pay_before", "paid_at", "placed_at", "draw_at", "accept_before", "at", "expires_at")
"""Fields that are a time."""


def facts_of(params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """The message's fields by name, written out. What a message does not tell, or is empty, is not among them."""
    found = {name: str(value) for name, value in params.items() if isinstance(value, str | int) and value != ""}
    for name in ("fee", "due", "amount", "refunded"):
        if name in params:
            found[name] = yuan(params[name]) if params[name] else _FREE[locale]
    for name in ("amount", "refunded"):
        if params.get(name) == 0:
            del found[name]  # nothing goes back, so nothing is said of it
    if "due" in params and params["due"] == params.get("fee"):
        del found["due"]  # said only where it is not the fee
    for name in MOMENTS:
        if name in params:
            found[name] = moment(params[name], locale)
    if method := params.get("method") or params.get("_method"):
        found |= _ways(method.split(","), locale)
    if "was_confirmed" in params:
        found["credit"] = _CREDIT[locale][params["was_confirmed"]]
    if params.get("cause") in _CAUSES[locale]:
        found["why"] = _CAUSES[locale][params["cause"]]
    if visit := params.get("visit") or params.get("_visit"):
        found = _visit(visit, locale) | found  # of a call, the room is where she is to go now
    if isinstance(params.get("to"), Mapping):
        found |= {f"to_{name}": value for name, value in _visit(params["to"], locale).items()}
    if found.pop("late", "") == "True":
        found["late"] = _LATE[locale]
    if params.get("_patient"):
        found["patient"] = str(params["_patient"])
    if params.get("reason") in _FAILURES:
        found["failure"] = _FAILURES[params["reason"]][locale]
    if params.get("visits"):
        found |= _visits(params["visits"], locale)
    if "device" in found and (found["device"] == _ANOTHER["en"] or not _DEVICE.fullmatch(found["device"])):
        found["device"] = _ANOTHER[locale]  # nothing from outside that could be read as an address to go to
    if params.get("channel") in _ADDRESS[locale]:
        found["address_is"] = _ADDRESS[locale][params["channel"]]
    for n, substitute in enumerate(params.get("substitutes", ()), 1):
        found[f"substitute_{n}"] = _substitute(substitute, locale)
    return _refusal(found, params, locale) | _credit(params, locale)


def _ways(methods: Sequence[str], locale: str) -> dict[str, str]:
    """The names of payment methods, and what a refund by them means."""
    names = _METHODS[locale]
    online = [names.get(method, method) for method in methods if method != "window"]
    how = "provider" if len(online) == len(methods) else "both" if online else "counter"
    return {
        "method": _AND[locale].join(names.get(method, method) for method in methods),
        "went": _WENT[locale][how].format(provider=_AND[locale].join(online)),
    }


def _refusal(found: dict[str, str], params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """The facts with the reason in words, and what follows from it. A rule that has no words is left out."""
    if "reason" not in found:
        return found
    reason = found["reason"]
    facts = {name: value for name, value in found.items() if name not in {"rule", "until"}}
    facts["reason"] = WHY[locale].get(reason, reason)
    facts["next"] = NEXT[locale].get(reason, NEXT[locale][""])
    if rule := rules.in_words(found.get("rule", ""), locale):
        facts["rule"] = rule
    if until := params.get("until"):
        facts["until"] = UNTIL[locale].get(reason, UNTIL[locale][""]).format(time=moment(until, locale))
    return facts


def _credit(params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """Of a CreditChanged: how many marks stand, and the mark that it is about, if it is one of them."""
    if "marks" not in params:
        return {}
    facts = {"standing": str(len(params["marks"]))}
    for mark in params["marks"]:
        if mark["id"] == params["mark_id"]:
            facts |= {
                "mark": _MARKS[locale].get(mark["kind"], mark["kind"]),
                "marked_at": moment(mark["at"], locale),
                "evidence": mark["order_id"],
                "expires_at": moment(mark["expires_at"], locale),
            }
            if mark["notice_hours"] is not None:
                facts["notice"] = _hours(mark["notice_hours"], locale)
    return facts


def _substitute(substitute: Mapping[str, Any], locale: str) -> str:
    """One line: doctor, date, time, fee."""
    visit = _visit(substitute["visit"], locale)
    when = f"{visit['date']} {visit['segment']}"
    fee = yuan(substitute["fee"]) if substitute["fee"] else _FREE[locale]
    if locale == "en":
        return f"{visit['doctor']} ({visit['doctor_title']}), {when}, {fee}"
    return f"{visit['doctor']}（{visit['doctor_title']}） {when} {fee}"


def _visits(visits: Sequence[Mapping[str, Any]], locale: str) -> dict[str, str]:
    """Of a reminder: `{"order_id", "visit", "queue_number", "_patient"}` each. How many, one line for each in the order of time, and the first."""
    ordered = sorted(visits, key=lambda v: (_beijing(v["visit"]["starts_at"]), v["order_id"]))
    lines = []
    for n, each in enumerate(ordered, 1):
        facts = _visit(each["visit"], locale)
        patient = _WHOSE[locale].format_map(each) if each.get("_patient") else ""
        lines.append(f"{n}. " + _REMINDER[locale].format_map({**facts, "patient": patient}))
        if "room" in facts:
            lines[-1] += _ROOM[locale].format_map(facts)
        if each.get("queue_number") is not None:
            lines[-1] += _NUMBER[locale].format_map(each)
    first = {"queue_number": str(ordered[0]["queue_number"])} if ordered[0].get("queue_number") is not None else {}
    if ordered[0].get("_patient"):
        first["patient"] = str(ordered[0]["_patient"])
    return {**_visit(ordered[0]["visit"], locale), **first, "count": str(len(ordered)), "visits": "\n".join(lines)}


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
        "mark_expires": moment(visit["starts_at"], locale, later=MARK_STANDS),
    }
    return {name: value for name, value in facts.items() if value}


_PLAIN = {"zh-CN": "{}元", "en": "{} yuan"}
_SHORT = {"pay_before": "pay_short", "accept_before": "accept_short", "at": "at_short"}


def short_facts(params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """What short messages say shorter than others, and without signs that their providers refuse."""
    facts = {}
    for name in ("fee", "due", "amount", "refunded"):
        fen = params.get(name, params.get("fee") if name == "due" else None)
        if fen is not None:
            plain = _PLAIN[locale].format(yuan(fen).removeprefix("¥"))
            facts[f"{name}_plain"] = plain if fen or name != "fee" else _FREE[locale]
    for name, short in _SHORT.items():
        if params.get(name):
            facts[short] = _short(params[name], locale)
    visits = [each["visit"] for each in params.get("visits") or ()]
    visits += [params[name] for name in ("visit", "_visit") if params.get(name)]
    if starts := [visit["starts_at"] for visit in visits]:
        facts["when"] = _short(min(starts, key=_beijing), locale)
    return facts


def _short(text: str, locale: str) -> str:
    at = _beijing(text)
    return f"{at.day} {_EN_MONTHS[at.month - 1]} {at:%H:%M}" if locale == "en" else f"{at.month}月{at.day}日{at:%H:%M}"


def yuan(fen: int) -> str:
    """5000 -> ¥50.00; never by way of a float."""
    return f"¥{fen // 100}.{fen % 100:02d}"


def _hours(count: int, locale: str) -> str:
    if locale == "en":
        return "less than an hour" if count < 1 else f"{count} hour{'s' * (count > 1)}"
    return "不足 1 小时" if count < 1 else f"{count} 小时"


def day(of: date, locale: str) -> str:
    """2026年11月24日 星期二, or Tue 24 Nov 2026. By our own tables: the host's locale says nothing."""
    if locale == "en":
        return f"{_EN_WEEKDAYS[of.weekday()]} {of.day} {_EN_MONTHS[of.month - 1]} {of.year}"
    return f"{of.year}年{of.month}月{of.day}日 星期{_ZH_WEEKDAYS[of.weekday()]}"


def moment(text: str, locale: str, later: timedelta = timedelta(0)) -> str:
    """A time of RFC 3339, or so much later, as Beijing's date and time."""
    at = _beijing(text) + later
    return f"{day(at.date(), locale)} {at:%H:%M}"


def _beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(SHANGHAI)


_ABROAD = re.compile(r"(?<!\w)\+(\d{1,3})[ -]?(?:\d[ -]?){3,8}(\d{4})(?!\w)", re.ASCII)


def hide(text: str) -> str:
    """The text with the middle of national IDs, phone numbers and e-mail addresses hidden."""
    return _ABROAD.sub(r"+\1****\2", mask_text(text))
