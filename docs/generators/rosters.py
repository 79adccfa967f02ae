"""JSON Schemas of hospitals' roster events: the files that schedule-svc serves too."""

import json

from haoyuan_roster_format.schemas import names, schema

FOLDER = "rosters"


def documents() -> dict[str, str]:
    """By path below docs/."""
    return {f"{FOLDER}/{name}.json": json.dumps(schema(name), ensure_ascii=False, indent=2) + "\n" for name in names()}
