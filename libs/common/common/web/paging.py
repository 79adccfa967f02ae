"""Lists are {"items": [...], "next_cursor": ...}, paged by `limit` and an opaque `cursor`: the sort key of the last item."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from marshmallow import ValidationError, fields, post_load, validate

from common.jsons import decode, encode
from common.web.schemas import Schema, storable

T = TypeVar("T")


class Paged(Schema):
    """Query parameters of a list. Loads `cursor` as the list of sort values that `page_of` put into it.

    `sort_kinds` says what those values are: text, whole numbers or times. A subclass sets it for its list.
    """

    sort_kinds: ClassVar[tuple[type, ...]] = (str,)

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=500))

    @post_load
    def _open_cursor(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data.get("cursor"):
            try:
                values = decode(base64.urlsafe_b64decode(data["cursor"] + "=="))
                data["cursor"] = [_OPEN[kind](value) for kind, value in zip(self.sort_kinds, values, strict=True)]
            except (ValueError, TypeError, binascii.Error) as error:
                raise ValidationError({"cursor": ["is none of ours"]}) from error
        else:
            data["cursor"] = None
        return data


def _text(value: Any) -> str:
    if not isinstance(value, str) or not storable(value):
        raise ValueError("no text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError("no number")
    return value


def _aware_time(value: Any) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError("no zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:  # within hours of the year 1 or 10000
        raise ValueError("no time that a database keeps") from error


_OPEN: dict[type, Callable[[Any], Any]] = {str: _text, int: _number, datetime: _aware_time}


def page_of(
    rows: Sequence[T], limit: int, sort_values: Callable[[T], list[Any]], show: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """One page. Query `limit + 1` rows: the extra one tells that there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    cursor = base64.urlsafe_b64encode(encode(sort_values(shown[-1]))).decode().rstrip("=") if more else None
    return {"items": [show(row) for row in shown], "next_cursor": cursor}
