"""Alipay's refunds: parts, repetitions, what is refused, and what can be asked afterwards."""

import pytest
from sandbox_alipay_merchant import code, opened

NUMBER = "T20261122000001"


@pytest.fixture
def merchant(tmp_path):
    with opened(tmp_path) as merchant:
        merchant.paid(NUMBER)
        yield merchant


def amounts(merchant):
    return [refund.amount for refund in merchant.sandbox.books.refunds("alipay") if refund.state == "success"]


def test_parts_add_up_until_the_trade_is_closed(merchant):
    fees = []
    for number, amount in (("R1", "2.30"), ("R2", "4.00"), ("R3", "6.00")):
        answer = merchant.refund(NUMBER, amount, number)
        assert (answer["code"], answer["fund_change"], answer["out_trade_no"]) == ("10000", "Y", NUMBER)
        fees.append(answer["refund_fee"])
        merchant.wait(seconds=3)
    assert fees == ["2.30", "6.30", "12.30"]
    assert merchant.about("query", NUMBER)["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" in merchant.about("query", NUMBER)
    assert code(merchant.refund(NUMBER, "0.01", "R4")) == "ACQ.TRADE_STATUS_ERROR"


def test_a_whole_refund_needs_no_number_and_a_part_does(merchant):
    assert code(merchant.refund(NUMBER, "12.29")) == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert merchant.refund(NUMBER, "12.30")["fund_change"] == "Y"
    assert merchant.query_refund(NUMBER, NUMBER)["refund_status"] == "REFUND_SUCCESS"


def test_the_same_number_and_amount_move_money_once(merchant):
    first = merchant.refund(NUMBER, "2.30", "R1")
    again = merchant.refund(NUMBER, "2.3", "R1")  # at once: it is no other refund
    assert (first["fund_change"], again["fund_change"]) == ("Y", "N")
    assert (again["refund_fee"], again["send_back_fee"]) == ("2.30", "0.00")
    assert amounts(merchant) == [230]


def test_a_repetition_may_be_refused_though_the_money_has_gone_back(merchant):
    merchant.refund(NUMBER, "2.30", "R1")
    merchant.sandbox.options.more["alipay_refund_again"] = "ACQ.TRADE_STATUS_ERROR"
    assert code(merchant.refund(NUMBER, "2.30", "R1")) == "ACQ.TRADE_STATUS_ERROR"
    assert merchant.query_refund(NUMBER, "R1")["refund_status"] == "REFUND_SUCCESS"
    assert amounts(merchant) == [230]


def test_a_repetition_is_known_when_all_has_gone_back(merchant):
    merchant.refund(NUMBER, "12.30", "R1")
    assert merchant.refund(NUMBER, "12.30", "R1")["fund_change"] == "N"


def test_a_trade_that_is_named_twice_must_be_one(merchant):
    merchant.paid("OTHER")
    ours, other = merchant.trade(NUMBER).transaction_id, merchant.trade("OTHER").transaction_id
    refused = merchant.refund(NUMBER, "2.30", "R1", trade_no=other)
    assert code(refused) == "ACQ.TRADE_NOT_EXIST"
    assert code(merchant.refund(NUMBER, "2.30", "R1", trade_no="2026112222001000000000000000")) == "ACQ.TRADE_NOT_EXIST"
    assert amounts(merchant) == []
    assert merchant.refund(NUMBER, "2.30", "R1", trade_no=ours)["fund_change"] == "Y"


def test_the_same_number_with_another_amount_or_trade_is_refused(merchant):
    merchant.refund(NUMBER, "2.30", "R1")
    merchant.wait(seconds=3)
    assert code(merchant.refund(NUMBER, "2.31", "R1")) == "ACQ.DISCORDANT_REPEAT_REQUEST"
    merchant.paid("OTHER")
    assert code(merchant.refund("OTHER", "2.30", "R1")) == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert amounts(merchant) == [230]


def test_no_more_goes_back_than_came(merchant):
    assert code(merchant.refund(NUMBER, "12.31", "R1")) == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    merchant.refund(NUMBER, "10.00", "R1")
    merchant.wait(seconds=3)
    assert code(merchant.refund(NUMBER, "2.31", "R2")) == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert merchant.refund(NUMBER, "2.30", "R2")["refund_fee"] == "12.30"


def test_refunds_of_one_trade_are_three_seconds_apart(merchant):
    merchant.paid("OTHER")
    merchant.sandbox.clock.set(speed=0)
    merchant.refund(NUMBER, "1.00", "R1")
    merchant.wait(seconds=2.9)
    answer = merchant.refund(NUMBER, "1.00", "R2")
    assert (answer["code"], answer["sub_code"]) == ("40005", "isv.method-call-limited")
    assert merchant.refund("OTHER", "1.00", "R3")["fund_change"] == "Y"
    merchant.wait(seconds=0.2)
    assert merchant.refund(NUMBER, "1.00", "R2")["fund_change"] == "Y"
    merchant.sandbox.options.refund_rule_seconds = False
    assert merchant.refund(NUMBER, "1.00", "R4")["fund_change"] == "Y"


def test_what_was_not_paid_is_not_given_back(merchant):
    assert code(merchant.refund("UNHEARD", "1.00", "R1")) == "ACQ.TRADE_NOT_EXIST"
    merchant.precreate("WAITS")
    assert code(merchant.refund("WAITS", "1.00", "R1")) == "ACQ.TRADE_NOT_EXIST"
    merchant.scan("WAITS")
    assert code(merchant.refund("WAITS", "1.00", "R1")) == "ACQ.TRADE_STATUS_ERROR"


def test_a_finished_trade_is_past_refunds(merchant):
    merchant.sandbox.options.more["alipay_finished_days"] = 0
    assert code(merchant.refund(NUMBER, "1.00", "R1")) == "ACQ.TRADE_HAS_FINISHED"


def test_the_merchant_must_have_the_money(merchant):
    merchant.sandbox.options.balance = 250
    assert code(merchant.refund(NUMBER, "2.51", "R1")) == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert merchant.refund(NUMBER, "2.50", "R2")["fund_change"] == "Y"
    assert merchant.sandbox.options.balance == 0
    merchant.sandbox.options.balance = 251
    merchant.wait(seconds=3)
    assert merchant.refund(NUMBER, "2.51", "R1")["fund_change"] == "Y"  # the same number, topped up


@pytest.mark.parametrize("amount", ["", "0", "0.00", "-1.00", "1.234", "abc", None, ["1"]])
def test_a_bad_amount_is_refused(merchant, amount):
    assert code(merchant.refund(NUMBER, amount, "R1")) == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("number", ["a-b", "a" * 65, 7, "退"])
def test_a_bad_number_is_refused(merchant, number):
    assert code(merchant.refund(NUMBER, "1.00", number)) == "ACQ.INVALID_PARAMETER"
    assert code(merchant.query_refund(NUMBER, number)) == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("reason", ["x" * 257, 7])
def test_a_bad_reason_is_refused(merchant, reason):
    assert code(merchant.refund(NUMBER, "1.00", "R1", refund_reason=reason)) == "ACQ.INVALID_PARAMETER"


# --- asking ----------------------------------------------------------------------------------------------------------


def test_a_refund_is_found_by_its_number(merchant):
    merchant.refund(NUMBER, "2.30", "R1", refund_reason="退号")
    answer = merchant.query_refund(NUMBER, "R1")
    assert (answer["refund_status"], answer["refund_amount"], answer["total_amount"]) == (
        "REFUND_SUCCESS",
        "2.30",
        "12.30",
    )
    assert (answer["out_request_no"], answer["refund_reason"]) == ("R1", "退号")
    assert "gmt_refund_pay" not in answer  # only for those who ask
    assert "gmt_refund_pay" in merchant.query_refund(NUMBER, "R1", query_options=["gmt_refund_pay"])


def test_what_is_not_there_is_answered_with_nothing(merchant):
    merchant.paid("OTHER")
    merchant.refund("OTHER", "1.00", "R1")
    for number in ("UNHEARD", "R1"):
        assert merchant.query_refund(NUMBER, number) == {"code": "10000", "msg": "Success"}
    assert code(merchant.query_refund("UNHEARD", "R1")) == "ACQ.TRADE_NOT_EXIST"
    assert code(merchant.about("fastpay.refund.query", NUMBER)) == "ACQ.INVALID_PARAMETER"


def test_a_refund_may_be_found_only_after_ten_seconds(merchant):
    merchant.sandbox.options.more["alipay_refund_query_delay"] = True
    merchant.sandbox.clock.set(speed=0)
    merchant.refund(NUMBER, "1.00", "R1")
    merchant.wait(seconds=9)
    assert "refund_status" not in merchant.query_refund(NUMBER, "R1")
    merchant.wait(seconds=2)
    assert merchant.query_refund(NUMBER, "R1")["refund_status"] == "REFUND_SUCCESS"


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_a_refund_may_take_its_time(merchant):
    merchant.sandbox.options.refund_outcome = "processing"
    assert merchant.refund(NUMBER, "12.30", "R1")["fund_change"] == "N"
    answer = merchant.query_refund(NUMBER, "R1")
    assert answer["out_request_no"] == "R1"
    assert "refund_status" not in answer
    assert merchant.about("query", NUMBER)["trade_status"] == "TRADE_SUCCESS"
    merchant.sandbox.end_refund(merchant.sandbox.books.refund("alipay", "R1"), "success")
    assert merchant.query_refund(NUMBER, "R1")["refund_status"] == "REFUND_SUCCESS"
    assert merchant.about("query", NUMBER)["trade_status"] == "TRADE_CLOSED"


@pytest.mark.parametrize("outcome", ["closed", "abnormal"])
def test_a_refund_that_failed_is_not_found_and_may_be_asked_for_again(merchant, outcome):
    merchant.sandbox.options.refund_outcome = outcome
    assert merchant.refund(NUMBER, "2.30", "R1")["fund_change"] == "N"
    assert merchant.query_refund(NUMBER, "R1") == {"code": "10000", "msg": "Success"}
    merchant.sandbox.options.refund_outcome = "success"
    merchant.wait(seconds=3)
    assert merchant.refund(NUMBER, "2.30", "R1")["fund_change"] == "Y"
    assert amounts(merchant) == [230]


def test_a_refund_may_be_refused(merchant):
    merchant.sandbox.options.refund_outcome = "refused"
    assert code(merchant.refund(NUMBER, "1.00", "R1")) == "ACQ.TRADE_NOT_ALLOW_REFUND"
    assert merchant.sandbox.books.refunds("alipay") == []
