"""The WeChat adapter's trades, against a server that says odd things."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from payment_svc.domain import CREATE_GRACE
from payment_svc.providers import Absent, Closed, Failed, Gateway, Paid, Shown, Unknown, Unpaid
from payment_svc.providers.wechat import WechatPay
from wechat_vendor import (
    APPID,
    KEY_ID,
    MCHID,
    NUMBER,
    TRADE,
    TRANSACTION,
    Reply,
    Vendor,
    key,
    refuses,
    says,
    trade_document,
)

MISSING = refuses(404, "ORDER_NOT_EXIST")
UNPAID = says(trade_document(trade_state="NOTPAY", transaction_id=None, success_time=None, trade_type=None))
CLOSED = says(trade_document(trade_state="CLOSED", transaction_id=None, success_time=None, amount=None))
HTML = Reply(502, b"<html>Bad Gateway \xff</html>", "text/html", signed_by="")
ODD = {
    "hangs": Reply(act="hang"),
    "cut": Reply(act="cut"),
    "half": replace(says(trade_document()), act="half"),
    "html 502": HTML,
    "html 200": replace(HTML, status=200),
    "html 404": replace(HTML, status=404),
    "a proxy's 403": says({"error": "forbidden"}, 403),
    "a code that is none": says({"code": 7}, 404),
    "empty 404": Reply(404, signed_by=""),
    "405 bytes": Reply(405, b"\x00\xff", "application/octet-stream", signed_by=""),
    "500": refuses(500, "SYSTEM_ERROR"),
    "503": Reply(503, signed_by=""),
    "429": refuses(429, "FREQUENCY_LIMITED"),
    "429 spelled as 403": refuses(403, "RATELIMIT_EXCEEDED"),
    "401": refuses(401, "SIGN_ERROR"),
    "202": says({}, 202),
    "unsigned 200": says(trade_document(), signed_by=""),
    "forged 200": says(trade_document(), signed_by="forger"),
    "long ago": says(trade_document(), age=302),
    "yet to come": says(trade_document(), age=-302),
    "probe": says(trade_document(), headers={"Wechatpay-Signature": "WECHATPAY/SIGNTEST/c2lnbg=="}),
    "no json": Reply(200, b"{", signed_by="wechat"),
    "a list": says([1]),
    "deep": Reply(200, b"[" * 100_000),
    "no scheme": says(trade_document(), headers={"Wechatpay-Signature-Type": ""}),
    "redirect": Reply(302, headers={"Location": "http://127.0.0.1:9/"}, signed_by=""),
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.stop()
    assert not made.forged, "all that we send is signed as it is on the wire"


@pytest.fixture(scope="module")
def wechat(vendor: Vendor) -> WechatPay:
    return vendor.adapter(provider_timeout=0.6)


# --- create ----------------------------------------------------------------------------------------------------------


def test_a_trade_is_created_with_exactly_what_was_stored(vendor, wechat):
    vendor.will(says({"code_url": "weixin://wxpay/bizpayurl?pr=1"}))
    shown = wechat.create(TRADE)
    assert shown.show == {"type": "qr", "text": "weixin://wxpay/bizpayurl?pr=1"}
    assert timedelta(hours=1) < shown.fresh_for < timedelta(hours=2)
    call = vendor.calls[0]
    assert (call.method, call.path) == ("POST", "/v3/pay/transactions/native")
    assert call.headers["Wechatpay-Serial"] == KEY_ID
    assert call.document == {
        "appid": APPID,
        "mchid": MCHID,
        "description": "协和医院 · 内科",
        "out_trade_no": NUMBER,
        "time_expire": "2026-11-22T16:15:30+08:00",
        "notify_url": "https://haoyuan.example/api/v1/payments/notify/wechat",
        "amount": {"total": 5000, "currency": "CNY"},
    }
    wechat.create(replace(TRADE, channel="native"))
    assert vendor.calls[1].body == call.body


def test_within_wechat_the_page_gets_signed_parameters(vendor, wechat):
    vendor.will(says({"prepay_id": "wx22160102"}))
    shown = wechat.create(replace(TRADE, channel="jsapi", payer={"openid": "oWho"}))
    params = shown.show["params"]
    assert vendor.calls[0].path == "/v3/pay/transactions/jsapi"
    assert vendor.calls[0].document["payer"] == {"openid": "oWho"}
    assert shown.show["type"] == "jsapi"
    assert set(params) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert (params["appId"], params["package"], params["signType"]) == (APPID, "prepay_id=wx22160102", "RSA")
    said = f"{APPID}\n{params['timeStamp']}\n{params['nonceStr']}\nprepay_id=wx22160102\n".encode()
    key("merchant").public_key().verify(b64decode(params["paySign"]), said, PKCS1v15(), SHA256())
    assert shown.fresh_for < timedelta(hours=2)
    assert wechat.create(replace(TRADE, channel="jsapi", payer={"openid": "oWho"})).show != shown.show


def test_in_a_phones_browser_there_is_a_link_for_five_minutes(vendor, wechat):
    vendor.will(says({"h5_url": "https://wx.tenpay.com/x"}))
    shown = wechat.create(replace(TRADE, channel="h5", payer={"client_ip": "10.1.2.3"}))
    assert shown.show == {"type": "link", "url": "https://wx.tenpay.com/x"}
    assert timedelta(minutes=4) < shown.fresh_for < timedelta(minutes=5)
    assert vendor.calls[0].path == "/v3/pay/transactions/h5"
    assert vendor.calls[0].document["scene_info"] == {"payer_client_ip": "10.1.2.3", "h5_info": {"type": "Wap"}}


def test_a_description_is_cut_to_what_wechat_takes(vendor, wechat):
    vendor.will(says({"code_url": "weixin://"}))
    wechat.create(replace(TRADE, description="号" * 200))
    assert vendor.calls[0].document["description"] == "号" * 127


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
def test_an_odd_answer_to_a_create_is_unknown(vendor, wechat, reply):
    vendor.will(reply)
    assert isinstance(wechat.create(TRADE), Unknown)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("document", [{}, {"code_url": ""}, {"code_url": 7}, {"prepay_id": "wx1"}])
def test_a_create_that_shows_nothing_is_unknown(vendor, wechat, document):
    vendor.will(says(document))
    assert isinstance(wechat.create(TRADE), Unknown)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (MISSING, Failed("PARAM_ERROR")),
        (CLOSED, Failed("PARAM_ERROR")),
        (UNPAID, Unknown("PARAM_ERROR")),
        (HTML, Unknown("PARAM_ERROR")),
    ],
    ids=["absent", "closed", "unpaid", "nobody knows"],
)
def test_a_refusal_is_final_only_if_the_number_cannot_be_paid(vendor, wechat, now, expected):
    vendor.will(refuses(400, "PARAM_ERROR"), now)
    assert wechat.create(TRADE) == expected
    assert len(vendor.calls) == 2


def test_a_repetition_that_is_refused_because_the_trade_is_paid_says_so(vendor, wechat):
    vendor.will(refuses(400, "ORDERPAID"), says(trade_document()))
    paid = wechat.create(TRADE)
    assert isinstance(paid, Paid)
    assert (paid.transaction_id, paid.amount) == (TRANSACTION, 5000)


def test_a_number_that_was_used_with_something_else_may_still_be_paid(vendor, wechat):
    vendor.will(refuses(403, "OUT_TRADE_NO_USED"), UNPAID)
    assert wechat.create(TRADE) == Unknown(
        "OUT_TRADE_NO_USED (is WECHAT_APPID or CALLBACK_URL another than when it was made?)"
    )


@pytest.mark.parametrize("name", ["appid", "mchid"])
def test_a_setting_that_was_changed_while_a_trade_was_open_is_named(vendor, wechat, name):
    vendor.will(says(trade_document(**{name: "1900000000"})))
    assert wechat.query(TRADE) == Unknown(
        f"another's answer: {name} (is WECHAT_{name.upper()} another than when it was made?)"
    )


# --- query -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
def test_a_trade_is_paid_even_when_a_part_went_back(vendor, wechat, state):
    vendor.will(says(trade_document(trade_state=state)))
    paid = wechat.query(TRADE)
    assert isinstance(paid, Paid)
    assert (paid.transaction_id, paid.amount, paid.currency) == (TRANSACTION, 5000, "CNY")
    assert paid.paid_at == datetime(2026, 11, 22, 8, 1, 2, tzinfo=UTC)
    assert paid.evidence["mchid"] == MCHID
    assert "oSecret" not in repr(paid)
    assert (vendor.calls[0].method, vendor.calls[0].path) == (
        "GET",
        f"/v3/pay/transactions/out-trade-no/{NUMBER}?mchid={MCHID}",
    )


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (UNPAID, Unpaid()),
        (CLOSED, Closed()),
        (MISSING, Absent()),
        (refuses(404, "ORDERNOTEXIST"), Absent()),
        (says(trade_document(trade_state="REVOKED")), Unknown("state REVOKED")),
        (refuses(404, "MCH_NOT_EXISTS"), Unknown("MCH_NOT_EXISTS")),
    ],
)
def test_a_trade_stands_as_wechat_says(vendor, wechat, reply, outcome):
    vendor.will(reply)
    assert wechat.query(TRADE) == outcome


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
def test_an_odd_answer_to_a_query_is_unknown(vendor, wechat, reply):
    vendor.will(reply)
    assert isinstance(wechat.query(TRADE), Unknown)


CNY = {"total": 5000, "currency": "CNY"}


@pytest.mark.parametrize(
    "changes",
    [
        {"out_trade_no": "20261122OTHER0"},
        {"mchid": "1900000000"},
        {"appid": "wx1"},
        {"trade_state": "NOTPAY", "amount": CNY | {"total": 4999}},
        {"trade_state": "CLOSED", "amount": CNY | {"currency": "USD"}},
        {"amount": CNY | {"total": 5000.0}},
        {"amount": 5000},
        {"amount": None},
        {"transaction_id": None},
        {"success_time": None},
        {"success_time": "2026-11-22T16:01:02"},
        {"success_time": "yesterday"},
        {"trade_state": None},
        {"mchid": None},
    ],
    ids=repr,
)
def test_a_genuine_answer_about_something_else_is_unknown(vendor, wechat, changes):
    vendor.will(says(trade_document(**changes)))
    assert isinstance(wechat.query(TRADE), Unknown)


def test_another_amount_or_currency_than_was_asked_is_told_as_it_came(vendor, wechat):
    vendor.will(says(trade_document(amount={"total": 4999, "currency": "HKD"})))
    paid = wechat.query(TRADE)
    assert (paid.amount, paid.currency) == (4999, "HKD"), "who keeps the books gives it back"


def test_a_number_with_a_bar_is_signed_as_it_is_sent(vendor, wechat):
    vendor.will(MISSING)
    assert wechat.query(replace(TRADE, number="A|B*C-1")) == Absent()
    assert wechat.close(replace(TRADE, number="A|B*C-1")) == Absent()
    assert "A%7CB%2AC-1" in vendor.calls[0].path


# --- close -----------------------------------------------------------------------------------------------------------


def test_a_close_is_wechats_word(vendor, wechat):
    vendor.will(says(status=204))
    assert wechat.close(TRADE) == wechat.cancel(TRADE) == Closed()
    assert vendor.calls[0].path == f"/v3/pay/transactions/out-trade-no/{NUMBER}/close"
    assert vendor.calls[0].document == {"mchid": MCHID}


@pytest.mark.parametrize("code", ["ORDERPAID", "ORDER_PAID", "TRADE_ERROR", "NEVER_HEARD"])
@pytest.mark.parametrize("status", [400, 403, 404])
def test_whatever_refuses_a_close_the_trade_is_queried_at_once(vendor, wechat, status, code):
    vendor.will(refuses(status, code), says(trade_document()))
    assert isinstance(wechat.close(TRADE), Paid)


@pytest.mark.parametrize(("now", "outcome"), [(UNPAID, Unpaid()), (CLOSED, Closed()), (MISSING, Absent())])
def test_a_close_that_was_refused_leaves_things_as_they_are(vendor, wechat, now, outcome):
    vendor.will(refuses(400, "INVALID_REQUEST"), now)
    assert wechat.close(TRADE) == outcome


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
def test_an_odd_answer_to_a_close_is_unknown(vendor, wechat, reply):
    vendor.will(reply)
    assert isinstance(wechat.close(TRADE), Unknown)


@pytest.mark.parametrize("how", [{"signed_by": ""}, {"signed_by": "forger"}, {"age": 302}], ids=repr)
def test_a_204_that_is_not_todays_word_of_wechat_closes_nothing(vendor, wechat, how):
    vendor.will(says(status=204, **how))
    assert isinstance(wechat.close(TRADE), Unknown)


def test_what_wechat_does_not_know_is_gone_once_no_create_is_under_way(wechat):
    since = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert wechat.gone_after(TRADE, since) == since + CREATE_GRACE


def test_it_is_a_gateway(wechat):
    gateway: Gateway = wechat
    assert (gateway.by_hand, gateway.channels[0], gateway.refund_gap) == (False, "native", timedelta(minutes=1))
    assert isinstance(Shown({}), Shown)
