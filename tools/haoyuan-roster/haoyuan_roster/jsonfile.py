"""A JSON document read row by row: it may be far larger than memory.

    {"hospital": {...}, "departments": [...], "doctors": [...], "sessions": [...], "window": {...}, "as_of": "..."}

The standard library reads a value at a place of a string; this walks from value to value through a window of the file.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from haoyuan_roster.faults import Unusable

CHUNK = 64 * 1024  # characters
LARGEST_VALUE = 4 * 1024 * 1024
"""Characters of one row, or of one field that is no list; no sane one comes near."""

_GOES_ON = ("", ".", "e", "E")
"""What may follow a number that the edge of what is in sight cuts off: 1, 1. and 1e of 1.5 and 1e5."""
_SPACE = re.compile(r"[ \t\n\r]*")


def items(path: Path) -> Iterator[tuple[str, str, Any]]:
    """(name, path, value) of each field; a list's elements one by one, with paths such as sessions[3].

    Raises Unusable if it is no JSON object in UTF-8; OSError.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from _Document(file).fields()
        except UnicodeDecodeError as error:
            raise Unusable("the file is not UTF-8, as JSON has to be (RFC 8259)", "bad_encoding") from error


class _Document:
    """Reads on in a file. `_text` is the part in sight, `_position` the place in it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._position = 0
        self._lines = 1
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)

    def fields(self) -> Iterator[tuple[str, str, Any]]:
        self._expect("{")
        seen: set[str] = set()
        if not self._take("}"):
            while True:
                name = self._value()
                if not isinstance(name, str) or name in seen:
                    self._fail("a field's name is no text, or stands twice")
                seen.add(name)
                self._expect(":")
                yield from self._elements(name) if self._peek() == "[" else [(name, name, self._value())]
                if self._take("}"):
                    break
                self._expect(",")
        if self._peek():
            self._fail("something follows the document's end")

    def _elements(self, name: str) -> Iterator[tuple[str, str, Any]]:
        self._expect("[")
        if self._take("]"):
            return
        for number in range(2**31):
            yield name, f"{name}[{number}]", self._value()
            if self._take("]"):
                return
            self._expect(",")

    def _value(self) -> Any:
        """The value that stands next. Reads on until it is whole."""
        self._peek()
        while True:
            long = len(self._text) - self._position > LARGEST_VALUE
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
                cut = self._text[end : end + 1] in _GOES_ON
                if not cut or long or not self._more():
                    self._position = end
                    return value
            except (ValueError, RecursionError) as error:
                if long or not self._more():
                    self._fail(getattr(error, "msg", str(error)))

    def _peek(self) -> str:
        """The next sign that is not space; "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                return ""

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self._position += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            self._fail(f"“{sign}” is missing")

    def _more(self) -> bool:
        """Read on, at least as much as is in sight: a long value is then looked at a few times only."""
        rest = self._text[self._position :]
        chunk = self._file.read(max(CHUNK, len(rest)))
        self._lines += self._text.count("\n", 0, self._position)
        self._text, self._position = rest + chunk, 0
        return bool(chunk)

    def _fail(self, what: str) -> NoReturn:
        line = self._lines + self._text.count("\n", 0, self._position)
        raise Unusable(f"the file is no JSON document, after line {line}: {what}", "not_json")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
