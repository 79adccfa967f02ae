"""The WeChat adapter and the payment sandbox over real HTTP: trades and refunds, with and without faults."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from payment_svc.providers import (
    Abnormal,
    Absent,
    Card,
    Closed,
    Failed,
    Paid,
    Processing,
    Refunded,
    Shown,
    Unknown,
    Unpaid,
)
from wechat_world import MINUTES, World, until

CARD = Card("ICBC_DEBIT", "6222000000000000001", "李四")
UNSEEN = ["drop-before", "500", "502", "429", "unknown"]
"""Nothing happens, and nobody can know."""
DONE = ["drop-after", "500-after", "malformed", "bad-signature", "signtest", "wrong-serial", "stale", "unsigned"]
"""It happens, and the answer is lost or not to be believed."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "sandbox")
    yield made
    made.stop()


# --- trades ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channel", "kind"), [("", "qr"), ("native", "qr"), ("jsapi", "jsapi"), ("h5", "link")])
def test_each_channel_is_created_paid_heard_and_queried(world, channel, kind):
    trade = world.trade(channel)
    shown = world.wechat.create(trade)
    assert isinstance(shown, Shown)
    assert shown.show["type"] == kind
    assert isinstance(world.wechat.create(trade), Shown), "the same parameters enter again"
    assert world.wechat.query(trade) == Unpaid()
    world.pay(trade)
    paid = world.wechat.query(trade)
    assert isinstance(paid, Paid)
    assert paid.amount == 5000
    until(lambda: world.heard)
    heard = world.heard[0]
    assert (heard.kind, heard.number, heard.outcome) == ("payment", trade.number, paid)
    assert isinstance(world.wechat.close(trade), Paid), "too late"


def test_a_trade_is_closed_by_wechats_word(world):
    trade = world.trade()
    assert world.wechat.query(trade) == world.wechat.close(trade) == Absent()
    world.wechat.create(trade)
    assert world.wechat.close(trade) == world.wechat.cancel(trade) == world.wechat.query(trade) == Closed()
    assert world.wechat.create(trade) == Failed("ORDER_CLOSED")


@pytest.mark.parametrize("code", ["ORDERPAID", "ORDER_PAID", "TRADE_ERROR"])
def test_a_payment_beats_a_close_however_that_is_spelled(world, code):
    world.options(close_paid_code=code, callback_before_answer=True)
    trade = world.trade()
    world.wechat.create(trade)
    assert [heard.number for heard in world.heard] == [trade.number], "it is heard before the create is answered"
    assert isinstance(world.wechat.close(trade), Paid)


def test_both_spellings_of_nothing_are_absent(world):
    world.options(order_not_exist_code="ORDERNOTEXIST")
    assert world.wechat.query(world.trade()) == Absent()


# --- group 6: creates that went wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", UNSEEN)
def test_a_create_that_did_not_arrive_is_unknown_and_repeated(world, fault):
    trade = world.trade()
    world.fault("create", fault)
    assert isinstance(world.wechat.create(trade), Unknown)
    assert world.books()["trades"] == 0
    assert isinstance(world.wechat.create(trade), Shown)


@pytest.mark.parametrize("fault", DONE)
def test_a_create_whose_answer_is_lost_is_unknown_and_repeated_with_the_same(world, fault):
    trade = world.trade()
    world.fault("create", fault)
    assert isinstance(world.wechat.create(trade), Unknown)
    assert world.wechat.query(trade) == Unpaid()
    assert isinstance(world.wechat.create(trade), Shown)
    assert world.books()["trades"] == 1


def test_other_parameters_under_the_same_number_end_nothing(world):
    trade = world.trade()
    world.wechat.create(trade)
    drifted = replace(trade, expires_at=trade.expires_at + timedelta(seconds=1))
    assert world.wechat.create(drifted).reason.startswith("OUT_TRADE_NO_USED")
    within_the_second = replace(trade, expires_at=trade.expires_at.replace(microsecond=0))
    assert isinstance(world.wechat.create(within_the_second), Shown)


