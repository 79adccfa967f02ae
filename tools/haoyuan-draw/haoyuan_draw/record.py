"""Reads a record or a receipt. Strict: what the specification does not allow is refused, with the place where it stands."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

RECORD = "haoyuan-draw/1"
RECEIPT = "haoyuan-receipt/1"
MOST = 1_000_000_000
MOST_WEIGHT = 1_000_000

_TEXT = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,128}")
"""ASCII without the quote and the backslash: every JSON writer writes it alike."""
_HEX = re.compile(r"[0-9a-f]{64}")
_PSEUDONYM = re.compile(r"[0-9A-Za-z_-]{1,64}")

T = TypeVar("T")
Read = Callable[[Any, str], T]


class Unreadable(Exception):
    """No record or receipt at all, or one of a draw that is still to come."""


class Wrong(Exception):
    """It is meant to be one, but is not as the specification says; the message names the place."""


@dataclass(frozen=True)
class Segment:
    id: str
    starts_at: str
    numbers: int


@dataclass(frozen=True)
class Entry:
    seq: int
    pseudonym: str
    weight: int

    @property
    def leaf(self) -> bytes:
        """What the tree is built over."""
        return f"{self.seq}:{self.pseudonym}:{self.weight}".encode("ascii")


@dataclass(frozen=True)
class Record:
    """The public record of a draw, each value of the right kind; whether they agree is another question."""

    session: Mapping[str, str]
    policy: str
    opens_at: str
    closes_at: str
    drawn_at: str
    commitment: str
    seed: bytes
    segments: list[Segment]
    numbers: int
    entrants: int
    entries: list[Entry]
    root: str
    ranking: list[int]
    winners: int
    digest: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """An entrant's proof that she is in the list."""

    session_id: str
    entry: Entry
    parts: list[tuple[str, int]]
    commitment: str
    index: int
    entrants: int
    path: list[bytes]
    root: str
    digest: str
    rank: int
    won: bool


