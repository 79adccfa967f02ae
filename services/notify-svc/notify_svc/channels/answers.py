"""What the adapters of SMS providers share: whether a call that failed ever left us, and quiet libraries."""

import logging
import re
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions
from common.log import mask_text

ALARM = "ALARM: "
"""`why` begins with it where a person must act: no money left, a key that is not taken, a contract that ended."""

_UNSENT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProxyError,
    ssl.SSLCertVerificationError,
)
"""Each of them says that there was no connection yet on which a request could have left."""

_LONGEST = 200


def never_left(error: BaseException) -> bool:
    """True if the request surely was not sent: there was no connection, or the server's certificate was not believed."""
    return any(isinstance(cause, _UNSENT) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of. The SDKs wrap what requests wraps, which wraps what urllib3 wraps."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        found = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        found.append(getattr(cause, "inner_exception", None))
        waiting += [each for each in found if isinstance(each, BaseException)]


def kind_of(error: BaseException) -> str:
    """What went wrong, in one word. Never the error's own text: it may hold the address of the call, with a phone number in it."""
    named = [type(cause).__name__ for cause in _causes(error)]
    return next((name for name in named if "imeout" in name), named[-1])


def why(message: object, *, alarm: bool = False) -> str:
    """A provider's message for our log: one short line without addresses and phone numbers."""
    line = re.sub(r"\S+@\S+|\+?\d{7,}", "*", mask_text(" ".join(str(message).split())))[:_LONGEST]
    return f"{ALARM}{line}" if alarm else line


def mainland(phone: str) -> str | None:
    """The 11 digits of a mobile number of mainland China; None for another country's."""
    found = re.fullmatch(r"(?:\+86)?(1\d{10})", phone)
    return found[1] if found else None


def hush() -> None:
    """The SDKs and their HTTP library log whole requests when asked to, by us or by the environment: never here."""
    for name in ("darabonba-core", "alibabacloud-tea", "tencentcloud_sdk_common", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.setLevel(logging.CRITICAL)
