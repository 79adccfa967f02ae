"""What Alipay says unasked, and at the end of the day, as the payment sandbox says it over HTTP."""

from datetime import timedelta

import pytest
from alipay_sandbox import a_rig
from common.clock import SHANGHAI
from payment_svc.providers import Bill, NotReady, Paid, Refunded, Refused

TROUBLE = ("drop-before", "500", "502", "429", "unknown", "drop-after", "500-after", "malformed")


@pytest.fixture
def rig(tmp_path):
    with a_rig(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def alipay(rig):
    return rig.alipay


# --- callbacks -------------------------------------------------------------------------------------------------------------


def test_a_payment_is_told_and_told_again(rig):
    trade, paid = rig.paid()
    (heard,) = rig.await_heard(1)
    assert (heard.kind, heard.number) == ("payment", trade.number)
    assert (heard.outcome.transaction_id, heard.outcome.amount) == (paid.transaction_id, 5000)
    assert heard.outcome.paid_at == paid.paid_at
    rig.control("callbacks/repeat", {"provider": "alipay", "number": trade.number, "times": 3})
    assert {other.notify_id for other in rig.await_heard(4)} == {heard.notify_id}


@pytest.mark.parametrize("empties", ["signed", "unsigned"])
def test_fields_without_values_are_signed_or_not(rig, empties):
    rig.options(more={"alipay_notify_empty": empties})
    rig.paid()
    assert isinstance(rig.await_heard(1)[0].outcome, Paid)


@pytest.mark.parametrize("fault", ["bad-signature", "signtest", "wrong-serial", "unsigned", "malformed"])
def test_a_notice_that_is_not_believed_comes_again(rig, fault):
    rig.fault("callback", fault)
    trade, _ = rig.paid()
    (refused,) = rig.await_heard(1)
    assert isinstance(refused, Refused)
    assert rig.await_heard(2, advancing=timedelta(minutes=1))[1].number == trade.number


def test_a_notice_that_says_it_is_old_is_heard(rig):
    rig.fault("callback", "stale")
    trade, _ = rig.paid()
    assert rig.await_heard(1)[0].number == trade.number


def test_a_refunds_notice_ends_nothing_by_its_sum(rig, alipay):
    rig.options(more={"alipay_refund_notify": True})
    trade, paid = rig.paid()
    rig.await_heard(1)
    assert isinstance(alipay.refund(rig.order(trade, paid, 2000)), Refunded)
    told = rig.await_heard(2)[1]
    assert b"refund_fee=20.00" in rig.bodies[1]
    assert (told.kind, told.number, told.outcome.amount) == ("payment", trade.number, 5000)


# --- bills -----------------------------------------------------------------------------------------------------------------


def a_day_with_a_bill(rig):
    """Something happened on it, and it is over."""
    trade, paid = rig.paid()
    order = rig.order(trade, paid, 2000)
    assert isinstance(rig.alipay.refund(order), Refunded)
    day = rig.server.sandbox.now().astimezone(SHANGHAI).date()
    rig.advance(timedelta(days=2))
    return day, trade, paid, order


@pytest.mark.parametrize("negative", [True, False])
@pytest.mark.parametrize("changes", [[], [{"do": "columns"}]])
def test_a_days_bill_is_what_happened(rig, alipay, negative, changes):
    rig.options(negative_refunds=negative)
    day, trade, paid, order = a_day_with_a_bill(rig)
    if changes:
        rig.control(f"bills/alipay/{day}", {"changes": changes})
    bill = alipay.bill(day)
    assert isinstance(bill, Bill)
    took, gave = bill.lines
    assert (took.kind, took.number, took.refund_number, took.amount, took.fee) == (
        "payment",
        trade.number,
        "",
        5000,
        30000,
    )
    assert (took.transaction_id, took.at) == (paid.transaction_id, paid.paid_at)
    assert (gave.kind, gave.number, gave.refund_number, gave.amount) == ("refund", trade.number, order.number, 2000)
    assert gave.fee == -12000


@pytest.mark.parametrize("change", ["truncate", "summary"])
def test_a_bill_that_is_cut_or_does_not_add_up_is_none(rig, alipay, change):
    day, *_ = a_day_with_a_bill(rig)
    rig.control(f"bills/alipay/{day}", {"changes": [{"do": change}]})
    assert isinstance(alipay.bill(day), NotReady)


@pytest.mark.parametrize("fault", TROUBLE)
@pytest.mark.parametrize("call", ["bill", "download"])
def test_a_bill_that_could_not_be_had_is_had_later(rig, alipay, call, fault):
    day, *_ = a_day_with_a_bill(rig)
    rig.fault(call, fault)
    assert isinstance(alipay.bill(day), NotReady)
    assert len(alipay.bill(day).lines) == 2


@pytest.mark.parametrize("code", ["BILL_NOT_EXIST", "NO_BILL_DATA"])
def test_a_day_without_anything_is_an_empty_bill(rig, alipay, code):
    rig.options(more={"alipay_empty_bill_code": code})
    day = rig.server.sandbox.now().astimezone(SHANGHAI).date() - timedelta(days=3)
    bill = alipay.bill(day)
    assert isinstance(bill, Bill)
    assert bill.lines == ()


def test_a_bill_that_is_not_made_yet_is_no_empty_day(rig, alipay):
    day, *_ = a_day_with_a_bill(rig)
    rig.options(bill_ready=False)
    assert isinstance(alipay.bill(day), NotReady)
