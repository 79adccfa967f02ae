"""The SDK within bounds: whom it asks, how it signs, and that nothing but a signed answer to what was asked is believed."""

import base64
import importlib.metadata
import json
import time
from datetime import datetime, timedelta

import pytest
from alipay import AliPay
from alipay_world import (
    KEYS,
    MERCHANT,
    NUMBER,
    OK,
    ORDER,
    PAID,
    STRANGER,
    TRADE,
    TRANSACTION,
    Vendor,
    adapter,
    denied,
    say,
    sealed,
)  # fmt: skip
from common.clock import SHANGHAI
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from payment_svc.providers import NotReady, Paid, Unknown
from payment_svc.providers.alipay import Alipay, client
from payment_svc.settings import Settings

DAY = datetime(2026, 11, 21).date()  # noqa: DTZ001
CALLS = {
    "create": lambda alipay: alipay.create(TRADE),
    "query": lambda alipay: alipay.query(TRADE),
    "close": lambda alipay: alipay.close(TRADE),
    "cancel": lambda alipay: alipay.cancel(TRADE),
    "refund": lambda alipay: alipay.refund(ORDER),
    "query_refund": lambda alipay: alipay.query_refund(ORDER),
    "bill": lambda alipay: alipay.bill(DAY),
}
GOOD = {
    **OK, **PAID, "qr_code": "https://qr.example/1", "action": "close", "retry_flag": "N", "fund_change": "Y",
    "out_request_no": ORDER.number, "refund_status": "REFUND_SUCCESS", "refund_amount": "20.00",
}  # fmt: skip
"""Whatever is asked, this would be a success."""


@pytest.fixture
def vendor():
    with Vendor().serving() as serving:
        yield serving


def test_the_sdk_is_what_the_adapter_was_made_for():
    assert importlib.metadata.version("python-alipay-sdk") == "3.4.0"
    plain = AliPay(
        appid="1",
        app_private_key_string=(KEYS.parent / "keys/alipay.pem").read_text(),
        alipay_public_key_string=(KEYS.parent / "keys/alipay_merchant_public.pem").read_text(),
    )
    assert plain._gateway == "https://openapi.alipay.com/gateway.do"
    assert plain._config.timeout == 15
    for overridden in ("build_body", "verified_sync_response", "_get_string_to_be_signed"):
        assert callable(getattr(AliPay, overridden))
        assert overridden in vars(client.Client)
    assert callable(AliPay._verify_and_return_sync_response)


def test_a_request_is_signed_over_all_that_is_sent(vendor):
    vendor.answers["*"] = {**OK, **PAID}
    assert isinstance(adapter(vendor).query(TRADE), Paid)
    asked = dict(vendor.asked[0])
    signature = base64.b64decode(asked.pop("sign"))
    MERCHANT.verify(signature, "&".join(f"{k}={v}" for k, v in sorted(asked.items())).encode(), PKCS1v15(), SHA256())
    assert asked["sign_type"] == "RSA2"
    assert json.loads(asked["biz_content"]) == {"out_trade_no": NUMBER}
    assert (asked["app_id"], asked["charset"], asked["version"]) == (Settings().alipay_app_id, "utf-8", "1.0")


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Shanghai"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_the_timestamp_is_beijings_wherever_the_process_thinks_it_is(vendor):
    vendor.answers["*"] = {**OK, **PAID}
    before = datetime.now(SHANGHAI).replace(microsecond=0)
    adapter(vendor).query(TRADE)
    sent = datetime.fromisoformat(vendor.asked[0]["timestamp"]).replace(tzinfo=SHANGHAI)
    assert before <= sent <= datetime.now(SHANGHAI)


def test_its_patience_is_a_setting_and_ends_within_thirty_seconds_for_two_calls():
    assert Alipay.of(Settings(provider_timeout=3.5))._client.timeout == 3.5
    assert Alipay.of(Settings(provider_timeout=30.0))._client.timeout * 2 < 30


def hang(vendor, _connection, _method):
    vendor.released.wait(60)


