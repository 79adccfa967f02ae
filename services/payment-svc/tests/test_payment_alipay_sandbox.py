"""The adapter against the payment sandbox, over HTTP: every call, and what goes wrong with it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from alipay_sandbox import a_rig, browse
from payment_svc.providers import (
    Absent,
    Closed,
    Failed,
    Paid,
    Refunded,
    Reversed,
    Shown,
    Unknown,
    Unpaid,
)  # fmt: skip

BEFORE = ("drop-before", "500", "502", "429", "unknown")
AFTER = ("drop-after", "500-after", "malformed", "bad-signature", "signtest", "wrong-serial", "unsigned", "stale")


@pytest.fixture
def rig(tmp_path):
    with a_rig(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def alipay(rig):
    return rig.alipay


# --- paying --------------------------------------------------------------------------------------------------------------


def test_a_code_is_scanned_and_paid(rig, alipay):
    trade = rig.trade()
    shown = alipay.create(trade)
    assert isinstance(shown, Shown)
    assert shown.show["text"].startswith(f"{rig.server.url}/pay/")
    assert alipay.query(trade) == Absent()
    rig.scan(trade)
    assert alipay.query(trade) == Unpaid()
    rig.pay(trade)
    paid = alipay.query(trade)
    assert isinstance(paid, Paid)
    assert (paid.amount, paid.currency) == (5000, "CNY")
    assert alipay.close(trade) == paid
    assert rig.books == (5000, 0)


@pytest.mark.parametrize("channel", ["page", "wap"])
def test_a_link_is_followed_and_paid(rig, alipay, channel):
    trade = rig.trade(channel=channel, payer={"return_url": "https://h.example/orders/1?a=1"})
    link = alipay.create(trade).show["url"]
    assert alipay.query(trade) == Absent(), "it exists when she has come"
    status, page = browse(link)
    assert status == 200
    assert page.startswith(f"{rig.server.url}/pay/")
    assert alipay.query(trade) == Unpaid()
    rig.pay(trade)
    assert isinstance(alipay.query(trade), Paid)


def test_words_that_alipay_does_not_take_do_not_come_to_it(rig, alipay):
    trade = replace(rig.trade(), description='{专家}号/周一=上午&下午, "特需" ' + "号" * 300)
    assert isinstance(alipay.create(trade), Shown)
    rig.pay(trade)
    assert isinstance(alipay.query(trade), Paid)


@pytest.mark.parametrize("fault", BEFORE)
def test_a_create_that_never_arrived_is_repeated(rig, alipay, fault):
    trade = rig.trade()
    rig.fault("create", fault)
    assert isinstance(alipay.create(trade), Unknown)
    assert isinstance(alipay.create(trade), Shown)


@pytest.mark.parametrize("fault", AFTER)
def test_a_create_whose_answer_is_lost_may_be_paid_yet(rig, alipay, fault):
    trade = rig.trade()
    rig.fault("create", fault)
    assert isinstance(alipay.create(trade), Unknown)
    assert isinstance(alipay.create(trade), Unknown), "its number may not get a second code"
    rig.options(more={"alipay_repeat_code": True})
    assert isinstance(alipay.create(trade), Shown), "or it may"
    rig.pay(trade)
    assert isinstance(alipay.create(trade), Paid), "a paid trade has not failed"


def test_a_number_of_other_parameters_has_not_failed_either(rig, alipay):
    trade = rig.trade()
    alipay.create(trade)
    rig.scan(trade)
    assert alipay.create(replace(trade, amount=6000)) == Unknown("ACQ.CONTEXT_INCONSISTENT")
    assert alipay.query(replace(trade, amount=6000)) == Unknown("answer about another amount")


def test_what_is_refused_for_good(rig, alipay):
    assert alipay.create(rig.trade(amount=100_000_000_01)) == Failed("ACQ.TOTAL_FEE_EXCEED")
    trade = rig.trade()
    alipay.create(trade)
    rig.scan(trade)
    assert alipay.close(trade) == Closed()
    assert alipay.create(trade) == Failed("ACQ.TRADE_HAS_CLOSE")


# --- ending --------------------------------------------------------------------------------------------------------------


def test_a_code_that_nobody_scanned_is_absent_and_may_be_paid_later(rig, alipay):
    trade = rig.trade()
    alipay.create(trade)
    assert alipay.close(trade) == Absent()
    rig.pay(trade)
    assert isinstance(alipay.close(trade), Paid), "so absent was not closed"


def test_after_its_end_nobody_pays_it(rig, alipay):
    scanned, unseen = rig.trade(), rig.trade()
    for trade in (scanned, unseen):
        alipay.create(trade)
    rig.scan(scanned)
    rig.advance(alipay.gone_after(scanned, rig.server.sandbox.now()) - rig.server.sandbox.now())
    for trade, outcome in ((scanned, Closed()), (unseen, Absent())):
        assert alipay.query(trade) == alipay.close(trade) == outcome
        with pytest.raises(OSError, match="409"):
            rig.pay(trade)


def test_a_closed_trade_stays_closed(rig, alipay):
    trade = rig.trade()
    alipay.create(trade)
    rig.scan(trade)
    assert [alipay.close(trade), alipay.close(trade), alipay.query(trade)] == [Closed()] * 3


def test_a_cancel_closes_or_gives_back_or_finds_nothing(rig, alipay):
    unseen, scanned = rig.trade(), rig.trade()
    for trade in (unseen, scanned):
        alipay.create(trade)
    rig.scan(scanned)
    assert alipay.cancel(unseen) == Absent()
    assert [alipay.cancel(scanned), alipay.cancel(scanned)] == [Closed(), Closed()]
    paid_trade, paid = rig.paid()
    for _ in range(2):
        reversed_ = alipay.cancel(paid_trade)
        assert isinstance(reversed_, Reversed)
        assert reversed_.paid.transaction_id == paid.transaction_id
    assert rig.books == (5000, 5000)
    assert isinstance(alipay.query(paid_trade), Paid), "it was, and all of it has gone back"


@pytest.mark.parametrize("fault", AFTER)
def test_a_cancel_whose_answer_is_lost_says_the_same_again(rig, alipay, fault):
    trade, paid = rig.paid()
    rig.fault("cancel", fault)
    assert isinstance(alipay.cancel(trade), Unknown)
    reversed_ = alipay.cancel(trade)
    assert isinstance(reversed_, Reversed)
    assert reversed_.paid.transaction_id == paid.transaction_id
    assert rig.books == (5000, 5000)


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_who_is_not_understood_is_asked_again(rig, alipay, fault):
    trade, paid = rig.paid()
    part = rig.order(trade, paid, 2000)
    assert isinstance(alipay.refund(part), Refunded)
    for call, ask in (("query", lambda: alipay.query(trade)), ("query_refund", lambda: alipay.query_refund(part))):
        rig.fault(call, fault)
        assert isinstance(ask(), Unknown)
        assert isinstance(ask(), Paid | Refunded)
    open_trade = rig.trade()
    alipay.create(open_trade)
    rig.scan(open_trade)
    rig.fault("close", fault)
    assert isinstance(alipay.close(open_trade), Unknown)
    assert alipay.close(open_trade) == Closed()


def test_a_host_whose_clock_is_off_ends_nothing(rig, alipay, monkeypatch):
    trade = rig.trade()
    monkeypatch.setattr("payment_sandbox.alipay.gateway.SKEW", -1)
    assert alipay.create(trade) == Unknown("unsigned error isv.invalid-timestamp")
    monkeypatch.undo()
    assert isinstance(alipay.create(trade), Shown)


# --- giving back ---------------------------------------------------------------------------------------------------------


def test_parts_go_back_until_nothing_is_left(rig, alipay):
    trade, paid = rig.paid()
    first, second = rig.order(trade, paid, 2000), rig.order(trade, paid, 3000)
    assert isinstance(alipay.refund(first), Refunded)
    rig.advance(alipay.refund_gap)
    assert isinstance(alipay.query(trade), Paid)
    assert isinstance(alipay.refund(second), Refunded)
    assert alipay.query_refund(first).amount == 2000
    assert alipay.query_refund(second).amount == 3000
    assert isinstance(alipay.query(trade), Paid), "TRADE_CLOSED is not unpaid"
    rig.advance(alipay.refund_gap)
    assert isinstance(alipay.refund(rig.order(trade, paid, 1)), Failed)
    assert rig.books == (5000, 5000)


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_a_refund_is_repeated_under_its_number_and_made_once(rig, alipay, fault):
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    assert alipay.query_refund(order) == Absent()
    rig.fault("refund", fault)
    assert isinstance(alipay.refund(order), Unknown)
    assert isinstance(alipay.query_refund(order), Absent if fault in BEFORE else Refunded)
    assert isinstance(alipay.refund(order), Refunded)
    assert isinstance(alipay.refund(order), Refunded), "fund_change=N"
    assert rig.books == (5000, 2000)


def test_too_early_a_query_finds_nothing_and_a_repetition_does_no_harm(rig, alipay):
    rig.options(more={"alipay_refund_query_delay": True})
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    rig.fault("refund", "drop-after")
    assert isinstance(alipay.refund(order), Unknown)
    assert alipay.query_refund(order) == Absent()
    assert isinstance(alipay.refund(order), Unknown), "no money moved this time, and it is not known yet"
    rig.advance(timedelta(seconds=10))
    assert isinstance(alipay.query_refund(order), Refunded)
    assert rig.books == (5000, 2000)


def test_a_refund_that_is_not_done_is_not_done(rig, alipay):
    rig.options(refund_outcome="processing")
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    assert isinstance(alipay.refund(order), Unknown)
    assert isinstance(alipay.refund(order), Unknown)
    rig.control(f"refunds/alipay/{order.number}", {"state": "success"})
    assert isinstance(alipay.refund(order), Refunded)


def test_two_refunds_too_close_wait_for_each_other(rig, alipay):
    trade, paid = rig.paid()
    assert isinstance(alipay.refund(rig.order(trade, paid, 1000)), Refunded)
    next_one = rig.order(trade, paid, 1000)
    assert isinstance(alipay.refund(next_one), Unknown)
    rig.advance(alipay.refund_gap)
    assert isinstance(alipay.refund(next_one), Refunded)


def test_refunds_that_cannot_be(rig, alipay):
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    assert alipay.refund(rig.order(trade, paid, 5001)) == Failed("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    assert isinstance(alipay.refund(order), Refunded)
    rig.advance(alipay.refund_gap)
    assert alipay.refund(rig.order(trade, paid, 3001)) == Failed("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    again = alipay.refund(replace(order, amount=1000))
    assert isinstance(again, Refunded)
    assert again.amount == 2000, "what went back under that number, not what was asked for now"
    unpaid = rig.trade()
    alipay.create(unpaid)
    rig.scan(unpaid)
    nothing = replace(rig.order(unpaid, paid, 1), transaction_id="")
    assert alipay.refund(nothing) == Failed("ACQ.TRADE_STATUS_ERROR")
    assert alipay.refund(rig.order(unpaid, paid, 1)) == Failed("ACQ.TRADE_NOT_EXIST"), "that capture is another's"
    assert alipay.refund(rig.order(rig.trade(), paid, 1)) == Failed("ACQ.TRADE_NOT_EXIST")
    rig.options(refund_outcome="refused")
    assert alipay.refund(rig.order(trade, paid, 1)) == Failed("ACQ.TRADE_NOT_ALLOW_REFUND")
    assert rig.books == (5000, 2000)


def test_a_finished_trade_was_paid_and_goes_back_no_more(rig, alipay):
    rig.options(more={"alipay_finished_days": 0})
    trade, paid = rig.paid()
    assert paid.evidence["trade_status"] == "TRADE_FINISHED"
    assert alipay.refund(rig.order(trade, paid, 5000)) == Failed("ACQ.TRADE_HAS_FINISHED")


def test_an_empty_account_is_filled_and_the_same_refund_made(rig, alipay):
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    rig.options(balance=1999)
    assert isinstance(alipay.refund(order), Unknown)
    rig.options(balance=2000)
    assert isinstance(alipay.refund(order), Refunded)
    assert rig.books == (5000, 2000)
