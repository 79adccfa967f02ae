"""Tencent Cloud's SMS 2021-01-11, signed by TC3-HMAC-SHA256.

https://cloud.tencent.com/document/api/382/52071 (signature), 55981 (SendSms), 55980 (PullSmsSendStatus),
55979 (PullSmsSendStatusByPhoneNumber), 59178 (the status that is pushed), 55982 (codes)
"""

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Request, Response

from mailbox_sandbox import sms
from mailbox_sandbox.parts import APP_ID, KEY_ID, KEY_SECRET, SIGN, Message
from mailbox_sandbox.sms import Office

ALGORITHM, VERSION, SERVICE = "TC3-HMAC-SHA256", "2021-01-11", "sms"
SKEW = 300  # seconds
MOST_NUMBERS, LONGEST_CONTEXT, MOST_ROWS, SEGMENT = 200, 512, 100, 70
REGIONS = ("ap-beijing", "ap-guangzhou", "ap-nanjing")
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^/]+)/(\d{{4}}-\d\d-\d\d)/([a-z]+)/tc3_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
OF_NUMBERS = {
    "refuse": ("FailedOperation.TemplateIncorrectOrUnapproved", "template is not approved or does not match"),
    "limit_minute": (
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "number of SMS to this number in 30 s exceeds the limit",
    ),
    "limit_day": ("LimitExceeded.PhoneNumberDailyLimit", "number of SMS to this number today exceeds the limit"),
}
OF_CALLS = {
    "throttle": ("RequestLimitExceeded", "Your current request times equals to the limit."),
    "error": ("InternalError", "An internal error has occurred. Retry your request."),
}
FIELDS: dict[str, Mapping[str, type]] = {
    "SendSms": {
        "PhoneNumberSet": list,
        "SmsSdkAppId": str,
        "TemplateId": str,
        "SignName": str,
        "TemplateParamSet": list,
        "ExtendCode": str,
        "SessionContext": str,
        "SenderId": str,
    },
    "PullSmsSendStatus": {"Limit": int, "SmsSdkAppId": str},
    "PullSmsSendStatusByPhoneNumber": {
        "BeginTime": int,
        "EndTime": int,
        "Offset": int,
        "Limit": int,
        "PhoneNumber": str,
        "SmsSdkAppId": str,
    },
}
OPTIONAL = {"TemplateParamSet", "ExtendCode", "SessionContext", "SenderId", "EndTime"}


