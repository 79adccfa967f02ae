"""A CSV file, line by line: its header, and the cells of each line as values, or a note for each cell that cannot be."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from haoyuan_roster_format import Note

from haoyuan_roster.columns import COLUMNS, Column, column_of
from haoyuan_roster.encoding import LONGEST_LINE, encoding_of
from haoyuan_roster.faults import Refused, Unusable

LONGEST_QUOTE = 40
"""Characters of a wrong cell that are quoted."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file with the values of its cells; every column is there."""

    number: int
    values: dict[str, Any]

    @property
    def path(self) -> str:
        return f"line {self.number}"


class CsvFile:
    """A CSV file. Raises Unusable if its encoding or its header does not do; OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.encoding = encoding_of(path)
        with self._open() as file:
            head = file.readline(LONGEST_LINE)
        self._delimiter = max(",;\t", key=head.count)

    def _open(self) -> TextIO:
        return self._path.open(encoding=self.encoding, newline="")

    def lines(self) -> Iterator[Line | list[Note]]:
        """What stands in each line, or all that is wrong with it. Notes on the header come first."""
        with self._open() as file:
            numbered = _numbered(csv.reader(file, delimiter=self._delimiter, strict=True))
            first = next(numbered, None)
            if first is None:
                raise Unusable("the file is empty")
            _, header = first if isinstance(first, tuple) else (1, [])
            columns = _columns(header)
            if unknown := [title for title, column in zip(header, columns, strict=True) if column is None and title]:
                message = f"these columns are not known, and not looked at: {', '.join(unknown)[:200]}"
                yield [Note("line 1", "unknown_column", message, "warning")]
            for item in numbered:
                yield [item] if isinstance(item, Note) else _line(*item, columns)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]] | Note]:
    """Each record with the line that it begins at; empty ones are left out. Nothing comes after one that is broken."""
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        yield Note(f"line {begins}", "not_csv", f"{error}; what follows it was not read")


def _columns(header: Sequence[str]) -> list[Column | None]:
    columns = [column_of(title) for title in header]
    known = [column.name for column in columns if column is not None]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise Unusable(f"the header names a column twice: {', '.join(twice)}", "bad_header")
    missing = [f"{c.name} ({c.chinese})" for c in COLUMNS if c.required and c.name not in known]
    if not {"hours", "date"} & set(known):
        missing.append("hours (出诊时间), or date (日期)")
    if missing:
        raise Unusable(f"the header lacks {', '.join(missing)}", "bad_header")
    return columns


def _line(number: int, cells: Sequence[str], columns: Sequence[Column | None]) -> Line | list[Note]:
    texts = {c.name: cell.strip() for c, cell in zip(columns, cells, strict=False) if c is not None}
    values, notes = {}, []
    if any(cell.strip() for cell in cells[len(columns) :]):
        notes.append(Note(f"line {number}", "invalid", "has more cells than the header"))
    for column in COLUMNS:
        text = texts.get(column.name, "")
        try:
            if not text and column.required:
                raise Refused("invalid", "is missing")
            values[column.name] = column.read(text) if text else column.default
        except Refused as fault:
            notes.append(Note(f"line {number}, {column.name}", fault.code, f"{_quoted(text)}{fault}"))
    return notes or Line(number, values)


def _quoted(text: str) -> str:
    if not text:
        return ""
    return f"“{text[:LONGEST_QUOTE]}{'…' if len(text) > LONGEST_QUOTE else ''}”: "
