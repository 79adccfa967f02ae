"""SMS by Tencent Cloud (sms 2021-01-11), through its SDK: SendSms.

SessionContext is our key, which they only hand back: it makes nothing idempotent, and no call tells what became of it unless their
support has opened one for the account. So what had no answer cannot be asked for, and is never sent again by itself.
https://cloud.tencent.com/document/product/382/55981
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.retry import NoopRetryer
from tencentcloud.sms.v20210111.models import SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from notify_svc.channels import Absent, Channel, Later, Letter, Outcome, Refused, Sent, Unknown
from notify_svc.channels.answers import hush, kind_of, mainland, never_left, why

_NO_SUCH_NUMBER = frozenset({
    "InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail",
})  # fmt: skip

_ACCOUNT = frozenset({
    "FailedOperation.InsufficientBalanceInSmsPackage", "InvalidParameterValue.SdkAppIdNotExist", "InternalError.RequestTimeException",
    "InternalError.SigFieldMissing", "InternalError.SigVerificationFail", "InternalError.RestApiInterfaceNotExist",
    "FailedOperation.SignatureIncorrectOrUnapproved", "FailedOperation.MissingSignature",
})  # fmt: skip
"""It is our account, clock, key or signature: it can go when somebody has seen to that. So all of UnauthorizedOperation and AuthFailure."""

_TEMPLATE = frozenset({
    "FailedOperation.TemplateIncorrectOrUnapproved", "FailedOperation.TemplateUnapprovedOrNotExist",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
})  # fmt: skip
"""The same, of all letters of this kind: others may go."""

_REST = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600.0,
    "LimitExceeded.PhoneNumberDailyLimit": 6 * 3600.0,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 6 * 3600.0,
    "LimitExceeded.DeliveryFrequencyLimit": 60.0,
    "RequestLimitExceeded": 1.0,
}
"""Seconds; a minute for other limits."""


class Tencent:
    """name: tencent. `templates`: "<kind>.<locale>" -> number."""

    name = "tencent"
    channel: Channel = "sms"

    def __init__(
        self,
        url: str,
        region: str,
        secret_id: str,
        secret_key: str,
        app_id: str,
        sign: str,
        templates: Mapping[str, str],
        *,
        timeout: float,
    ) -> None:
        hush()
        address = urlsplit(url)
        self._app_id, self._sign, self._templates = app_id, sign, dict(templates)
        http = HttpProfile(protocol=address.scheme, endpoint=address.netloc, reqTimeout=timeout, reqMethod="POST")
        profile = ClientProfile("TC3-HMAC-SHA256", http, disable_region_breaker=True, retryer=NoopRetryer())
        self._client = SmsClient(Credential(secret_id, secret_key), region, profile)

    def carries(self, kind: str, locale: str) -> bool:
        return f"{kind}.{locale}" in self._templates

    def send(self, letter: Letter) -> Outcome:
        """SendSms, once: the SDK's own repetitions are off."""
        template = self._templates.get(f"{letter.kind}.{letter.locale}")
        if template is None:
            return Refused("no_template", f"no template for {letter.kind}.{letter.locale}")
        request = SendSmsRequest()
        # a kept connection that the provider has just closed would leave us unsure
        request.headers = {"Connection": "close"}
        domestic = mainland(letter.to)
        request.PhoneNumberSet = [f"+86{domestic}" if domestic else letter.to]
        request.SmsSdkAppId = self._app_id
        request.SignName = self._sign
        request.TemplateId = template
        request.TemplateParamSet = list(letter.facts.values())
        request.SessionContext = letter.key
        try:
            answers = self._client.SendSms(request).SendStatusSet or []
        except TencentCloudSDKException as error:
            return _failed(error)
        except Exception as error:  # noqa: BLE001 - what an SDK raises is not to be foreseen
            return Unknown(kind_of(error))
        if len(answers) != 1 or not answers[0].Code:
            return Unknown("an answer without a status")
        if answers[0].Code == "Ok":
            return Sent(answers[0].SerialNo or "")
        return _judge(answers[0].Code, answers[0].Message)

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:  # noqa: ARG002
        """None: see above."""
        return None


def _failed(error: TencentCloudSDKException) -> Outcome:
    """The SDK raises for their refusals, for a network that does not do, and for answers that are none."""
    if error.requestId:
        return _judge(str(error.code), error.message)
    return Later("unreachable", kind_of(error)) if never_left(error) else Unknown(kind_of(error))


def _judge(code: str, message: object) -> Outcome:
    """What a refusal means, of the whole call or of the one number in it. `code` has one or two parts."""
    if code in _NO_SUCH_NUMBER:
        return Refused(code, why(message), address=True)
    family = code.partition(".")[0]
    if code in _ACCOUNT or family in {"UnauthorizedOperation", "AuthFailure", "IpInBlacklist", "IpNotInWhitelist"}:
        return Later(code, why(message, alarm=True), 60.0)
    if code in _TEMPLATE:
        return Later(code, why(message, alarm=True), 60.0, address=True)
    if code == "LimitExceeded.AppCountryOrRegionInBlacklist":
        return Refused(code, why(message))
    if family in {"LimitExceeded", "RequestLimitExceeded"}:
        of_number = code.startswith("LimitExceeded.PhoneNumber") or code == "LimitExceeded.DeliveryFrequencyLimit"
        return Later(code, why(message), _REST.get(code, _REST.get(family, 60.0)), address=of_number)
    if family in {"InternalError", "ResourceUnavailable"}:
        return Unknown(why(f"{code}: {message}"))
    return Refused(code, why(message))
