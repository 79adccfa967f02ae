"""What the payment sandbox tells the WeChat adapter over real HTTP: callbacks and bills, with and without flaws."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from common.clock import SHANGHAI
from payment_svc.providers import Bill, Card, NotReady, Processing, Refunded
from wechat_world import World, until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "sandbox")
    yield made
    made.stop()


# --- groups 10 and 11: callbacks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("bad-signature", "signature"),
        ("signtest", "probe"),
        ("wrong-serial", "serial"),
        ("stale", "stale"),
        ("malformed", "unreadable"),
        ("unsigned", "headers"),
    ],
)
def test_a_flawed_callback_is_refused_and_heard_when_it_comes_again(world, fault, reason):
    trade = world.trade()
    world.wechat.create(trade)
    world.fault("callback", fault)
    world.pay(trade)
    until(lambda: world.refused)
    assert (world.refused, world.heard) == ([reason], [])
    assert "certificates" not in world.calls()
    world.advance(timedelta(seconds=16))
    until(lambda: world.heard)
    assert world.heard[0].number == trade.number


def test_a_repetition_has_the_same_id(world):
    world.options(duplicate_callbacks=3)
    trade = world.trade()
    world.wechat.create(trade)
    world.pay(trade)
    until(lambda: len(world.heard) == 4)
    assert len({heard.notify_id for heard in world.heard}) == 1


def test_while_the_merchant_changes_over_callbacks_under_both_serials_are_heard(world):
    world.wechat = world.adapter(wechat_certificate="development")
    trades = [world.trade() for _ in range(2)]
    for trade, way in zip(trades, ["certificate", "public_key"], strict=True):
        world.options(more={"wechat_callbacks": way})
        world.wechat.create(trade)
        world.pay(trade)
        until(lambda trade=trade: any(heard.number == trade.number for heard in world.heard))
    assert world.refused == []


def test_with_a_certificate_alone_everything_works_and_nothing_is_downloaded(world):
    world.wechat = world.adapter(
        wechat_certificate="development", wechat_public_key="", wechat_public_key_id="", provider_timeout=5.0
    )
    world.options(more={"wechat_callbacks": "certificate"}, refund_outcome="abnormal")
    trade, paid = world.paid()
    until(lambda: world.heard)
    order = world.refund_of(trade, paid, 5000)
    world.wechat.refund(order)
    world.options(refund_outcome="success")
    assert isinstance(
        world.wechat.refund_to_card(order, "", Card("ICBC_DEBIT", "6222000000000000001", "李四")), Processing | Refunded
    )
    assert "certificates" not in world.calls()


# --- group 15: bills ---------------------------------------------------------------------------------------------------


def the_next_noon(world: World) -> timedelta:
    now = world.now().astimezone(SHANGHAI)
    return (now + timedelta(days=1)).replace(hour=12) - now


def test_a_days_bill_says_what_happened(world):
    trade, paid = world.paid(amount=12345)
    order = world.refund_of(trade, paid, 345)
    world.wechat.refund(order)
    other, _ = world.paid(channel="jsapi", amount=1)
    day = paid.paid_at.astimezone(SHANGHAI).date()
    assert isinstance(world.wechat.bill(day), NotReady)
    world.advance(the_next_noon(world))
    bill = world.wechat.bill(day)
    assert isinstance(bill, Bill)
    assert {(line.kind, line.number, line.refund_number, line.amount) for line in bill.lines} == {
        ("payment", trade.number, "", 12345),
        ("refund", trade.number, order.number, 345),
        ("payment", other.number, "", 1),
    }
    payment = next(line for line in bill.lines if line.amount == 12345)
    assert (payment.transaction_id, payment.fee) == (paid.transaction_id, 74000)
    assert abs(payment.at - paid.paid_at) < timedelta(seconds=1)
    world.control(f"bills/wechat/{day}", {"changes": [{"do": "columns"}]})
    assert world.wechat.bill(day).lines == bill.lines


def test_an_empty_day_is_an_empty_bill(world):
    day = world.now().astimezone(SHANGHAI).date()
    world.advance(the_next_noon(world))
    bill = world.wechat.bill(day)
    assert isinstance(bill, Bill)
    assert list(bill.lines) == []


@pytest.mark.parametrize(
    ("change", "reason"), [("truncate", "truncated"), ("digest", "digest"), ("summary", "summary")]
)
def test_a_bill_that_was_spoilt_is_not_ready_until_it_is_whole(world, change, reason):
    _, paid = world.paid()
    day = paid.paid_at.astimezone(SHANGHAI).date()
    world.advance(the_next_noon(world))
    world.control(f"bills/wechat/{day}", {"changes": [{"do": change}]})
    outcome = world.wechat.bill(day)
    assert isinstance(outcome, NotReady)
    assert outcome.reason.startswith(reason)
    world.control(f"bills/wechat/{day}", method="DELETE")
    assert isinstance(world.wechat.bill(day), Bill)


def test_a_bill_that_is_late_or_lost_is_not_ready(world):
    _, paid = world.paid()
    day = paid.paid_at.astimezone(SHANGHAI).date()
    world.advance(the_next_noon(world))
    world.options(bill_ready=False)
    assert world.wechat.bill(day) == NotReady("STATEMENT_CREATING")
    world.options(bill_ready=True)
    for call, fault in [
        ("bill", "unknown"),
        ("bill", "bad-signature"),
        ("download", "502"),
        ("download", "drop-after"),
    ]:
        world.fault(call, fault)
        assert isinstance(world.wechat.bill(day), NotReady)
    assert isinstance(world.wechat.bill(day), Bill)