class _Refused(Exception):
    """An answer that is an error as a whole."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class Tencent:
    """`answer(request)` is the whole of it."""

    name = "tencent"

    def __init__(self, office: Office) -> None:
        self._office = office

    def answer(self, request: Request) -> Response:
        calls: dict[str, Callable[[Mapping[str, Any]], Response]] = {
            "SendSms": self._send,
            "PullSmsSendStatus": self._pull,
            "PullSmsSendStatusByPhoneNumber": self._pull_of_number,
        }
        try:
            _verify(request)
            action = request.headers.get("X-TC-Action", "")
            if action not in calls:
                raise _Refused("InvalidAction", f"The action {action} is invalid or not found.")
            return calls[action](_fields(action, request.get_data()))
        except _Refused as refused:
            return _failed(refused.code, refused.why)

    def troubled(self, call: str, fault: str, to: Sequence[str]) -> Response:
        if call == "send" and fault in OF_NUMBERS:
            return _answered(SendStatusSet=[_status(number, "", *OF_NUMBERS[fault], context="") for number in to])
        return _failed(*OF_CALLS.get(fault, OF_CALLS["error"]))

    # --- the calls ---------------------------------------------------------------------------------------------------

    def _send(self, fields: Mapping[str, Any]) -> Response:
        if not fields["PhoneNumberSet"]:
            raise _Refused("MissingParameter.EmptyPhoneNumberSet", "PhoneNumberSet is empty.")
        if len(fields["PhoneNumberSet"]) > MOST_NUMBERS:
            raise _Refused("LimitExceeded.PhoneNumberCountLimit", "More than 200 numbers.")
        numbers = [sms.number(text) for text in fields["PhoneNumberSet"]]

        def work(dead: bool) -> tuple[Response, str]:
            refusal, variables = self._judged(fields)
            rows = []
            for said, number in zip(fields["PhoneNumberSet"], numbers, strict=True):
                why = refusal or (
                    None if number else ("InvalidParameterValue.IncorrectPhoneNumber", "incorrect number")
                )
                context = fields.get("SessionContext", "")
                if why:
                    rows.append(_status(said, "", *why, context=context))
                    continue
                reference = f"2640:{sms.serial()}"
                self._office.keep(
                    self.name,
                    number,
                    key=context,
                    reference=reference,
                    sender=fields["SignName"],
                    template=fields["TemplateId"],
                    variables=variables,
                    dead=dead,
                )
                size = len(self._office.templates.filled(fields["TemplateId"], variables)) + len(SIGN) + 2
                rows.append(_status(number, reference, "Ok", "send success", context=context, size=size))
            return _answered(SendStatusSet=rows), rows[0]["Code"]

        return self._office.serve(self, "send", [number or "" for number in numbers], work)

    def _judged(self, fields: Mapping[str, Any]) -> tuple[tuple[str, str] | None, dict[str, str]]:
        """Why nothing is sent, and the template's variables."""
        if fields["SignName"] != SIGN:
            return ("FailedOperation.SignatureIncorrectOrUnapproved", "signature is not approved"), {}
        if not self._office.templates.approved(fields["TemplateId"]) or fields["TemplateId"].startswith("SMS_"):
            return ("FailedOperation.TemplateIncorrectOrUnapproved", "template is not approved"), {}
        if len(fields.get("SessionContext", "").encode()) >= LONGEST_CONTEXT:
            return ("InvalidParameter", "SessionContext is too long"), {}
        values = fields.get("TemplateParamSet") or []
        names = self._office.templates.names(fields["TemplateId"])
        if names is None:
            names = [str(place) for place in range(1, len(values) + 1)]
        if len(names) != len(values):
            return (
                "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
                "number of parameters does not match",
            ), {}
        if any(sms.linked(value) for value in values):
            return ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "no links in parameters"), {}
        return None, dict(zip(names, values, strict=True))

    def _pull(self, fields: Mapping[str, Any]) -> Response:
        if not 1 <= fields["Limit"] <= MOST_ROWS:
            raise _Refused("InvalidParameterValue.LimitVerifyFail", "Limit must be from 1 to 100.")

        def work(dead: bool) -> tuple[Response, str]:
            del dead
            found = self._office.box.pull(self.name, fields["Limit"])
            return _answered(PullSmsSendStatusSet=[self._told(message) for message in found]), "Ok"

        return self._office.serve(self, "query", [], work)

    def _pull_of_number(self, fields: Mapping[str, Any]) -> Response:
        """Those whose end is known, of one number."""
        if not 1 <= fields["Limit"] <= MOST_ROWS:
            raise _Refused("InvalidParameterValue.LimitVerifyFail", "Limit must be from 1 to 100.")
        if fields["Offset"] < 0:
            raise _Refused("InvalidParameterValue.OffsetVerifyFail", "Offset must not be below 0.")
        number = sms.number(fields["PhoneNumber"])
        if not number:
            raise _Refused("InvalidParameterValue.IncorrectPhoneNumber", "PhoneNumber is incorrect.")

        def work(dead: bool) -> tuple[Response, str]:
            del dead
            until = fields.get("EndTime") or time.time() + 1
            found = self._office.box.sent_to(self.name, number, fields["BeginTime"], until + 1)
            ended = [message for message in found if message.state != "accepted"]
            rows = [self._told(message) for message in ended[fields["Offset"] : fields["Offset"] + fields["Limit"]]]
            return _answered(PullSmsSendStatusSet=rows), "Ok"

        return self._office.serve(self, "query", [number], work)

    def _told(self, message: Message) -> dict[str, Any]:
        country, number = sms.local(message.to)
        return {
            "UserReceiveTime": int(message.reported_at or message.at),
            "CountryCode": country,
            "SubscriberNumber": number,
            "PhoneNumber": message.to,
            "SerialNo": message.reference,
            "ReportStatus": "SUCCESS" if message.state == "delivered" else "FAIL",
            "Description": message.report,
            "SessionContext": message.key if self._office.receipts.options.session_context else "",
        }


# --- signatures and shapes -------------------------------------------------------------------------------------------


