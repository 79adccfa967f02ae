"""Orders of WeChat Pay: made, asked for, closed, and every field of theirs."""

import json
from datetime import timedelta

import pytest
from sandbox_wechat_merchant import APPID, MCHID, TRADES, merchant_at, order

NEXT_TO = [("native", "code_url"), ("jsapi", "prepay_id"), ("h5", "h5_url"), ("app", "prepay_id")]
UNPAID_HAS_NOT = {"transaction_id", "trade_type", "bank_type", "success_time", "payer"}


@pytest.fixture
def merchant(tmp_path):
    with merchant_at(tmp_path) as merchant:
        yield merchant


@pytest.mark.parametrize(("channel", "what"), NEXT_TO)
def test_an_order_is_made_and_shown_the_same_however_often_it_is_asked_for(merchant, channel, what):
    first, again = merchant.create(channel=channel), merchant.create(channel=channel)
    assert first.status == again.status == 200
    assert first.json == again.json
    assert first.json.keys() == {what}
    assert first.signed


def test_a_qr_text_is_the_payers_link(merchant):
    trade = merchant.create().json["code_url"]
    assert trade == merchant.sandbox.link(merchant.sandbox.books.trade("wechat", "ORDER_0001"))


def test_another_order_under_the_same_number_is_refused(merchant):
    merchant.create(attach="one")
    assert merchant.create(attach="two").code == (403, "OUT_TRADE_NO_USED")
    assert merchant.create().code == (403, "OUT_TRADE_NO_USED")
    assert merchant.create(channel="app", attach="one").code == (403, "OUT_TRADE_NO_USED")
    assert merchant.create(attach="one").status == 200


def test_what_was_paid_or_closed_cannot_be_ordered_again(merchant):
    merchant.paid("ORDER_0001")
    assert merchant.create("ORDER_0001").code == (400, "ORDERPAID")
    merchant.create("ORDER_0002")
    merchant.close("ORDER_0002")
    assert merchant.create("ORDER_0002").code == (400, "ORDER_CLOSED")


def test_an_unpaid_order_says_nothing_of_a_payment(merchant):
    merchant.create(attach="mine")
    said = merchant.query().json
    assert not UNPAID_HAS_NOT & said.keys()
    assert (said["trade_state"], said["out_trade_no"], said["appid"], said["mchid"]) == (
        "NOTPAY",
        "ORDER_0001",
        APPID,
        MCHID,
    )
    assert said["attach"] == "mine"


def test_a_paid_order_says_all_by_either_number(merchant):
    trade = merchant.paid(fen=1234)
    said = merchant.query().json
    assert said == merchant.call("GET", f"{TRADES}/id/{trade.transaction_id}?mchid={MCHID}").json
    assert said["trade_state"] == "SUCCESS"
    assert (said["trade_type"], said["transaction_id"]) == ("NATIVE", trade.transaction_id)
    assert said["amount"] == {"total": 1234, "payer_total": 1234, "currency": "CNY", "payer_currency": "CNY"}
    assert said["success_time"] == trade.paid_at.isoformat(timespec="seconds")
    assert said["success_time"].endswith("+08:00")


