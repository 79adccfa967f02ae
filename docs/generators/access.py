"""tests/access/table.txt: who may call what, as decided by hand. Its head says what the signs mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.web.access import ROLES

TABLE = Path(__file__).parent.parent.parent / "tests/access/table.txt"
CALLERS = ("nobody", *ROLES)
EACH = "each service"
"""Begins the part about routes that every service has."""

LIMITS = {"-", "own", "403", "404", "422"}


@dataclass(frozen=True)
class Row:
    """A route, and who may call it; `person` and `hospital`: what becomes of those who name what is another's."""

    service: str
    method: str
    path: str
    may: frozenset[str]
    person: str
    hospital: str


def rows(text: str) -> Iterator[Row]:
    """The rows of a table. Raises ValueError for one that cannot be read."""
    service = ""
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#") or tuple(words[: len(CALLERS)]) == CALLERS:
            continue
        if not line.startswith(" "):
            service = EACH if line.startswith(EACH) else line
            continue
        method, path, *signs, person, hospital = words
        if len(signs) != len(CALLERS) or not {*signs} <= {"+", "."} or not {person, hospital} <= LIMITS:
            raise ValueError(f"cannot be read: {line}")
        may = frozenset(caller for caller, sign in zip(CALLERS, signs, strict=True) if sign == "+")
        yield Row(service, method, path, may, person, hospital)


def table() -> list[Row]:
    """The table as it stands."""
    return list(rows(TABLE.read_text(encoding="utf-8")))


def plain(rule: str) -> str:
    """A path of Flask's as documents and the table write it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
