"""JSON Schemas (draft 2020-12) of the events and of what they carry, generated from the structs."""

from typing import Any

import msgspec
from msgspec import Struct

from haoyuan_roster_format.events import DATA, RESULT_TYPE, event_type
from haoyuan_roster_format.results import Result

BASE = "https://haoyuan.example/api/v1/rosters/schemas/"


def names() -> list[str]:
    """All schemas: one for each kind of event, and `result`."""
    return [*DATA, "result"]


def schema(name: str) -> dict[str, Any]:
    """The schema of a whole event, by the name of its kind. Raises KeyError for an unknown one."""
    data, type_ = (Result, RESULT_TYPE) if name == "result" else (DATA[name], event_type(name))
    (reference,), components = msgspec.json.schema_components([data], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}{name}",
        "title": type_,
        "description": _about(data),
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 255},
            "source": {"type": "string", "minLength": 1, "maxLength": 400},
            "type": {"const": type_},
            "subject": {"type": "string", "minLength": 1, "maxLength": 64, "description": "the hospital's code"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": reference,
        },
        "required": ["specversion", "id", "source", "type", "subject", "data"],
        "$defs": components,
    }


def _about(data: type[Struct]) -> str:
    return " ".join((data.__doc__ or "").split())
