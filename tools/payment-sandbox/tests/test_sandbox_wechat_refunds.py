"""Refunds of WeChat Pay: accepted, asked for, at their end, and on another way."""

import pytest
from sandbox_wechat_merchant import CERTIFICATE, REFUNDS, merchant_at, refund, sealed_for_platform


@pytest.fixture
def merchant(tmp_path):
    with merchant_at(tmp_path) as merchant:
        yield merchant


def test_a_refund_is_accepted_and_done_later(merchant):
    trade = merchant.paid(fen=500)
    merchant.sandbox.options.refund_minutes = 3
    said = merchant.refund(fen=200, total=500).json
    assert said["status"] == "PROCESSING"
    assert "success_time" not in said
    assert (said["out_refund_no"], said["out_trade_no"]) == ("REFUND_1", "ORDER_0001")
    assert (said["transaction_id"], said["channel"]) == (trade.transaction_id, "ORIGINAL")
    assert (said["amount"]["refund"], said["amount"]["total"], said["amount"]["currency"]) == (200, 500, "CNY")
    assert merchant.refund_state().json["status"] == "PROCESSING"
    merchant.wait(minutes=3)
    done = merchant.refund_state().json
    assert (done["status"], done["refund_id"]) == ("SUCCESS", said["refund_id"])
    assert done["success_time"] == merchant.sandbox.now().isoformat(timespec="seconds")


def test_an_order_may_be_named_by_either_number(merchant):
    trade = merchant.paid()
    body = refund(fen=1, out_trade_no=None, transaction_id=trade.transaction_id)
    assert merchant.call("POST", REFUNDS, body).json["out_trade_no"] == "ORDER_0001"
    merchant.wait(minutes=2)
    wrong = refund("REFUND_2", fen=1, transaction_id="4200000000000000000000000000")
    assert merchant.call("POST", REFUNDS, wrong).code == (400, "INVALID_REQUEST")


def test_the_same_number_refunds_once(merchant):
    merchant.paid(fen=500)
    first = merchant.refund(fen=200, total=500)
    again = merchant.refund(fen=200, total=500)
    assert (again.status, again.json["refund_id"]) == (200, first.json["refund_id"])
    assert again.json["status"] == "SUCCESS"
    assert merchant.refund(fen=201, total=500).code == (400, "INVALID_REQUEST")
    merchant.paid("ORDER_0002", fen=500)
    assert merchant.refund(order="ORDER_0002", fen=200, total=500).code == (400, "INVALID_REQUEST")
    assert len(merchant.sandbox.books.refunds("wechat")) == 1


def test_no_more_goes_back_than_came(merchant):
    merchant.paid(fen=500)
    assert merchant.refund("REFUND_1", fen=501, total=500).code == (400, "INVALID_REQUEST")
    assert merchant.refund("REFUND_1", fen=300, total=500).status == 200
    merchant.wait(minutes=1)
    assert merchant.refund("REFUND_2", fen=201, total=500).code == (400, "INVALID_REQUEST")
    assert merchant.refund("REFUND_2", fen=200, total=500).status == 200
    merchant.wait(minutes=1)
    assert merchant.refund("REFUND_3", fen=1, total=500).code == (400, "INVALID_REQUEST")


def test_the_total_must_be_the_orders(merchant):
    merchant.paid(fen=500)
    assert merchant.refund(fen=100, total=400).code == (400, "INVALID_REQUEST")


def test_refunds_of_one_order_keep_a_minute_apart(merchant):
    merchant.paid(fen=500)
    merchant.paid("ORDER_0002", fen=500)
    merchant.refund("REFUND_1", fen=1, total=500)
    merchant.wait(seconds=59)
    assert merchant.refund("REFUND_2", fen=1, total=500).code == (429, "FREQUENCY_LIMITED")
    assert merchant.refund_state("REFUND_2").code == (404, "RESOURCE_NOT_EXISTS")
    assert merchant.refund("REFUND_3", "ORDER_0002", fen=1, total=500).status == 200
    assert merchant.refund("REFUND_1", fen=1, total=500).status == 200
    merchant.wait(seconds=1)
    assert merchant.refund("REFUND_2", fen=1, total=500).status == 200
    merchant.sandbox.options.refund_rule_seconds = False
    assert merchant.refund("REFUND_4", fen=1, total=500).status == 200


def test_the_51st_part_is_refused(merchant):
    merchant.paid(fen=500)
    merchant.sandbox.options.refund_rule_seconds = False
    for part in range(50):
        assert merchant.refund(f"REFUND_{part}", fen=1, total=500).status == 200
    assert merchant.refund("REFUND_50", fen=1, total=500).code == (403, "RULE_LIMIT")
    assert merchant.refund("REFUND_49", fen=1, total=500).status == 200


