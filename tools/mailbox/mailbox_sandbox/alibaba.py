"""Alibaba Cloud's Dysmsapi 2017-05-25: RPC style, signed by ACS3-HMAC-SHA256.

https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
https://help.aliyun.com/document_detail/101414.html (SendSms), 102352 (QuerySendDetails), 101346 (codes), 101867 (SmsReport)
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Request, Response

from mailbox_sandbox import sms
from mailbox_sandbox.parts import KEY_ID, KEY_SECRET, SIGN, Message
from mailbox_sandbox.receipts import SUCCESS
from mailbox_sandbox.sms import Office

ALGORITHM, VERSION = "ACS3-HMAC-SHA256", "2017-05-25"
SKEW = timedelta(minutes=15)
MOST_NUMBERS, LONGEST_KEY, LONGEST_VALUE, MOST_ROWS = 1000, 256, 35, 50
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^,]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{{64}})"
)
STATUS = {"accepted": 1, "failed": 2, "delivered": 3}
ALIKE = ("x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256", "host")

TROUBLE = {
    "throttle": ("Throttling.User", 400, "Request was denied due to user flow control."),
    "refuse": ("isv.SMS_TEMPLATE_ILLEGAL", 200, "模版不合法(不存在或被拉黑)"),
    "limit_minute": ("isv.BUSINESS_LIMIT_CONTROL", 200, "触发分钟级流控Permits:1"),
    "limit_day": ("isv.BUSINESS_LIMIT_CONTROL", 200, "触发天级流控Permits:10"),
    "error": ("isp.SYSTEM_ERROR", 200, "系统错误"),
}


class _Refused(Exception):
    """The gateway refuses: nothing has happened."""

    def __init__(self, code: str, status: int, why: str) -> None:
        super().__init__(why)
        self.code, self.status, self.why = code, status, why


class Alibaba:
    """`answer(request)` is the whole of it."""

    name = "alibaba"

    def __init__(self, office: Office) -> None:
        self._office = office

    def answer(self, request: Request) -> Response:
        try:
            fields = self._verified(request)
            action = request.headers.get("x-acs-action", "")
            if action == "SendSms":
                return self._send(fields)
            if action == "QuerySendDetails":
                return self._query(fields)
            raise _Refused(
                "InvalidAction.NotFound", 404, "Specified api is not found, please check your url and method."
            )
        except _Refused as refused:
            return _answer(refused.code, refused.why, refused.status)

    def troubled(self, call: str, fault: str, to: Sequence[str]) -> Response:
        del call, to
        code, status, why = TROUBLE[fault]
        return _answer(code, why, status)

    # --- the gateway -------------------------------------------------------------------------------------------------

    def _verified(self, request: Request) -> Mapping[str, str]:
        """The call's fields, from the query and a form. Raises _Refused."""
        header = request.headers.get
        if header("x-acs-version") != VERSION:
            raise _Refused("InvalidVersion", 400, "Specified parameter Version is not valid.")
        found = _AUTHORIZATION.fullmatch(header("Authorization", ""))
        if found is None:
            raise _Refused("IncompleteSignature", 400, "The request signature does not conform to Aliyun standards.")
        key, signed, signature = found[1], found[2].split(";"), found[3]
        if key != KEY_ID:
            raise _Refused("InvalidAccessKeyId.NotFound", 404, "Specified access key is not found.")
        self._check_date(header("x-acs-date", ""))
        body = request.get_data()
        if header("x-acs-content-sha256", "") != hashlib.sha256(body).hexdigest():
            raise _Refused("SignatureDoesNotMatch", 400, "x-acs-content-sha256 is not the body's.")
        query = request.query_string.decode("ascii")
        if not hmac.compare_digest(signature, _signature(request, query, signed)):
            raise _Refused("SignatureDoesNotMatch", 400, "Specified signature does not match our calculation.")
        nonce = header("x-acs-signature-nonce", "")
        if not nonce or not self._office.box.use_nonce(nonce):
            raise _Refused("SignatureNonceUsed", 400, "Specified signature nonce was used already.")
        form = body.decode("utf-8", "replace") if "form" in header("Content-Type", "") else ""
        return dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True))

    @staticmethod
    def _check_date(said: str) -> None:
        try:
            date = datetime.strptime(said, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _Refused(
                "InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted."
            ) from None
        if abs(datetime.now(UTC) - date) > SKEW:
            raise _Refused("InvalidTimeStamp.Expired", 400, "Specified time stamp or date value is expired.")

    # --- the calls ---------------------------------------------------------------------------------------------------

    def _send(self, fields: Mapping[str, str]) -> Response:
        for name in ("PhoneNumbers", "SignName", "TemplateCode"):
            if not fields.get(name):
                raise _Refused(f"Missing{name}", 400, f"{name} is mandatory for this action.")
        numbers = [sms.number(text) for text in fields["PhoneNumbers"].split(",")]

        def work(dead: bool) -> tuple[Response, str]:
            refusal, variables = self._judged(fields, numbers)
            if refusal:
                return _answer(*refusal), refusal[0]
            reference = f"{sms.serial()}^0"
            for number in numbers:
                self._office.keep(
                    self.name,
                    number,
                    key=fields.get("OutId", ""),
                    reference=reference,
                    sender=fields["SignName"],
                    template=fields["TemplateCode"],
                    variables=variables,
                    dead=dead,
                )
            return _answer("OK", "OK", BizId=reference), "OK"

        return self._office.serve(self, "send", numbers, work)

    def _judged(
        self, fields: Mapping[str, str], numbers: Sequence[str]
    ) -> tuple[tuple[str, str] | None, dict[str, str]]:
        """Why it is not sent, and the template's variables."""
        if not all(numbers):
            return ("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号"), {}
        if len(numbers) > MOST_NUMBERS:
            return ("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制"), {}
        if fields["SignName"] != SIGN:
            return ("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法"), {}
        if not fields["TemplateCode"].startswith("SMS_") or not self._office.templates.approved(fields["TemplateCode"]):
            return ("isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法"), {}
        if len(fields.get("OutId", "").encode()) > LONGEST_KEY:
            return ("isv.INVALID_PARAMETERS", "参数异常"), {}
        try:
            variables = json.loads(fields.get("TemplateParam") or "{}")
        except ValueError:
            variables = None
        if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
            return ("isv.INVALID_JSON_PARAM", "参数格式错误，请修改为字符串值"), {}
        if set(self._office.templates.names(fields["TemplateCode"]) or ()) - set(variables):
            return ("isv.TEMPLATE_MISSING_PARAMETERS", "短信模板变量缺少参数"), {}
        if any(sms.linked(value) for value in variables.values()):
            return ("isv.PARAM_NOT_SUPPORT_URL", "不支持URL"), {}
        if any(not 1 <= len(value) <= LONGEST_VALUE for value in variables.values()):
            return ("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制"), {}
        return None, variables

    def _query(self, fields: Mapping[str, str]) -> Response:
        for name in ("PhoneNumber", "SendDate", "PageSize", "CurrentPage"):
            if not fields.get(name):
                raise _Refused(f"Missing{name}", 400, f"{name} is mandatory for this action.")
        number = sms.number(fields["PhoneNumber"])

        def work(dead: bool) -> tuple[Response, str]:
            del dead
            try:
                day = datetime.strptime(fields["SendDate"], "%Y%m%d").replace(tzinfo=sms.BEIJING)
                size, page = int(fields["PageSize"]), int(fields["CurrentPage"])
            except ValueError:
                size = page = 0
            if not number or not (1 <= size <= MOST_ROWS and page >= 1):
                return _answer("isv.INVALID_PARAMETERS", "参数异常"), "isv.INVALID_PARAMETERS"
            since = day.timestamp()
            found = self._office.box.sent_to(self.name, number, since, since + 86_400)
            found = [m for m in found if m.reference == (fields.get("BizId") or m.reference)]
            rows = [_detail(message) for message in found[(page - 1) * size : page * size]]
            return _answer("OK", "OK", TotalCount=len(found), SmsSendDetailDTOs={"SmsSendDetailDTO": rows}), "OK"

        return self._office.serve(self, "query", [number], work)


def _signature(request: Request, query: str, signed: Sequence[str]) -> str:
    """What it should be. Raises _Refused if something that must be signed is not."""
    present = {name.lower() for name in request.headers.keys()}  # noqa: SIM118 - headers are no mapping
    must = {name for name in present if name.startswith("x-acs-")} | {"host", *ALIKE} | ({"content-type"} & present)
    if must - set(signed) or set(signed) - present or list(signed) != sorted(signed):
        raise _Refused("IncompleteSignature", 400, "Not all headers are signed, or in another order.")
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    asked = "\n".join(
        [
            request.method,
            quote(request.path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed),
            ";".join(signed),
            request.headers["x-acs-content-sha256"],
        ]
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    return hmac.new(KEY_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _answer(code: str, why: str, status: int = 200, **more: Any) -> Response:
    body = {"Code": code, "Message": why, "RequestId": secrets.token_hex(16).upper(), **more}
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status, content_type="application/json;charset=utf-8")


def _detail(message: Message) -> dict[str, Any]:
    row = {
        "Content": f"【{message.sender}】{message.text}",
        "ErrCode": message.report if message.state != "accepted" else "",
        "OutId": message.key,
        "PhoneNum": sms.local(message.to)[1],
        "SendDate": sms.beijing(message.at),
        "SendStatus": STATUS[message.state],
        "TemplateCode": message.template,
    }
    return row | ({"ReceiveDate": sms.beijing(message.reported_at)} if message.reported_at else {})


def receipt(message: Message) -> list[dict[str, Any]]:
    """SmsReport, as it is pushed."""
    good = message.state == "delivered"
    row = {
        "phone_number": sms.local(message.to)[1],
        "send_time": sms.beijing(message.at),
        "report_time": sms.beijing(message.reported_at or message.at),
        "success": good,
        "err_code": message.report or SUCCESS["alibaba"],
        "err_msg": "用户接收成功" if good else "用户接收失败",
        "sms_size": "1",
        "biz_id": message.reference,
        "out_id": message.key,
    }
    return [row]


def accepted(answer: Any) -> bool:
    """Whether the customer has taken a receipt."""
    return isinstance(answer, dict) and answer.get("code") == 0
