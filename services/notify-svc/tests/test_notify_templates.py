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
from common.messages import SPECS, SlotRejected, newest, versions
from hypothesis import given
from hypothesis import strategies as st
from notify_svc import domain, facts, refusals, templates
from notify_world import MARK, SAMPLES, SUBSTITUTES, VISIT, credit

GOLDEN = Path(common.__file__).parent / "golden"
TOLD = sorted(SPECS[version].type for cls in domain.TOLD for version in versions(cls))
ID_NUMBER, PHONE = "110101199003071233", "13812345678"
HANZI = re.compile(r"[\u4e00-\u9fff]")
REASONS = re.findall(r"[a-z]+_[a-z_]+|released", (SlotRejected.__doc__ or "").split("`reason`: ")[1].split(". ")[0])
"""Every reason that schedule-svc documents."""
NAMES = re.compile(
    "|".join(
        [VISIT.hospital_name, VISIT.department_name, VISIT.doctor_name, VISIT.doctor_title, VISIT.room]
        + [substitute.visit.doctor_name for substitute in SUBSTITUTES]
    )
)


def kinds_of(message: Any) -> list[str]:
    return sorted({kind for _, kind in domain.kinds_of(message, "hos_1")})


CASES = [(kind, message) for message in SAMPLES.values() for kind in kinds_of(message)]


def render(kind: str, message: Any, locale: str) -> tuple[str, str]:
    return templates.render(kind, templates.newest(kind), msgspec.to_builtins(message), locale)


def test_every_kind_that_can_be_told_has_a_text_and_every_text_is_told() -> None:
    assert {kind for kind, _ in CASES} <= set(templates.kinds())


def test_every_text_exists_in_both_languages_with_the_same_facts() -> None:
    for kind, version, locale in templates.TEXTS:
        texts = [templates.TEXTS[kind, version, other] for other in templates.LOCALES]
        facts_used = [set(re.findall(r"\{(\w+)\}", text)) for _, text in texts]
        assert facts_used[0] == facts_used[1], (kind, version, locale)
        assert all("{" not in title for title, _ in texts)


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize(("kind", "message"), CASES)
def test_a_whole_message_fills_every_line(kind: str, message: Any, locale: str) -> None:
    known = {"_patient": "Z*", "_visit": msgspec.to_builtins(VISIT), "_method": "wechat"}
    params = msgspec.to_builtins(message) | known
    title, text = templates.render(kind, templates.newest(kind), params, locale)
    assert "{" not in title + text
    assert "None" not in text
    assert text.count("\n") == templates.TEXTS[kind, templates.newest(kind), locale][1].count("\n"), (
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
            k: v if k in {*facts.MOMENTS, "until"} else _plant(v, around.format(number)) for k, v in params.items()
        }
        _, text = templates.render(kind, templates.newest(kind), planted, locale)
        assert number not in text


def _plant(value: Any, text: str) -> Any:
    if isinstance(value, list):
        return [_plant(v, text) for v in value]
    if isinstance(value, dict):
        kept = {"date", "period", "starts_at", "ends_at", "at", "expires_at"}
        return {k: v if k in kept else _plant(v, text) for k, v in value.items()}
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("type_", TOLD)
def test_golden_messages_render(type_: str) -> None:
    """Old messages stay readable, and tellable."""
    message = newest(unseal((GOLDEN / f"{type_}.json").read_bytes()).message)
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


def test_what_is_to_be_paid_now_is_said_where_it_is_not_the_fee() -> None:
    text = render("order_held", SAMPLES["order_held"], "zh-CN")[1]
    assert "挂号费：¥50.00\n现在需支付：¥30.00，" in text
    assert "Fee: ¥50.00\nTo pay now: ¥30.00;" in render("order_held", SAMPLES["order_held"], "en")[1]
    usual = dataclasses.replace(SAMPLES["order_held"], due=5000)
    assert "现在需支付" not in render("order_held", usual, "zh-CN")[1]
    assert "To pay now" not in render("order_held", usual, "en")[1]


