"""JSON as the API speaks it: UTF-8, times in RFC 3339 with offset, by msgspec."""

from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode


def decode(data: bytes) -> Any:
    """Raises ValueError for anything but one JSON document in UTF-8."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
