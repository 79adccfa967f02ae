"""The rule of a hospital that refused an order, in words. SlotRejected names it as schedule-svc writes it: the rule's path in
the rule set, and what stands there: "limits[0]: at most 1 per doctor and day". tests/test_rule_words.py holds the two together.
"""

import re
from collections.abc import Mapping

_WORDS: dict[str, dict[str, str]] = {
    "zh-CN": {
        "session": "场出诊中",
        "doctor": "医生处",
        "department": "科室",
        "hospital": "医院",
        "period": "时段",
        "day": "天",
        "week": "周",
        "month": "月",
        "quarter": "季度",
        "departments ": "科室",
        "": "号",
        "no_show": "爽约",
        "late_cancel": "临时退号",
        "a calendar year": "一个自然年",
        "days": "天",
        "unpaid": "放弃未支付的号后",
        "confirmed": "退号后",
        "hours": "小时",
        "minutes": "分钟",
        "seconds": "秒",
    },
    "en": {
        "departments ": "departments",
        "": "numbers",
        "no_show": "missed visits",
        "late_cancel": "late cancellations",
        "unpaid": "giving back an unpaid number",
        "confirmed": "giving back a paid number",
        "hours": "h",
        "minutes": "min",
        "seconds": "s",
    },
}
"""Locale -> a word of a rule -> how a reader says it. What is not here stays as it is."""

_RULES: tuple[tuple[re.Pattern[str], dict[str, str]], ...] = (
    (
        re.compile(
            r"limits\[\d+\]: at most (?P<most>\d+) (?P<what>departments )?per (?P<of>[a-z]+) and (?P<per>[a-z]+)"
        ),
        {
            "zh-CN": "同一就诊人在同一{of}，每{per}最多 {most} 个{what}",
            "en": "{what} per patient, {of} and {per}: at most {most}",
        },
    ),
    (
        re.compile(r"window\.days_ahead: (?P<days>\d+) days ahead, from (?P<at>[\d:]+)"),
        {
            "zh-CN": "最早提前 {days} 天，{at} 开放预约",
            "en": "bookings open {days} days before the visit's day, at {at}",
        },
    ),
    (re.compile(r"window\.closes: .*"), {"zh-CN": "就诊前的预约截止时间", "en": "when bookings close before a visit"}),
    (
        re.compile(
            r"penalties\[\d+\]: (?P<count>\d+) (?P<kind>\w+) within (?:(?P<year>a calendar year)|(?P<within>\d+) days),"
            r" blocked for (?P<blocked>\d+) days"
        ),
        {
            "zh-CN": "{year}{within_days}内{kind}累计 {count} 次，暂停预约 {blocked} 天",
            "en": "{count} {kind} within {year}{within_days}: no bookings for {blocked} days",
        },
    ),
    (
        re.compile(r"cool_down\.(?P<kind>unpaid|confirmed)_seconds: (?P<seconds>\d+) s until the same doctor again"),
        {
            "zh-CN": "{kind} {wait}内不能再约同一医生",
            "en": "no other number of the same doctor within {wait} of {kind}",
        },
    ),
)
"""What a rule looks like, and what it says to a reader."""


def in_words(rule: str, locale: str) -> str | None:
    """The rule as a reader of this language expects it; None for one that is not known here."""
    for pattern, says in _RULES:
        if found := pattern.fullmatch(rule):
            words = _WORDS[locale]
            facts = {name: words.get(value or "", value or "") for name, value in found.groupdict().items()}
            return says[locale].format(**facts, **_spans(found.groupdict(), words))
    return None


def _spans(facts: Mapping[str, str | None], words: Mapping[str, str]) -> dict[str, str]:
    """The lengths of time among the facts, in the largest unit that says them exactly."""
    spans = {"within_days": f"{facts['within']} {words.get('days', 'days')}" if facts.get("within") else ""}
    if facts.get("seconds"):
        seconds = int(facts["seconds"] or 0)
        unit, size = next(u for u in (("hours", 3600), ("minutes", 60), ("seconds", 1)) if seconds % u[1] == 0)
        spans["wait"] = f"{seconds // size} {words[unit]}"
    return spans