def test_who_cannot_move_any_more_is_told_why_and_nothing_of_her_credit() -> None:
    unpaid = dataclasses.replace(SAMPLES["replacement_ended"], amount=0)
    assert kinds_of(unpaid) == ["replacement_ended"]
    chinese, english = (render("replacement_ended", unpaid, locale)[1] for locale in ("zh-CN", "en"))
    assert "原预约已经结束" in chinese
    assert "has ended" in english
    for text in (chinese, english):
        assert not re.search(r"信用|credit|¥|待退款|To be refunded", text)


def test_what_a_newer_release_wrote_does_not_hide_the_rest() -> None:
    params = msgspec.to_builtins(SAMPLES["order_held"])
    for locale in templates.LOCALES:
        assert templates.render("order_held", 99, params, locale) == templates.render("order_held", 2, params, locale)
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


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_words(reason: str, locale: str) -> None:
    assert len(REASONS) >= 16
    text = render("order_rejected", dataclasses.replace(SAMPLES["order_rejected"], reason=reason), locale)[1]
    assert refusals.WHY[locale][reason] in text
    assert reason not in text
    assert bool(HANZI.search(text)) == (locale == "zh-CN")


def test_the_words_for_reasons_are_of_reasons_that_there_are() -> None:
    for locale in templates.LOCALES:
        assert set(refusals.WHY[locale]) == set(REASONS)
        for table in (refusals.NEXT[locale], refusals.UNTIL[locale]):
            assert set(table) <= {"", *REASONS}
    for table in (refusals.NEXT, refusals.UNTIL):
        assert table["zh-CN"].keys() == table["en"].keys()


def test_no_text_names_a_patient_or_an_account_by_its_id() -> None:
    for _, text in templates.TEXTS.values():
        assert not {"patient_id", "account_id", "marked_by", "pseudonym", "mark_id"} & set(
            re.findall(r"\{(\w+)\}", text)
        )


@pytest.mark.parametrize(
    ("reason", "locale", "line"),
    [
        ("credit_blocked", "zh-CN", "此限制至 2026年11月22日 星期日 14:20 止。"),
        ("cool_down", "en", "This ends at Sun 22 Nov 2026 14:20 (Beijing time)."),
        ("too_early", "zh-CN", "2026年11月22日 星期日 14:20 开放预约。"),
        ("too_late", "en", "Bookings closed at Sun 22 Nov 2026 14:20 (Beijing time)."),
    ],
)
def test_until_says_what_happens_then(reason: str, locale: str, line: str) -> None:
    refused = dataclasses.replace(SAMPLES["order_rejected"], reason=reason)
    assert line in render("order_rejected", refused, locale)[1].split("\n")
    endless = dataclasses.replace(refused, until=None, rule="of_another_release")
    text = render("order_rejected", endless, locale)[1]
    assert line not in text
    assert "of_another_release" not in text
    assert text.count("\n") == 2


def test_substitutes_are_a_line_each() -> None:
    title, text = render("substitutes_offered", SAMPLES["substitutes_offered"], "en")
    assert "money back" in title
    lines = text.split("\n")
    assert lines[2] == "When: Tue 24 Nov 2026, 08:30–09:00 (morning)", "the visit that is lost"
    assert [line for line in lines if line[:2] in {"1.", "2.", "3."}] == [
        "1. 李秀兰 (主任医师), Wed 25 Nov 2026 09:00–09:30, ¥50.00",
        "2. 赵国强 (主任医师), Wed 25 Nov 2026 14:00–14:30, ¥60.00",
        "3. 陈晓东 (主任医师), Thu 26 Nov 2026 09:30–10:00, free of charge",
    ]
    assert "no extra charge" in text
    assert "¥50.00 goes back in full" in text
    one = dataclasses.replace(SAMPLES["substitutes_offered"], substitutes=SUBSTITUTES[:1])
    text = render("substitutes_offered", one, "zh-CN")[1]
    assert "1. 李秀兰（主任医师） 2026年11月25日 星期三 09:00–09:30 ¥50.00" in text
    assert "2." not in text


