"""Which encoding a CSV file is in: UTF-8, with or without a byte order mark, or GB18030 (GBK, GB2312), as Excel in China writes it.

Looked at line by line, so that a damaged line can be named, and a file of any length needs little memory. No byte of a character of
either encoding is a line feed.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path

from haoyuan_roster.faults import Unusable

LONGEST_LINE = 1024 * 1024  # bytes
UTF8, GB18030 = "utf-8-sig", "gb18030"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path) -> str:
    """UTF8 or GB18030. Raises Unusable (bad_encoding), naming the line, if it is neither; OSError if it cannot be read.

    A file most of whose lines are UTF-8 is a damaged UTF-8 file, not one in GB18030, as which nearly anything can be read. And
    Chinese consists of the characters of GB2312, the everyday set, for the most part: Latin-1 read as GB18030 does not.
    """
    census = _Census()
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if number == 1 and line.startswith(_UTF16):
                raise Unusable("the file is UTF-16; save it as “CSV UTF-8”", "bad_encoding")
            if b"\0" in line or len(line) > LONGEST_LINE:
                raise Unusable(f"line {number} is not text", "bad_encoding")
            if not line.isascii():
                census.count(number, line)
    return census.verdict()


@dataclass
class _Census:
    """Of the lines beyond ASCII: how many are UTF-8, and the first that is not of an encoding."""

    utf8: int = 0
    others: int = 0
    not_utf8: int = 0
    not_gb18030: int = 0
    everyday: int = 0
    rare: int = 0

    def count(self, number: int, line: bytes) -> None:
        if _read(line, "utf-8") is not None:
            self.utf8 += 1
            return
        self.others += 1
        self.not_utf8 = self.not_utf8 or number
        text = _read(line, GB18030)
        if text is None:
            self.not_gb18030 = self.not_gb18030 or number
            return
        everyday = [_is_everyday(character) for character in text if not character.isascii()]
        self.everyday += sum(everyday)
        self.rare += len(everyday) - sum(everyday)

    def verdict(self) -> str:
        if not self.not_utf8:
            return UTF8
        if self.utf8 > self.others:
            raise Unusable(f"line {self.not_utf8} is not UTF-8, as most others are", "bad_encoding")
        if self.not_gb18030 or self.everyday <= self.rare:
            line = self.not_gb18030 or self.not_utf8
            raise Unusable(f"line {line} is neither UTF-8 nor GB18030 (GBK)", "bad_encoding")
        return GB18030


def _read(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_everyday(character: str) -> bool:
    """Whether it stands in GB2312."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
