"""Where people are reached: e-mail addresses and phone numbers, which may be proved by a code."""

import re
from dataclasses import dataclass, field
from typing import Literal

from common.errors import Invalid

from user_svc.domain import bad
from user_svc.identity import check_phone

Channel = Literal["email", "sms"]

LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Address:
    """`text` is where messages go. Two spellings of one address have one `key`."""

    channel: Channel
    text: str = field(repr=False)

    @property
    def key(self) -> str:
        return f"{self.channel}:{self.text.lower()}"


def address(given: str, name: str = "to") -> Address:
    """An e-mail address if there is an @ in it, else a phone number. Raises Invalid for the field `name`."""
    return email(given, name) if "@" in given else phone(given, name)


def email(given: str, name: str = "email") -> Address:
    """What every carrier takes: ASCII, without quotes or comments. Raises Invalid."""
    text = given.strip()
    if len(text) > LONGEST or not _EMAIL.fullmatch(text):
        raise bad(name, "no e-mail address that a code could be sent to")
    return Address("email", text)


def phone(given: str, name: str = "phone") -> Address:
    """Raises Invalid."""
    try:
        return Address("sms", check_phone(given))
    except Invalid as error:
        raise bad(name, error.extra["errors"][0]["message"]) from None
