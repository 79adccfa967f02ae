"""What Alipay is asked, and what its answers mean: trades and refunds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from alipay_world import NUMBER, OK, ORDER, PAID, TRADE, TRANSACTION, Vendor, adapter, denied
from common.clock import SHANGHAI
from payment_svc.providers import (
    Absent,
    Card,
    Closed,
    Failed,
    Paid,
    Processing,
    Refunded,
    Reversed,
    Shown,
    Unknown,
    Unpaid,
)  # fmt: skip
from payment_svc.providers.alipay import Alipay, plain
from payment_svc.settings import Settings

PAID_AT = datetime(2026, 11, 22, 4, 3, 4, tzinfo=UTC)
WAITING = {
    **OK,
    "out_trade_no": NUMBER,
    "trade_status": "WAIT_BUYER_PAY",
    "total_amount": "50.00",
    "receipt_amount": "0.00",
}
SHUT = {**WAITING, "trade_status": "TRADE_CLOSED", "trade_no": TRANSACTION}
QR = {**OK, "out_trade_no": NUMBER, "qr_code": "https://qr.example/bax1"}
BACK = {
    **OK, "trade_no": TRANSACTION, "out_trade_no": NUMBER, "out_request_no": ORDER.number, "refund_status": "REFUND_SUCCESS",
    "refund_amount": "20.00", "total_amount": "50.00", "gmt_refund_pay": "2026-11-22 13:00:00",
}  # fmt: skip
REFUND = {
    **OK, "trade_no": TRANSACTION, "out_trade_no": NUMBER, "fund_change": "Y", "refund_fee": "45.00",
    "gmt_refund_pay": "2026-11-22 13:00:00",
}  # fmt: skip
BACK_AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@pytest.fixture
def vendor():
    with Vendor().serving() as serving:
        yield serving


@pytest.fixture
def alipay(vendor):
    return adapter(vendor)


def answers(vendor, **methods):
    """By the last words of the methods: query, close, refund ... and `refunds` for the refund's query."""
    names = {"refunds": "alipay.trade.fastpay.refund.query"}
    vendor.answers = {names.get(name, f"alipay.trade.{name}"): fields for name, fields in methods.items()}


# --- create --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["", "qr"])
def test_a_code_to_scan(vendor, alipay, channel):
    answers(vendor, precreate=QR)
    assert alipay.create(replace(TRADE, channel=channel)) == Shown({"type": "qr", "text": "https://qr.example/bax1"})
    assert vendor.biz() == {
        "out_trade_no": NUMBER,
        "subject": "内科 挂号费",
        "total_amount": "50.00",
        "product_code": "QR_CODE_OFFLINE",
        "time_expire": "2026-11-22 12:15:00",
    }
    assert vendor.asked[0]["notify_url"] == "https://h.example/api/v1/payments/notify/alipay"


@pytest.mark.parametrize("zone", [UTC, SHANGHAI])
def test_the_deadline_is_the_trades_however_often_it_is_asked_for(vendor, alipay, zone):
    answers(vendor, precreate=QR)
    trade = replace(TRADE, expires_at=TRADE.expires_at.astimezone(zone))
    alipay.create(trade)
    alipay.create(trade)
    assert vendor.biz(0) == vendor.biz(1)
    assert vendor.biz()["time_expire"] == "2026-11-22 12:15:00"


@pytest.mark.parametrize(
    ("channel", "method", "product"),
    [("page", "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"), ("wap", "alipay.trade.wap.pay", "QUICK_WAP_WAY")],
)
def test_a_link_is_signed_here_and_nobody_is_asked(vendor, alipay, channel, method, product):
    trade = replace(TRADE, channel=channel, payer={"return_url": "https://h.example/orders/1?paid=1&x=2"})
    shown = alipay.create(trade)
    assert isinstance(shown, Shown)
    assert shown.show["type"] == "link"
    assert shown.show["url"].startswith(f"{vendor.address}/gateway.do?")
    sent = {name: value for name, (value,) in parse_qs(urlsplit(shown.show["url"]).query, strict_parsing=True).items()}
    assert sent["method"] == method
    assert sent["return_url"] == "https://h.example/orders/1?paid=1&x=2"
    assert sent["notify_url"] == "https://h.example/api/v1/payments/notify/alipay"
    assert f'"product_code":"{product}"' in sent["biz_content"]
    assert '"time_expire":"2026-11-22 12:15:00"' in sent["biz_content"]
    assert vendor.targets == []


