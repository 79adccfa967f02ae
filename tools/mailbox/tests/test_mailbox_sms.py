"""Both providers' protocols, spoken by the SDKs that their customers use, and by hand where an SDK would not say it wrong."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException
from mailbox_rig import (
    PHONE,
    a_mailbox,
    alibaba,
    ctl,
    pull_tencent,
    query_alibaba,
    send_alibaba,
    send_tencent,
    tencent_client,
)
from mailbox_sandbox.parts import KEY_ID, KEY_SECRET
from mailbox_sandbox.sms import beijing, number
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

NUMBER = f"+86{PHONE}"


def test_alibabas_sdk_sends_and_asks(mailbox):
    answer = send_alibaba(mailbox)
    assert answer["Code"] == "OK"
    (message,) = mailbox.messages(PHONE)
    assert (message.to, message.provider, message.key, message.template) == (
        NUMBER, "alibaba", "note_1:sms", "SMS_code_login.zh-CN",
    )  # fmt: skip
    assert message.variables == {"code": "123456"}
    assert message.code == "123456"
    asked = query_alibaba(mailbox, beijing(time.time())[:10].replace("-", ""), biz_id=answer["BizId"])
    (row,) = asked["SmsSendDetailDTOs"]["SmsSendDetailDTO"]
    assert (row["OutId"], row["PhoneNum"], row["TemplateCode"]) == ("note_1:sms", PHONE, "SMS_code_login.zh-CN")
    assert row["SendStatus"] in {1, 3}
    assert query_alibaba(mailbox, "20200101")["TotalCount"] == 0
    assert query_alibaba(mailbox, "20200101", biz_id="another")["TotalCount"] == 0


def test_tencents_sdk_sends_and_asks(mailbox):
    (row,) = send_tencent(mailbox)["SendStatusSet"]
    assert (row["Code"], row["PhoneNumber"], row["SessionContext"]) == ("Ok", NUMBER, "note_1:sms")
    (message,) = mailbox.messages(NUMBER)
    assert (message.provider, message.key, message.reference) == ("tencent", "note_1:sms", row["SerialNo"])
    assert message.variables == {"1": "123456"}
    assert message.code == "123456"
    mailbox.receipts.end(message.id, "delivered", "DELIVRD")
    (told,) = pull_tencent(mailbox, PhoneNumber=NUMBER, BeginTime=int(time.time()) - 60)
    assert (told["SerialNo"], told["ReportStatus"], told["SessionContext"]) == (row["SerialNo"], "SUCCESS", "")
    assert [told["SerialNo"] for told in pull_tencent(mailbox)] == [row["SerialNo"]]
    assert pull_tencent(mailbox) == []  # each is told once
    ctl(mailbox, "POST", "options", {"session_context": True})
    (told,) = pull_tencent(mailbox, PhoneNumber=NUMBER, BeginTime=int(time.time()) - 60)
    assert told["SessionContext"] == "note_1:sms"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"phone_numbers": "12345"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"sign_name": "别人"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"template_code": "code_login.zh-CN"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"template_code": "SMS_code_login.fr"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"template_param": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"template_param": '{"code": 123456}'}, "isv.INVALID_JSON_PARAM"),
        ({"template_param": '{"code": "https://a.example"}'}, "isv.PARAM_NOT_SUPPORT_URL"),
        ({"template_param": json.dumps({"code": "长" * 36})}, "isv.PARAM_LENGTH_LIMIT"),
        ({"out_id": "x" * 257}, "isv.INVALID_PARAMETERS"),
    ],
)
def test_alibaba_refuses_what_its_rules_forbid(mailbox, changed, code):
    assert send_alibaba(mailbox, **changed)["Code"] == code
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"PhoneNumberSet": ["12345"]}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"SignName": "别人"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"TemplateId": "SMS_code_login.zh-CN"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"TemplateParamSet": ["www.a.example"]}, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
    ],
)
def test_tencent_refuses_a_number_by_its_status(mailbox, changed, code):
    (row,) = send_tencent(mailbox, **changed)["SendStatusSet"]
    assert (row["Code"], row["SerialNo"]) == (code, "")
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"PhoneNumberSet": []}, "MissingParameter.EmptyPhoneNumberSet"),
        ({"PhoneNumberSet": [NUMBER] * 201}, "LimitExceeded.PhoneNumberCountLimit"),
        ({"SmsSdkAppId": "1400000002"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"TemplateParamSet": [123456]}, "InvalidParameter"),
        ({"SignName": 5}, "InvalidParameter"),
    ],
)
def test_tencent_refuses_a_call_as_a_whole(mailbox, changed, code):
    with pytest.raises(TencentCloudSDKException) as refused:
        send_tencent(mailbox, **changed)
    assert refused.value.get_code() == code
    assert mailbox.messages() == []


def test_who_does_not_know_the_secret_is_refused(mailbox):
    for key, secret, code in (
        ("another", KEY_SECRET, "InvalidAccessKeyId.NotFound"),
        (KEY_ID, "wrong", "SignatureDoesNotMatch"),
    ):
        with pytest.raises(ClientException) as refused:
            send_alibaba(mailbox, alibaba(mailbox, key, secret))
        assert refused.value.code == code
    for key, secret, code in (
        ("another", KEY_SECRET, "AuthFailure.SecretIdNotFound"),
        (KEY_ID, "wrong", "AuthFailure.SignatureFailure"),
    ):
        with pytest.raises(TencentCloudSDKException) as failed:
            send_tencent(mailbox, tencent_client(mailbox, key, secret))
        assert failed.value.get_code() == code
    assert mailbox.messages() == []


# --- by hand ---------------------------------------------------------------------------------------------------------


def by_hand(mailbox, query="", *, secret=KEY_SECRET, signed=None, body=b"", **headers):
    """A call of Alibaba's, as its documents say how to sign one; answers the status and the code."""
    host = mailbox.url.removeprefix("http://")
    told = {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": str(time.monotonic_ns()),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    names = sorted(signed or told)
    lines = "".join(f"{name}:{told[name]}\n" for name in names)
    asked = f"POST\n/\n{query}\n{lines}\n{';'.join(names)}\n{told['x-acs-content-sha256']}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(asked.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    told["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={';'.join(names)},Signature={signature}"
    )
    told.setdefault("Content-Type", "application/octet-stream")
    request = urllib.request.Request(f"{mailbox.url}/?{query}", body, told, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)["Code"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["Code"]


QUERY = f"PhoneNumbers={PHONE}&SignName=%E5%8F%B7%E6%BA%90&TemplateCode=SMS_code_login.zh-CN&TemplateParam=%7B%22code%22%3A%22123456%22%7D"
TYPED = {"content_type": "application/octet-stream"}


def test_a_call_that_is_signed_by_the_book_is_answered(mailbox):
    assert by_hand(mailbox, QUERY, **TYPED) == (200, "OK")


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({"x_acs_date": "2026-01-01"}, (400, "InvalidTimeStamp.Format")),
        (
            {"x_acs_date": f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"},
            (400, "InvalidTimeStamp.Expired"),
        ),
        ({"x_acs_content_sha256": "0" * 64}, (400, "SignatureDoesNotMatch")),
        ({"x_acs_version": "2018-05-01"}, (400, "InvalidVersion")),
        ({"x_acs_action": "DeleteSms"}, (404, "InvalidAction.NotFound")),
        ({"secret": "wrong"}, (400, "SignatureDoesNotMatch")),
        ({"signed": ["host", "x-acs-action", "x-acs-date"]}, (400, "IncompleteSignature")),
    ],
    ids=["format", "expired", "body", "version", "action", "secret", "signed"],
)
def test_alibabas_gateway_is_strict(mailbox, how, answer):
    assert by_hand(mailbox, QUERY, **TYPED, **how) == answer
    assert mailbox.messages() == []


