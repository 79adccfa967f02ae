"""The texts: there for every kind in both languages, whole, and without anybody's number in clear."""

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import common
import msgspec
import pytest
from common.envelope import unseal
from common.messages import CATALOGUE
from hypothesis import given
from hypothesis import strategies as st
from notify_svc import domain, facts, templates
from notify_world import SAMPLES, VISIT

GOLDEN = Path(common.__file__).parent / "golden"
TOLD = sorted(type_ for type_, cls in CATALOGUE.items() if cls in domain.TOLD)
ID_NUMBER, PHONE = "110101199003071233", "13812345678"
HANZI = re.compile(r"[\u4e00-\u9fff]")
NAMES = re.compile(
    f"{VISIT.hospital_name}|{VISIT.department_name}|{VISIT.doctor_name}|{VISIT.doctor_title}|{VISIT.room}"
)


def kinds_of(message: Any) -> list[str]:
    return sorted({kind for _, kind in domain.kinds_of(message, "hos_1")})


CASES = [(kind, message) for message in SAMPLES.values() for kind in kinds_of(message)]


def render(kind: str, message: Any, locale: str) -> tuple[str, str]:
    return templates.render(kind, templates.newest(kind), msgspec.to_builtins(message), locale)


def test_every_kind_that_can_be_told_has_a_text_and_every_text_is_told() -> None:
    assert {kind for kind, _ in CASES} == set(templates.kinds())


def test_every_text_exists_in_both_languages_with_the_same_facts() -> None:
    for kind, version, locale in templates.TEMPLATES:
        texts = [templates.TEMPLATES[kind, version, other] for other in templates.LOCALES]
        facts_used = [set(re.findall(r"\{(\w+)\}", text)) for _, text in texts]
        assert facts_used[0] == facts_used[1], (kind, version, locale)
        assert all("{" not in title for title, _ in texts)


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize(("kind", "message"), CASES)
def test_a_whole_message_fills_every_line(kind: str, message: Any, locale: str) -> None:
    title, text = render(kind, message, locale)
    assert "{" not in title + text
    assert "None" not in text
    assert text.count("\n") == templates.TEMPLATES[kind, templates.newest(kind), locale][1].count("\n"), (
        "no line is left out"
    )
    if locale == "zh-CN":
        assert HANZI.search(title)
        assert HANZI.search(text)
    else:
        assert not HANZI.search(NAMES.sub("", title + text))


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize(("kind", "message"), CASES)
@pytest.mark.parametrize("around", ["{}", "患者{}余额不足", "tel:{}.", "({})"])
def test_no_text_shows_a_number_in_clear_whatever_field_it_comes_in(
    kind: str, message: Any, locale: str, around: str
) -> None:
    params = msgspec.to_builtins(message)
    for number in (ID_NUMBER, PHONE):
        planted = {
            k: _plant(v, around.format(number)) if k not in {"pay_before", "paid_at", "placed_at"} else v
            for k, v in params.items()
        }
        _, text = templates.render(kind, templates.newest(kind), planted, locale)
        assert number not in text


def _plant(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        kept = {"date", "period", "starts_at", "ends_at"}
        return {k: v if k in kept else _plant(v, text) for k, v in value.items()}
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("type_", TOLD)
def test_golden_messages_render(type_: str) -> None:
    """Old messages stay readable, and tellable."""
    message = unseal((GOLDEN / f"{type_}.json").read_bytes()).message
    for kind in kinds_of(message):
        for locale in templates.LOCALES:
            title, text = render(kind, message, locale)
            assert title
            assert not re.search(r"(?<!\w)\d{17}[\dXx](?!\w)|(?<!\w)1[3-9]\d{9}(?!\w)", text, re.ASCII)


def test_what_a_message_does_not_tell_is_left_out() -> None:
    unpaid = dataclasses.replace(SAMPLES["order_cancelled"], refunded=0, visit=None)
    for locale in templates.LOCALES:
        _, text = render("order_cancelled", unpaid, locale)
        assert "¥" not in text
        assert text.count("\n") == 0
    free = dataclasses.replace(SAMPLES["order_confirmed"], fee=0)
    assert "挂号费：免费" in render("order_confirmed", free, "zh-CN")[1]
    assert "Fee: free of charge" in render("order_confirmed", free, "en")[1]
    roomless = dataclasses.replace(SAMPLES["order_confirmed"], visit=dataclasses.replace(VISIT, room=""))
    assert "诊室" not in render("order_confirmed", roomless, "zh-CN")[1]


def test_what_a_newer_release_wrote_does_not_hide_the_rest() -> None:
    params = msgspec.to_builtins(SAMPLES["order_held"])
    for locale in templates.LOCALES:
        assert templates.render("order_held", 99, params, locale) == templates.render("order_held", 1, params, locale)
        title, text = templates.render("session_moved", 1, params, locale)
        assert title
        assert text
        assert "{" not in text


def test_beijing_time_whatever_the_host_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """00:30 UTC is 08:30; 16:30 UTC of the 31st is past midnight of the 1st."""
    monkeypatch.setenv("TZ", "America/New_York")
    late = dataclasses.replace(SAMPLES["order_held"], pay_before=datetime(2026, 12, 31, 16, 30, tzinfo=UTC))
    text = render("order_held", late, "en")[1]
    assert "When: Tue 24 Nov 2026, 08:30–09:00 (morning)" in text
    assert "pay before Fri 1 Jan 2027 00:30 (Beijing time)" in text


def test_an_unknown_reason_is_shown_as_it_came() -> None:
    odd = dataclasses.replace(SAMPLES["order_rejected"], reason="limit_per_week")
    assert "limit_per_week" in render("order_rejected", odd, "zh-CN")[1]
    assert "号源已满" in render("order_rejected", SAMPLES["order_rejected"], "zh-CN")[1]


@given(st.integers(0, 10_000_000_000))
def test_yuan_is_exact(fen: int) -> None:
    whole, _, part = facts.yuan(fen).removeprefix("¥").partition(".")
    assert len(part) == 2
    assert int(whole) * 100 + int(part) == fen
