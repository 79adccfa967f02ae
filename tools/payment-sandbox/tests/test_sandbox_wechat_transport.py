"""How WeChat Pay lets a merchant in, and how it proves what it answers."""

import time

import pytest
from cryptography.x509 import load_pem_x509_certificate
from payment_sandbox.parts import AFTER, BEFORE
from payment_sandbox.wechat.signing import wire_target
from sandbox_wechat_merchant import (
    CERTIFICATE,
    MCHID,
    PUBLIC_KEY_ID,
    REFUNDS,
    TRADES,
    authorization,
    merchant_at,
    order,
    unsealed,
    verified,
)

QUERY = f"{TRADES}/out-trade-no/ORDER_0001?mchid={MCHID}"
CERTIFICATES = "/v3/certificates"


@pytest.fixture
def merchant(tmp_path):
    with merchant_at(tmp_path) as merchant:
        merchant.create()
        yield merchant


def test_the_parts_of_an_authorization_stand_in_any_order(merchant):
    for arrangement in (
        "signature,serial_no,timestamp,nonce_str,mchid",
        "timestamp,mchid,signature,nonce_str,serial_no",
    ):
        assert merchant.call("GET", QUERY, order=arrangement).status == 200


@pytest.mark.parametrize(
    "instead",
    [
        {"schema": "WECHATPAY2-SM2-WITH-SM3"},
        {"schema": "wechatpay2-sha256-rsa2048"},
        {"order": "mchid,nonce_str,signature,timestamp"},
        {"order": "mchid,nonce_str,signature,timestamp,serial_no,serial_no"},
        {"mchid": "1900000000"},
        {"serial_no": CERTIFICATE},
        {"serial_no": "7132d72a03e93cddf8c03bbd1f37eedf9ce3d3f6"},
        {"nonce_str": ""},
        {"nonce_str": "n" * 65},
        {"nonce_str": "two words"},
        {"signature": "AAAA"},
        {"signature": "no base64!"},
        {"timestamp": "tomorrow"},
        {"signed_target": QUERY.partition("?")[0]},
    ],
    ids=str,
)
def test_who_is_not_the_merchant_is_told_so_unsigned(merchant, instead):
    answer = merchant.call("GET", QUERY, **instead)
    assert answer.code == (401, "SIGN_ERROR")
    assert answer.json["detail"]["location"] == "authorization"
    assert not answer.signed


@pytest.mark.parametrize(
    "header", [None, "", "Basic abc", "WECHATPAY2-SHA256-RSA2048 ", "WECHATPAY2-SHA256-RSA2048 mchid=1"]
)
def test_an_authorization_must_be_one(merchant, header):
    assert merchant.call("GET", QUERY, headers={"Authorization": header}).code == (401, "SIGN_ERROR")


def test_a_signature_is_base64_and_nothing_besides(merchant):
    header = authorization("GET", QUERY, b"").replace('signature="', 'signature="!')
    assert merchant.call("GET", QUERY, headers={"Authorization": header}).code == (401, "SIGN_ERROR")


def test_spaces_in_an_authorization_are_refused(merchant):
    header = authorization("GET", QUERY, b"").replace('",', '", ')
    assert merchant.call("GET", QUERY, headers={"Authorization": header}).code == (401, "SIGN_ERROR")


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_clock_that_is_off_is_told_before_the_signature_is_looked_at(merchant, seconds):
    for wrong in ({}, {"signature": "AAAA"}):
        answer = merchant.call("GET", QUERY, timestamp=str(int(time.time()) + seconds), **wrong)
        assert answer.code == (401, "SIGN_ERROR")
        assert answer.json["detail"]["field"] == "timestamp"


@pytest.mark.parametrize("seconds", [-280, 280])
def test_a_clock_may_be_off_by_less(merchant, seconds):
    assert merchant.call("GET", QUERY, timestamp=str(int(time.time()) + seconds)).status == 200


def test_time_of_signatures_is_real_whatever_the_sandboxs_clock_says(merchant):
    merchant.wait(days=3)
    assert merchant.query().status == 200


