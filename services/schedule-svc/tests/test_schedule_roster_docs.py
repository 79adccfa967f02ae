"""docs/rosters.md is true: its examples are taken in, its codes are those of the code."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from common.testing import sent_out
from haoyuan_roster_format import CODES, WARNINGS, Result, decode, examine, read, routing_key
from roster_world import Hospital
from schedule_world import World

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/rosters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL)
DATA = [(kind, json.loads(text)) for kind, text in BLOCKS if kind not in ("event", "result")]
TABLE = dict(re.findall(r"^\| `(\w+)` \| (error|warning) \|", PAGE, re.MULTILINE))
SOURCES = [
    *(ROOT / "libs/roster/haoyuan_roster_format").glob("*.py"),
    *(ROOT / "services/schedule-svc/schedule_svc/usecases").glob("*.py"),
]


@pytest.mark.parametrize(("kind", "data"), DATA)
def test_the_examples_are_sound(kind: str, data: dict[str, Any]) -> None:
    assert examine(kind, data) == []


def test_the_examples_are_taken_in_one_after_the_other(world: World) -> None:
    renai = Hospital(world)
    for kind, data in DATA:
        assert renai.say(kind, data)["status"] == "applied", (kind, data)
    assert world.rows("SELECT count(*) AS n FROM sessions")[0].n == 3


def test_the_examples_of_an_event_and_a_result_are_some(world: World) -> None:
    ((_, event),) = [block for block in BLOCKS if block[0] == "event"]
    ((_, result),) = [block for block in BLOCKS if block[0] == "result"]
    renai = Hospital(world)
    document, notes = decode(event.encode())
    assert (notes, read(document).kind) == ([], "session_stopped")  # type: ignore[union-attr]
    assert renai.send(event.encode(), routing_key("renai", "session_stopped"))["input"] == "7d0a6c2e-0001"
    assert msgspec.json.decode(result, type=Result).counts.applied == 41
    real = json.loads(sent_out(world.service)[0].body)["data"]
    assert set(real) == set(json.loads(result))


def said_by_the_code() -> set[str]:
    """The codes that stand in the sources where something is noted."""
    found = set()
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and source.name != "codes.py":
                found.add(node.value)
        found |= {f"unknown_{kind}" for kind in re.findall(r'f"unknown_\{(kind)\}"', text)}
    return found


def test_every_code_is_in_the_table_and_none_but_these() -> None:
    assert {code: "warning" if code in WARNINGS else "error" for code in CODES} == TABLE
    dynamic = {"unknown_doctor", "unknown_department"}
    assert set(CODES) - said_by_the_code() - dynamic == set(), "nothing says these"
    noted = set()
    for source in SOURCES:
        noted |= set(
            re.findall(r'Note\([^()]*?(?:\([^()]*\))?[^()]*?,\s*"([a-z_]+)",', source.read_text(encoding="utf-8"))
        )
    assert len(noted) > 15
    assert noted - set(CODES) - {"error", "warning"} == set(), "these are not documented"