def test_a_nonce_is_good_once_and_only_with_a_good_signature(mailbox):
    assert by_hand(mailbox, QUERY, secret="wrong", x_acs_signature_nonce="n1", **TYPED)[1] == "SignatureDoesNotMatch"
    assert by_hand(mailbox, QUERY, x_acs_signature_nonce="n1", **TYPED) == (200, "OK")
    assert by_hand(mailbox, QUERY, x_acs_signature_nonce="n1", **TYPED) == (400, "SignatureNonceUsed")
    assert len(mailbox.messages()) == 1


def test_what_is_mandatory_is_named(mailbox):
    assert by_hand(mailbox, f"PhoneNumbers={PHONE}", **TYPED) == (400, "MissingSignName")


def tc3_by_hand(mailbox, *, ahead=0, day=None, region="ap-guangzhou", version="2021-01-11", names="content-type;host"):
    """A call of Tencent's, as its documents say how to sign one; answers the error's code."""
    body = json.dumps({"SmsSdkAppId": "1400000001", "Limit": 1}).encode()
    stamp = str(int(time.time()) + ahead)
    date = day or f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%d}"
    told = {"content-type": "application/json; charset=utf-8", "host": mailbox.url.removeprefix("http://")}
    lines = "".join(f"{name}:{told[name]}\n" for name in names.split(";"))
    asked = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"TC3-HMAC-SHA256\n{stamp}\n{date}/sms/tc3_request\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"TC3{KEY_SECRET}".encode()
    for part in (date, "sms", "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    told |= {
        "X-TC-Action": "PullSmsSendStatus",
        "X-TC-Version": version,
        "X-TC-Region": region,
        "X-TC-Timestamp": stamp,
        "Authorization": f"TC3-HMAC-SHA256 Credential={KEY_ID}/{date}/sms/tc3_request, SignedHeaders={names}, Signature={signature}",
    }
    with urllib.request.urlopen(urllib.request.Request(mailbox.url, body, told), timeout=20) as answer:
        return json.load(answer)["Response"].get("Error", {}).get("Code")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({}, None),
        ({"ahead": -301}, "AuthFailure.SignatureExpire"),
        ({"ahead": 400}, "AuthFailure.SignatureExpire"),
        ({"day": "2026-01-01"}, "AuthFailure.SignatureFailure"),
        ({"names": "host"}, "AuthFailure.SignatureFailure"),
        ({"version": "2019-07-11"}, "NoSuchVersion"),
        ({"region": "eu-frankfurt"}, "UnsupportedRegion"),
    ],
    ids=["good", "old", "early", "day", "signed", "version", "region"],
)
def test_tencents_gateway_is_strict(mailbox, how, code):
    assert tc3_by_hand(mailbox, **how) == code