def test_a_request_is_taken_once(merchant):
    header = {"Authorization": authorization("GET", QUERY, b"")}
    assert merchant.call("GET", QUERY, headers=header).status == 200
    again = merchant.call("GET", QUERY, headers=header)
    assert again.code == (401, "SIGN_ERROR")
    assert again.json["detail"]["field"] == "nonce_str"


def test_a_forger_uses_up_no_nonce(merchant):
    assert merchant.call("GET", QUERY, nonce_str="n" * 32, signature="AAAA").status == 401
    assert merchant.call("GET", QUERY, nonce_str="n" * 32).status == 200


def test_the_signature_covers_the_body(merchant):
    signed = authorization("POST", f"{TRADES}/native", b"{}")
    answer = merchant.call("POST", f"{TRADES}/native", order("ORDER_0002"), headers={"Authorization": signed})
    assert answer.code == (401, "SIGN_ERROR")
    assert merchant.query("ORDER_0002").status == 404


def test_the_signature_covers_the_path_as_it_is_on_the_wire(merchant):
    merchant.create("ORDER|0001")
    sent = f"{TRADES}/out-trade-no/ORDER%7C0001?mchid={MCHID}"
    assert merchant.call("GET", sent).status == 200
    assert merchant.call("GET", sent, signed_target=sent.replace("%7C", "|")).code == (401, "SIGN_ERROR")


def test_a_proxys_absolute_form_is_the_same_request():
    assert wire_target({"RAW_URI": "/v3/a%7Cb?c=%20"}) == "/v3/a%7Cb?c=%20"
    assert wire_target({"REQUEST_URI": "http://api.mch.weixin.qq.com/v3/a%7Cb?c=%20"}) == "/v3/a%7Cb?c=%20"
    assert wire_target({"RAW_URI": "http://api.mch.weixin.qq.com/v3/a"}) == "/v3/a"


@pytest.mark.parametrize("missing", ["User-Agent", "Accept"])
@pytest.mark.parametrize(("method", "target"), [("GET", CERTIFICATES), ("GET", f"{REFUNDS}/R"), ("POST", REFUNDS)])
def test_some_paths_insist_on_who_asks_and_what_for(merchant, method, target, missing):
    answer = merchant.call(method, target, headers={missing: None})
    assert answer.code == (400, "INVALID_REQUEST")
    assert not answer.signed
    assert merchant.call("GET", QUERY, headers={missing: None}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_is_said_to_be_json(merchant, kind):
    answer = merchant.call("POST", f"{TRADES}/native", order("ORDER_0002"), headers={"Content-Type": kind})
    assert answer.code == (400, "INVALID_REQUEST")


def test_the_merchant_says_under_which_key_it_wants_its_answers(merchant):
    for said, serial in [(PUBLIC_KEY_ID, PUBLIC_KEY_ID), (CERTIFICATE, CERTIFICATE), (None, CERTIFICATE)]:
        assert merchant.call("GET", QUERY, headers={"Wechatpay-Serial": said}).headers["Wechatpay-Serial"] == serial
    unknown = merchant.call("GET", QUERY, headers={"Wechatpay-Serial": "PUB_KEY_ID_0"})
    assert unknown.code == (400, "PARAM_ERROR")


def test_each_answer_has_a_number_and_a_signature_of_its_own(merchant):
    answers = [merchant.query() for _ in range(3)]
    assert all(verified(answer.headers, answer.body) for answer in answers)
    for header in ("Request-ID", "Wechatpay-Nonce"):
        assert len({answer.headers[header] for answer in answers}) == 3
    assert answers[0].headers["Content-Type"].startswith("application/json")
    assert not verified(answers[0].headers, answers[0].body + b" ")


def test_refusals_of_business_are_signed_unless_that_is_switched_off(merchant):
    assert merchant.query("ORDER_0002").signed
    merchant.sandbox.options.more["wechat_signed_refusals"] = False
    assert not merchant.query("ORDER_0002").signed
    assert merchant.query().signed


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v3", 404),
        ("GET", "/v3/", 404),
        ("GET", "/v3/pay/transactions", 404),
        ("POST", "/v3/pay/transactions/codepay", 404),
        ("GET", f"{QUERY}".replace("ORDER_0001", "ORDER_0001/more"), 404),
        ("GET", "/_wechat/other", 404),
        ("GET", f"{TRADES}/native", 405),
        ("PUT", REFUNDS, 405),
        ("DELETE", QUERY, 405),
        ("OPTIONS", QUERY, 405),
        ("HEAD", QUERY, 405),
    ],
)
def test_unknown_paths_and_methods_are_answered_with_nothing(merchant, method, target, status):
    answer = merchant.call(method, target)
    assert (answer.status, answer.body, answer.signed) == (status, b"", False)


