"""SMS by Alibaba Cloud (dysmsapi 2017-05-25), through its SDK: SendSms, and QuerySendDetails for what had no answer.

OutId is our key, but SendSms is not idempotent by it: the same OutId twice is two messages. It closes the window between a send
and its mark all the same, since QuerySendDetails lists what was sent to a number on a day with its OutId.
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import QuerySendDetailsRequest, SendSmsRequest
from alibabacloud_tea_openapi.utils_models import Config, GlobalParameters
from common.clock import SHANGHAI, Clock, system_clock
from darabonba.exceptions import ResponseException
from darabonba.runtime import RuntimeOptions

from notify_svc.channels import Absent, Channel, Later, Letter, Outcome, Refused, Sent, Unknown
from notify_svc.channels.answers import hush, kind_of, mainland, never_left, why

SETTLED = timedelta(minutes=5)
"""What is not listed so long after the call never will be: a send that was on its way is there by then, and its listing too."""

_PAGE = 50
_PAGES = 20
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 6 * 3600.0

_ACCOUNT = frozenset({
    "isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isv.PRODUCT_UN_SUBSCRIPT", "isv.PRODUCT_UNSUBSCRIBE", "isv.ACCOUNT_NOT_EXISTS",
    "isv.ACCOUNT_ABNORMAL", "isv.BILLING_DEDUCTION_ERROR", "isp.RAM_PERMISSION_DENY", "isv.RAM_CHECK_FAILED", "SignatureDoesNotMatch",
    "IncompleteSignature", "NoPermission", "isv.DENY_IP_RANGE", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL", "SDK.InvalidRequest",
    "isv.SMS_SIGNATURE_ILLEGAL", "isv.SMS_SIGN_ILLEGAL", "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
})  # fmt: skip
"""It is our account, clock, key, signature or limit and no fault of the letter's: it can go when somebody has seen to that."""

_TEMPLATE = frozenset({
    "isv.SMS_TEMPLATE_ILLEGAL", "isv.TEMPLATE_MISSING_PARAMETERS", "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE",
})  # fmt: skip
"""The same, of all letters of this kind: others may go."""

_UNSURE = frozenset(
    {"isp.SYSTEM_ERROR", "isp.UNKNOWN", "isp.GATEWAY_ERROR", "InternalError", "ServiceUnavailableTemporary"}
)
"""Their fault, after they had taken the call: QuerySendDetails tells whether it was sent."""


class Alibaba:
    """name: alibaba. `templates`: "<kind>.<locale>" -> SMS_...

    Numbers abroad need international templates, "<kind>.<locale>.abroad": others are refused there as no numbers at all.
    """

    name = "alibaba"
    channel: Channel = "sms"

    def __init__(
        self,
        url: str,
        key_id: str,
        key_secret: str,
        sign: str,
        templates: Mapping[str, str],
        *,
        timeout: float,
        clock: Clock = system_clock,
    ) -> None:
        hush()
        address = urlsplit(url)
        self._sign, self._templates, self._clock = sign, dict(templates), clock
        # a key that is given is the only one that is used: no search in the environment, in files, at metadata servers
        self._client = Client(
            Config(
                access_key_id=key_id,
                access_key_secret=key_secret,
                endpoint=address.netloc,
                protocol=address.scheme.upper(),
                user_agent="haoyuan",
                # a kept connection that the provider has just closed would leave us unsure
                global_parameters=GlobalParameters(headers={"connection": "close"}),
            )
        )
        limit = max(1, int(timeout * 1000))
        self._runtime = RuntimeOptions(autoretry=False, max_attempts=1, connect_timeout=limit, read_timeout=limit)

    def carries(self, kind: str, locale: str) -> bool:
        return f"{kind}.{locale}" in self._templates

    def send(self, letter: Letter) -> Outcome:
        """SendSms, once: the SDK's own repetitions are off."""
        wanted = f"{letter.kind}.{letter.locale}" + ("" if mainland(letter.to) else ".abroad")
        template = self._templates.get(wanted)
        if template is None:
            return Refused("no_template", f"no template for {wanted}")
        request = SendSmsRequest(
            phone_numbers=_number(letter.to),
            sign_name=self._sign,
            template_code=template,
            template_param=json.dumps(dict(letter.facts), ensure_ascii=False) if letter.facts else None,
            out_id=letter.key,
        )
        try:
            body = self._client.send_sms_with_options(request, self._runtime).body
            code, message, reference = body.code, body.message, body.biz_id
        except ResponseException as error:
            return _judge(str(error.code), error.message, getattr(error, "status_code", None))
        except Exception as error:  # noqa: BLE001 - the SDK's, requests', the JSON's: what it raises is not to be foreseen
            return Later("unreachable", kind_of(error)) if never_left(error) else Unknown(kind_of(error))
        if code == "OK":
            return Sent(reference or "")
        return _judge(code, message, None) if code else Unknown("an answer without a code")

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:
        """Look for the letter's key among what was sent to the number on the day, which is Beijing's, or on the next."""
        settled = self._clock() - handed_at >= SETTLED
        days = {at.astimezone(SHANGHAI).date() for at in (handed_at, handed_at + SETTLED)}
        try:
            if any(self._is_listed(letter, f"{day:%Y%m%d}") for day in sorted(days)):
                return Sent()
        except Exception as error:  # noqa: BLE001 - as above
            return Unknown(kind_of(error))
        return Absent() if settled else Unknown("not listed yet")

    def _is_listed(self, letter: Letter, day: str) -> bool:
        """Raises LookupError for an answer that does not say."""
        for page in range(1, _PAGES + 1):
            request = QuerySendDetailsRequest(
                phone_number=_number(letter.to), send_date=day, page_size=_PAGE, current_page=page
            )
            body: Any = self._client.query_send_details_with_options(request, self._runtime).body
            if body.code != "OK":
                raise LookupError(why(body.code))
            listed = body.sms_send_detail_dtos.sms_send_detail_dto if body.sms_send_detail_dtos else []
            if any(detail.out_id == letter.key for detail in listed):
                return True
            if len(listed) < _PAGE:
                return False
        raise LookupError("too many messages on one day")


def _number(phone: str) -> str:
    """11 digits at home, the country's code and the number abroad."""
    return mainland(phone) or phone.removeprefix("+")


def _judge(code: str, message: object, status: int | None) -> Outcome:
    """What a refusal means. They answer each call that they did not send with a code."""
    if code == "isv.MOBILE_NUMBER_ILLEGAL":
        return Refused(code, why(message), address=True)
    if code.startswith("Throttling") or status == 429:
        return Later(code, why(message), 1.0)
    if code in _ACCOUNT or code.startswith(("InvalidAccessKeyId", "Forbidden", "InvalidTimeStamp", "SignatureNonce")):
        return Later(code, why(message, alarm=True), _MINUTE)
    if code in _TEMPLATE:
        return Later(code, why(message, alarm=True), _MINUTE, address=True)
    if "LIMIT_CONTROL" in code and not code.startswith("isv.BLACK_KEY"):
        return Later(code, why(message), _rest(str(message)), address=True)
    if code in _UNSURE or (status is not None and status >= 500):
        return Unknown(why(f"{code}: {message}"))
    return Refused(code, why(message))


def _rest(message: str) -> float:
    """Seconds until a number may get more: they count by the minute, the hour and the day, and say which in Chinese."""
    if "天级" in message:
        return _DAY
    return _HOUR if "小时级" in message else _MINUTE