def test_without_an_address_to_return_to_none_is_sent(alipay):
    shown = alipay.create(replace(TRADE, channel="page"))
    assert "return_url" not in shown.show["url"]


def test_a_channel_that_is_none(vendor, alipay):
    assert isinstance(alipay.create(replace(TRADE, channel="jsapi")), Failed)
    assert vendor.targets == []


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("心内科{专家}号/周一=上午&下午", "心内科 专家 号 周一 上午 下午"),
        ("a\nb\tc\x00d\ud800", "a b c d"),
        ('挂号费,"特需"', "挂号费，”特需”"),
        ("号" * 300, "号" * 256),
        ("{}", ""),
    ],
)
def test_words_are_sent_as_alipay_takes_them(words, sent):
    assert plain(words) == sent


def test_a_subject_of_nothing_but_braces_is_the_number(vendor, alipay):
    answers(vendor, precreate=QR)
    alipay.create(replace(TRADE, description="{}"))
    assert vendor.biz()["subject"] == NUMBER


@pytest.mark.parametrize("code", ["ACQ.TOTAL_FEE_EXCEED", "ACQ.TRADE_HAS_CLOSE", "ACQ.INVALID_PARAMETER"])
def test_a_refused_trade_has_failed(vendor, alipay, code):
    answers(vendor, precreate=denied(code))
    assert alipay.create(TRADE) == Failed(code)


@pytest.mark.parametrize(
    "code", ["ACQ.APPLY_PC_MERCHANT_CODE_ERROR", "ACQ.TRADE_HAS_SUCCESS", "ACQ.CONTEXT_INCONSISTENT"]
)
def test_a_number_that_alipay_knows_may_be_paid_yet(vendor, alipay, code):
    answers(vendor, precreate=denied(code), query=WAITING)
    assert alipay.create(TRADE) == Unknown(code)
    answers(vendor, precreate=denied(code), query={**OK, **PAID})
    assert alipay.create(TRADE) == alipay.query(TRADE), "or is"


def test_a_success_without_a_code_is_none(vendor, alipay):
    answers(vendor, precreate={**QR, "qr_code": ""})
    assert isinstance(alipay.create(TRADE), Unknown)


# --- query, close, cancel --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"])
def test_money_came_whatever_has_become_of_it(vendor, alipay, status):
    answers(vendor, query={**OK, **PAID, "trade_status": status})
    paid = alipay.query(TRADE)
    assert isinstance(paid, Paid)
    assert (paid.transaction_id, paid.amount, paid.paid_at, paid.currency) == (TRANSACTION, 5000, PAID_AT, "CNY")
    assert paid.evidence["trade_status"] == status


@pytest.mark.parametrize(
    "sign",
    [
        {"send_pay_date": ""},
        {"receipt_amount": ""},
        {"send_pay_date": "", "receipt_amount": "0.00", "refund_fee": "50.00"},
    ],
)
def test_a_closed_trade_with_money_in_it_was_paid(vendor, alipay, sign):
    answers(vendor, query={**OK, **PAID, "trade_status": "TRADE_CLOSED", **sign})
    assert isinstance(alipay.query(TRADE), Paid)


def test_a_payment_without_its_time_is_one(vendor, alipay):
    answers(vendor, query={**OK, **PAID, "send_pay_date": "soon"})
    before = datetime.now(UTC)
    assert before <= alipay.query(TRADE).paid_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        (WAITING, Unpaid()),
        (SHUT, Closed()),
        (denied("ACQ.TRADE_NOT_EXIST"), Absent()),
        (denied("ACQ.INVALID_PARAMETER"), Unknown("ACQ.INVALID_PARAMETER")),
        ({**WAITING, "trade_status": "TRADE_PENDING"}, Unknown("unknown status")),
        ({**OK, **PAID, "trade_no": ""}, Unknown("unreadable answer")),
        ({**OK, **PAID, "total_amount": "5e1"}, Unknown("unreadable answer")),
        ({**OK, **PAID, "total_amount": "0.00"}, Unknown("unreadable answer")),
    ],
)
def test_what_a_query_says(vendor, alipay, fields, outcome):
    answers(vendor, query=fields)
    assert alipay.query(TRADE) == outcome


