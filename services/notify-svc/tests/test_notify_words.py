"""What a reader would stumble over: said twice, said in a code, said by three messages at once."""

from dataclasses import replace
from typing import Any

import pytest
from common.service import Service
from common.testing import deliver
from notify_svc import templates
from notify_svc.calendars import calendar_of
from notify_svc.examples import EXAMPLES
from notify_svc.texts import TEXTS
from notify_svc.texts.sms import SMS
from notify_world import MOMENT, SAMPLES, Reader
from post_world import contact, log_of, store_of


def text_of(kind: str, locale: str, **changes: Any) -> str:
    return templates.render(kind, templates.newest(kind), {**EXAMPLES[kind], **changes}, locale)[1]


@pytest.mark.parametrize("kind", ["order_cancelled", "session_stopped"])
def test_what_two_others_have_said_is_not_sent_a_third_time(service: Service, kind: str) -> None:
    """It stands in the inbox. Of what cost nothing the others say nothing, and it is sent."""
    paid = SAMPLES[kind]
    deliver(service, contact(), paid, replace(paid, order_id="ord_2", refunded=0))
    assert len(Reader(service, "acc_1").items()) == 2
    sent = {store_of(service).deliveries.get(name) for name in log_of(store_of(service))}
    assert {(d.order_id, d.channel) for d in sent if d} == {("ord_2", "email"), ("ord_2", "sms")}


def test_a_failed_payment_says_why_in_words_or_not_at_all() -> None:
    assert "原因：余额不足" in text_of("payment_failed", "zh-CN")
    assert "Reason: the balance was too low" in text_of("payment_failed", "en")
    for locale in templates.LOCALES:
        unknown = text_of("payment_failed", locale, reason="SYSTEM_ERROR_17")
        assert "SYSTEM_ERROR_17" not in unknown
        assert not {"原因", "Reason"} & set(unknown)


@pytest.mark.parametrize("locale", templates.LOCALES)
def test_a_welcome_greets_nobody_by_a_name_that_was_made_up(locale: str) -> None:
    """The e-mail has its greeting, and who registered by phone has chosen no name."""
    text = text_of("user_registered", locale, username="u43603123")
    assert "u43603123" not in text
    assert "您好" not in text
    assert "Hello" not in text


def test_a_stopped_visit_is_booked_again_and_not_moved() -> None:
    assert "改约" not in text_of("session_stopped", "zh-CN")
    assert "重新挂号" in text_of("session_stopped", "zh-CN")
    assert "改约" not in SMS["session_stopped", 1]["zh-CN"]


def test_a_room_is_called_one_once() -> None:
    visit = {**EXAMPLES["order_confirmed"]["visit"], "room": "A377 诊室"}
    facts = templates.sms_facts("order_confirmed", {**EXAMPLES["order_confirmed"], "visit": visit}, "zh-CN")
    short = templates.sms_text("order_confirmed", "zh-CN").format_map(facts)
    for text in (text_of("order_confirmed", "zh-CN", visit=visit), short):
        assert text.count("诊室") == 1


@pytest.mark.parametrize(("locale", "name"), [("zh-CN", "ZH"), ("en", "EN")])
def test_a_calendar_names_its_language(locale: str, name: str) -> None:
    made = calendar_of("order_confirmed", EXAMPLES["order_confirmed"], locale, at=MOMENT, organizer="a@example.com")
    assert made is not None
    assert f"PRODID:-//Haoyuan//notify-svc//{name}\r\n".encode() in made.body


def test_codes_say_what_they_are_for_and_no_more() -> None:
    assert "导出" in text_of("code_export", "zh-CN")
    assert "注销" not in text_of("code_export", "zh-CN")
    assert "注销" in text_of("code_delete", "zh-CN")
    assert "导出" not in text_of("code_delete", "zh-CN")
    assert "export" in text_of("code_export", "en")
    assert "export" not in text_of("code_delete", "en")


@pytest.mark.parametrize("odd", ["Nobody of ours", "registers with Haoyuan by", "shows there is up to", "are at it", "to go to"])  # fmt: skip
def test_english_is_plain(odd: str) -> None:
    said = [text for (_, _, locale), (title, text) in TEXTS.items() if locale == "en" for text in (title, text)]
    said += [texts["en"] for texts in SMS.values()]
    assert not [text for text in said if odd in text]