def test_a_number_that_was_paid_meanwhile_says_so_to_its_repetition(world):
    trade, paid = world.paid()
    assert world.wechat.create(trade) == paid


def test_too_short_a_time_is_a_refusal_only_if_there_is_no_trade(world):
    assert world.wechat.create(world.trade(within=timedelta(seconds=30))) == Failed("PARAM_ERROR")


@pytest.mark.parametrize("fault", [*UNSEEN, *DONE])
def test_a_query_or_a_close_that_went_wrong_is_unknown_or_true(world, fault):
    trade = world.trade()
    world.wechat.create(trade)
    world.fault("query", fault, times=2)
    assert isinstance(world.wechat.query(trade), Unknown)
    assert isinstance(world.wechat.query(trade), Unknown)
    assert world.wechat.query(trade) == Unpaid()
    world.fault("close", fault)
    first = world.wechat.close(trade)
    assert isinstance(first, Unpaid if fault == "429" else Unknown)
    assert world.wechat.close(trade) == Closed()


# --- group 14: time ----------------------------------------------------------------------------------------------------


def test_after_its_time_a_trade_waits_to_be_closed(world):
    trade = world.trade()
    world.wechat.create(trade)
    world.advance(16 * MINUTES)
    assert world.wechat.query(trade) == Unpaid()
    assert world.wechat.close(trade) == Closed()


@pytest.mark.parametrize("skew", [-310.0, 310.0])
def test_with_a_wrong_clock_of_ours_nothing_is_known_and_nothing_breaks(world, monkeypatch, skew):
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 100)
    real = time.time
    monkeypatch.setattr("wechatpayv3.utils.time.time", lambda: real() + skew)
    monkeypatch.setattr("payment_sandbox.wechat.signing.time", _HostTime(real))
    outcomes = [
        world.wechat.create(world.trade()),
        world.wechat.query(trade),
        world.wechat.close(trade),
        world.wechat.refund(order),
        world.wechat.query_refund(order),
    ]
    assert outcomes == [Unknown("SIGN_ERROR")] * 5
    monkeypatch.undo()
    assert world.wechat.query(trade) == paid


class _HostTime:
    """The vendor's clock, which is right."""

    def __init__(self, real: object) -> None:
        self.time = real


def test_a_slow_answer_is_waited_for_and_a_silent_one_is_not(world):
    trade = world.trade()
    world.fault("create", "delay", seconds=0.2)
    assert isinstance(world.wechat.create(trade), Shown)
    world.fault("query", "delay", seconds=60)
    assert world.adapter(provider_timeout=0.4).query(trade) == Unknown("TimeoutError")


# --- groups 7 and 8: refunds -------------------------------------------------------------------------------------------


def test_a_refund_is_accepted_done_heard_and_queried(world):
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 2000)
    assert world.wechat.query_refund(order) == Absent()
    assert isinstance(world.wechat.refund(order), Processing | Refunded)
    until(lambda: any(heard.kind == "refund" for heard in world.heard))
    done = world.wechat.query_refund(order)
    assert isinstance(done, Refunded)
    assert (done.amount, bool(done.evidence["refund_id"])) == (2000, True)
    heard = next(heard for heard in world.heard if heard.kind == "refund")
    assert (heard.number, heard.outcome.refunded_at, heard.outcome.amount) == (order.number, done.refunded_at, 2000)
    assert isinstance(world.wechat.query(trade), Paid), "REFUND is paid too"
    assert isinstance(world.wechat.refund(order), Refunded)
    assert world.books()["given_back"] == 2000


@pytest.mark.parametrize("fault", UNSEEN)
def test_a_refund_that_did_not_arrive_is_repeated_under_its_number(world, fault):
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 5000)
    world.fault("refund", fault)
    assert isinstance(world.wechat.refund(order), Unknown)
    assert world.wechat.query_refund(order) == Absent()
    world.wechat.refund(order)
    assert world.books()["refunds"] == 1


