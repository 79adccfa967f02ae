"""Lists are {"items": [...], "next_cursor": ...}, paged by `limit` and an opaque `cursor`: the sort key of the last item."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from marshmallow import ValidationError, fields, post_load, validate

from common.jsons import decode, encode
from common.web.schemas import Schema

T = TypeVar("T")


class Paged(Schema):
    """Query parameters of a list. Loads `cursor` as the list of sort values that `page_of` put into it."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=500))

    @post_load
    def _open_cursor(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data.get("cursor"):
            try:
                values = decode(base64.urlsafe_b64decode(data["cursor"] + "=="))
            except (ValueError, binascii.Error) as error:
                raise ValidationError({"cursor": ["is none of ours"]}) from error
            if not isinstance(values, list) or not values or not all(isinstance(v, str | int) for v in values):
                raise ValidationError({"cursor": ["is none of ours"]})
            data["cursor"] = values
        else:
            data["cursor"] = None
        return data


def page_of(
    rows: Sequence[T], limit: int, sort_values: Callable[[T], list[Any]], show: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """One page. Query `limit + 1` rows: the extra one tells that there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    cursor = base64.urlsafe_b64encode(encode(sort_values(shown[-1]))).decode().rstrip("=") if more else None
    return {"items": [show(row) for row in shown], "next_cursor": cursor}
