"""python-alipay-sdk's client within bounds: where it goes, how long it waits, and what of an answer is believed.

Everything but a signed answer that belongs to what was asked is `Unknown`: cut or late connections, HTML, unsigned errors (those of
the gateway: a wrong app_id or signature, a rate limit; they end nothing, a person must look at them), and Alipay's own "unknown".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from alipay import AliPay, AliPayConfig
from alipay.exceptions import AliPayException
from common.clock import SHANGHAI

from payment_svc.providers import Unknown
from payment_svc.providers.alipay.fields import text
from payment_svc.providers.wire import exchange

MOST_ANSWER = 1 << 20
"""Bytes. Real answers have some kilobytes."""
LONGEST = 14.0
"""Seconds for a call, in all. An operation makes two at most, and none may take longer than 30 s."""

Fields = Mapping[str, Any]

_OK = "10000"
_BUSINESS = "40004"
_UNDECIDED = ("SYSTEM_ERROR", "UNKNOW", "BALANCE_NOT_ENOUGH", "FREQUEN", "LIMIT", "TOO_MANY", "BUSY", "CONCURREN")
"""In codes (the documents spell some wrongly, so they are looked for within): nothing is decided by these."""
_SUB_CODE = re.compile(r'"sub_code"\s*:\s*"([\w.-]{1,64})"')


@dataclass(frozen=True, slots=True)
class Denied:
    """Alipay's signed, definite no. `code` is its sub_code, such as ACQ.TRADE_NOT_EXIST."""

    code: str

    def says(self, *words: str) -> bool:
        """True if one of the words is in the code, whatever the case."""
        return any(word in self.code.upper() for word in words)


class Client(AliPay):  # type: ignore[misc]  # the SDK has no annotations
    """The SDK, without a zone of its own, braces that it miscounts, and redirects that it would follow."""

    def __init__(
        self, *, app_id: str, private_key: str, public_key: str, url: str, notify_url: str, timeout: float
    ) -> None:
        """Keys are PEM. `timeout`: what a call may take in all, in seconds. No I/O."""
        super().__init__(
            appid=app_id,
            app_notify_url=notify_url,
            app_private_key_string=private_key,
            alipay_public_key_string=public_key,
            sign_type="RSA2",
            config=AliPayConfig(timeout=min(timeout, LONGEST)),
        )
        self._gateway = url  # there is no other way to say it: a test sees that the SDK still goes by it

    @property
    def url(self) -> str:
        return str(self._gateway)

    @property
    def timeout(self) -> float:
        return float(self._config.timeout)

    def link(self, signed: str) -> str:
        """Where the payer's browser goes with a signed request."""
        return f"{self.url}?{signed}"

    def build_body(self, method: str, biz_content: Any = None, **more: Any) -> dict[str, Any]:
        """Alipay's times are Beijing's; the SDK would write those of the process."""
        body: dict[str, Any] = super().build_body(method, biz_content, **more)
        return body | {"timestamp": f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}"}

    def verified_sync_response(self, data: dict[str, Any], response_type: str) -> Any:
        raw = fetch(self.link(self.sign_data(data)), within=self.timeout, most=MOST_ANSWER)
        return self._verify_and_return_sync_response(raw.decode(), response_type)

    def _get_string_to_be_signed(self, raw_string: str, response_type: str) -> str:
        """The signed object to the letter. The SDK counts braces to find its end, those within strings too."""
        start = raw_string.index("{", raw_string.index(f'"{response_type}"'))
        _, end = json.JSONDecoder().raw_decode(raw_string, start)
        return raw_string[start:end]

    def ask(self, call: Callable[[], Any], *, loose: bool = False, **bound: str) -> Fields | Denied | Unknown:
        """What a call of the SDK's was answered: the fields of a success, or a definite no.

        `bound` are fields that must come back as they were asked; `loose`: they may be missing.
        """
        try:
            answer = call()
        except AliPayException as error:
            said = _SUB_CODE.search(str(error))
            return Unknown(f"unsigned error {said[1] if said else ''}".rstrip())
        except Exception as error:  # noqa: BLE001  # the SDK raises what its parts do: OSError, ValueError, AttributeError...
            return Unknown(f"no answer to be believed: {type(error).__name__}")
        if not isinstance(answer, dict):
            return Unknown("unreadable answer")
        code, sub_code = text(answer, "code"), text(answer, "sub_code")
        lax = loose or code != _OK
        if any(text(answer, name) != value for name, value in bound.items() if not (lax and not text(answer, name))):
            return Unknown("answer to another question")
        if code == _OK:
            return answer
        if code == _BUSINESS and sub_code and not Denied(sub_code).says(*_UNDECIDED):
            return Denied(sub_code)
        return Unknown(f"{code} {sub_code}".strip())

    def genuine(self, fields: Mapping[str, str], signature: str) -> bool:
        """True if Alipay signed these fields of a callback. Its documents contradict each other about empty ones: both do."""
        full = {name: value for name, value in fields.items() if value}
        try:
            return any(self.verify(dict(candidate), signature) for candidate in (fields, full))
        except Exception:  # noqa: BLE001  # a signature that is no base64, or has another length
            return False


def fetch(url: str, *, within: float, most: int) -> bytes:
    """The body of a 200. Raises OSError or HTTPException for anything else, when it takes more than `within` seconds, and when it is
    cut or larger than `most` bytes. No redirect is followed: nobody but Alipay has anything to say.
    """
    reply = exchange(url, within=within, most=most)
    if reply.status != HTTPStatus.OK:
        raise HTTPException(f"status {reply.status}")
    return reply.body