@pytest.mark.parametrize("fault", DONE)
def test_a_refund_whose_answer_is_lost_is_found_and_never_made_twice(world, fault):
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 5000)
    world.fault("refund", fault)
    assert isinstance(world.wechat.refund(order), Unknown)
    world.fault("query_refund", fault)
    assert isinstance(world.wechat.query_refund(order), Unknown)
    assert isinstance(world.wechat.query_refund(order), Refunded)
    assert isinstance(world.wechat.refund(order), Refunded)
    assert world.books()["given_back"] == 5000


def test_parts_keep_their_distance_and_their_sum(world):
    trade, paid = world.paid()
    parts = [world.refund_of(trade, paid, 3000), world.refund_of(trade, paid, 2001), world.refund_of(trade, paid, 2000)]
    world.wechat.refund(parts[0])
    assert world.wechat.refund(parts[2]) == Unknown("FREQUENCY_LIMITED")
    world.advance(world.wechat.refund_gap)
    assert world.wechat.refund(parts[1]) == Failed("INVALID_REQUEST"), "more than there is"
    assert isinstance(world.wechat.refund(parts[2]), Processing | Refunded)


def test_there_is_an_end_to_parts(world):
    world.options(refund_rule_seconds=False)
    trade, paid = world.paid()
    for _ in range(50):
        world.wechat.refund(world.refund_of(trade, paid, 1))
    assert world.wechat.refund(world.refund_of(trade, paid, 1)) == Failed("RULE_LIMIT")
    assert world.books()["refunds"] == 50


def test_what_cannot_be_refunded_fails_with_its_reason(world):
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 100)
    assert world.wechat.refund(replace(order, total=4000)) == Failed("INVALID_REQUEST")
    assert world.wechat.refund(replace(order, transaction_id="4200000000")) == Failed("RESOURCE_NOT_EXISTS")
    world.options(refund_outcome="refused")
    assert world.wechat.refund(order) == Failed("USER_ACCOUNT_ABNORMAL")
    world.options(refund_outcome="success", balance=50)
    assert world.wechat.refund(order) == Unknown("NOT_ENOUGH")
    world.options(balance=5000)
    assert isinstance(world.wechat.refund(order), Processing | Refunded)


def test_a_refund_that_was_closed_goes_out_again_under_a_new_number(world):
    world.options(refund_outcome="processing")
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 5000)
    assert world.wechat.refund(order) == world.wechat.query_refund(order) == Processing()
    world.control(f"refunds/wechat/{order.number}", {"state": "closed"})
    assert world.wechat.query_refund(order) == Failed("CLOSED")
    until(lambda: any(heard.outcome == Failed("CLOSED") for heard in world.heard))
    world.options(refund_outcome="success")
    world.advance(world.wechat.refund_gap)
    assert isinstance(world.wechat.refund(replace(order, number="R2")), Processing | Refunded)


def test_an_abnormal_refund_arrives_on_another_card(world):
    world.options(refund_outcome="abnormal")
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 5000)
    world.wechat.refund(order)
    assert world.wechat.query_refund(order) == Abnormal("ABNORMAL")
    until(lambda: any(heard.outcome == Abnormal("ABNORMAL") for heard in world.heard))
    world.options(refund_outcome="success")
    assert isinstance(world.wechat.refund_to_card(order, "", CARD), Processing | Refunded)
    until(lambda: any(isinstance(heard.outcome, Refunded) for heard in world.heard))
    assert isinstance(world.wechat.query_refund(order), Refunded)
    assert isinstance(world.wechat.refund_to_card(order, "", CARD), Refunded), "and not once more"


def test_a_refund_that_is_told_in_xml_is_refused_and_found_by_query(world):
    world.options(hold_callbacks=True)
    trade, paid = world.paid()
    order = world.refund_of(trade, paid, 5000)
    world.wechat.refund(order)
    world.control("callbacks/xml", {"number": order.number})
    until(lambda: world.refused)
    assert world.refused == ["headers"]
    assert isinstance(world.wechat.query_refund(order), Refunded)