def test_the_platforms_certificate_is_handed_out_sealed(merchant):
    (entry,) = merchant.call("GET", CERTIFICATES).json["data"]
    certificate = load_pem_x509_certificate(unsealed(entry["encrypt_certificate"]))
    assert entry["serial_no"] == f"{certificate.serial_number:040X}" == CERTIFICATE
    assert entry["encrypt_certificate"]["associated_data"] == "certificate"
    assert entry["effective_time"].endswith("+08:00")
    assert entry["effective_time"] < entry["expire_time"]


def test_newer_merchants_have_no_certificate(merchant):
    merchant.sandbox.options.more["wechat_certificates"] = False
    assert merchant.call("GET", CERTIFICATES).code == (404, "RESOURCE_NOT_EXISTS")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("500", 500, ""), ("502", 502, ""), ("429", 429, "FREQUENCY_LIMITED"), ("unknown", 500, "SYSTEM_ERROR")],
)
def test_trouble_before_anything_happened(merchant, fault, status, code):
    merchant.fault("close", fault)
    answer = merchant.close()
    assert (answer.status, answer.signed) == (status, False)
    assert (answer.json["code"] if code else "") == code
    assert merchant.query().json["trade_state"] == "NOTPAY"
    assert {"500", "502", "429", "unknown"} == {name for name in BEFORE if name not in {"delay", "drop-before"}}


def test_trouble_after_it_has_happened(merchant):
    merchant.fault("close", "500-after")
    assert merchant.close().code == (500, "SYSTEM_ERROR")
    assert merchant.query().json["trade_state"] == "CLOSED"


@pytest.mark.parametrize("call", ["query", "close"])
@pytest.mark.parametrize("flaw", [name for name in AFTER if name not in {"drop-after", "500-after"}])
def test_an_answer_with_a_flaw_is_not_to_be_believed(merchant, call, flaw):
    merchant.fault(call, flaw)
    answer = (merchant.query if call == "query" else merchant.close)(doubtful=True)
    believed = verified(answer.headers, answer.body)
    if flaw == "malformed":
        assert believed
        assert answer.status == 200
        with pytest.raises(ValueError):
            answer.json  # noqa: B018 - it is read
    elif flaw == "wrong-serial":
        assert believed
        assert answer.headers["Wechatpay-Serial"] not in {PUBLIC_KEY_ID, CERTIFICATE}
        assert len(answer.headers["Wechatpay-Serial"]) == 40
    else:
        assert not believed
        assert answer.signed is (flaw != "unsigned")
    if flaw == "signtest":
        assert answer.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    if flaw == "stale":
        assert time.time() - int(answer.headers["Wechatpay-Timestamp"]) > 300
    assert merchant.query().status == 200


def test_the_books_outlive_the_program(tmp_path):
    header = {"Authorization": authorization("GET", QUERY, b"")}
    with merchant_at(tmp_path) as before:
        shown = before.create().json
        assert before.call("GET", QUERY, headers=header).status == 200
    with merchant_at(tmp_path) as after:
        assert after.create().json == shown
        assert after.call("GET", QUERY, headers=header).code == (401, "SIGN_ERROR")