def drip(vendor, connection, _method):
    """Something comes all the time, and it never ends."""
    connection.send_response(200)
    connection.end_headers()
    while not vendor.released.wait(0.05):
        try:
            connection.wfile.write(b" ")
        except OSError:
            return


def cut(_vendor, connection, _method):
    connection.send_response(200)
    connection.send_header("Content-Length", "1000")
    connection.end_headers()
    connection.wfile.write(b'{"alipay_trade_query_response":{')


def elsewhere(vendor, connection, _method):
    say(connection, b"", 302, Location=f"{vendor.address}/elsewhere")


@pytest.mark.parametrize("silence", [hang, drip])
def test_who_says_nothing_is_not_waited_for(vendor, silence):
    vendor.answers["*"] = silence
    outcome = adapter(vendor, timeout=0.2).query(TRADE)
    assert outcome == Unknown("no answer to be believed: TimeoutError")
    assert not vendor.released.is_set(), "it is silent still"


ODD = {
    "cut": cut,
    "502": lambda _v, c, _m: say(c, b"<html><h1>502 Bad Gateway</h1></html>", 502),
    "429": lambda _v, c, _m: say(c, b"", 429),
    "html": "<html>系统繁忙</html>".encode(),
    "gbk": "<html>系统繁忙</html>".encode("gbk"),
    "nothing": b"",
    "a list": b"[]",
    "a word": b'"success"',
    "null": b'{"error_response":null}',
    "unsigned": lambda _v, c, m: say(c, json.dumps({f"{m.replace('.', '_')}_response": GOOD}).encode()),
    "unsigned no": lambda _v, c, m: say(
        c, json.dumps({f"{m.replace('.', '_')}_response": denied("ACQ.TRADE_NOT_EXIST")}).encode()
    ),
    "error_response": json.dumps({"error_response": denied("isv.invalid-app-id", "40002"), "sign": ""}).encode(),
    "a stranger's": lambda _v, c, m: say(c, sealed(m, GOOD, STRANGER)),
    "signature of nothing": lambda _v, c, m: say(c, sealed(m, GOOD).replace(b'"sign":"', b'"sign":"AA')),
    "signature that is none": lambda _v, c, m: say(
        c, json.dumps({f"{m.replace('.', '_')}_response": GOOD, "sign": 7}).encode()
    ),
    "changed since": lambda _v, c, m: say(c, sealed(m, GOOD).replace(b"50.00", b"60.00").replace(b"_1", b"_2")),
    "other method": lambda _v, c, _m: say(c, sealed("alipay.trade.pay", GOOD)),
    "too long": lambda _v, c, m: say(c, sealed(m, GOOD) + b" " * client.MOST_ANSWER),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("odd", ODD)
def test_whatever_is_no_signed_answer_says_nothing(vendor, call, odd):
    vendor.answers["*"] = ODD[odd]
    if odd == "changed since" and call in {"create", "bill"}:
        vendor.answers["*"] = lambda _v, c, m: say(c, sealed(m, GOOD).replace(b"Success", b"success"))
    outcome = CALLS[call](adapter(vendor))
    assert isinstance(outcome, NotReady if call == "bill" else Unknown)
    assert len(vendor.asked) == 1, "and nothing more is asked"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fields",
    [
        denied("aop.unknow-error", "20000"),
        denied("isp.unknow-error", "20000"),
        denied("ACQ.SYSTEM_ERROR"),
        denied("AQC.SYSTEM_ERROR"),
        denied("isp.unknow-error"),
        denied("isv.app-call-limited", "40005"),
        denied("isv.invalid-signature", "40002"),
        denied("isv.missing-app-id", "40001"),
        denied("isv.insufficient-isv-permissions", "40006"),
        denied("", "40004"),
        denied("ACQ.TRADE_NOT_EXIST", "10003"),
    ],
    ids=lambda fields: f"{fields['code']} {fields['sub_code']}",
)
def test_what_decides_nothing_ends_nothing(vendor, call, fields):
    vendor.answers["*"] = fields
    outcome = CALLS[call](adapter(vendor))
    assert isinstance(outcome, NotReady if call == "bill" else Unknown)
    assert fields["sub_code"] in outcome.reason
    assert len(vendor.asked) == 1


