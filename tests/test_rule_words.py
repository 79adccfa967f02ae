"""What schedule-svc names as the rule that refused an order is what notify-svc has words for. Both are asked here."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from common.messages import CreditMark
from notify_svc import rules as words
from schedule_svc.rules import Registration, RuleSet, Wish, refuse
from schedule_svc.rules.ruleset import CoolDown, Deadline, Limit, Penalty, Window

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
STARTS = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
DAY = date(2026, 11, 24)
WISH = Wish(
    "ord_0", "ses_1", "hos_1", "dep_1", "doc_1", DAY, "morning", STARTS, STARTS + timedelta(hours=3), False, None
)


def registration(state: str = "sold", *, was_sold: bool = False) -> Registration:
    released_by = "patient" if state == "released" else None
    return Registration("ord_9", "ses_1", "hos_1", "dep_2", "doc_1", DAY, "morning", state, released_by, NOW, was_sold)


def mark(kind: str) -> CreditMark:
    return CreditMark(f"mrk_{kind}", kind, "hos_1", "ord_8", NOW, NOW + timedelta(days=300), 2)


def said() -> Iterator[str]:
    """Every rule that schedule-svc can name, in every form that it has."""
    ofs, pers = ("session", "doctor", "department", "hospital"), ("period", "day", "week", "month", "quarter")
    limits = [Limit(most=1, of=of, per=per) for of, per in itertools.product(ofs, pers)]
    limits += [Limit(most=1, of="hospital", per=per, counting="departments") for per in pers]
    for limit in limits:
        mine = [registration()]
        if limit.of == "department":
            mine = [Registration("ord_9", "ses_1", "hos_1", "dep_1", "doc_1", DAY, "morning", "sold", None, NOW)]
        yield named(RuleSet(limits=(limit,)), mine, [])
    for state, seconds in itertools.product((False, True), (45, 120, 7200)):
        rules = RuleSet(limits=(), cool_down=CoolDown(unpaid_seconds=seconds, confirmed_seconds=seconds))
        yield named(rules, [registration("released", was_sold=state)], [])
    for within in (None, 30):
        penalties = (
            Penalty(kind="no_show", count=1, within_days=within, blocked_days=90),
            Penalty(kind="late_cancel", count=1, within_days=within, notice_hours=24, blocked_days=30),
        )
        for penalty in penalties:
            yield named(RuleSet(penalties=(penalty,)), [], [mark(penalty.kind)])
    yield named(RuleSet(window=Window(days_ahead=1, opens_at="07:00")), [], [])
    yield named(RuleSet(window=Window(closes=Deadline(hours=100))), [], [])


def named(rules: RuleSet, registrations: list[Registration], marks: list[CreditMark]) -> str:
    refusal = refuse(rules, WISH, NOW, registrations, marks)
    assert refusal is not None
    assert refusal.rule
    return refusal.rule


@pytest.mark.parametrize("rule", list(said()))
def test_a_rule_that_refuses_has_words_in_both_languages(rule: str):
    chinese, english = words.in_words(rule, "zh-CN"), words.in_words(rule, "en")
    assert chinese
    assert english
    assert not re.search(r"[a-z_]", chinese), "all of it is said in Chinese"
    assert not re.search(r"[_\u4e00-\u9fff]", english)
    numbers = re.findall(r"\d+", rule.partition(": ")[2])
    if "cool_down" not in rule:
        assert sorted(re.findall(r"\d+", chinese)) == sorted(re.findall(r"\d+", english)) == sorted(numbers)


@pytest.mark.parametrize(
    ("rule", "chinese", "english"),
    [
        (
            "limits[3]: at most 1 per doctor and day",
            "同一就诊人在同一医生处，每天最多 1 个号",
            "numbers per patient, doctor and day: at most 1",
        ),
        (
            "limits[0]: at most 3 departments per hospital and week",
            "同一就诊人在同一医院，每周最多 3 个科室",
            "departments per patient, hospital and week: at most 3",
        ),
        (
            "cool_down.confirmed_seconds: 7200 s until the same doctor again",
            "退号后 2 小时内不能再约同一医生",
            "no other number of the same doctor within 2 h of giving back a paid number",
        ),
        (
            "penalties[0]: 3 no_show within a calendar year, blocked for 90 days",
            "一个自然年内爽约累计 3 次，暂停预约 90 天",
            "3 missed visits within a calendar year: no bookings for 90 days",
        ),
    ],
)
def test_the_words(rule: str, chinese: str, english: str):
    assert (words.in_words(rule, "zh-CN"), words.in_words(rule, "en")) == (chinese, english)


def test_a_rule_that_is_not_known_has_none():
    assert words.in_words("limits[0]: at most one a year", "en") is None