@dataclass(frozen=True)
class Entered:
    """What an entrant is told while entries are open: her place in the list to come, and the commitment of that time."""

    session_id: str
    entry: Entry
    parts: list[tuple[str, int]]
    commitment: str


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object. Raises Unreadable, also for an object that has a name twice."""
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"this is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Unreadable("this is no JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a member twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def read_record(document: dict[str, Any]) -> Record:
    """Raises Unreadable, or Wrong."""
    _expect(document, RECORD)
    members = _object(document, "the record", _RECORD_MEMBERS, ("format",))
    return Record(**members, document=document)


def read_receipt(document: dict[str, Any]) -> Receipt:
    """Raises Unreadable, or Wrong."""
    _expect(document, RECEIPT)
    members = _object(document, "the receipt", _RECEIPT_MEMBERS, ("format",))
    entry = _taken_out(members)
    return Receipt(**members, entry=entry)


def read_kept_receipt(document: dict[str, Any]) -> Receipt | Entered:
    """A receipt from after the draw, or one from before it. Raises Unreadable, or Wrong."""
    if document.get("format") != RECEIPT or document.get("state") != "open":
        return read_receipt(document)
    members = _object(document, "the receipt", _ENTERED_MEMBERS, ("format", "state"))
    entry = _taken_out(members)
    return Entered(**members, entry=entry)


def _taken_out(members: dict[str, Any]) -> Entry:
    return Entry(members.pop("seq"), members.pop("pseudonym"), members.pop("weight"))


def _expect(document: dict[str, Any], wanted: str) -> None:
    found = document.get("format")
    if found != wanted:
        raise Unreadable(f"its format is {found!r}, not {wanted!r}")
    if document.get("state") == "open" and wanted == RECEIPT:
        raise Unreadable(
            "this receipt is from before the draw: once it is drawn, `verify RECORD --receipt` compares them"
        )
    if document.get("state") == "open":
        raise Unreadable("this draw is still to come: there is nothing to check yet but its commitment")


# --- kinds of values -------------------------------------------------------------------------------------------------


def _object(value: Any, at: str, members: Mapping[str, Read[Any]], besides: tuple[str, ...] = ()) -> dict[str, Any]:
    if type(value) is not dict:
        raise Wrong(f"{at} must be an object")
    if missing := sorted(set(members) - set(value)):
        raise Wrong(f"{at} lacks {', '.join(missing)}")
    if unknown := sorted(set(value) - set(members) - set(besides)):
        raise Wrong(f"{at} has the unknown {', '.join(unknown)}")
    return {name: read(value[name], name) for name, read in members.items()}


def _texts(*names: str) -> Read[dict[str, str]]:
    def read(value: Any, at: str) -> dict[str, str]:
        return _object(value, at, dict.fromkeys(names, _text))

    return read


def _matching(pattern: re.Pattern[str], what: str) -> Read[str]:
    def read(value: Any, at: str) -> str:
        if type(value) is not str or not pattern.fullmatch(value):
            raise Wrong(f"{at} must be {what}")
        return value

    return read


_text = _matching(_TEXT, "a plain text")
_hex = _matching(_HEX, "64 digits of lower-case hex")
_pseudonym = _matching(_PSEUDONYM, "a pseudonym")
_policy = _matching(re.compile("lottery|weighted"), "lottery or weighted")


def _time(value: Any, at: str) -> str:
    try:
        if datetime.fromisoformat(_text(value, at)).tzinfo is None:
            raise ValueError
    except ValueError as error:
        raise Wrong(f"{at} must be a time with its offset") from error
    return str(value)


def _seed(value: Any, at: str) -> bytes:
    return bytes.fromhex(_hex(value, at))


def _whole(least: int, most: int = MOST) -> Read[int]:
    def read(value: Any, at: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Wrong(f"{at} must be a whole number from {least} to {most}")
        return value

    return read


_count, _number, _weight = _whole(0), _whole(1), _whole(1, MOST_WEIGHT)


def _flag(value: Any, at: str) -> bool:
    if type(value) is not bool:
        raise Wrong(f"{at} must be true or false")
    return value


def _list(read: Read[T]) -> Read[list[T]]:
    def read_all(value: Any, at: str) -> list[T]:
        if type(value) is not list:
            raise Wrong(f"{at} must be a list")
        return [read(item, f"{at}[{i}]") for i, item in enumerate(value)]

    return read_all


def _entry(value: Any, at: str) -> Entry:
    if type(value) is not list or len(value) != 3:
        raise Wrong(f"{at} must be [seq, pseudonym, weight]")
    return Entry(_number(value[0], at), _pseudonym(value[1], at), _weight(value[2], at))


def _segment(value: Any, at: str) -> Segment:
    return Segment(**_object(value, at, {"id": _text, "starts_at": _time, "numbers": _count}))


def _part(value: Any, at: str) -> tuple[str, int]:
    members = _object(value, at, {"name": _text, "points": _count})
    return members["name"], members["points"]


_RECORD_MEMBERS: dict[str, Read[Any]] = {
    "session": _texts("id", "hospital_id", "department_id", "doctor_id", "date", "period", "starts_at"),
    "policy": _policy,
    "opens_at": _time,
    "closes_at": _time,
    "drawn_at": _time,
    "commitment": _hex,
    "seed": _seed,
    "segments": _list(_segment),
    "numbers": _count,
    "entrants": _count,
    "entries": _list(_entry),
    "root": _hex,
    "ranking": _list(_number),
    "winners": _count,
    "digest": _hex,
}
_ENTERED_MEMBERS: dict[str, Read[Any]] = {
    "session_id": _text,
    "seq": _number,
    "pseudonym": _pseudonym,
    "weight": _weight,
    "parts": _list(_part),
    "commitment": _hex,
}
_RECEIPT_MEMBERS: dict[str, Read[Any]] = _ENTERED_MEMBERS | {
    "index": _count,
    "entrants": _number,
    "path": _list(_seed),
    "root": _hex,
    "digest": _hex,
    "rank": _number,
    "won": _flag,
}