def _verify(request: Request) -> None:
    """Raises _Refused."""
    header = request.headers.get
    found = _AUTHORIZATION.fullmatch(header("Authorization", ""))
    if found is None:
        raise _Refused("AuthFailure.SignatureFailure", "The Authorization header is not as it should be.")
    key, date, service, names, signature = found.groups()
    if key != KEY_ID:
        raise _Refused("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
    stamp = header("X-TC-Timestamp", "")
    if not re.fullmatch(r"\d{10}", stamp) or abs(time.time() - int(stamp)) > SKEW:
        raise _Refused("AuthFailure.SignatureExpire", "The timestamp is more than 5 minutes away.")
    if f"{datetime.fromtimestamp(int(stamp), UTC):%Y-%m-%d}" != date or service != SERVICE:
        raise _Refused("AuthFailure.SignatureFailure", "The credential's scope is another's.")
    if not hmac.compare_digest(signature, _signature(request, date, stamp, names.split(";"))):
        raise _Refused("AuthFailure.SignatureFailure", "The provided credentials could not be validated.")
    if header("X-TC-Version") != VERSION:
        raise _Refused("NoSuchVersion", "The version does not exist.")
    if header("X-TC-Region", "") not in REGIONS:
        raise _Refused("UnsupportedRegion", "X-TC-Region is none of the regions that have SMS.")


def _signature(request: Request, date: str, stamp: str, names: Sequence[str]) -> str:
    if not {"content-type", "host"} <= set(names) or list(names) != sorted(names):
        raise _Refused(
            "AuthFailure.SignatureFailure", "content-type and host must be signed, in the order of the alphabet."
        )
    told = request.headers.get("X-TC-Content-SHA256", "")
    body = b"UNSIGNED-PAYLOAD" if told == "UNSIGNED-PAYLOAD" else request.get_data()
    headers = "".join(f"{name}:{request.headers.get(name, '').strip().lower()}\n" for name in names)
    asked = [request.method, "/", request.query_string.decode("ascii"), headers, ";".join(names)]
    digest = hashlib.sha256("\n".join([*asked, hashlib.sha256(body).hexdigest()]).encode()).hexdigest()
    text = "\n".join([ALGORITHM, stamp, f"{date}/{SERVICE}/tc3_request", digest])
    secret = f"TC3{KEY_SECRET}".encode()
    for part in (date, SERVICE, "tc3_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _fields(action: str, body: bytes) -> Mapping[str, Any]:
    """Raises _Refused if something is missing, unknown or of another type, or of another's application."""
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise _Refused("InvalidParameter", "The body is not JSON.")
    known = FIELDS[action]
    for name, value in read.items():
        if name not in known:
            raise _Refused("UnknownParameter", f"The parameter `{name}` is not recognized.")
        good = isinstance(value, known[name]) and not isinstance(value, bool)
        if not good or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise _Refused("InvalidParameter", f"The value type of parameter `{name}` is not valid.")
    for name in known:
        if name not in read and name not in OPTIONAL:
            raise _Refused("MissingParameter", f"The request is missing a required parameter `{name}`.")
    if read["SmsSdkAppId"] != APP_ID:
        raise _Refused("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId is not this account's.")
    return read


def _status(number: str, reference: str, code: str, why: str, *, context: str, size: int = 0) -> dict[str, Any]:
    return {
        "SerialNo": reference,
        "PhoneNumber": number,
        "Fee": -(-size // SEGMENT),
        "SessionContext": context,
        "Code": code,
        "Message": why,
        "IsoCode": "CN" if number.startswith("+86") else "DEF",
    }


def _answered(**fields: Any) -> Response:
    body = {"Response": {**fields, "RequestId": str(uuid.uuid4())}}
    return Response(json.dumps(body, ensure_ascii=False), content_type="application/json")


def _failed(code: str, why: str) -> Response:
    return _answered(Error={"Code": code, "Message": why})


def receipt(message: Message) -> list[dict[str, Any]]:
    """The status as it is pushed."""
    country, number = sms.local(message.to)
    good = message.state == "delivered"
    row = {
        "user_receive_time": sms.beijing(message.reported_at or message.at),
        "nationcode": country,
        "mobile": number,
        "report_status": "SUCCESS" if good else "FAIL",
        "errmsg": message.report,
        "description": "用户短信送达成功" if good else "用户短信送达失败",
        "sid": message.reference,
    }
    return [row]


def accepted(answer: Any) -> bool:
    """Whether the customer has taken a receipt."""
    return isinstance(answer, dict) and answer.get("result") == 0