# --- templates, numbers ----------------------------------------------------------------------------------------------


def test_with_the_texts_it_shows_them_and_knows_what_a_template_wants(tmp_path):
    texts = {"visit.zh-CN": "{date}，{doctor}，请于{time}报到。{date}"}
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    variables = {"date": "11月23日", "doctor": "王医生", "time": "08:00"}
    with a_mailbox(tmp_path / "mailbox", templates=tmp_path / "texts.json") as mailbox:
        assert send_alibaba(mailbox)["Code"] == "isv.SMS_TEMPLATE_ILLEGAL"
        known = {"template_code": "SMS_visit.zh-CN"}
        assert send_alibaba(mailbox, **known)["Code"] == "isv.TEMPLATE_MISSING_PARAMETERS"
        assert send_alibaba(mailbox, **known, template_param=json.dumps(variables))["Code"] == "OK"
        (row,) = send_tencent(mailbox, TemplateId="visit.zh-CN")["SendStatusSet"]
        assert row["Code"] == "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        (row,) = send_tencent(mailbox, TemplateId="visit.zh-CN", TemplateParamSet=list(variables.values()))[
            "SendStatusSet"
        ]
        assert row["Code"] == "Ok"
        assert {message.text for message in mailbox.messages()} == {"11月23日，王医生，请于08:00报到。11月23日"}
        assert [message.variables for message in mailbox.messages()] == [variables, variables]


def test_texts_that_are_none_stop_the_start(tmp_path):
    (tmp_path / "texts.json").write_text('{"a": 1}')
    for _ in range(2):  # the directory is free again
        with pytest.raises(ValueError, match=r"kind\.locale"), a_mailbox(tmp_path, templates=tmp_path / "texts.json"):
            pass


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("13800138000", NUMBER),
        ("+86 138-0013-8000", NUMBER),
        ("008613800138000", NUMBER),
        ("8613800138000", NUMBER),
        ("+85212345678", "+85212345678"),
        ("12800138000", ""),
        ("+8612800138000", ""),
        ("1380013800", ""),
        ("", ""),
    ],
)
def test_a_number_is_one_number_however_it_is_written(said, meant):
    assert number(said) == meant