def test_another_amount_or_currency_than_was_asked_is_told_as_it_came(vendor, alipay):
    answers(vendor, query={**OK, **PAID, "total_amount": "49.99", "trans_currency": "HKD"})
    paid = alipay.query(TRADE)
    assert (paid.amount, paid.currency) == (4999, "HKD"), "who keeps the books gives it back"


@pytest.mark.parametrize(
    ("closed", "queried", "outcome"),
    [
        (SHUT, None, Closed()),
        (denied("ACQ.TRADE_NOT_EXIST"), None, Absent()),
        (denied("ACQ.TRADE_STATUS_ERROR"), SHUT, Closed()),
        (denied("ACQ.REASON_TRADE_STATUS_INVALID"), WAITING, Unpaid()),
        (denied("ACQ.REASON_ILLEGAL_STATUS"), denied("ACQ.SYSTEM_ERROR"), Unknown("40004 ACQ.SYSTEM_ERROR")),
    ],
)
def test_close(vendor, alipay, closed, queried, outcome):
    answers(vendor, close=closed, query=queried)
    assert alipay.close(TRADE) == outcome
    assert vendor.methods == ["close"] + (["query"] if queried else [])


@pytest.mark.parametrize(
    "code", ["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"]
)
def test_a_close_that_finds_the_trade_paid(vendor, alipay, code):
    answers(vendor, close=denied(code), query={**OK, **PAID})
    assert isinstance(alipay.close(TRADE), Paid)


CANCELLED = {**OK, "out_trade_no": NUMBER, "trade_no": TRANSACTION, "retry_flag": "N"}
GIVEN_BACK = {**OK, **PAID, "trade_status": "TRADE_CLOSED"}


@pytest.mark.parametrize(
    ("cancelled", "queried", "outcome"),
    [
        ({**CANCELLED, "action": "close"}, SHUT, Closed()),
        ({**OK, "retry_flag": "N"}, denied("ACQ.TRADE_NOT_EXIST"), Absent()),
        (denied("ACQ.TRADE_NOT_EXIST"), None, Absent()),
        ({**CANCELLED, "retry_flag": "Y"}, None, Unknown("cancel to be repeated")),
        ({**CANCELLED, "action": "refund"}, {**OK, **PAID}, Unknown("refund under way")),
        ({**CANCELLED, "action": "refund"}, denied("ACQ.SYSTEM_ERROR"), Unknown("40004 ACQ.SYSTEM_ERROR")),
    ],
)
def test_cancel(vendor, alipay, cancelled, queried, outcome):
    answers(vendor, cancel=cancelled, query=queried)
    assert alipay.cancel(TRADE) == outcome
    assert vendor.methods == ["cancel"] + (["query"] if queried else [])


@pytest.mark.parametrize("action", ["refund", "close", None])
def test_a_cancel_that_gave_the_money_back_says_so_when_repeated_too(vendor, alipay, action):
    answers(vendor, cancel={**CANCELLED, "action": action, "gmt_refund_pay": "2026-11-22 13:00:00"}, query=GIVEN_BACK)
    reversed_ = alipay.cancel(TRADE)
    assert isinstance(reversed_, Reversed)
    assert (reversed_.paid.transaction_id, reversed_.paid.amount, reversed_.paid.paid_at) == (
        TRANSACTION,
        5000,
        PAID_AT,
    )
    assert reversed_.reversed_at == BACK_AT


@pytest.mark.parametrize("code", ["ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_STATUS_ERROR"])
def test_a_cancel_that_is_refused_asks_how_it_is(vendor, alipay, code):
    answers(vendor, cancel=denied(code), query={**OK, **PAID})
    assert isinstance(alipay.cancel(TRADE), Paid)


# --- refunds ---------------------------------------------------------------------------------------------------------------