def test_an_unsigned_error_is_named_for_whoever_looks_for_the_reason(vendor):
    vendor.answers["*"] = json.dumps({"error_response": denied("isv.invalid-signature", "40002")}).encode()
    assert adapter(vendor).query(TRADE) == Unknown("unsigned error isv.invalid-signature")


def test_no_redirect_is_followed(vendor):
    vendor.answers = {"*": elsewhere, "/elsewhere": sealed("alipay.trade.query", GOOD)}
    assert isinstance(adapter(vendor).query(TRADE), Unknown)
    assert not [target for target in vendor.targets if target.startswith("/elsewhere")]


@pytest.mark.parametrize("brace", ["{", "}", "}}{", '\\"}', "挂号{费"])
def test_braces_within_a_field_do_not_make_a_true_answer_false(vendor, brace):
    vendor.answers["*"] = {**OK, **PAID, "subject": brace, "fund_bill_list": [{"fund_channel": brace}]}
    assert isinstance(adapter(vendor).query(TRADE), Paid)


OTHERS = {
    "create": {"out_trade_no": "9" * 20},
    "query": {"out_trade_no": "9" * 20},
    "close": {"out_trade_no": "9" * 20},
    "cancel": {"out_trade_no": "9" * 20},
    "refund": {"out_trade_no": "9" * 20},
    "query_refund": {"out_request_no": "other"},
}


@pytest.mark.parametrize(
    ("call", "changes"),
    [
        *OTHERS.items(),
        ("create", {"out_trade_no": ""}),
        ("query", {"out_trade_no": ""}),
        ("close", {"out_trade_no": ""}),
        ("refund", {"out_trade_no": ""}),
        ("refund", {"trade_no": TRANSACTION[:-1] + "2"}),
        ("query_refund", {"out_trade_no": "9" * 20}),
        ("query_refund", {"out_request_no": ""}),
        ("query_refund", {"total_amount": "51.00"}),
        ("query_refund", {"refund_amount": "x"}),
        ("query_refund", {"trade_no": TRANSACTION[:-1] + "2"}),
        ("query", {"trade_status": "WAIT_BUYER_PAY", "total_amount": "51.00"}),
        ("query", {"trade_status": "TRADE_CLOSED", "total_amount": "5", "send_pay_date": "", "receipt_amount": ""}),
    ],
)
def test_a_true_answer_to_another_question_says_nothing(vendor, call, changes):
    vendor.answers["*"] = {**GOOD, **changes}
    assert isinstance(CALLS[call](adapter(vendor)), Unknown)
    vendor.answers["*"] = GOOD
    assert not isinstance(CALLS[call](adapter(vendor)), Unknown)


@pytest.mark.parametrize("call", ["query", "close", "cancel", "refund", "query_refund"])
def test_not_even_a_no_that_was_said_to_another_question(vendor, call):
    vendor.answers["*"] = {**denied("ACQ.TRADE_NOT_EXIST"), "out_trade_no": "9" * 20}
    assert CALLS[call](adapter(vendor)) == Unknown("answer to another question")


def test_a_grace_follows_the_deadline_and_any_create_that_may_be_under_way():
    alipay = Alipay.of(Settings())
    end = TRADE.expires_at
    assert alipay.gone_after(TRADE, end - timedelta(hours=1)) == end + timedelta(minutes=2)
    assert alipay.gone_after(TRADE, end + timedelta(hours=1)) == end + timedelta(hours=1, minutes=2)


@pytest.mark.parametrize("broken", ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_keys_that_are_none_are_seen_at_the_start(broken):
    with pytest.raises(ValueError, match=r"key|base64"):
        Alipay.of(Settings(alipay_private_key=broken))
    with pytest.raises(ValueError, match=r"key|base64"):
        Alipay.of(Settings(alipay_public_key=broken))
