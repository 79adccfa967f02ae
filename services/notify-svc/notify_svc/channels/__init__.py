"""What carries a letter to a person outside of the platform: e-mail by SMTP, SMS by whoever is configured. The seam.

A carrier sends one letter to one address, and says what became of it. It never raises, holds no state that matters, and
bears several threads. Who is told what, when, and by which carrier next, is decided by who calls it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Channel = Literal["email", "sms"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for one address, in one language.

    key: the delivery's id, the same whenever this letter is tried: carriers that can tell repetitions apart do so by it.
    facts: what `text` says, by name, for carriers that fill in a template of their own (SMS).
    calendar: an iCalendar file for e-mails; `calendar_method` is its METHOD (RFC 5546).
    unsubscribe: where a POST ends letters of this kind (RFC 8058); "" where nobody may opt out.
    """

    key: str
    channel: Channel
    to: str = field(repr=False)
    kind: str
    locale: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    calendar: bytes | None = field(default=None, repr=False)
    calendar_method: str = ""
    unsubscribe: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it, for sure. `reference` is the provider's own name for it, by which receipts come."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not sent, and never will be by this carrier. `address`: as it sees it nobody is there (any more), whatever is sent."""

    code: str
    why: str
    address: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """It was not sent, for sure: the provider is busy, throttles us, or could not be reached. `seconds`: not before then.

    address: it is about this address, or letters of this kind, alone: others may go.
    """

    code: str
    why: str
    seconds: float = 0.0
    address: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was handed over and there was no answer: perhaps it is sent, perhaps not."""

    why: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider says, when asked, that it never had such a letter."""


Outcome = Sent | Refused | Later | Unknown


class Carrier(Protocol):
    """One provider of one channel. `name` stands in the delivery log: "smtp", "alibaba", "tencent"."""

    name: str
    channel: Channel

    def carries(self, kind: str, locale: str) -> bool:
        """Whether it can send letters of this kind at all: SMS providers need a template that they have approved."""
        ...

    def send(self, letter: Letter) -> Outcome: ...

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:
        """What became of a letter that was handed over about then without an answer. None: the provider cannot be asked."""
        ...
