"""Alipay's callbacks: what is believed, and that nothing is asked because of them."""

import socket
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from alipay_world import APP_ID, NOW, NUMBER, STRANGER, TRANSACTION, notice, sign
from payment_svc.providers import Closed, Heard, Paid, Refused, Unpaid
from payment_svc.providers.alipay import Alipay
from payment_svc.settings import Settings
from payment_svc.usecases.callbacks import OVERSIZED

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(scope="module")
def alipay():
    return Alipay.of(Settings())


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    """Whoever calls anybody fails."""

    def nobody(*_args, **_kwargs):
        raise AssertionError("a callback made us call somebody")

    monkeypatch.setattr(socket, "create_connection", nobody)
    monkeypatch.setattr(socket.socket, "connect", nobody)


def refused(alipay, body, headers=FORM):
    with pytest.raises(Refused) as refusal:
        alipay.hear(headers, body, NOW)
    return refusal.value.reason


def changed(told, **fields):
    """The form with other values: not what was signed."""
    return urlencode({**dict(parse_qsl(told.decode(), keep_blank_values=True)), **fields}).encode()


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_payment_is_heard_of(alipay, status):
    heard = alipay.hear(FORM, notice(trade_status=status), NOW)
    assert isinstance(heard.outcome, Paid)
    assert heard == Heard("n1", "payment", NUMBER, heard.outcome)
    paid = heard.outcome
    assert (paid.transaction_id, paid.amount, paid.currency) == (TRANSACTION, 5000, "CNY")
    assert paid.paid_at == datetime(2026, 11, 22, 4, 3, 4, tzinfo=UTC)
    assert paid.evidence["app_id"] == APP_ID


def test_the_headers_say_nothing_that_matters_but_what_kind_it_is(alipay):
    for headers in ({}, {"content-type": "APPLICATION/X-WWW-FORM-URLENCODED"}, FORM):
        assert alipay.hear(headers, notice(), NOW).number == NUMBER
    assert refused(alipay, notice(), {"content-TYPE": "application/json"}) == "unreadable"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": None}, Unpaid()),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": None, "gmt_close": "2026-11-22 12:30:00"}, Closed()),
        ({"trade_status": "TRADE_PENDING"}, None),
        ({"notify_type": "servicemarket_order_notify", "trade_status": None}, None),
    ],
)
def test_what_else_it_may_say(alipay, fields, outcome):
    assert alipay.hear(FORM, notice(**fields), NOW) == Heard("n1", "payment", NUMBER, outcome)


def test_a_notice_of_something_else_needs_no_seller_and_no_trade(alipay):
    body = notice(notify_type="open_app_auth_notify", out_trade_no=None, seller_id=None)
    assert alipay.hear(FORM, body, NOW) == Heard("n1", "payment", "", None)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED"])
def test_a_refunds_notice_says_once_more_that_it_was_paid_and_ends_no_refund(alipay, status):
    body = notice(
        trade_status=status, refund_fee="50.00", gmt_refund="2026-11-22 13:00:00.320", out_biz_no="261122R0000000000001"
    )
    heard = alipay.hear(FORM, body, NOW)
    assert (heard.kind, heard.number) == ("payment", NUMBER)
    assert isinstance(heard.outcome, Paid)
    assert heard.outcome.amount == 5000


@pytest.mark.parametrize("time", ["2026-11-21 11:00:00", "2026-11-22 12:03:06", "2026-11-23 12:00:00"])
def test_age_says_nothing_as_it_is_repeated_for_a_day_and_an_hour(alipay, time):
    assert alipay.hear(FORM, notice(notify_time=time), NOW).notify_id == "n1"


@pytest.mark.parametrize("empties", [True, False])
def test_empty_fields_may_be_in_what_is_signed_or_not(alipay, empties):
    body = notice(empties=empties, body="", passback_params="")
    assert isinstance(alipay.hear(FORM, body, NOW).outcome, Paid)


def test_another_amount_or_currency_is_told_as_it_is(alipay):
    paid = alipay.hear(FORM, notice(total_amount="0.01", trans_currency="USD"), NOW).outcome
    assert (paid.amount, paid.currency) == (1, "USD"), "who keeps the books gives it back"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (notice(STRANGER), "signature"),
        (changed(notice(), total_amount="5000.00"), "signature"),
        (changed(notice(), out_trade_no="26112200000000000002"), "signature"),
        (changed(notice(), body=" "), "signature"),
        (changed(notice(), sign="AAAA"), "signature"),
        (changed(notice(), sign="!"), "signature"),
        (changed(notice(), sign=""), "signature"),
        (changed(notice(), sign_type="RSA"), "signature"),
        (changed(notice(), sign_type=""), "signature"),
        (notice(sign_type="RSA"), "signature"),
        (notice(app_id="2021000000000000"), "merchant"),
        (notice(app_id=None), "merchant"),
        (notice(seller_id="2088000000000000"), "merchant"),
        (notice(seller_id=None), "merchant"),
        (notice(notify_id=None), "unreadable"),
        (notice(out_trade_no=None), "unreadable"),
        (notice(total_amount=None), "unreadable"),
        (notice(total_amount="NaN"), "unreadable"),
        (notice(total_amount="-1.00"), "unreadable"),
        (notice(trade_no=""), "unreadable"),
        (notice(charset="GBK"), "unreadable"),
        (notice() + b"&total_amount=50.00", "unreadable"),
        (notice()[: len(notice()) // 2], "signature"),
        (b"", "signature"),
        (b'{"trade_status": "TRADE_SUCCESS"}', "unreadable"),
        (b"<xml/>", "unreadable"),
        (b"\xff\xfe=1", "unreadable"),
        (b"a=%ff", "unreadable"),
        (b"&".join(b"a%d=1" % n for n in range(101)), "unreadable"),
    ],
)
def test_what_is_not_believed(alipay, body, reason):
    assert refused(alipay, body) == reason


def test_a_signature_over_the_sign_type_too_is_none(alipay):
    """Requests are signed with it, callbacks without."""
    fields = dict(parse_qsl(notice().decode()))
    fields.pop("sign")
    fields["sign"] = sign("&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode())
    assert refused(alipay, urlencode(fields).encode()) == "signature"


def test_the_same_bytes_may_be_read_any_number_of_times(alipay):
    body = notice()
    assert alipay.hear(FORM, body, NOW) == alipay.hear(FORM, body, NOW)


def test_the_answers_are_to_the_letter(alipay):
    assert alipay.accepted == (200, b"success", "text/plain")
    assert alipay.refusal("signature") == alipay.refusal(OVERSIZED) == (400, b"fail", "text/plain")
    assert alipay.refusal("unavailable") == (503, b"fail", "text/plain")
