"""Alipay's trades: codes, pages, query, close, cancel."""

from datetime import timedelta

import pytest
from sandbox_alipay_merchant import LINE, NOTIFY, code, opened

NUMBER = "T20261122000001"


@pytest.fixture
def merchant(tmp_path):
    with opened(tmp_path) as merchant:
        yield merchant


def status(merchant, number=NUMBER):
    return merchant.about("query", number).get("trade_status")


# --- codes -----------------------------------------------------------------------------------------------------------


def test_a_code_is_no_trade_until_it_is_scanned(merchant):
    answer = merchant.precreate(NUMBER)
    assert answer["code"] == "10000"
    assert answer["out_trade_no"] == NUMBER
    assert answer["qr_code"] == merchant.sandbox.link(merchant.trade(NUMBER))
    assert code(merchant.about("query", NUMBER)) == "ACQ.TRADE_NOT_EXIST"
    assert code(merchant.about("close", NUMBER)) == "ACQ.TRADE_NOT_EXIST"
    merchant.scan(NUMBER)
    assert status(merchant) == "WAIT_BUYER_PAY"


def test_a_code_outlives_a_close_and_can_still_be_paid(merchant):
    merchant.precreate(NUMBER)
    assert code(merchant.about("close", NUMBER)) == "ACQ.TRADE_NOT_EXIST"
    merchant.pay(NUMBER)
    assert status(merchant) == "TRADE_SUCCESS"


def test_a_code_that_nobody_scanned_never_becomes_a_trade(merchant):
    merchant.precreate(NUMBER)
    merchant.wait(hours=3)
    assert merchant.pay(NUMBER).state == "unpaid"
    assert code(merchant.about("query", NUMBER)) == "ACQ.TRADE_NOT_EXIST"


def test_a_number_gets_no_second_code(merchant):
    merchant.precreate(NUMBER)
    assert code(merchant.precreate(NUMBER)) == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"
    merchant.wait(hours=3)
    assert code(merchant.precreate(NUMBER)) == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"


def test_an_identical_repetition_may_get_the_same_code(merchant):
    merchant.sandbox.options.more["alipay_repeat_code"] = True
    first = merchant.precreate(NUMBER)
    assert merchant.precreate(NUMBER)["qr_code"] == first["qr_code"]
    assert code(merchant.precreate(NUMBER, total_amount="12.31")) == "ACQ.CONTEXT_INCONSISTENT"


def test_a_scanned_number_is_not_for_other_parameters(merchant):
    merchant.precreate(NUMBER)
    merchant.scan(NUMBER)
    assert code(merchant.precreate(NUMBER, subject="别的")) == "ACQ.CONTEXT_INCONSISTENT"
    assert code(merchant.precreate(NUMBER)) == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"


def test_a_number_is_used_up_by_its_trade(merchant):
    merchant.paid(NUMBER)
    assert code(merchant.precreate(NUMBER)) == "ACQ.TRADE_HAS_SUCCESS"
    merchant.precreate("CLOSED")
    merchant.scan("CLOSED")
    merchant.about("close", "CLOSED")
    assert code(merchant.precreate("CLOSED")) == "ACQ.TRADE_HAS_CLOSE"
    merchant.precreate("LATE")
    merchant.scan("LATE")
    merchant.wait(hours=3)
    assert code(merchant.precreate("LATE")) == "ACQ.TRADE_HAS_CLOSE"


def test_the_product_must_be_named_unless_the_option_says_otherwise(merchant):
    biz = {"out_trade_no": NUMBER, **LINE}
    assert code(merchant.call("alipay.trade.precreate", biz)) == "ACQ.INVALID_PARAMETER"
    merchant.sandbox.options.more["alipay_require_product_code"] = False
    assert code(merchant.call("alipay.trade.precreate", biz)) == "10000"


@pytest.mark.parametrize(
    ("asked", "lasts"),
    [
        ({}, timedelta(hours=2)),
        ({"timeout_express": "90m"}, timedelta(minutes=90)),
        ({"qr_code_timeout_express": "1h"}, timedelta(hours=1)),
        ({"timeout_express": "3d"}, timedelta(hours=2)),
        ({"timeout_express": "30m", "qr_code_timeout_express": "10m"}, timedelta(minutes=10)),
    ],
)
def test_a_code_lasts_as_long_as_was_asked_and_at_most_two_hours(merchant, asked, lasts):
    merchant.precreate(NUMBER, **asked)
    trade = merchant.trade(NUMBER)
    assert trade.expires_at - trade.created_at == lasts


def test_an_end_may_be_a_time_in_beijing(merchant):
    end = (merchant.sandbox.now() + timedelta(minutes=20)).replace(microsecond=0)
    merchant.precreate(NUMBER, time_expire=end.strftime("%Y-%m-%d %H:%M:%S"))
    assert merchant.trade(NUMBER).expires_at == end


