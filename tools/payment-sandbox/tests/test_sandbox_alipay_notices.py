"""What Alipay tells the merchant, how it is signed, and until when it tells her."""

from datetime import UTC, datetime, timedelta

import pytest
from sandbox_alipay_merchant import NOTIFY, is_alipays, opened

NUMBER = "T20261122000001"


@pytest.fixture
def merchant(tmp_path):
    with opened(tmp_path) as merchant:
        merchant.sandbox.options.hold_callbacks = True
        yield merchant


def verifies(form):
    kept = {name: value for name, value in form.items() if name not in {"sign", "sign_type"}}
    return is_alipays("&".join(f"{name}={value}" for name, value in sorted(kept.items())).encode(), form["sign"])


def told(merchant):
    return [(notice["event"], notice["number"], notice["url"]) for notice in merchant.sandbox.callbacks.shown()]


def test_a_payment_is_told_with_all_that_identifies_it(merchant):
    trade = merchant.paid(NUMBER, body="普通号")
    form = merchant.notice("paid", NUMBER)
    assert verifies(form)
    assert (
        form.items()
        >= {
            "app_id": "2021006891000001",
            "seller_id": "2088000068910001",
            "out_trade_no": NUMBER,
            "trade_no": trade.transaction_id,
            "total_amount": "12.30",
            "trade_status": "TRADE_SUCCESS",
            "subject": "挂号费",
            "body": "普通号",
            "notify_id": "2026112200222",
            "notify_type": "trade_status_sync",
            "sign_type": "RSA2",
            "charset": "utf-8",
        }.items()
    )
    assert form["gmt_payment"] == trade.paid_at.strftime("%Y-%m-%d %H:%M:%S")
    assert not {"refund_fee", "gmt_refund", "out_biz_no"} & form.keys()


def test_it_is_a_form(merchant):
    merchant.paid(NUMBER)
    (shown,) = merchant.sandbox.callbacks.shown()
    assert (shown["event"], shown["number"], shown["url"]) == ("paid", NUMBER, NOTIFY)
    form = merchant.notice("paid", NUMBER, identity=shown["id"])
    assert form["notify_id"] == merchant.notice("paid", NUMBER, identity=shown["id"])["notify_id"] == shown["id"]


def test_a_notice_says_when_it_was_sent_by_the_worlds_clock(merchant):
    merchant.paid(NUMBER)
    merchant.wait(days=3)
    sent = datetime.fromisoformat(merchant.notice("paid", NUMBER)["notify_time"] + "+08:00")
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=5)


def test_a_notice_of_a_payment_says_what_happened_then(merchant):
    merchant.paid(NUMBER)
    merchant.refund(NUMBER, "12.30", "R1")
    assert merchant.about("query", NUMBER)["trade_status"] == "TRADE_CLOSED"
    assert merchant.notice("paid", NUMBER)["trade_status"] == "TRADE_SUCCESS"


def test_a_trade_that_cannot_be_refunded_is_finished_at_once(merchant):
    merchant.sandbox.options.more["alipay_finished_days"] = 0
    merchant.paid(NUMBER)
    assert merchant.notice("paid", NUMBER)["trade_status"] == "TRADE_FINISHED"


def test_nothing_is_told_but_payments(merchant):
    merchant.paid(NUMBER)
    merchant.refund(NUMBER, "12.30", "R1")
    merchant.precreate("CLOSED")
    merchant.scan("CLOSED")
    merchant.about("close", "CLOSED")
    merchant.paid("CANCELLED")
    merchant.about("cancel", "CANCELLED")
    assert told(merchant) == [("paid", NUMBER, NOTIFY), ("paid", "CANCELLED", NOTIFY)]


def test_refunds_are_told_if_the_option_says_so(merchant):
    merchant.sandbox.options.more["alipay_refund_notify"] = True
    merchant.paid(NUMBER)
    merchant.refund(NUMBER, "2.30", "R1")
    assert told(merchant)[1:] == [("refund", "R1", NOTIFY)]
    part = merchant.notice("refund", "R1")
    assert verifies(part)
    assert (part["trade_status"], part["refund_fee"], part["out_biz_no"]) == ("TRADE_SUCCESS", "2.30", "R1")
    assert (part["out_trade_no"], part["total_amount"]) == (NUMBER, "12.30")
    assert "gmt_refund" in part
    merchant.wait(seconds=3)
    merchant.refund(NUMBER, "10.00", "R2")
    rest = merchant.notice("refund", "R2")
    assert (rest["trade_status"], rest["refund_fee"]) == ("TRADE_CLOSED", "12.30")


@pytest.mark.parametrize(("setting", "good"), [("signed", True), ("unsigned", False)])
def test_a_parameter_may_be_empty(merchant, setting, good):
    merchant.sandbox.options.more["alipay_notify_empty"] = setting
    merchant.paid(NUMBER)
    form = merchant.notice("paid", NUMBER)
    assert form["body"] == ""
    assert verifies(form) == good
    assert verifies({name: value for name, value in form.items() if value}) != good


@pytest.mark.parametrize("flaw", ["bad-signature", "signtest", "wrong-serial"])
def test_a_forged_notice_does_not_verify(merchant, flaw):
    merchant.paid(NUMBER)
    assert not verifies(merchant.notice("paid", NUMBER, flaw))


def test_an_unsigned_notice_has_no_signature(merchant):
    merchant.paid(NUMBER)
    assert "sign" not in merchant.notice("paid", NUMBER, "unsigned")


def test_a_malformed_notice_is_cut(merchant):
    merchant.paid(NUMBER)
    whole, cut = merchant.notice("paid", NUMBER), merchant.notice("paid", NUMBER, "malformed")
    assert len(cut) < len(whole)
    assert "sign" not in cut


def test_a_stale_notice_is_truly_signed_and_old(merchant):
    merchant.paid(NUMBER)
    form = merchant.notice("paid", NUMBER, "stale")
    assert verifies(form)
    sent = datetime.fromisoformat(form["notify_time"] + "+08:00")
    assert datetime.now(UTC) - sent > timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "body", "heard"),
    [
        (200, b"success", True),
        (200, b"success\n", False),
        (200, b"SUCCESS", False),
        (200, b'"success"', False),
        (200, b"", False),
        (200, b"fail", False),
        (500, b"success", False),
    ],
)
def test_only_the_very_word_is_an_answer(merchant, status, body, heard):
    assert merchant.vendor.accepted(status, body) is heard


def test_the_schedule_is_the_vendors(merchant):
    minutes = [pause.total_seconds() / 60 for pause in merchant.vendor.schedule]
    assert minutes == [4, 10, 10, 60, 120, 360, 900]
