"""What both providers of SMS have in common: numbers, templates, and how a call is answered with the faults that are planned."""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

from flask import Response

from mailbox_sandbox.box import Box
from mailbox_sandbox.faults import Faults
from mailbox_sandbox.parts import Cut, Message
from mailbox_sandbox.receipts import Receipts

BEIJING = timezone(timedelta(hours=8))
_TEMPLATE = re.compile(r"(SMS_)?(?P<name>[a-z][a-z0-9_]*\.(zh-CN|en))")
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


class Refusing(Protocol):
    """A provider's way to refuse a call; `fault` is one of faults.FAULTS that has not happened."""

    name: str

    def troubled(self, call: str, fault: str, to: Sequence[str]) -> Response: ...


def number(said: str) -> str:
    """A phone number in E.164, or "" if it is none. What has no country is of mainland China."""
    text = re.sub(r"[\s-]", "", said)
    text = re.sub(r"^(\+|00)", "+", text)
    if re.fullmatch(r"(86)?1[3-9]\d{9}", text):
        text = f"+86{text[-11:]}"
    if text.startswith("+86"):
        return text if re.fullmatch(r"\+861[3-9]\d{9}", text) else ""
    return text if re.fullmatch(r"\+[1-9]\d{6,14}", text) else ""


def local(phone: str) -> tuple[str, str]:
    """The country's code and the number in it, as far as China; of elsewhere all digits are the number."""
    return ("86", phone.removeprefix("+86")) if phone.startswith("+86") else ("", phone.removeprefix("+"))


def beijing(seconds: float) -> str:
    """As providers write times."""
    return f"{datetime.fromtimestamp(seconds, BEIJING):%Y-%m-%d %H:%M:%S}"


def linked(value: str) -> bool:
    """Whether there is a link in it, which no provider lets pass."""
    return bool(_LINK.search(value))


def serial() -> str:
    """A number of ours that nobody has seen."""
    return str(secrets.randbelow(9 * 10**17) + 10**17)


class Templates:
    """The approved texts: a JSON file {"<kind>.<locale>": "text with {names}"}. Without one every well-formed number is approved,
    and nobody knows its text.
    """

    def __init__(self, path: Path | None) -> None:
        """Raises ValueError if the file is none."""
        self._texts: Mapping[str, str] = {}
        if path is not None:
            read = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(read, dict) or not all(isinstance(text, str) for text in read.values()):
                raise ValueError(f'{path} is not {{"kind.locale": "text"}}')
            self._texts = read

    def approved(self, template: str) -> bool:
        found = _TEMPLATE.fullmatch(template)
        return found is not None and (not self._texts or found["name"] in self._texts)

    def names(self, template: str) -> list[str] | None:
        """Its variables in the order in which they first stand; None if they are not known."""
        text = self._text(template)
        return None if text is None else list(dict.fromkeys(_FIELD.findall(text)))

    def filled(self, template: str, variables: Mapping[str, str]) -> str:
        """What a phone shows. Of an unknown template only what it is filled with."""
        text = self._text(template)
        if text is None:
            return " · ".join(f"{name}: {value}" for name, value in variables.items())
        return _FIELD.sub(lambda found: variables.get(found[1], ""), text)

    def _text(self, template: str) -> str | None:
        found = _TEMPLATE.fullmatch(template)
        return self._texts.get(found["name"]) if found else None


class Office:
    """What answers calls, and keeps what is to be sent."""

    def __init__(self, box: Box, faults: Faults, receipts: Receipts, templates: Templates) -> None:
        self.box, self.faults, self.receipts, self.templates = box, faults, receipts, templates
        self.stopping = threading.Event()

    def serve(
        self, provider: Refusing, call: str, to: Sequence[str], work: Callable[[bool], tuple[Response, str]]
    ) -> Response:
        """Answer a call whose signature is right. `work(dead)` does it, in one transaction with its note, and answers with the
        code; dead: to addresses that nobody has.
        """
        fault = self.faults.take(call, provider.name, to[0] if to else "")
        name = fault.name if fault else ""
        if fault and name == "slow":
            self.stopping.wait(fault.seconds)
        elif name and name not in {"drop_after", "dead_address"}:
            self.box.note_call(provider.name, call, ",".join(to), "", name)
            return Cut() if name == "drop_before" else provider.troubled(call, name, to)
        with self.box.changing():
            answer, code = work(name == "dead_address")
            self.box.note_call(provider.name, call, ",".join(to), code, name)
        self.receipts.wake()
        return Cut() if name == "drop_after" else answer

    def keep(
        self,
        provider: str,
        to: str,
        *,
        key: str,
        reference: str,
        sender: str,
        template: str,
        variables: Mapping[str, str],
        dead: bool,
    ) -> None:
        """It is sent; its receipt is going to be."""
        message = Message(
            id=0,
            at=time.time(),
            channel="sms",
            provider=provider,
            sender=sender,
            to=to,
            key=key,
            reference=reference,
            subject="",
            text=self.templates.filled(template, variables),
            template=template,
            variables=variables,
        )
        self.receipts.plan(self.box.add(message), provider, dead=dead)
