"""docs/messages.md: every message, from common.messages, the services' subscriptions and the golden files."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from common.service import Service

from docs.generators.catalogue import REF, Entry, entries, schemas
from docs.generators.markdown import code, notice, paragraphs, summary, table


def _limits(low: int | None, high: int | None, unit: str = "") -> str:
    """`1 to 64 characters`, `at most 500 characters`, `at least 0`."""
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{unit}"
    if high is not None:
        return f"at most {high:,}{unit}"
    return f"at least {low:,}{unit}" if low is not None else ""


def type_name(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words: `string, 1 to 64 characters`."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return ", or ".join(type_name(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(code(str(value)) for value in schema["enum"])
    kind = schema.get("format") or schema["type"]
    length = _limits(schema.get("minLength"), schema.get("maxLength"), " characters")
    size = _limits(schema.get("minimum"), schema.get("maximum"))
    return ", ".join(part for part in (kind, length, size) if part)


def _fields(schema: dict[str, Any]) -> str:
    return table(("field", "type"), [(code(name), type_name(field)) for name, field in schema["properties"].items()])


def _overview(all_entries: Iterable[Entry]) -> str:
    rows = [
        (
            f"[{e.cls.__name__}](#{e.cls.__name__.lower()})",
            code(e.spec.type),
            e.spec.sender,
            ", ".join(e.takers),
            code(e.spec.partition),
        )
        for e in all_entries
    ]
    return table(("message", "type", "sender", "receivers", "in order by"), rows)


def _section(entry: Entry) -> str:
    return paragraphs(
        f"### {entry.cls.__name__}",
        f"`{entry.spec.type}` · {entry.spec.sender} → {', '.join(entry.takers)}",
        summary(entry.cls.__doc__),
        _fields(entry.schema),
        "```json\n" + json.dumps(entry.example["data"], ensure_ascii=False, indent=2) + "\n```",
    )


def page(services: Sequence[Service]) -> str:
    """The whole page."""
    found = list(entries(services))
    known = schemas()
    parts = [name for name in known if name not in {e.cls.__name__ for e in found}]
    shared = [
        paragraphs(f"### {name}", summary(known[name].get("description")), _fields(known[name])) for name in parts
    ]
    return paragraphs(
        notice("common/messages.py and the services' subscriptions"),
        "# Messages",
        "Each travels as a CloudEvent 1.0 in structured JSON; its type is the routing key. What stands below is the "
        "event's `data`; all fields are present, none may be added without a new version. Amounts are fen, times RFC 3339 "
        "with an offset. Messages with the same value of the field *in order by* (the event's `partitionkey`) keep their "
        "order. [asyncapi.yaml](asyncapi.yaml) tells the same to machines.",
        _overview(found),
        "## In detail",
        *(_section(entry) for entry in found),
        "## What messages are made of",
        *shared,
    )
