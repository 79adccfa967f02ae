"""wechatpayv3 2.0.4, configured, and called so that nothing it does can surprise: whatever happens becomes an `Answer`.

The library has no arguments for the address, for certificates and for another transport, so private attributes are set; a contract
test asserts that they exist. Given no logger it logs nothing: it would log Authorization headers and decrypted callbacks.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType
from wechatpayv3.utils import aes_decrypt, build_authorization

from payment_svc.providers.keys import certificates, private_key, public_key
from payment_svc.providers.wire import Reply, exchange
from payment_svc.settings import NONE, Settings

FRESH = 300
"""Seconds that a signature is good for, before and after."""
_LONGEST = 14.0
"""Seconds for a call, in all. An operation makes two at most, and must end within 30 s."""
DOWNLOAD = 14.0
"""Seconds for a bill."""
MOST_ANSWER = 1 << 20
MOST_BILL = 64 << 20
"""Bytes. Real answers have some kilobytes, and a hospital's packed bill some megabytes."""
_TRANSIENT = frozenset({"NOT_ENOUGH", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "SYSTEMERROR"})
"""Codes that say "later, with the same number", whatever status they come with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0: nothing that can be believed. 2xx are surely WeChat's; the others come unsigned, and from a
    proxy perhaps: what has no `code` of WeChat's says nothing. `document` is empty unless the body was a JSON object.
    """

    status: int
    reason: str
    """The vendor's code, or what went wrong. No text of theirs: that may hold personal data."""
    document: Mapping[str, Any] = field(default_factory=dict)
    content: bytes = b""

    @property
    def refused(self) -> bool:
        """True if WeChat understood the request and did not do it, and would not do it if it were repeated."""
        told = self.reason == self.document.get("code")
        return told and self.status in {400, 403, 404} and self.reason not in _TRANSIENT


class Client(WeChatPay):  # type: ignore[misc]  # the library is not annotated
    """Believes the public key, the certificates, or both (merchants who change over hear under both for a week).

    The library's own certificate mode downloads what it does not know: at construction, and for every forged callback. So it
    never gets to it: a certificate is a public key with a serial number, and certificates come from the settings alone. When
    WeChat renews one, both stand there for a while.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError, which shows no secrets. Calls nobody."""
        believed = (
            certificates(settings.wechat_certificate, "wechat_certificate.pem") if settings.wechat_certificate else []
        )
        if {settings.wechat_public_key, settings.wechat_public_key_id}.isdisjoint({"", NONE}):
            serial = settings.wechat_public_key_id
            key = public_key(settings.wechat_public_key, "wechat_public.pem")
        elif believed:
            newest = max(believed, key=lambda certificate: certificate.not_valid_before_utc)
            serial = _serial(newest)
            key = newest.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        else:
            raise ValueError("WECHAT_PUBLIC_KEY with WECHAT_PUBLIC_KEY_ID, or WECHAT_CERTIFICATE, is needed")
        super().__init__(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=settings.wechat_mchid,
            private_key=private_key(settings.wechat_private_key, "wechat_merchant.pem"),
            cert_serial_no=settings.wechat_serial,
            appid=settings.wechat_appid,
            apiv3_key=settings.wechat_apiv3_key,
            notify_url=settings.notify_url("wechat"),
            public_key=key,
            public_key_id=serial,
        )
        self._seconds = min(settings.provider_timeout, _LONGEST)
        self._core.request = self._request
        self._core._gate_way = settings.wechat_url.rstrip("/")  # noqa: SLF001
        self._core._certificates = believed  # noqa: SLF001
        self._core._update_certificates = _nothing  # noqa: SLF001
        self.genuine = self._core._verify_signature  # noqa: SLF001
        """(headers, text) -> True if the signature in the headers is one of this text, under the serial that they name."""
        self.serials = frozenset({serial, *map(_serial, believed)})
        """Under which WeChat may sign."""

    def download(self, url: str) -> tuple[int, bytes]:
        """The same path at our own address, whatever host it names: no answer may send our signed requests elsewhere."""
        there = urlsplit(url)
        path = f"{there.path}?{there.query}" if there.query else there.path
        reply = self._exchange(path, "GET", "", within=DOWNLOAD, most=MOST_BILL)
        return reply.status, reply.body

    def opened(self, resource: Mapping[str, Any]) -> Any:
        """The JSON that a callback holds encrypted; None if it was tampered with, or is not for our APIv3 key."""
        if resource["algorithm"] != "AEAD_AES_256_GCM":
            return None
        sealed = (resource["nonce"], resource["ciphertext"], resource.get("associated_data") or "")
        plain = aes_decrypt(*sealed, self._core._apiv3_key)  # noqa: SLF001
        return None if plain is None else json.loads(plain)

    def _request(
        self,
        path: str,
        method: RequestType = RequestType.GET,
        data: Any = None,
        skip_verify: bool = False,
        cipher_data: bool = False,
    ) -> tuple[int, bytes]:
        """In place of the library's transport, which waits as long as something trickles, and reads whatever comes. Raises
        OSError or HTTPException as `exchange` does, and Exception for a 2xx that is not WeChat's.
        """
        del cipher_data  # what is encrypted is said by the serial, which every request carries
        reply = self._exchange(
            path, method.value, json.dumps(data) if data else "", within=self._seconds, most=MOST_ANSWER
        )
        genuine = skip_verify or not 200 <= reply.status < 300 or self._of_now(reply.headers, reply.body.decode())
        if not genuine:
            raise ValueError("failed to verify the signature")
        return reply.status, reply.body

    def _exchange(self, path: str, method: str, text: str, *, within: float, most: int) -> Reply:
        core = self._core
        who = (core._mchid, core._cert_serial_no, core._private_key)  # noqa: SLF001
        return exchange(
            f"{core._gate_way}{path}",  # noqa: SLF001
            method=method,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": "haoyuan payment-svc",
                "Wechatpay-Serial": core._public_key_id,  # noqa: SLF001
                "Authorization": build_authorization(path, method, *who, data=text),
            },
            body=text.encode() if text else None,
            within=within,
            most=most,
        )

    def _of_now(self, headers: Message, text: str) -> bool:
        """More than the library's check: a genuine answer of long ago answers something else (a 204 names no order)."""
        stamp = headers.get("Wechatpay-Timestamp", "")
        return stamp.isdigit() and abs(time.time() - int(stamp)) <= FRESH and bool(self.genuine(headers, text))


def _serial(certificate: x509.Certificate) -> str:
    """As WeChat writes it: hexadecimal, whole bytes."""
    digits = f"{certificate.serial_number:X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def _nothing() -> None:
    """In place of a download of certificates."""


def ask(call: Callable[..., tuple[int, bytes]], *args: Any, **kwargs: Any) -> Answer:
    """Make one call of the library, which raises what its parts raise if a 2xx is not WeChat's."""
    try:
        status, content = call(*args, **kwargs)
    except (OSError, HTTPException) as error:
        return Answer(0, type(error).__name__)
    except Exception as error:  # noqa: BLE001  # unverified, a serial that is no number, a body that is no text: alike
        return Answer(0, f"unverified ({type(error).__name__})")
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        read = None
    document = read if isinstance(read, dict) else {}
    code = document.get("code")
    return Answer(status, code if isinstance(code, str) and code else f"http_{status}", document, content)