def test_what_was_scanned_and_not_paid_in_time_is_closed(merchant):
    merchant.precreate(NUMBER, timeout_express="5m")
    merchant.scan(NUMBER)
    merchant.wait(minutes=5)
    assert status(merchant) == "TRADE_CLOSED"
    assert merchant.pay(NUMBER).state == "closed"


BAD = [
    ("out_trade_no", [None, "", "a" * 65, "a-b", "挂号", 7, {}]),
    ("total_amount", [None, "", "0", "0.00", "-1", "1.234", "1,00", "01.00", "1e3", "abc", True, [], "٣"]),
    ("subject", [None, "", "   ", "a/b", "a=b", "a&b", "挂" * 257, ["x"]]),
    ("product_code", [None, "FAST_INSTANT_TRADE_PAY", ""]),
    ("body", ["x" * 129, 1]),
    ("seller_id", ["2088000068910002"]),
    ("time_expire", ["", "2020-01-01 00:00:00", "2099-01-01T00:00:00", "2099-02-30 00:00:00", "soon"]),
    ("timeout_express", ["", "0m", "16d", "5x", "5", "-5m", 5]),
    ("qr_code_timeout_express", ["", "0m", "16d"]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD for value in values])
def test_a_bad_field_is_refused_and_leaves_nothing(merchant, name, value):
    biz = {"out_trade_no": NUMBER, **LINE, "product_code": "QR_CODE_OFFLINE", name: value}
    biz = {name: value for name, value in biz.items() if value is not None}
    answer = merchant.call("alipay.trade.precreate", biz)
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER")
    assert merchant.sandbox.books.trades("alipay") == []


@pytest.mark.parametrize(
    ("amount", "fen"),
    [("0.01", 1), ("0.3", 30), ("100000000", 10**10), ("100000000.00", 10**10), ("7.05", 705), (7.5, 750)],
)
def test_amounts_are_read_to_the_fen(merchant, amount, fen):
    assert merchant.precreate(NUMBER, total_amount=amount)["code"] == "10000"
    assert merchant.trade(NUMBER).amount == fen


def test_an_amount_has_an_upper_bound(merchant):
    assert code(merchant.precreate(NUMBER, total_amount="100000000.01")) == "ACQ.TOTAL_FEE_EXCEED"


# --- pages -----------------------------------------------------------------------------------------------------------

PAGES = [
    ("alipay.trade.page.pay", "page", "FAST_INSTANT_TRADE_PAY"),
    ("alipay.trade.wap.pay", "wap", "QUICK_WAP_WAY"),
]


def page(merchant, method, product, number=NUMBER, **more):
    biz = {"out_trade_no": number, **LINE, "product_code": product, **more}
    return merchant.params(method, biz, notify_url=NOTIFY, return_url="http://merchant.invalid/back")


@pytest.mark.parametrize(("method", "channel", "product"), PAGES)
def test_a_page_makes_the_trade_when_the_payer_comes(merchant, method, channel, product):
    params = page(merchant, method, product)
    assert code(merchant.about("query", NUMBER)) == "ACQ.TRADE_NOT_EXIST"
    response = merchant.send(params)
    trade = merchant.trade(NUMBER)
    assert (response.status_code, response.location) == (302, merchant.sandbox.link(trade))
    assert (trade.channel, trade.scanned, trade.return_url) == (channel, True, "http://merchant.invalid/back")
    assert status(merchant) == "WAIT_BUYER_PAY"
    assert merchant.send(params).location == merchant.sandbox.link(trade)  # she reloads


@pytest.mark.parametrize(("method", "channel", "product"), PAGES)
def test_what_is_wrong_with_a_page_the_payer_reads_in_gbk(merchant, method, channel, product):
    response = merchant.send({**page(merchant, method, product), "sign": "AAAA"})
    assert response.headers["Content-Type"] == "text/html;charset=GBK"
    assert "isv.invalid-signature" in response.data.decode("gbk")
    assert merchant.trade(NUMBER) is None


@pytest.mark.parametrize(("method", "channel", "product"), PAGES)
def test_a_page_for_another_product_or_other_parameters_is_refused(merchant, method, channel, product):
    assert b"ACQ.INVALID_PARAMETER" in merchant.send(page(merchant, method, "QUICK_WAP_PAY")).data
    merchant.send(page(merchant, method, product))
    assert b"ACQ.CONTEXT_INCONSISTENT" in merchant.send(page(merchant, method, product, total_amount="1.00")).data


def test_a_page_is_gone_with_its_trade(merchant):
    method, _, product = PAGES[0]
    merchant.send(page(merchant, method, product))
    merchant.about("close", NUMBER)
    assert b"ACQ.TRADE_HAS_CLOSE" in merchant.send(page(merchant, method, product)).data
    merchant.paid("PAID")
    assert b"ACQ.TRADE_HAS_SUCCESS" in merchant.send(page(merchant, method, product, "PAID")).data


# --- query and close -------------------------------------------------------------------------------------------------


