"""The WeChat adapter's refunds: what was accepted is not yet done, and what was refused may have been done before."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from payment_svc.providers import Abnormal, Absent, Card, Failed, Processing, Refunded, Unknown
from payment_svc.providers.wechat import WechatPay
from wechat_vendor import (
    KEY_ID,
    NUMBER,
    REFUND,
    TRANSACTION,
    Reply,
    Vendor,
    certificate_pem,
    key,
    refund_document,
    refuses,
    says,
    serial,
)

MISSING = refuses(404, "RESOURCE_NOT_EXISTS")
CARD = Card("ICBC_DEBIT", "6222000000000000001", "李四")
ODD = {
    "hangs": Reply(act="hang"),
    "cut": Reply(act="cut"),
    "html 502": Reply(502, b"<html>", "text/html", signed_by=""),
    "empty 404": Reply(404, signed_by=""),
    "a proxy's 403": says({"error": "forbidden"}, 403),
    "500": refuses(500, "SYSTEM_ERROR"),
    "429": refuses(429, "FREQUENCY_LIMITED"),
    "401": refuses(401, "SIGN_ERROR"),
    "202": says({}, 202),
    "unsigned 200": says(refund_document("SUCCESS"), signed_by=""),
    "forged 200": says(refund_document("SUCCESS"), signed_by="forger"),
    "no json": Reply(200, b"{"),
}
AMOUNT = {"total": 5000, "refund": 2000, "currency": "CNY"}
ANOTHERS = [
    {"out_refund_no": "20261122OTHER0"},
    {"out_trade_no": "20261122OTHER0"},
    {"transaction_id": "42"},
    {"amount": AMOUNT | {"refund": 2001}},
    {"amount": AMOUNT | {"total": 2000}},
    {"amount": AMOUNT | {"currency": "USD"}},
    {"amount": AMOUNT | {"refund": True}},
    {"amount": AMOUNT | {"total": 5000.0}},
    {"amount": None},
    {"status": None},
    {"status": "DONE"},
    {"success_time": None},
    {"success_time": "now"},
]


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.stop()
    assert not made.forged


@pytest.fixture(scope="module")
def wechat(vendor: Vendor) -> WechatPay:
    return vendor.adapter(provider_timeout=0.6)


def test_a_part_of_a_trade_goes_back(vendor, wechat):
    vendor.will(says(refund_document()))
    assert wechat.refund(REFUND) == Processing()
    assert (vendor.calls[0].method, vendor.calls[0].path) == ("POST", "/v3/refund/domestic/refunds")
    assert vendor.calls[0].document == {
        "transaction_id": TRANSACTION,
        "out_refund_no": REFUND.number,
        "reason": "停诊",
        "notify_url": "https://haoyuan.example/api/v1/payments/notify/wechat",
        "amount": {"refund": 2000, "total": 5000, "currency": "CNY"},
    }
    wechat.refund(REFUND)
    assert vendor.calls[1].body == vendor.calls[0].body


def test_a_reason_is_cut_to_what_wechat_takes(vendor, wechat):
    vendor.will(says(refund_document()))
    wechat.refund(replace(REFUND, reason="停" * 100))
    assert vendor.calls[0].document["reason"] == "停" * 80


STATES = [
    ("PROCESSING", Processing()),
    ("CLOSED", Failed("CLOSED")),
    ("ABNORMAL", Abnormal("ABNORMAL")),
    ("DONE", Unknown("state DONE")),
]


@pytest.mark.parametrize(("state", "outcome"), STATES)
def test_a_refund_stands_as_wechat_says(vendor, wechat, state, outcome):
    vendor.will(says(refund_document(state)))
    assert wechat.refund(REFUND) == wechat.query_refund(REFUND) == outcome
    assert vendor.calls[1].path == f"/v3/refund/domestic/refunds/{REFUND.number}"


def test_a_refund_that_is_done_says_when_and_under_which_number_of_wechats(vendor, wechat):
    vendor.will(says(refund_document("SUCCESS")))
    done = wechat.query_refund(REFUND)
    assert isinstance(done, Refunded)
    assert (done.refunded_at, done.amount) == (datetime(2026, 11, 22, 8, 1, 2, tzinfo=UTC), 2000)
    assert done.evidence["refund_id"] == "50000000382026112200000000001"
    assert "0403" not in repr(done)
    assert wechat.refund(REFUND) == done


def test_a_refund_that_was_not_accepted_is_absent(vendor, wechat):
    vendor.will(MISSING)
    assert wechat.query_refund(REFUND) == Absent()
    vendor.will(refuses(404, "MCH_NOT_EXISTS"))
    assert wechat.query_refund(REFUND) == Unknown("MCH_NOT_EXISTS")


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
def test_an_odd_answer_about_a_refund_is_unknown(vendor, wechat, reply):
    vendor.will(reply)
    assert isinstance(wechat.refund(REFUND), Unknown)
    assert len(vendor.calls) == 1
    assert isinstance(wechat.query_refund(REFUND), Unknown)


@pytest.mark.parametrize("changes", ANOTHERS, ids=repr)
def test_a_genuine_answer_about_another_refund_is_unknown(vendor, wechat, changes):
    vendor.will(says(refund_document("SUCCESS", **changes)))
    assert isinstance(wechat.refund(REFUND), Unknown)
    assert isinstance(wechat.query_refund(REFUND), Unknown)


@pytest.mark.parametrize("status", [400, 403])
def test_too_little_money_is_no_refusal(vendor, wechat, status):
    vendor.will(refuses(status, "NOT_ENOUGH"), MISSING)
    assert wechat.refund(REFUND) == Unknown("NOT_ENOUGH")
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (MISSING, Failed("INVALID_REQUEST")),
        (says(refund_document()), Processing()),
        (says(refund_document("ABNORMAL")), Abnormal("ABNORMAL")),
        (refuses(500, "SYSTEM_ERROR"), Unknown("SYSTEM_ERROR")),
    ],
    ids=["absent", "accepted before", "abnormal", "nobody knows"],
)
def test_a_refusal_is_final_only_if_nothing_was_accepted_before(vendor, wechat, now, outcome):
    vendor.will(refuses(400, "INVALID_REQUEST"), now)
    assert wechat.refund(REFUND) == outcome


@pytest.mark.parametrize("code", ["PARAM_ERROR", "NO_AUTH", "TRADE_ERROR", "USER_ACCOUNT_ABNORMAL"])
def test_a_definite_refusal_says_its_code(vendor, wechat, code):
    vendor.will(refuses(403, code), MISSING)
    assert wechat.refund(REFUND) == Failed(code)


# --- to a card -------------------------------------------------------------------------------------------------------

BEFORE = says(refund_document("ABNORMAL"))


def test_an_abnormal_refund_goes_to_a_card_that_only_wechat_can_read(vendor, wechat):
    vendor.will(BEFORE, says(refund_document(channel="OTHER_BANKCARD")))
    assert wechat.refund_to_card(REFUND, "", CARD) == Processing()
    sent = vendor.calls[1]
    assert sent.path == "/v3/refund/domestic/refunds/50000000382026112200000000001/apply-abnormal-refund"
    assert sent.headers["Wechatpay-Serial"] == KEY_ID
    document = sent.document
    padding = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)
    secret = [key("wechat").decrypt(b64decode(document.pop(name)), padding) for name in ("bank_account", "real_name")]
    assert [text.decode() for text in secret] == [CARD.number, CARD.holder]
    assert document == {"out_refund_no": REFUND.number, "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT"}


def test_with_a_certificate_the_card_is_encrypted_for_it(vendor):
    wechat = vendor.adapter(
        wechat_certificate=certificate_pem("wechat", "old"), wechat_public_key="", wechat_public_key_id=""
    )
    by_certificate = {"signed_by": "wechat", "serial": serial("wechat")}
    vendor.will(replace(BEFORE, **by_certificate), says(refund_document(), **by_certificate))
    assert wechat.refund_to_card(REFUND, "50000000382026112200000000001", CARD) == Processing()
    assert vendor.calls[1].headers["Wechatpay-Serial"] == serial("wechat")
    padding = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)
    assert key("wechat").decrypt(b64decode(vendor.calls[1].document["bank_account"]), padding).decode() == CARD.number


@pytest.mark.parametrize("now", [says(refund_document()), says(refund_document("SUCCESS")), MISSING, ODD["500"]])
def test_what_is_not_abnormal_now_goes_to_no_card(vendor, wechat, now):
    vendor.will(now)
    assert not isinstance(wechat.refund_to_card(REFUND, "", CARD), Abnormal)
    assert [call.method for call in vendor.calls] == ["GET"]


def test_another_refunds_id_sends_nothing(vendor, wechat):
    vendor.will(BEFORE)
    assert wechat.refund_to_card(REFUND, "5030", CARD) == Abnormal("refund_id")
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refuses(400, "PARAM_ERROR"), Abnormal("PARAM_ERROR")),
        (refuses(403, "NOT_ENOUGH"), Unknown("NOT_ENOUGH")),
        (refuses(500, "SYSTEM_ERROR"), Unknown("SYSTEM_ERROR")),
        (says(refund_document(out_refund_no="20261122OTHER0")), Unknown("another's answer: out_refund_no")),
    ],
)
def test_a_card_that_is_refused_leaves_the_refund_abnormal(vendor, wechat, reply, outcome):
    vendor.will(BEFORE, reply)
    assert wechat.refund_to_card(REFUND, "", CARD) == outcome


def test_of_card_and_holder_nothing_is_said(vendor, wechat, caplog):
    caplog.set_level(0)
    vendor.will(BEFORE, Reply(400, b'{"code": "PARAM_ERROR", "message": "6222000000000000001"}', signed_by=""))
    outcome = wechat.refund_to_card(REFUND, "", CARD)
    assert "6222" not in repr(outcome) + caplog.text
    assert NUMBER not in caplog.text