def test_after_a_year_it_is_too_late(merchant):
    merchant.paid()
    merchant.wait(days=365, seconds=1)
    assert merchant.refund().code == (400, "INVALID_REQUEST")


def test_who_has_not_enough_tops_up_and_asks_again(merchant):
    merchant.paid(fen=500)
    merchant.sandbox.options.balance = 299
    assert merchant.refund(fen=300, total=500).code == (403, "NOT_ENOUGH")
    assert merchant.refund_state().code == (404, "RESOURCE_NOT_EXISTS")
    merchant.sandbox.options.balance = 300
    assert merchant.refund(fen=300, total=500).status == 200
    merchant.wait(minutes=1)
    assert merchant.refund("REFUND_2", fen=1, total=500).code == (403, "NOT_ENOUGH")


def test_only_what_was_paid_can_be_refunded(merchant):
    assert merchant.refund().code == (404, "RESOURCE_NOT_EXISTS")
    merchant.create()
    assert merchant.refund().code == (403, "TRADE_ERROR")
    merchant.close()
    assert merchant.refund().code == (403, "TRADE_ERROR")


def test_a_refund_may_not_be_accepted_at_all(merchant):
    merchant.paid()
    merchant.sandbox.options.refund_outcome = "refused"
    assert merchant.refund().code == (403, "USER_ACCOUNT_ABNORMAL")
    assert merchant.refund_state().status == 404


def test_a_closed_refund_needs_another_number(merchant):
    merchant.paid()
    merchant.sandbox.options.refund_outcome = "closed"
    merchant.refund()
    said = merchant.refund_state().json
    assert said["status"] == "CLOSED"
    assert "success_time" not in said
    merchant.sandbox.options.refund_outcome = "success"
    merchant.wait(minutes=1)
    assert merchant.refund().json["status"] == "CLOSED"
    assert merchant.refund("REFUND_2").status == 200
    assert merchant.refund_state("REFUND_2").json["status"] == "SUCCESS"


def card(**fields):
    said = {
        "out_refund_no": "REFUND_1",
        "type": "USER_BANK_CARD",
        "bank_type": "ICBC_DEBIT",
        "bank_account": sealed_for_platform("6222020000000001234"),
        "real_name": sealed_for_platform("测试"),
    }
    return {name: value for name, value in {**said, **fields}.items() if value is not None}


@pytest.fixture
def abnormal(merchant):
    """Where an abnormal refund can be helped on."""
    merchant.paid()
    merchant.sandbox.options.refund_outcome = "abnormal"
    merchant.refund()
    said = merchant.refund_state().json
    assert said["status"] == "ABNORMAL"
    assert "success_time" not in said
    return f"{REFUNDS}/{said['refund_id']}/apply-abnormal-refund"


def test_an_abnormal_refund_goes_to_another_card(merchant, abnormal):
    said = merchant.call("POST", abnormal, card()).json
    assert (said["status"], said["channel"]) == ("PROCESSING", "OTHER_BANKCARD")
    assert said["user_received_account"] == "ICBC_DEBIT 1234"
    assert "6222" not in str(said)
    done = merchant.refund_state().json
    assert (done["status"], done["user_received_account"]) == ("SUCCESS", "ICBC_DEBIT 1234")
    assert "success_time" in done
    again = merchant.call("POST", abnormal, card())
    assert (again.status, again.json["status"]) == (200, "SUCCESS")
    assert [notice.event for notice in merchant.notices()] == ["paid", "refund", "refund"]


def test_an_abnormal_refund_goes_to_the_merchants_card(merchant, abnormal):
    body = card(type="MERCHANT_BANK_CARD", bank_type=None, bank_account=None, real_name=None)
    assert merchant.call("POST", abnormal, body).status == 200
    assert merchant.refund_state().json["status"] == "SUCCESS"