def test_a_query_says_how_a_trade_stands(merchant):
    merchant.precreate(NUMBER)
    merchant.scan(NUMBER)
    waiting = merchant.about("query", NUMBER)
    assert (waiting["trade_status"], waiting["total_amount"]) == ("WAIT_BUYER_PAY", "12.30")
    assert "send_pay_date" not in waiting
    trade = merchant.pay(NUMBER)
    paid = merchant.about("query", NUMBER)
    assert (paid["trade_status"], paid["receipt_amount"]) == ("TRADE_SUCCESS", "12.30")
    assert paid["send_pay_date"] == trade.paid_at.strftime("%Y-%m-%d %H:%M:%S")
    by_id = merchant.call("alipay.trade.query", {"trade_no": paid["trade_no"], "out_trade_no": "IGNORED"})
    assert by_id == paid


def test_a_trade_keeps_its_id_from_the_scan_on(merchant):
    merchant.precreate(NUMBER)
    merchant.scan(NUMBER)
    before = merchant.about("query", NUMBER)["trade_no"]
    merchant.pay(NUMBER)
    assert merchant.about("query", NUMBER)["trade_no"] == before


def test_a_paid_trade_is_finished_after_a_time(merchant):
    merchant.paid(NUMBER)
    merchant.sandbox.options.more["alipay_finished_days"] = 90
    merchant.wait(days=89)
    assert status(merchant) == "TRADE_SUCCESS"
    merchant.wait(days=2)
    assert status(merchant) == "TRADE_FINISHED"
    assert code(merchant.about("close", NUMBER)) == "ACQ.REASON_ILLEGAL_STATUS"
    assert code(merchant.about("cancel", NUMBER)) == "ACQ.TRADE_HAS_FINISHED"


@pytest.mark.parametrize("biz", [{}, {"out_trade_no": ""}, {"out_trade_no": 7}, {"trade_no": ["x"]}])
@pytest.mark.parametrize("method", ["query", "close", "cancel", "refund"])
def test_a_trade_must_be_named(merchant, method, biz):
    assert code(merchant.call(f"alipay.trade.{method}", biz)) == "ACQ.INVALID_PARAMETER"


def test_only_a_trade_that_waits_can_be_closed(merchant):
    merchant.precreate(NUMBER)
    merchant.scan(NUMBER)
    assert merchant.about("close", NUMBER)["out_trade_no"] == NUMBER
    assert status(merchant) == "TRADE_CLOSED"
    assert merchant.pay(NUMBER).state == "closed"
    assert code(merchant.about("close", NUMBER)) == "ACQ.REASON_TRADE_STATUS_INVALID"
    merchant.paid("PAID")
    assert code(merchant.about("close", "PAID")) == "ACQ.TRADE_STATUS_ERROR"
    assert status(merchant, "PAID") == "TRADE_SUCCESS"


# --- cancel ----------------------------------------------------------------------------------------------------------


def test_a_cancel_of_nothing_succeeds_and_does_nothing(merchant):
    for number in ("UNHEARD", NUMBER):
        answer = merchant.about("cancel", number)
        assert (answer["code"], answer["retry_flag"]) == ("10000", "N")
        assert "action" not in answer
        merchant.precreate(NUMBER)  # and of a code that nobody scanned
    merchant.pay(NUMBER)
    assert status(merchant) == "TRADE_SUCCESS"


def test_a_cancel_may_end_a_code_if_the_option_says_so(merchant):
    merchant.sandbox.options.more["alipay_cancel_ends_code"] = True
    merchant.precreate(NUMBER)
    assert "action" not in merchant.about("cancel", NUMBER)
    assert merchant.pay(NUMBER).state == "closed"


def test_a_cancel_closes_what_waits(merchant):
    merchant.precreate(NUMBER)
    merchant.scan(NUMBER)
    assert merchant.about("cancel", NUMBER)["action"] == "close"
    assert status(merchant) == "TRADE_CLOSED"
    assert merchant.about("cancel", NUMBER)["action"] == "close"


def test_a_cancel_gives_back_all_that_was_paid_once(merchant):
    merchant.paid(NUMBER)
    for _ in range(2):
        assert merchant.about("cancel", NUMBER)["action"] == "refund"
    assert status(merchant) == "TRADE_CLOSED"
    assert [refund.amount for refund in merchant.sandbox.books.refunds("alipay")] == [1230]
    assert merchant.query_refund(NUMBER, NUMBER)["refund_status"] == "REFUND_SUCCESS"


def test_a_cancel_gives_back_what_is_left(merchant):
    merchant.paid(NUMBER)
    merchant.refund(NUMBER, "2.30", NUMBER)
    merchant.about("cancel", NUMBER)
    assert sorted(refund.amount for refund in merchant.sandbox.books.refunds("alipay")) == [230, 1000]


def test_a_cancel_without_funds_is_to_be_tried_again(merchant):
    merchant.paid(NUMBER)
    merchant.sandbox.options.balance = 1229
    answer = merchant.about("cancel", NUMBER)
    assert (answer["sub_code"], answer["retry_flag"]) == ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "Y")
    assert status(merchant) == "TRADE_SUCCESS"
