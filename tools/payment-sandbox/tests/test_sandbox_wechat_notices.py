"""What WeChat Pay tells the merchant unasked."""

import base64
import hashlib
import json
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from payment_sandbox.parts import AFTER
from sandbox_wechat_merchant import APPID, CERTIFICATE, MCHID, PUBLIC_KEY_ID, merchant_at, unsealed, verified


@pytest.fixture
def merchant(tmp_path):
    with merchant_at(tmp_path) as merchant:
        yield merchant


def delivery(merchant, flaw=None, which=-1):
    return merchant.sandbox.vendors["wechat"].delivery(merchant.sandbox, merchant.notices()[which], flaw)


def told(merchant, which=-1):
    """The envelope, and what was in it."""
    letter = delivery(merchant, which=which)
    assert verified(letter.headers, letter.body)
    envelope = json.loads(letter.body)
    return envelope, json.loads(unsealed(envelope["resource"]))


def test_a_payment_is_told(merchant):
    trade = merchant.paid(fen=1234, attach="mine")
    envelope, plain = told(merchant)
    assert envelope.keys() == {"id", "create_time", "resource_type", "event_type", "summary", "resource"}
    assert (envelope["event_type"], envelope["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    assert envelope["create_time"] == trade.paid_at.isoformat(timespec="seconds")
    assert envelope["resource"].keys() == {"original_type", "algorithm", "ciphertext", "associated_data", "nonce"}
    assert envelope["resource"]["original_type"] == "transaction"
    assert (plain["appid"], plain["mchid"], plain["out_trade_no"]) == (APPID, MCHID, "ORDER_0001")
    assert (plain["trade_state"], plain["transaction_id"]) == ("SUCCESS", trade.transaction_id)
    assert (plain["trade_type"], plain["attach"]) == ("NATIVE", "mine")
    assert plain["amount"] == {"total": 1234, "payer_total": 1234, "currency": "CNY", "payer_currency": "CNY"}
    assert plain["payer"]["openid"]


def test_a_payment_that_went_back_meanwhile_was_a_payment(merchant):
    merchant.paid()
    merchant.refund()
    assert told(merchant, which=0)[1]["trade_state"] == "SUCCESS"
    assert merchant.query().json["trade_state"] == "REFUND"


@pytest.mark.parametrize("state", ["success", "abnormal", "closed"])
def test_the_end_of_a_refund_is_told_in_words_of_its_own(merchant, state):
    trade = merchant.paid(fen=500)
    merchant.sandbox.options.refund_outcome = state
    refund = merchant.refund(fen=200, total=500).json
    envelope, plain = told(merchant)
    assert (envelope["event_type"], envelope["resource"]["original_type"]) == (f"REFUND.{state.upper()}", "refund")
    assert plain["refund_status"] == state.upper()
    assert "status" not in plain
    assert (plain["mchid"], plain["out_trade_no"], plain["out_refund_no"]) == (MCHID, "ORDER_0001", "REFUND_1")
    assert (plain["transaction_id"], plain["refund_id"]) == (trade.transaction_id, refund["refund_id"])
    assert plain["amount"] == {"total": 500, "refund": 200, "payer_total": 500, "payer_refund": 200}
    assert ("success_time" in plain) is (state == "success")


def test_neither_creation_nor_close_nor_acceptance_is_told(merchant):
    merchant.create()
    merchant.close()
    merchant.paid("ORDER_0002")
    merchant.sandbox.options.refund_outcome = "processing"
    merchant.refund(order="ORDER_0002")
    assert [(notice.event, notice.number) for notice in merchant.notices()] == [("paid", "ORDER_0002")]


def test_a_repetition_is_the_same_notice_signed_and_sealed_anew(merchant):
    merchant.paid()
    first, again = delivery(merchant), delivery(merchant)
    one, other = json.loads(first.body), json.loads(again.body)
    assert one["id"] == other["id"]
    assert one["resource"]["ciphertext"] != other["resource"]["ciphertext"]
    for name in ("Wechatpay-Nonce", "Wechatpay-Signature"):
        assert first.headers[name] != again.headers[name]


def test_what_is_sealed_cannot_be_changed(merchant):
    merchant.paid()
    resource = json.loads(delivery(merchant).body)["resource"]
    with pytest.raises(InvalidTag):
        unsealed({**resource, "associated_data": "refund"})


@pytest.mark.parametrize(
    ("way", "serials"),
    [("public_key", {PUBLIC_KEY_ID}), ("certificate", {CERTIFICATE}), ("both", {PUBLIC_KEY_ID, CERTIFICATE})],
)
def test_callbacks_come_under_the_key_of_the_day(merchant, way, serials):
    merchant.sandbox.options.more["wechat_callbacks"] = way
    for number in range(24):
        merchant.paid(f"ORDER_{number:04}")
    letters = [delivery(merchant, which=which) for which in range(24)]
    assert {letter.headers["Wechatpay-Serial"] for letter in letters} == serials
    assert all(verified(letter.headers, letter.body) for letter in letters)


@pytest.mark.parametrize("flaw", [name for name in AFTER if name not in {"drop-after", "500-after"}])
def test_a_callback_with_a_flaw_is_not_to_be_believed(merchant, flaw):
    merchant.paid()
    letter = delivery(merchant, flaw)
    assert verified(letter.headers, letter.body) is (flaw in {"malformed", "wrong-serial"})
    if flaw == "malformed":
        with pytest.raises(ValueError):
            json.loads(letter.body)
    if flaw == "wrong-serial":
        assert letter.headers["Wechatpay-Serial"] not in {PUBLIC_KEY_ID, CERTIFICATE}
    if flaw == "signtest":
        assert letter.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    if flaw == "unsigned":
        assert letter.headers.keys() == {"Content-Type"}


@pytest.mark.parametrize("state", ["success", "closed", "abnormal"])
def test_some_refunds_are_told_in_xml(merchant, state):
    merchant.paid(fen=500)
    merchant.sandbox.options.refund_outcome = state
    merchant.refund(fen=200, total=500)
    letter = delivery(merchant, "xml")
    assert letter.headers == {"Content-Type": "text/xml"}
    said = {element.tag: element.text for element in ET.fromstring(letter.body)}
    assert (said["return_code"], said["mch_id"], said["appid"]) == ("SUCCESS", MCHID, APPID)
    key = hashlib.md5(b"haoyuan-sandbox-apiv2-key-000001", usedforsecurity=False).hexdigest().encode()
    opener = Cipher(AES(key), ECB()).decryptor()
    padded = opener.update(base64.b64decode(said["req_info"])) + opener.finalize()
    inner = {element.tag: element.text for element in ET.fromstring(padded[: -padded[-1]])}
    assert (inner["out_refund_no"], inner["refund_fee"], inner["total_fee"]) == ("REFUND_1", "200", "500")
    assert inner["refund_status"] == {"success": "SUCCESS", "closed": "REFUNDCLOSE", "abnormal": "CHANGE"}[state]


def test_the_vendors_schedule(merchant):
    schedule = merchant.sandbox.vendors["wechat"].schedule
    assert list(schedule[:5]) == [timedelta(seconds=seconds) for seconds in (15, 15, 30, 180, 600)]
    assert list(schedule[-5:]) == [timedelta(hours=hours) for hours in (3, 3, 3, 6, 6)]
    assert (len(schedule), sum(schedule, timedelta())) == (15, timedelta(hours=24, minutes=4))


@pytest.mark.parametrize(
    ("status", "heard"), [(200, True), (204, True), (201, False), (302, False), (401, False), (500, False)]
)
def test_the_merchant_has_heard_with_200_and_204(merchant, status, heard):
    assert merchant.sandbox.vendors["wechat"].accepted(status, b'{"code":"FAIL"}') is heard