def test_a_mark_says_what_when_by_which_evidence_and_until_when() -> None:
    missed = dataclasses.replace(MARK, id="mrk_2", kind="no_show", order_id="ord_2", notice_hours=None)
    text = render("credit_upheld", credit("upheld", missed, MARK), "zh-CN")[1]
    for told in ("爽约", "2026年11月22日 星期日 14:05", "订单 ord_2", "2027年11月22日 星期一 14:05", "共 2 条", "最终"):
        assert told in text
    assert "退号时" not in text, "she did not cancel"
    for hours, words in ((0, "less than an hour"), (1, "1 hour\n"), (3, "3 hours\n")):
        late = dataclasses.replace(MARK, notice_hours=hours)
        assert f"before the visit: {words}" in render("credit_recorded", credit("recorded", late), "en")[1]


def test_a_missed_visit_says_by_which_evidence_until_when_and_how_to_appeal() -> None:
    chinese, english = (render("visit_missed", SAMPLES["visit_missed"], locale)[1] for locale in templates.LOCALES)
    for told in (
        "王立新",
        "2026年11月24日 星期二",
        "订单 ord_1",
        "2027年11月24日 星期三 08:30",
        "申诉",
        "急诊不受影响",
    ):
        assert told in chinese
    for told in (
        "王立新",
        "Tue 24 Nov 2026",
        "order ord_1",
        "Wed 24 Nov 2027 08:30 (Beijing time)",
        "appeal",
        "urgent care",
    ):
        assert told in english


def test_a_mark_that_no_longer_stands_is_not_described() -> None:
    """It may have expired by the time at which it is told."""
    for locale in templates.LOCALES:
        for change in ("recorded", "upheld"):
            text = render(f"credit_{change}", credit(change), locale)[1]
            assert "mrk_1" not in text
            assert "ord_" not in text
            assert "0" in text


def test_whether_a_cancellation_can_count_is_told() -> None:
    unpaid = dataclasses.replace(SAMPLES["order_withdrawn"], was_confirmed=False, amount=0)
    assert "不计入信用记录" in render("order_withdrawn", unpaid, "zh-CN")[1]
    assert "may enter your credit record" in render("order_withdrawn", SAMPLES["order_withdrawn"], "en")[1]


def test_an_unknown_reason_is_shown_as_it_came() -> None:
    odd = dataclasses.replace(SAMPLES["order_rejected"], reason="limit_per_life")
    assert "limit_per_life" in render("order_rejected", odd, "zh-CN")[1]
    assert "次数上限" in render("order_rejected", SAMPLES["order_rejected"], "zh-CN")[1]


@given(st.integers(0, 10_000_000_000))
def test_yuan_is_exact(fen: int) -> None:
    whole, _, part = facts.yuan(fen).removeprefix("¥").partition(".")
    assert len(part) == 2
    assert int(whole) * 100 + int(part) == fen


@pytest.mark.parametrize(
    ("cause", "zh", "en"),
    [
        ("late_or_twice", "重复或到账过晚", "twice or too late"),
        ("amount_mismatch", "金额与应付金额不符", "another amount"),
        ("fee_difference", "改约后的挂号费低于", "costs less"),
        ("unsaid", "改约差额、重复付款", "fee difference, or"),
    ],
)
def test_who_gets_surplus_back_reads_why(cause: Any, zh: str, en: str) -> None:
    message = dataclasses.replace(SAMPLES["surplus_refunded"], cause=cause)
    assert zh in render("surplus_refunded", message, "zh-CN")[1]
    assert en in render("surplus_refunded", message, "en")[1]
