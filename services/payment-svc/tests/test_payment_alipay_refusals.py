"""A refund that Alipay refuses has failed, unless it may have been made before: its query knows of it only ten seconds after."""

from dataclasses import replace
from datetime import timedelta

import pytest
from alipay_sandbox import a_rig
from alipay_world import OK, ORDER, Vendor, adapter, denied
from payment_svc.providers import Absent, Failed, Refunded, Unknown
from payment_world import World

SECONDS = timedelta(seconds=1)
CODES = ["ACQ.REASON_TRADE_REFUND_FEE_ERR", "ACQ.TRADE_STATUS_ERROR", "ACQ.TRADE_NOT_ALLOW_REFUND"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("sent_before", "final"), [(None, True), (0 * SECONDS, False), (9.9 * SECONDS, False), (10 * SECONDS, True)]
)
def test_a_refusal_is_final_at_once_or_when_the_query_must_know(code, sent_before, final):
    with Vendor().serving() as vendor:
        vendor.answers = {"alipay.trade.refund": denied(code), "alipay.trade.fastpay.refund.query": OK}
        outcome = adapter(vendor).refund(replace(ORDER, sent_before=sent_before))
    assert outcome == (Failed(code) if final else Unknown(f"{code}, too soon after it was sent before"))


@pytest.mark.parametrize("code", CODES)
def test_a_repetition_that_is_refused_right_after_the_answer_was_lost(tmp_path, code):
    with a_rig(tmp_path) as rig:
        rig.options(more={"alipay_refund_query_delay": True, "alipay_refund_again": code})
        trade, paid = rig.paid()
        order = rig.order(trade, paid, 5000)
        rig.fault("refund", "drop-after")
        assert isinstance(rig.alipay.refund(order), Unknown)
        assert rig.alipay.query_refund(order) == Absent(), "too early"
        again = replace(order, sent_before=5 * SECONDS)
        assert isinstance(rig.alipay.refund(again), Unknown), "nobody pays it a second time"
        rig.advance(10 * SECONDS)
        assert isinstance(rig.alipay.refund(again), Refunded)
        assert rig.books == (5000, 5000)


def test_who_asks_says_how_long_ago_the_number_was_sent_first(world: World) -> None:
    order = world.request()
    world.apply(world.paid(world.pay_by(order)))
    world.ask_refund(order)
    world.scripted.say |= {"refund": Unknown("timeout"), "query_refund": Absent()}
    world.run_jobs()
    for wait in (5, 30):
        world.clock.advance(wait * SECONDS)
        world.run_jobs()
    sent = [order.sent_before for call, order in world.scripted.asked if call == "refund"]
    assert sent == [None, 5 * SECONDS, 35 * SECONDS]


def test_who_does_not_say_has_perhaps_sent_it_just_now() -> None:
    order = type(ORDER)(ORDER.number, ORDER.trade_number, ORDER.transaction_id, 2000, 5000, "patient cancelled")
    assert order.sent_before == 0 * SECONDS
    assert order == ORDER, "it is the same refund, whenever it was sent"
