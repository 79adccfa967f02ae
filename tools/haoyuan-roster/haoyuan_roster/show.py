"""Tables and progress, on a terminal and elsewhere. A Chinese character is two columns wide."""

import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

BAR = 30  # columns
WIDEST = 60
"""Columns of a cell, but the last of its row."""
LINE_SECONDS = 2.0
"""How often progress is told where there is no terminal."""


def width(text: str) -> int:
    """In columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a table; nothing if it has no rows. Control characters are shown as what they are."""
    cells = [[_plain(str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    columns = list(zip(header, *cells, strict=True))
    widths = [min(WIDEST, max(map(width, column))) for column in columns]
    for row in (header, ["-" * w for w in widths], *cells):
        yield "  ".join(_padded(cell, w) for cell, w in zip(row, widths, strict=True)).rstrip()


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def out(lines: Iterable[str]) -> None:
    """Print, at once."""
    for line in lines:
        print(line)
    sys.stdout.flush()


def say(line: str) -> None:
    """Tell what goes on, apart from the results; on a terminal, in the place of a bar."""
    print(f"\r\x1b[K{line}" if _is_terminal(sys.stderr) else line, file=sys.stderr, flush=True)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """How many of `total` are done: a bar on a terminal, else a line now and then."""

    def __init__(self, total: int, what: str, stream: TextIO) -> None:
        self._total = total
        self._what = what
        self._stream = stream
        self._bar = _is_terminal(stream)
        self._told_at = self._begun = time.monotonic()
        self._done = 0

    def step(self, note: str) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._bar:
            filled = BAR * self._done // self._total
            bar = "#" * filled + "." * (BAR - filled)
            self._write(f"\r[{bar}] {self._done}/{self._total} {self._what} {now - self._begun:.0f} s {note}\x1b[K")
        elif self._done == self._total or now - self._told_at >= LINE_SECONDS:
            self._told_at = now
            self._write(f"{self._done} of {self._total} {self._what}, {now - self._begun:.0f} s: {note}\n")

    def end(self) -> None:
        if self._bar and self._done:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@contextmanager
def progress(total: int, what: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """Progress of `total` things, on standard error. The bar ends its line whatever happens."""
    shown = Progress(total, what, stream or sys.stderr)
    try:
        yield shown
    finally:
        shown.end()
