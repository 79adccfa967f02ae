"""Letters: every kind in every language for each of its channels, whole, short enough, and with nobody's number in clear."""

import itertools
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from notify_svc import letters, sms_templates, templates
from notify_svc.channels import Letter
from notify_svc.delivery import masked
from notify_svc.domain import Notification
from notify_svc.examples import EXAMPLES
from notify_svc.facts import MOMENTS, hide
from notify_svc.kinds import KINDS
from notify_svc.texts.sms import ABSENT, SMS

AT = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
UNSUBSCRIBE = "https://haoyuan.example/api/v1/notifications/unsubscribe?token=x"
WAYS = [(k, c, l) for k in sorted(KINDS) for c in KINDS[k].channels for l in templates.LOCALES]  # noqa: E741
SMS_WAYS = list(itertools.product(templates.sms_kinds(), templates.LOCALES))
ID_NUMBER, PHONE, ABROAD, EMAIL = "110101199003071233", "13812345678", "+85261234567", "alice.w@example.com"
SECRETS = [ID_NUMBER, PHONE, f"+86{PHONE}", ABROAD, EMAIL]


def compose(kind: str, channel: Any, locale: str, params: Any = None, unsubscribe: str = "") -> Letter:
    told = Notification("n", "acc_1", kind, templates.newest(kind), params or EXAMPLES[kind], None, None, AT, "r")
    return letters.compose(told, channel, to="to", key="key", locale=locale, unsubscribe=unsubscribe)


def test_there_is_an_example_of_every_kind_and_of_nothing_else() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert set(templates.sms_kinds()) == {kind for kind, how in KINDS.items() if "sms" in how.channels}


@pytest.mark.parametrize(("kind", "channel", "locale"), WAYS)
def test_every_kind_has_its_letter_for_each_channel(kind: str, channel: str, locale: str) -> None:
    made = compose(kind, channel, locale)
    assert (made.key, made.to, made.kind, made.locale, made.channel) == ("key", "to", kind, locale, channel)
    assert made.text
    assert not re.search(r"[{}]|None", made.text + made.subject)
    assert bool(made.subject) == (channel == "email")
    assert "\n" not in made.subject
    assert "account_id" not in made.text
    assert "acc_1" not in made.text


@pytest.mark.parametrize(("kind", "channel", "locale"), WAYS)
@pytest.mark.parametrize("around", ["{}", "患者{}余额不足", "tel:{}."])
def test_no_letter_shows_a_number_or_an_address_whatever_field_it_comes_in(
    kind: str, channel: str, locale: str, around: str
) -> None:
    for secret in SECRETS:
        made = compose(kind, channel, locale, _plant(EXAMPLES[kind], around.format(secret)))
        said = json.dumps([made.subject, made.text, dict(made.facts)], ensure_ascii=False)
        assert secret not in said
        assert PHONE not in said
        assert secret.encode() not in (made.calendar or b"").replace(b"\r\n ", b"")


def _plant(value: Any, text: str) -> Any:
    kept = {*MOMENTS, "until", "date", "period", "starts_at", "ends_at"}
    if isinstance(value, list):
        return [_plant(v, text) for v in value]
    if isinstance(value, dict):
        return {k: v if k in kept else _plant(v, text) for k, v in value.items()}
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("locale", templates.LOCALES)
def test_an_e_mail_greets_and_says_how_to_get_no_more_of_it_where_one_may(locale: str) -> None:
    may = compose("visit_tomorrow", "email", locale, unsubscribe=UNSUBSCRIBE)
    assert may.text.count(UNSUBSCRIBE) == 1
    assert may.unsubscribe == UNSUBSCRIBE
    must = compose("visit_stopped", "email", locale)
    assert "http" not in must.text
    assert must.unsubscribe == ""
    assert ("不能关闭" if locale == "zh-CN" else "cannot be switched off") in must.text
    assert must.text.startswith("您好：\n\n" if locale == "zh-CN" else "Hello,\n\n")


@pytest.mark.parametrize(("kind", "channel", "locale"), [way for way in WAYS if way[0].startswith("code_")])
def test_codes_say_the_code_how_long_it_is_good_and_that_nobody_asks_for_it(
    kind: str, channel: str, locale: str
) -> None:
    text = compose(kind, channel, locale).text
    assert "042137" in text
    assert ("请勿告" if locale == "zh-CN" else "Do not share") in text
    until = {"zh-CN": "2026年11月22日 星期日 14:20", "en": "Sun 22 Nov 2026 14:20"}
    short = {"zh-CN": "10分钟", "en": "10 minutes"}
    assert (until if channel == "email" else short)[locale] in text


def test_purposes_of_codes_have_words_of_their_own() -> None:
    for channel, locale in itertools.product(("email", "sms"), templates.LOCALES):
        texts = {compose(kind, channel, locale).text for kind in KINDS if kind.startswith("code_")}
        assert len(texts) == 6


# --- short messages, as providers take them


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize("kind", sorted({kind for kind, _ in SMS}))
def test_a_short_message_is_what_providers_approve(kind: str, locale: str) -> None:
    """https://help.aliyun.com/zh/sms/user-guide/message-template-specifications, https://cloud.tencent.com/document/product/382/39023"""
    text, found = templates.sms_text(kind, locale), templates.sms_variables(kind, locale)
    assert len(found) == len(set(found)), "each variable stands once"
    for name in found:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,24}", name)
        assert name not in {"email", "mobile", "id", "nick", "site"}
    assert "}{" not in text
    assert "} {" not in text
    assert not re.search(r"[【】¥★￥]|https?:|www\.|\n", text)
    assert re.sub(r"\{\w+\}", "", text).strip(), "not variables alone"
    if kind.startswith("code_"):
        assert found == ["code"], "the only variable of a verification code's text"
        assert ("验证码" if locale == "zh-CN" else "verification code") in text


