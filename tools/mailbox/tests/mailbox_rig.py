"""A mailbox on free ports, and who writes to it: smtplib, and both providers' SDKs as their customers use them."""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_dysmsapi20170525.client import Client as AlibabaClient
from alibabacloud_dysmsapi20170525.models import QuerySendDetailsRequest, SendSmsRequest
from alibabacloud_tea_openapi.models import Config
from darabonba.runtime import RuntimeOptions
from mailbox_sandbox.parts import APP_ID, KEY_ID, KEY_SECRET, PASSWORD, SIGN, USER
from mailbox_sandbox.server import Server
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models as tencent
from tencentcloud.sms.v20210111.sms_client import SmsClient

PHONE = "13800138000"


@contextmanager
def a_mailbox(directory: Path, **how: Any) -> Iterator[Server]:
    server = Server(directory, **how)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ctl(server: Server, method: str, path: str, body: Any = None) -> Any:
    asked = urllib.request.Request(
        f"{server.url}/_ctl/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return {"status": error.code, **json.load(error)}


@contextmanager
def mailer(server: Server, *, tls: bool = True, login: bool = True) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=20) as client:
        if tls:
            client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        if login:
            client.login(USER, PASSWORD)
        yield client


def a_letter(
    to: str = "li@example.com", subject: str = "预约成功", text: str = "您的预约已成功。", **more: str
) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = "Haoyuan <no-reply@haoyuan.example>"
    letter["To"], letter["Subject"], letter["Message-ID"] = to, subject, "<key1@haoyuan.example>"
    letter.set_content(text)
    if "html" in more:
        letter.add_alternative(more["html"], subtype="html")
    if "calendar" in more:
        letter.add_attachment(
            more["calendar"].encode(), "text", "calendar", filename="visit.ics", params={"method": "REQUEST"}
        )
    return letter


def alibaba(server: Server, key: str = KEY_ID, secret: str = KEY_SECRET) -> AlibabaClient:
    parts = urlsplit(server.url)
    config = Config(access_key_id=key, access_key_secret=secret, endpoint=parts.netloc, protocol="http")
    config.read_timeout = config.connect_timeout = 20_000
    return AlibabaClient(config)


def send_alibaba(server: Server, client: AlibabaClient | None = None, **changed: Any) -> Mapping[str, Any]:
    fields = {
        "phone_numbers": PHONE,
        "sign_name": SIGN,
        "template_code": "SMS_code_login.zh-CN",
        "template_param": '{"code": "123456"}',
        "out_id": "note_1:sms",
        **changed,
    }
    answer = (client or alibaba(server)).send_sms_with_options(
        SendSmsRequest(**fields), RuntimeOptions(autoretry=False, max_attempts=1)
    )
    return answer.body.to_map()


def query_alibaba(server: Server, day: str, **changed: Any) -> Mapping[str, Any]:
    fields = {"phone_number": PHONE, "send_date": day, "page_size": 10, "current_page": 1, **changed}
    return alibaba(server).query_send_details(QuerySendDetailsRequest(**fields)).body.to_map()


def tencent_client(server: Server, key: str = KEY_ID, secret: str = KEY_SECRET) -> SmsClient:
    http = HttpProfile(protocol="http", endpoint=urlsplit(server.url).netloc, reqTimeout=20)
    return SmsClient(Credential(key, secret), "ap-guangzhou", ClientProfile(httpProfile=http))


def send_tencent(server: Server, client: SmsClient | None = None, **changed: Any) -> Mapping[str, Any]:
    fields = {
        "PhoneNumberSet": [f"+86{PHONE}"],
        "SmsSdkAppId": APP_ID,
        "SignName": SIGN,
        "TemplateId": "code_login.zh-CN",
        "TemplateParamSet": ["123456"],
        "SessionContext": "note_1:sms",
        **changed,
    }
    request = tencent.SendSmsRequest()
    request.from_json_string(json.dumps(fields))
    return json.loads((client or tencent_client(server)).SendSms(request).to_json_string())


def pull_tencent(server: Server, **fields: Any) -> list[Mapping[str, Any]]:
    client = tencent_client(server)
    if fields:
        request = tencent.PullSmsSendStatusByPhoneNumberRequest()
        request.from_json_string(json.dumps({"SmsSdkAppId": APP_ID, "Offset": 0, "Limit": 10, **fields}))
        answer = client.PullSmsSendStatusByPhoneNumber(request)
    else:
        request = tencent.PullSmsSendStatusRequest()
        request.from_json_string(json.dumps({"SmsSdkAppId": APP_ID, "Limit": 10}))
        answer = client.PullSmsSendStatus(request)
    return json.loads(answer.to_json_string())["PullSmsSendStatusSet"]
