"""The catalogue itself: how a class becomes a message, and how a message of an older version is read as the newest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=500)]
Fen = Annotated[int, Meta(ge=0, le=10_000_000_000)]
Count = Annotated[int, Meta(ge=0)]
Time = Annotated[datetime, Meta(tz=True)]
Sealed = Annotated[str, Meta(min_length=1, max_length=1000)]
"""Personal data on its way to notify-svc, sealed under CONTACT_KEY (common.vault): brokers, outboxes and parked messages do not
hold it in clear.
"""

Message = Any
"""An instance of one of the classes in CATALOGUE."""


@dataclass(frozen=True)
class Spec:
    """How a message travels. `subject` and `partition` name fields; messages of one partition keep their order."""

    name: str
    version: int
    sender: str
    subject: str
    partition: str

    @property
    def type(self) -> str:
        """The CloudEvents type, which is the routing key too."""
        return f"{self.name}.v{self.version}"


SPECS: dict[type, Spec] = {}
CATALOGUE: dict[str, type] = {}
SUPERSEDED: dict[type, Callable[[Any], Message]] = {}
"""Class of an older version -> how it reads as the next one. Nobody sends these any more; queues may still hold them."""


def message(
    name: str,
    version: int,
    *,
    sender: str,
    subject: str,
    partition: str = "",
    newer: Callable[[Any], Message] | None = None,
) -> Callable[[type], type]:
    """Enter a class into the catalogue; with `newer`, as an older version that reads as what `newer` makes of it."""

    def enter(cls: type) -> type:
        spec = Spec(name, version, sender, subject, partition or subject)
        SPECS[cls] = spec
        CATALOGUE[spec.type] = cls
        if newer is not None:
            SUPERSEDED[cls] = newer
        return cls

    return enter


def newest(message: Message) -> Message:
    """The message as the newest version of it says it."""
    while (newer := SUPERSEDED.get(type(message))) is not None:
        message = newer(message)
    return message


def versions(cls: type) -> list[type]:
    """A message's class, and those of its older versions: what a subscriber to it takes."""
    spec = SPECS[cls]
    older = [old for old in SUPERSEDED if SPECS[old].name == spec.name and SPECS[old].version < spec.version]
    return [cls, *older]