@pytest.mark.parametrize(("kind", "locale"), SMS_WAYS)
def test_a_short_message_is_short(kind: str, locale: str) -> None:
    """Two parts of 67 characters with the signature, three in English, which needs more of them for the same."""
    text = compose(kind, "sms", locale).text
    assert len(f"【号源】{text}") <= 67 * (2 if locale == "zh-CN" else 3), len(text)


@pytest.mark.parametrize(("kind", "locale"), SMS_WAYS)
def test_variables_come_in_order_never_empty_on_one_line_and_never_too_long(kind: str, locale: str) -> None:
    found = templates.sms_variables(kind, locale)
    empty = templates.sms_facts(kind, {}, locale)
    assert list(empty) == found
    assert set(empty.values()) <= {ABSENT[locale]}
    for text in ("x" * 500, "号\n源\r\n" * 100):
        facts = templates.sms_facts(kind, _plant(EXAMPLES[kind], text), locale)
        assert list(facts) == found
        assert all(0 < len(value) <= 35 and "\n" not in value and value == value.strip() for value in facts.values())


def test_a_short_message_of_several_visits_tells_the_first_and_how_many() -> None:
    text = compose("visit_tomorrow", "sms", "zh-CN").text
    for told in ("2次就诊", "就诊人张*", "11月24日08:30", "王立新", "3 楼 12 诊室", "序号7", "带就诊人证件"):
        assert told in text


@pytest.mark.parametrize("locale", templates.LOCALES)
def test_one_merged_reminder_names_each_visit_in_order_whatever_the_order_of_the_message(locale: str) -> None:
    visits = EXAMPLES["visit_tomorrow"]["visits"]
    texts = {compose("visit_tomorrow", "email", locale, {"visits": of}).text for of in (visits, visits[::-1])}
    (text,) = texts
    first, second = (line for line in text.split("\n") if line[:3] in {"1. ", "2. "})
    assert ("08:30" in first, "王立新" in first, "3 楼 12 诊室" in first, "7" in first) == (True,) * 4
    assert ("10:00" in second, "李秀兰" in second, "12" in second) == (True,) * 3
    roomless = [{**visits[0], "visit": {**visits[0]["visit"], "room": ""}}]
    assert "地点：" not in compose("visit_soon", "email", "zh-CN", {"visits": roomless}).text


def test_the_list_for_providers_has_every_template_with_their_variables(capsys: pytest.CaptureFixture[str]) -> None:
    assert sms_templates.main(["alibaba"]) == 0
    alibaba = capsys.readouterr().out
    assert sms_templates.main(["tencent"]) == 0
    tencent = capsys.readouterr().out
    assert "号已保留：就诊人${patient}，${when}，${hospital}，" in alibaba
    assert "号已保留：就诊人{1}，{2}，{3}，科室{4}，" in tencent
    for said, name in ((alibaba, "ALIBABA"), (tencent, "TENCENT")):
        numbers = json.loads(said.rpartition(f"{name}_SMS_TEMPLATES=")[2])
        assert set(numbers) == {f"{kind}.{locale}" for kind, locale in SMS_WAYS} == set(sms_templates.texts())
    assert sms_templates.main([]) == 0
    assert json.loads(capsys.readouterr().out) == sms_templates.texts()
    assert sms_templates.main(["another"]) == 2


def test_what_nobody_may_switch_off_goes_by_all_channels_but_for_what_adr_0028_names() -> None:
    fewer = {k for k, kind in KINDS.items() if not kind.optional and set(kind.channels) != {"email", "sms"}}
    assert fewer == {
        *("credit_recorded", "credit_lifted", "credit_upheld", "replacement_ended", "user_registered"),
        *("refund_stalled_staff", "refund_failed_staff", "roster_applied"),
    }


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize(
    ("device", "known"),
    [
        ("Firefox, Windows", True),
        ("Samsung Internet, Android", True),
        ("another program", False),
        ("haoyuan-unlock.com.cn-safe.example", False),
        ("http://evil.example", False),
        ("call 4008001234", False),
        ("点此解锁", False),
    ],
)
def test_a_letter_names_a_device_in_plain_words(device: str, known: bool, locale: str) -> None:
    """Whoever sent the message, and when: it may be of a release that let such names in."""
    other = {"zh-CN": "其他程序", "en": "another program"}[locale]
    text = compose("security_locked", "email", locale, {**EXAMPLES["security_locked"], "device": device}).text
    assert (device if known else other) in text
    assert known or device == other or device not in text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("+852 9123 4567", "+852****4567"),
        ("+85291234567", "+852****4567"),
        ("+44-20-7946-0958", "+44****0958"),
        ("电话0086 138 0000 1234", "电话0086 138****1234"),
        ("110101 19900307 7758", "1101**********7758"),
        ("a@x.com", "***@x.com"),
    ],
)
def test_free_texts_hide_numbers_however_they_are_written(text: str, hidden: str) -> None:
    assert hide(text) == hidden


def test_an_address_of_one_letter_is_not_shown_whole() -> None:
    assert (masked("a@x.com", "email"), masked("al@x.com", "email")) == ("***@x.com", "a***@x.com")
