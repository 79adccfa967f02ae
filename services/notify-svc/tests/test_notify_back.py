"""Money that goes back: what was paid at the counter is fetched there, and once it is back it is said how it went."""

import re
from dataclasses import replace

import msgspec
import pytest
from common.messages import RefundSucceeded
from common.service import Service
from common.testing import deliver
from notify_svc import templates
from notify_svc.examples import EXAMPLES
from notify_svc.texts import TEXTS
from notify_svc.texts.sms import SMS
from notify_world import SAMPLES, Reader

WAY_IT_CAME = re.compile(r"原路|(?:where|way) (?:it|they) came", re.IGNORECASE)
COUNTER = {"zh-CN": "在窗口付款的，请凭就诊人证件到收费窗口领取", "en": "if you paid at the counter, collect it there with the patient's document"}  # fmt: skip
BY_PROVIDER = {"zh-CN": "到账时间以支付渠道为准", "en": "when it arrives depends on the payment provider"}
BACK = ("refund_succeeded", "surplus_refunded")
ENDED = ("order_cancelled", "session_stopped")


def texts_of(service: Service, kind: str) -> dict[str, str]:
    """What stands in her inbox, by language."""
    found = {}
    for locale in templates.LOCALES:
        items = Reader(service, "acc_1").items("?limit=100", **{"Accept-Language": locale})
        found[locale] = next(item["text"] for item in items if item["kind"] == kind)
    return found


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize("kind", templates.kinds())
def test_no_text_sends_cash_back_the_way_it_came(kind: str, locale: str) -> None:
    title, text = TEXTS[kind, templates.newest(kind), locale]
    assert not WAY_IT_CAME.search(title)
    if WAY_IT_CAME.search(text):
        assert COUNTER[locale] in text


@pytest.mark.parametrize("locale", templates.LOCALES)
@pytest.mark.parametrize("kind", templates.sms_kinds())
def test_no_short_message_does(kind: str, locale: str) -> None:
    assert not WAY_IT_CAME.search(templates.sms_text(kind, locale))


def test_who_gives_up_a_stopped_visit_or_ends_her_account_reads_where_to_fetch_cash() -> None:
    for kind in ("substitutes_offered", "order_rescheduled", "security_account_deleted"):
        for locale in templates.LOCALES:
            assert COUNTER[locale] in templates.render(kind, templates.newest(kind), EXAMPLES[kind], locale)[1]


@pytest.mark.parametrize("kind", BACK)
@pytest.mark.parametrize(
    ("method", "zh", "en"),
    [
        ("wechat", "由微信支付退回", "by way of WeChat Pay;"),
        ("window", "已在医院收费窗口退还", "paid out at the cashier's counter"),
        ("alipay,window", "一部分已在医院收费窗口退还，其余由支付宝退回", "A part was paid out at the cashier's counter. The rest went back by way of Alipay;"),
        ("alipay,wechat", "由支付宝、微信支付退回", "by way of Alipay + WeChat Pay;"),
    ],
)  # fmt: skip
def test_a_refund_says_how_it_went_and_that_cash_has_arrived(kind: str, method: str, zh: str, en: str) -> None:
    params = msgspec.to_builtins(replace(SAMPLES[kind], method=method))
    for locale, told in (("zh-CN", zh), ("en", en)):
        text = templates.render(kind, templates.newest(kind), params, locale)[1]
        assert told in text
        assert "¥50.00" in text
        assert (BY_PROVIDER[locale] in text) == (method != "window")


@pytest.mark.parametrize("kind", ENDED)
@pytest.mark.parametrize(
    ("method", "zh", "en"),
    [("alipay", "由支付宝退回", "by way of Alipay"), ("window", "已在医院收费窗口退还", "at the cashier's counter")],
)
def test_an_order_that_ended_says_it_too(service: Service, kind: str, method: str, zh: str, en: str) -> None:
    deliver(service, replace(SAMPLES["refund_succeeded"], method=method))
    deliver(service, SAMPLES[kind])
    texts = texts_of(service, kind)
    assert zh in texts["zh-CN"]
    assert en in texts["en"]
    for locale, text in texts.items():
        assert (BY_PROVIDER[locale] in text) == (method != "window")


@pytest.mark.parametrize("kind", ENDED)
@pytest.mark.parametrize(("before", "refunded"), [("surplus_refunded", 5000), ("refund_succeeded", 0)])
def test_an_order_that_ended_says_nothing_of_other_money(
    service: Service, kind: str, before: str, refunded: int
) -> None:
    """Surplus is not what it gives back; and of what cost nothing there is nothing to say, whatever was told before."""
    deliver(service, SAMPLES[before])
    deliver(service, replace(SAMPLES[kind], refunded=refunded))
    texts = texts_of(service, kind)
    assert not re.search(r"微信支付|窗口|支付渠道", texts["zh-CN"])
    assert not re.search(r"WeChat Pay|counter|provider", texts["en"])
    assert ("¥50.00" in texts["zh-CN"]) == bool(refunded)


def test_a_short_message_of_cash_does_not_wait_for_a_provider() -> None:
    for kind in BACK:
        for locale, online in (("zh-CN", "线上退款的到账时间"), ("en", "When an online refund arrives")):
            assert online in templates.sms_text(kind, locale)
            longest = templates.sms_facts(kind, {**EXAMPLES[kind], "method": "wechat,window"}, locale)["method"]
            assert not longest.endswith("…")


def test_a_newer_short_message_has_the_variables_of_the_one_before() -> None:
    """Until the new template is approved, its number is that of the former, which is filled in by the same."""
    newer = [(kind, version) for kind, version in SMS if version > 1]
    assert len(newer) >= 5
    for kind, version in newer:
        for locale in templates.LOCALES:
            assert len({tuple(re.findall(r"\{(\w+)\}", SMS[kind, v][locale])) for v in (version - 1, version)}) == 1


@pytest.mark.parametrize("locale", templates.LOCALES)
def test_what_was_told_before_stands_as_it_was(locale: str) -> None:
    money = msgspec.to_builtins(RefundSucceeded("ord_1", "acc_1", "ref_1", 5000, "order", "window", "cancelled"))
    for kind, version, told in (
        ("order_cancelled", 2, {"zh-CN": "原路退回，到账时间以支付渠道为准", "en": "to where it came from; when it"}),
        (
            "session_stopped",
            3,
            {"zh-CN": "已全额退款：¥50.00，原路退回", "en": "in full: ¥50.00, to where it came from"},
        ),
        ("order_rescheduled", 2, {"zh-CN": "多出部分会原路退回", "en": "what is left over goes back"}),
        (
            "substitutes_offered",
            2,
            {"zh-CN": "¥50.00 将全额原路退回。", "en": "goes back in full, to where it came from."},
        ),
        ("security_account_deleted", 1, {"zh-CN": "应退款项原路退回。", "en": "goes back to where it came from."}),
        ("refund_succeeded", 2, {"zh-CN": "退回至：医院收费窗口", "en": "by the cashier's counter."}),
        (
            "surplus_refunded",
            4,
            {"zh-CN": "已自动退回 ¥50.00，退回至：医院收费窗口", "en": "by the cashier's counter."},
        ),
    ):
        params = {**EXAMPLES[kind], **(money if kind in BACK else {})}
        text = templates.render(kind, version, params, locale)[1]
        assert told[locale] in text
        assert kind.startswith("security") or {"zh-CN": "就诊人：张*", "en": "Patient: 张*"}[locale] in text
        assert templates.newest(kind) == version + 1
