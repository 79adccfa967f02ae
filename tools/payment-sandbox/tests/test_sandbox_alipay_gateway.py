"""Alipay's gateway: who is heard, how answers are signed, and what is wrong with them when that was planned."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from payment_sandbox.alipay.signing import signed
from payment_sandbox.parts import AFTER, BEFORE, Fault
from sandbox_alipay_merchant import ALIPAY, LINE, code, inner_of, is_alipays, joined, opened, sign

NUMBER = "T20261122000001"
QUERY = {"out_trade_no": NUMBER}


@pytest.fixture
def merchant(tmp_path):
    with opened(tmp_path) as merchant:
        merchant.paid(NUMBER)
        yield merchant


def at(**spans):
    return (datetime.now(UTC) + timedelta(hours=8) + timedelta(**spans)).strftime("%Y-%m-%d %H:%M:%S")


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("post", [False, True])
def test_queries_and_forms_are_heard_alike(merchant, post):
    answer = merchant.call("alipay.trade.query", QUERY, post=post)
    assert answer["trade_status"] == "TRADE_SUCCESS"


def test_parameters_may_be_parted_between_query_and_form(merchant):
    params = merchant.params("alipay.trade.query", QUERY)
    biz = params.pop("biz_content")
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
    answer = json.loads(merchant.http.post(f"/gateway.do?{query}", data={"biz_content": biz}).data)
    assert answer["alipay_trade_query_response"]["code"] == "10000"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_verbs_are_not(merchant, method):
    assert merchant.http.open("/gateway.do", method=method).status_code == 405


def test_the_app_comes_before_the_signature(merchant):
    params = merchant.params("alipay.trade.query", QUERY)
    assert merchant.refused({**params, "app_id": "2021000000000000"}) == ("40002", "isv.invalid-app-id")
    assert merchant.refused({**params, "app_id": "2021000000000000", "sign": "x"}) == ("40002", "isv.invalid-app-id")


@pytest.mark.parametrize(
    ("name", "sub_code"),
    [
        ("app_id", "isv.missing-app-id"),
        ("method", "isv.missing-method"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
    ],
)
def test_what_is_missing_is_named(merchant, name, sub_code):
    params = merchant.params("alipay.trade.query", QUERY)
    assert merchant.refused({**params, name: ""}) == ("40001", sub_code)
    del params[name]
    assert merchant.refused(params) == ("40001", sub_code)


@pytest.mark.parametrize(
    ("more", "sub_code"),
    [
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"sign_type": "rsa2"}, "isv.invalid-signature-type"),
        ({"method": "alipay.trade.app.pay"}, "isv.invalid-method"),
        ({"timestamp": "2026-11-22T12:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-02-30 12:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "1763812800"}, "isv.invalid-timestamp"),
        ({"timestamp": {"minutes": -6}}, "isv.invalid-timestamp"),
        ({"timestamp": {"minutes": 6}}, "isv.invalid-timestamp"),
        ({"timestamp": {"hours": -8}}, "isv.invalid-timestamp"),  # UTC instead of Beijing's time
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"version": "2.0"}, "isv.invalid-parameter"),
        ({"nonsense": "1"}, "isv.invalid-parameter"),
        ({"biz_content": "{"}, "isv.illegal-json"),
        ({"biz_content": "[]"}, "isv.illegal-json"),
        ({"biz_content": '{"out_trade_no": "\\ud83d"}'}, "isv.illegal-json"),
        ({"biz_content": "[" * 100_000}, "isv.illegal-json"),
        ({"biz_content": json.dumps({**QUERY, "nonsense": 1})}, "isv.invalid-parameter"),
    ],
)
def test_what_cannot_be_is_refused_unsigned(merchant, more, sub_code):
    more = {name: at(**value) if isinstance(value, dict) else value for name, value in more.items()}
    params = merchant.params(more.pop("method", "alipay.trade.query"), QUERY, **more)
    assert merchant.refused(params, post=True) == ("40002", sub_code)


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_need_not_be_exact(merchant, minutes):
    assert merchant.call("alipay.trade.query", QUERY, timestamp=at(minutes=minutes))["code"] == "10000"


def test_what_was_signed_is_what_counts(merchant):
    params = merchant.params("alipay.trade.query", QUERY)
    for name in params.keys() - {"app_id", "sign", "sign_type"}:
        assert merchant.refused({**params, name: params[name] + "x"}) == ("40002", "isv.invalid-signature"), name
    assert merchant.refused({**params, "notify_url": "http://evil.invalid"}) == ("40002", "isv.invalid-signature")
    assert merchant.refused({**params, "sign": params["sign"][:-4]}) == ("40002", "isv.invalid-signature")
    assert merchant.refused({**params, "sign": "!!"}) == ("40002", "isv.invalid-signature")


def test_the_sign_type_is_signed_and_what_is_empty_is_not(merchant):
    params = merchant.params("alipay.trade.query", QUERY)
    left_out = sign(joined(params, "sign", "sign_type"))
    assert merchant.refused({**params, "sign": left_out}) == ("40002", "isv.invalid-signature")
    assert merchant.send({**params, "notify_url": "", "sign": sign(joined(params, "sign"))}).data.count(b'"sign"') == 1


def test_a_parameter_is_said_once(merchant):
    params = merchant.params("alipay.trade.query", QUERY)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
    answer = json.loads(merchant.http.get(f"/gateway.do?{query}&method=alipay.trade.close").data)
    assert answer["error_response"]["sub_code"] == "isv.invalid-parameter"
    answer = json.loads(merchant.http.get(f"/gateway.do?{query}&x=%ff").data)
    assert answer["error_response"]["sub_code"] == "isv.invalid-charset"


def test_a_page_is_followed_late_but_not_early(merchant):
    biz = {"out_trade_no": "PAGE", **LINE, "product_code": "QUICK_WAP_WAY"}
    assert merchant.raw("alipay.trade.wap.pay", biz, timestamp=at(minutes=6)).status_code == 200
    assert merchant.raw("alipay.trade.wap.pay", biz, timestamp=at(minutes=-60)).status_code == 302


def test_the_same_request_again_is_the_same_call_again(merchant):
    params = merchant.params("alipay.trade.refund", {**QUERY, "refund_amount": "1.00", "out_request_no": "R1"})
    changes = [json.loads(merchant.send(params).data)["alipay_trade_refund_response"]["fund_change"] for _ in range(2)]
    assert changes == ["Y", "N"]


@pytest.mark.parametrize("name", ["notify_url", "return_url"])
@pytest.mark.parametrize("url", ["ftp://x.invalid/", "notify", "http://" + "x" * 256])
def test_addresses_are_addresses(merchant, name, url):
    biz = {"out_trade_no": "URL", **LINE, "product_code": "QR_CODE_OFFLINE"}
    answer = merchant.call("alipay.trade.precreate", biz, **{name: url})
    assert (answer["code"], answer["sub_code"]) == ("40002", "isv.invalid-parameter")


# --- answers ---------------------------------------------------------------------------------------------------------


def test_the_signature_is_over_the_bytes_that_are_sent(merchant):
    body = merchant.raw("alipay.trade.precreate", {"out_trade_no": "S", **LINE, "product_code": "QR_CODE_OFFLINE"}).data
    assert rb'"qr_code":"http:\/\/sandbox.test\/pay\/' in body
    answer = json.loads(body)
    assert is_alipays(inner_of(body), answer["sign"])
    again = json.dumps(answer["alipay_trade_precreate_response"], separators=(",", ":"), ensure_ascii=False)
    assert not is_alipays(again.encode(), answer["sign"])


def faulty(merchant, fault, call="query"):
    merchant.sandbox.faults.plan("alipay", call, Fault(fault), number=NUMBER)
    return merchant.raw("alipay.trade.query", QUERY)


@pytest.mark.parametrize("flaw", ["bad-signature", "signtest", "wrong-serial"])
def test_a_forged_answer_is_whole_but_not_ours(merchant, flaw):
    body = faulty(merchant, flaw).data
    answer = json.loads(body)
    assert answer["alipay_trade_query_response"]["trade_status"] == "TRADE_SUCCESS"
    assert not is_alipays(inner_of(body), answer["sign"])
    assert len(answer["sign"]) == len(merchant.params("alipay.trade.query", QUERY)["sign"])


def test_a_stale_answer_is_ours_but_about_something_else(merchant):
    body = faulty(merchant, "stale").data
    answer = json.loads(body)
    assert is_alipays(inner_of(body), answer["sign"])
    assert answer["alipay_trade_query_response"]["out_trade_no"] != NUMBER


def test_an_unsigned_answer_has_no_signature(merchant):
    assert json.loads(faulty(merchant, "unsigned").data).keys() == {"alipay_trade_query_response"}


def test_a_malformed_answer_cannot_be_read(merchant):
    body = faulty(merchant, "malformed").data
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("502", 502), ("500-after", 500)])
def test_what_stands_before_the_gateway_answers_with_a_page(merchant, fault, status):
    response = faulty(merchant, fault)
    assert response.status_code == status
    assert response.data.startswith(b"<html>")


@pytest.mark.parametrize(
    ("fault", "said"), [("unknown", ("20000", "aop.unknow-error")), ("429", ("40005", "isv.app-call-limited"))]
)
def test_trouble_inside_is_answered_signed(merchant, fault, said):
    response = faulty(merchant, fault)
    answer = json.loads(response.data)
    assert response.status_code == 200
    assert is_alipays(inner_of(response.data), answer["sign"])
    fields = answer["alipay_trade_query_response"]
    assert (fields["code"], fields["sub_code"]) == said
    assert code(merchant.call("alipay.trade.query", QUERY)) == "10000"


@pytest.mark.parametrize(
    "fault", [name for name in (*BEFORE, *AFTER) if name not in {"delay", "drop-before", "drop-after"}]
)
def test_a_payers_page_shows_trouble_too(merchant, fault):
    merchant.sandbox.faults.plan("alipay", "create", Fault(fault))
    biz = {"out_trade_no": "PAGE", **LINE, "product_code": "QUICK_WAP_WAY"}
    response = merchant.raw("alipay.trade.wap.pay", biz)
    assert response.status_code != 302
    assert (merchant.trade("PAGE") is None) == (fault in BEFORE)


@pytest.mark.parametrize(
    ("method", "call", "biz", "number"),
    [
        ("trade.precreate", "create", QUERY, NUMBER),
        ("trade.query", "query", QUERY, NUMBER),
        ("trade.close", "close", QUERY, NUMBER),
        ("trade.cancel", "cancel", QUERY, NUMBER),
        ("trade.refund", "refund", {**QUERY, "out_request_no": "R1"}, "R1"),
        ("trade.refund", "refund", QUERY, NUMBER),
        ("trade.fastpay.refund.query", "query_refund", {**QUERY, "out_request_no": "R1"}, "R1"),
        ("data.dataservice.bill.downloadurl.query", "bill", {"bill_date": "2026-11-22"}, "2026-11-22"),
    ],
)
def test_faults_find_their_call_by_its_number(merchant, method, call, biz, number):
    merchant.sandbox.faults.plan("alipay", call, Fault("unknown"), number=number)
    assert merchant.call(f"alipay.{method}", biz)["sub_code"] == "aop.unknow-error"


def test_the_published_keys_fit(merchant):
    assert ALIPAY.key_size == 2048
    assert is_alipays(b"x", signed(b"x"))