def test_a_part_goes_back(vendor, alipay):
    answers(vendor, refund=REFUND)
    refunded = alipay.refund(ORDER)
    assert isinstance(refunded, Refunded)
    assert (refunded.refunded_at, refunded.amount) == (BACK_AT, None), "refund_fee is of all refunds together"
    assert vendor.biz() == {
        "out_trade_no": NUMBER,
        "trade_no": TRANSACTION,  # a capture of another number stays where it is
        "out_request_no": ORDER.number,
        "refund_amount": "20.00",
        "refund_reason": "patient cancelled",
    }
    assert vendor.methods == ["refund"]


@pytest.mark.parametrize("changed", ["N", ""])
@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        (BACK, Refunded),
        ({**OK}, Unknown),
        (denied("ACQ.SYSTEM_ERROR"), Unknown),
        (denied("ACQ.TRADE_NOT_EXIST"), Unknown),
    ],
)
def test_a_refund_that_moved_no_money_is_one_if_its_query_says_so(vendor, alipay, changed, known, outcome):
    answers(vendor, refund={**REFUND, "fund_change": changed}, refunds=known)
    assert isinstance(alipay.refund(ORDER), outcome)
    assert vendor.methods == ["refund", "fastpay.refund.query"]


REFUSALS = [
    "ACQ.TRADE_HAS_FINISHED", "ACQ.REASON_TRADE_REFUND_FEE_ERR", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "ACQ.TRADE_STATUS_ERROR",
    "ACQ.TRADE_NOT_EXIST", "ACQ.TRADE_NOT_ALLOW_REFUND",
]  # fmt: skip


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_refund_has_failed_if_nobody_knows_of_it(vendor, alipay, code):
    answers(vendor, refund=denied(code), refunds=OK)
    assert alipay.refund(ORDER) == Failed(code)
    answers(vendor, refund=denied(code), refunds=BACK)
    assert isinstance(alipay.refund(ORDER), Refunded), "it was made before, and its answer was lost"
    answers(vendor, refund=denied(code), refunds=denied("aop.unknow-error", "20000"))
    assert isinstance(alipay.refund(ORDER), Unknown), "it may have been"


def test_a_number_that_gave_back_another_amount_is_for_a_person_to_look_at(vendor, alipay):
    answers(vendor, refund=denied("ACQ.DISCORDANT_REPEAT_REQUEST"), refunds=OK)
    assert alipay.refund(ORDER) == Unknown("ACQ.DISCORDANT_REPEAT_REQUEST")
    answers(vendor, refund=denied("ACQ.DISCORDANT_REPEAT_REQUEST"), refunds={**BACK, "refund_amount": "19.00"})
    assert alipay.refund(ORDER).amount == 1900, "and what went back is told"


def test_with_too_little_in_the_account_it_is_tried_again(vendor, alipay):
    answers(vendor, refund=denied("ACQ.SELLER_BALANCE_NOT_ENOUGH"))
    assert alipay.refund(ORDER) == Unknown("40004 ACQ.SELLER_BALANCE_NOT_ENOUGH")


def test_what_became_of_a_refund(vendor, alipay):
    answers(vendor, refunds=BACK)
    refunded = alipay.query_refund(ORDER)
    assert isinstance(refunded, Refunded)
    assert (refunded.refunded_at, refunded.amount) == (BACK_AT, 2000)
    assert vendor.biz() == {
        "out_trade_no": NUMBER,
        "out_request_no": ORDER.number,
        "query_options": ["gmt_refund_pay"],
    }


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        (OK, Absent()),
        ({**BACK, "refund_status": ""}, Absent()),
        (denied("ACQ.TRADE_NOT_EXIST"), Absent()),
        (denied("ACQ.INVALID_PARAMETER"), Unknown("ACQ.INVALID_PARAMETER")),
        ({**BACK, "refund_status": "REFUND_PROCESSING"}, Processing()),
        ({**BACK, "refund_status": "REFUND_FAIL"}, Unknown("refund status REFUND_FAIL")),
    ],
)
def test_what_a_refunds_query_says(vendor, alipay, fields, outcome):
    answers(vendor, refunds=fields)
    assert alipay.query_refund(ORDER) == outcome


def test_no_refund_goes_to_a_card():
    assert isinstance(Alipay.of(Settings()).refund_to_card(ORDER, "1", Card("b", "n", "h")), Failed)
    assert Alipay.refund_gap == timedelta(seconds=3)
