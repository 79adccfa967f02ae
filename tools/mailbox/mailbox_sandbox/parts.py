"""What the modules are to each other; and the credentials, published on purpose."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flask import Response

USER = KEY_ID = "haoyuan-mailbox"
PASSWORD = KEY_SECRET = "haoyuan-mailbox"  # noqa: S105 - of a toy
SIGN = "号源"
APP_ID = "1400000001"

Channel = Literal["email", "sms"]
State = Literal["accepted", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class File:
    """What came with an e-mail."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail or SMS for one address, as it arrived. Times are seconds since 1970.

    id: counts up. key: the sender's own name for it (Message-ID, OutId, SessionContext). reference: ours (BizId, SerialNo).
    template, variables: of an SMS; a variable that the provider does not name is "1", "2" ...
    text: of an SMS whose template is not known, its variables.
    state, report: what became of an SMS, and the code that its receipt gives.
    """

    id: int
    at: float
    channel: Channel
    provider: str
    sender: str
    to: str
    key: str
    reference: str
    subject: str
    text: str
    html: str = ""
    headers: Sequence[tuple[str, str]] = ()
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    state: State = "accepted"
    report: str = ""
    reported_at: float | None = None
    files: Sequence[File] = ()

    @property
    def code(self) -> str:
        """The code of one that brings a code, else ""."""
        if named := self.variables.get("code"):
            return named
        talks_of_one = f"{self.template} {self.subject} {self.text}".lower()
        if "验证码" not in talks_of_one and "code" not in talks_of_one:
            return ""
        found = re.findall(r"(?<!\d)\d{6}(?!\d)", " ".join([*self.variables.values(), self.subject, self.text]))
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What shall go wrong with one call. `seconds`: for how long it is slow."""

    name: str
    seconds: float = 0.0


class Cut(Response):
    """The answer that never comes: the connection ends."""

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ARG002 - WSGI's signature
        raise ConnectionAbortedError("cut, as planned")
