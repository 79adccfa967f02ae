"""The bytes of a file, of standard input or of a URL."""

import gzip
import sys
import urllib.error
import urllib.request
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO

from haoyuan_draw.record import Unreadable

LARGEST = 256 * 1024 * 1024
"""Bytes; a record of 100,000 entrants has four million."""
TIMEOUT = 60.0
_GZIP = b"\x1f\x8b"


def fetch(source: str) -> bytes:
    """What stands at `source`: a path, "-" for standard input, or an http(s) URL; unpacked if it is gzipped.

    Raises Unreadable.
    """
    try:
        if source.startswith(("http://", "https://")):
            request = urllib.request.Request(source, headers={"Accept": "application/json", "Accept-Encoding": "gzip"})  # noqa: S310  the scheme is one of two
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  likewise
                return _unpacked(_bounded(answer))
        if source == "-":
            return _unpacked(_bounded(sys.stdin.buffer))
        with Path(source).open("rb") as file:
            return _unpacked(_bounded(file))
    except (OSError, EOFError, zlib.error, urllib.error.URLError, ValueError) as error:
        raise Unreadable(f"{source}: {error}") from error


def _bounded(stream: IO[bytes]) -> bytes:
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    return data


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    with gzip.GzipFile(fileobj=BytesIO(data)) as packed:
        return _bounded(packed)  # type: ignore[arg-type]
