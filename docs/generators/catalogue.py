"""What there is to say of the messages: who sends and takes each, how its fields look, and an example."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec
from common.envelope import unseal
from common.messages import CATALOGUE, SPECS, SUPERSEDED, Spec
from common.service import Service

Json = dict[str, Any]
REF = "#/components/schemas/"


@dataclass(frozen=True)
class Entry:
    """One message of the catalogue."""

    cls: type
    spec: Spec
    takers: tuple[str, ...]
    schema: Json

    @property
    def example(self) -> Json:
        """The golden file: a whole CloudEvent. Raises FileNotFoundError for a message that has none."""
        body = (resources.files("common") / "golden" / f"{self.spec.type}.json").read_bytes()
        unseal(body)  # an example that nobody could read would be none
        event: Json = msgspec.json.decode(body)
        return event


def current() -> list[type]:
    """The messages' classes, without those that live on in queues only."""
    return [cls for cls in CATALOGUE.values() if cls not in SUPERSEDED]


def schemas() -> dict[str, Json]:
    """JSON schemas of all messages and of what they are made of, by name."""
    _, components = msgspec.json.schema_components(current(), ref_template=REF + "{name}")
    return components


def entries(services: Sequence[Service]) -> Iterator[Entry]:
    """All messages that are sent today, in the order of the catalogue."""
    known = schemas()
    for cls in current():
        takers = tuple(service.name for service in services if cls in service.subscriptions)
        yield Entry(cls, SPECS[cls], takers, known[cls.__name__])
