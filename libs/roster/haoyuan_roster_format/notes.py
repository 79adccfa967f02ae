"""What there is to say of a row, and how its form is looked at: a note for each bad field."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

MOST_NOTES = 20
"""Of one row: who got everything wrong need not be told of each slot."""
LONGEST_MESSAGE = 300
LONGEST_PATH = 200

Severity = Literal["error", "warning"]
T = TypeVar("T", bound=Struct)


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of one row. An error means that the row has no effect (now); a warning, that it has."""

    path: str
    code: str
    message: str
    severity: Severity = "error"
    session_id: str | None = None

    def shown(self) -> dict[str, Any]:
        """As results show it."""
        return {
            "path": self.path[:LONGEST_PATH],
            "session_id": self.session_id,
            "code": self.code,
            "severity": self.severity,
            "message": self.message[:LONGEST_MESSAGE],
        }


_REFUSALS = (msgspec.ValidationError, UnicodeEncodeError)
"""The second is msgspec's answer to a lone surrogate."""


def parse(row_type: type[T], raw: Any, path: str) -> T | list[Note]:
    """The row, or what is wrong with its form, a note for each bad field."""
    try:
        return msgspec.convert(raw, row_type)
    except _REFUSALS as error:
        notes = [note for note, _ in zip(_faults(row_type, raw, path), range(MOST_NOTES), strict=False)]
        return notes or [Note(path, "invalid", str(error))]


def _faults(wanted: Any, raw: Any, path: str) -> Iterator[Note]:
    """What keeps `raw` from being a `wanted`, down to the fields that are at fault."""
    try:
        msgspec.convert(raw, wanted)
    except _REFUSALS as error:
        inner = list(_inner(wanted, raw, path))
        if inner:
            yield from inner
        else:
            yield Note(path, _code(wanted, raw, error), _said(raw, error))


def _inner(wanted: Any, raw: Any, path: str) -> Iterator[Note]:
    struct = _struct(wanted)
    if struct is not None and isinstance(raw, Mapping):
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        for name in raw:
            if name not in fields and struct.__struct_config__.forbid_unknown_fields:
                yield Note(_below(path, str(name)), *_unknown(str(name)))
        for name, field in fields.items():
            if name in raw:
                yield from _faults(field.type, raw[name], _below(path, name))
            elif field.required:
                yield Note(_below(path, name), "invalid", "is missing")
    elif isinstance(raw, list) and (item := _item(wanted)) is not None:
        for i, value in enumerate(raw[: 10 * MOST_NOTES]):
            yield from _faults(item, value, f"{path}[{i}]")


def _below(path: str, name: str) -> str:
    below = f"{path}.{name}" if path else name
    return below.encode("utf-8", "replace").decode()[:LONGEST_PATH]


def _unknown(name: str) -> tuple[str, str]:
    return ("bad_encoding", _SURROGATE) if _surrogate(name) else ("invalid", "is not a field of this row")


def _members(wanted: Any) -> tuple[Any, ...]:
    """The types that a union offers, without what annotates them."""
    if get_origin(wanted) is Annotated:
        return _members(get_args(wanted)[0])
    if get_origin(wanted) in (Union, types.UnionType):
        return tuple(member for option in get_args(wanted) for member in _members(option))
    return (wanted,)


def _struct(wanted: Any) -> type[Struct] | None:
    return next((m for m in _members(wanted) if isinstance(m, type) and issubclass(m, Struct)), None)


def _item(wanted: Any) -> Any:
    return next((get_args(m)[0] for m in _members(wanted) if get_origin(m) is list), None)


_SURROGATE = "holds a lone surrogate, which is no character"


def _surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _code(wanted: Any, raw: Any, error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError) or (isinstance(raw, str) and _surrogate(raw)):
        return "bad_encoding"
    if isinstance(raw, str) and any(member in (date, datetime) for member in _members(wanted)):
        return "bad_date" if date in _members(wanted) or not _is_date(raw[:10]) else "bad_time"
    return "invalid"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _said(raw: Any, error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError) or (isinstance(raw, str) and _surrogate(raw)):
        return _SURROGATE
    return str(error).partition(" - at `$")[0]