def test_an_abnormal_refund_waits_if_it_shall_and_may_fail_again(merchant, abnormal):
    merchant.sandbox.options.refund_outcome = "processing"
    merchant.call("POST", abnormal, card())
    found = merchant.sandbox.books.refund("wechat", "REFUND_1")
    assert found.state == "processing"
    merchant.sandbox.end_refund(found, "abnormal")
    merchant.sandbox.options.refund_outcome = "success"
    assert merchant.call("POST", abnormal, card()).status == 200
    assert merchant.refund_state().json["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": None}, "/type"),
        ({"type": "WALLET"}, "/type"),
        ({"out_refund_no": None}, "/out_refund_no"),
        ({"bank_type": None}, "/bank_type"),
        ({"bank_type": "X" * 17}, "/bank_type"),
        ({"bank_account": None}, "/bank_account"),
        ({"bank_account": "6222020000000001234"}, "/bank_account"),
        ({"bank_account": "not base64"}, "/bank_account"),
        # named: what is encrypted is another each time, and both processes of a test run must know a test by one name
        pytest.param({"bank_account": sealed_for_platform("six")}, "/bank_account", id="sealed: six"),
        pytest.param({"bank_account": sealed_for_platform("six thousand")}, "/bank_account", id="sealed: six thousand"),
        ({"real_name": None}, "/real_name"),
        ({"real_name": "测试"}, "/real_name"),
        ({"sub_mchid": "1"}, "/sub_mchid"),
    ],
    ids=str,
)
def test_a_bad_card_is_named_and_not_repeated(merchant, abnormal, fields, named):
    answer = merchant.call("POST", abnormal, card(**fields))
    assert answer.code == (400, "PARAM_ERROR")
    assert answer.json["detail"]["field"] == named
    assert "6222020000000001234" not in answer.body.decode()
    assert merchant.refund_state().json["status"] == "ABNORMAL"


def test_who_encrypts_says_under_which_key(merchant, abnormal):
    assert merchant.call("POST", abnormal, card(), headers={"Wechatpay-Serial": None}).code == (400, "PARAM_ERROR")
    assert merchant.call("POST", abnormal, card(), headers={"Wechatpay-Serial": CERTIFICATE}).status == 200


def test_only_an_abnormal_refund_takes_another_way(merchant, abnormal):
    assert merchant.call("POST", abnormal, card(out_refund_no="REFUND_2")).code == (404, "RESOURCE_NOT_EXISTS")
    unknown = f"{REFUNDS}/50300000000000000000000000000/apply-abnormal-refund"
    assert merchant.call("POST", unknown, card()).code == (404, "RESOURCE_NOT_EXISTS")
    merchant.paid("ORDER_0002")
    merchant.sandbox.options.refund_outcome = "success"
    healthy = merchant.refund("REFUND_3", "ORDER_0002").json["refund_id"]
    path = f"{REFUNDS}/{healthy}/apply-abnormal-refund"
    assert merchant.call("POST", path, card(out_refund_no="REFUND_3")).code == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"out_refund_no": None}, "/out_refund_no"),
        ({"out_refund_no": ""}, "/out_refund_no"),
        ({"out_refund_no": "R" * 65}, "/out_refund_no"),
        ({"out_refund_no": "R 1"}, "/out_refund_no"),
        ({"out_trade_no": None}, "/transaction_id"),
        ({"out_trade_no": 1}, "/out_trade_no"),
        ({"transaction_id": "4" * 33}, "/transaction_id"),
        ({"reason": "退" * 81}, "/reason"),
        ({"notify_url": "https://shop.example/?a=1"}, "/notify_url"),
        ({"funds_account": "MINE"}, "/funds_account"),
        ({"amount": None}, "/amount"),
        ({"amount": {"total": 100, "currency": "CNY"}}, "/amount/refund"),
        ({"amount": {"refund": 1, "currency": "CNY"}}, "/amount/total"),
        ({"amount": {"refund": 1, "total": 100}}, "/amount/currency"),
        ({"amount": {"refund": 1, "total": 100, "currency": "USD"}}, "/amount/currency"),
        ({"amount": {"refund": 0, "total": 100, "currency": "CNY"}}, "/amount/refund"),
        ({"amount": {"refund": 1.0, "total": 100, "currency": "CNY"}}, "/amount/refund"),
        ({"amount": {"refund": 1, "total": 100, "currency": "CNY", "from": [{"amount": 1}]}}, "/amount/from/0/account"),
        ({"goods_detail": {}}, "/goods_detail"),
        ({"refund_fee": 1}, "/refund_fee"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(merchant, fields, named):
    merchant.paid()
    answer = merchant.call("POST", REFUNDS, {**refund(), **fields} if None not in fields.values() else refund(**fields))
    assert answer.code == (400, "PARAM_ERROR")
    assert answer.json["detail"]["field"] == named
    assert merchant.sandbox.books.refunds("wechat") == []


def test_the_query_of_a_refund_takes_nothing_besides(merchant):
    assert merchant.call("GET", f"{REFUNDS}/REFUND_1?sub_mchid=1").code == (400, "PARAM_ERROR")