def test_a_jsapi_payer_is_who_was_named(merchant):
    merchant.create(channel="jsapi")
    merchant.pay()
    assert merchant.query().json["payer"] == {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
    assert merchant.query().json["trade_type"] == "JSAPI"


def test_an_order_of_which_a_part_went_back_is_refund(merchant):
    trade = merchant.paid()
    merchant.refund(fen=1)
    said = merchant.query().json
    assert said["trade_state"] == "REFUND"
    assert (said["amount"]["total"], said["transaction_id"]) == (100, trade.transaction_id)


def test_a_close_is_repeated_without_harm(merchant):
    merchant.create()
    for _ in range(2):
        answer = merchant.close()
        assert (answer.status, answer.body, answer.signed) == (204, b"", True)
    said = merchant.query().json
    assert said["trade_state"] == "CLOSED"
    assert not UNPAID_HAS_NOT & said.keys()
    assert merchant.pay().state == "closed"


@pytest.mark.parametrize(
    ("option", "answer"),
    [("ORDERPAID", (400, "ORDERPAID")), ("ORDER_PAID", (400, "ORDER_PAID")), ("TRADE_ERROR", (403, "TRADE_ERROR"))],
)
def test_a_paid_order_is_not_closed(merchant, option, answer):
    merchant.paid()
    merchant.sandbox.options.close_paid_code = option
    assert merchant.close().code == answer
    assert merchant.query().json["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("spelling", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
def test_nobody_knows_another_order(merchant, spelling):
    merchant.sandbox.options.order_not_exist_code = spelling
    assert merchant.query().code == (404, spelling)
    assert merchant.close().code == (404, spelling)
    assert merchant.call("GET", f"{TRADES}/id/4200000000000000000000000000?mchid={MCHID}").code == (404, spelling)


def test_a_deadline_ends_what_can_be_paid_and_does_not_close(merchant):
    deadline = (merchant.sandbox.now() + timedelta(minutes=5)).isoformat(timespec="seconds")
    assert merchant.create(time_expire=deadline).status == 200
    merchant.wait(minutes=4, seconds=30)
    # Only the first order of a number is held against the clock.
    assert merchant.create(time_expire=deadline).status == 200
    merchant.wait(minutes=1)
    assert merchant.pay().state == "unpaid"
    assert merchant.query().json["trade_state"] == "NOTPAY"
    assert merchant.close().status == 204


def test_a_deadline_is_neither_too_near_nor_too_far(merchant):
    def create(**away):
        moment = merchant.sandbox.now() + timedelta(**away)
        return merchant.create(
            f"ORDER_{len(str(away))}_{moment:%H%M%S}", time_expire=moment.isoformat(timespec="seconds")
        )

    assert create(seconds=50).code == (400, "PARAM_ERROR")
    assert create(seconds=62).status == 200
    assert create(days=7, seconds=-5).status == 200
    refused = create(days=7, seconds=5)
    assert refused.json["detail"]["field"] == "/time_expire"
    merchant.sandbox.options.longest_expiry_days = 15
    assert create(days=14).status == 200


def test_without_a_deadline_it_is_seven_days(merchant):
    merchant.create()
    merchant.wait(days=7, seconds=1)
    assert merchant.pay().state == "unpaid"


def test_a_number_may_have_all_that_the_documents_allow(merchant):
    assert merchant.create("aB3_-|*x").status == 200
    assert merchant.create("x" * 32).status == 200


BAD = [
    ("native", {"appid": None}, "/appid"),
    ("native", {"appid": 1}, "/appid"),
    ("native", {"mchid": None}, "/mchid"),
    ("native", {"mchid": "shop"}, "/mchid"),
    ("native", {"description": None}, "/description"),
    ("native", {"description": ""}, "/description"),
    ("native", {"description": "号" * 128}, "/description"),
    ("native", {"out_trade_no": None}, "/out_trade_no"),
    ("native", {"out_trade_no": "12345"}, "/out_trade_no"),
    ("native", {"out_trade_no": "1" * 33}, "/out_trade_no"),
    ("native", {"out_trade_no": "ORDER 0001"}, "/out_trade_no"),
    ("native", {"out_trade_no": "ORDER_0001\n"}, "/out_trade_no"),
    ("native", {"out_trade_no": 1234567}, "/out_trade_no"),
    ("native", {"notify_url": None}, "/notify_url"),
    ("native", {"notify_url": "shop.example"}, "/notify_url"),
    ("native", {"notify_url": "ftp://shop.example/"}, "/notify_url"),
    ("native", {"notify_url": "https://shop.example/?a=1"}, "/notify_url"),
    ("native", {"notify_url": "https://shop.example/" + "x" * 256}, "/notify_url"),
    ("native", {"amount": None}, "/amount"),
    ("native", {"amount": 100}, "/amount"),
    ("native", {"amount": {}}, "/amount/total"),
    ("native", {"amount": {"total": 0}}, "/amount/total"),
    ("native", {"amount": {"total": -1}}, "/amount/total"),
    ("native", {"amount": {"total": 5.0}}, "/amount/total"),
    ("native", {"amount": {"total": "5"}}, "/amount/total"),
    ("native", {"amount": {"total": True}}, "/amount/total"),
    ("native", {"amount": {"total": 5, "currency": "USD"}}, "/amount/currency"),
    ("native", {"amount": {"total": 5, "tip": 1}}, "/amount/tip"),
    ("native", {"time_expire": "2099-01-01 00:00:00"}, "/time_expire"),
    ("native", {"time_expire": "2099-01-01T00:00:00"}, "/time_expire"),
    ("native", {"time_expire": "2099-13-01T00:00:00+08:00"}, "/time_expire"),
    ("native", {"time_expire": "2099-01-01T00:00:00.5+08:00"}, "/time_expire"),
    ("native", {"time_expire": 4070880000}, "/time_expire"),
    ("native", {"attach": "x" * 129}, "/attach"),
    ("native", {"goods_tag": "x" * 33}, "/goods_tag"),
    ("native", {"support_fapiao": "yes"}, "/support_fapiao"),
    ("native", {"settle_info": {"profit_sharing": 1}}, "/settle_info/profit_sharing"),
    ("native", {"detail": {"goods_detail": []}}, "/detail/goods_detail"),
    (
        "native",
        {"detail": {"goods_detail": [{"quantity": 1, "unit_price": 1}]}},
        "/detail/goods_detail/0/merchant_goods_id",
    ),
    ("native", {"scene_info": {}}, "/scene_info/payer_client_ip"),
    ("native", {"scene_info": {"payer_client_ip": "here"}}, "/scene_info/payer_client_ip"),
    ("native", {"payer": {"openid": "o"}}, "/payer"),
    ("native", {"total_fee": 1}, "/total_fee"),
    ("jsapi", {"payer": None}, "/payer"),
    ("jsapi", {"payer": {}}, "/payer/openid"),
    ("jsapi", {"payer": {"openid": ""}}, "/payer/openid"),
    ("jsapi", {"payer": {"openid": "o p"}}, "/payer/openid"),
    ("h5", {"scene_info": None}, "/scene_info"),
    ("h5", {"scene_info": {"payer_client_ip": "::1"}}, "/scene_info/h5_info"),
    ("h5", {"scene_info": {"payer_client_ip": "::1", "h5_info": {"type": "Symbian"}}}, "/scene_info/h5_info/type"),
]


@pytest.mark.parametrize(("channel", "fields", "named"), BAD, ids=lambda value: str(value)[:60])
def test_a_bad_field_is_named(merchant, channel, fields, named):
    answer = merchant.call("POST", f"{TRADES}/{channel}", order(channel=channel, **fields))
    assert answer.code == (400, "PARAM_ERROR")
    assert answer.json["detail"]["field"] == named
    assert answer.json["detail"].keys() == {"field", "value", "issue", "location"}
    assert not answer.signed
    assert merchant.sandbox.books.trades("wechat") == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1", b"NaN", b"\xff", b"[" * 5000])
def test_a_body_must_be_a_json_object(merchant, raw):
    assert merchant.call("POST", f"{TRADES}/native", raw=raw).code == (400, "PARAM_ERROR")


def test_a_name_stands_once_in_a_body(merchant):
    twice = json.dumps(order()).replace('"description"', '"out_trade_no": "ORDER_0002", "description"').encode()
    assert json.loads(twice) == order()
    assert merchant.call("POST", f"{TRADES}/native", raw=twice).code == (400, "PARAM_ERROR")


def test_other_merchants_and_apps_are_refused(merchant):
    assert merchant.create(appid="wx0000000000000000").code == (400, "APPID_MCHID_NOT_MATCH")
    assert merchant.create(mchid="1900000000").code == (400, "MCH_NOT_EXISTS")
    merchant.create()
    for target in (f"{TRADES}/out-trade-no/ORDER_0001", f"{TRADES}/id/42"):
        assert merchant.call("GET", target).code == (400, "PARAM_ERROR")
        assert merchant.call("GET", f"{target}?mchid=1900000000").code == (400, "MCH_NOT_EXISTS")
        assert merchant.call("GET", f"{target}?mchid={MCHID}&sp=1").code == (400, "PARAM_ERROR")
    closing = f"{TRADES}/out-trade-no/ORDER_0001/close"
    for body, code in [
        ({}, "PARAM_ERROR"),
        ({"mchid": "1900000000"}, "MCH_NOT_EXISTS"),
        ({"mchid": MCHID, "a": 1}, "PARAM_ERROR"),
    ]:
        assert merchant.call("POST", closing, body).code == (400, code)
    assert merchant.query().json["trade_state"] == "NOTPAY"
