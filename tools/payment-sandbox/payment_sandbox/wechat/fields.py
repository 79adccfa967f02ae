"""What a request's body must look like. Nothing that is not described is let through: the vendor would ignore it or refuse it,
and in both cases the merchant meant something that does not happen.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from payment_sandbox.wechat.refusal import Refusal, bad_field

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Field:
    """`check` raises Refusal for a value at a path."""

    check: Callable[[Any, str], None]
    required: bool = False


def must(field: Field) -> Field:
    return replace(field, required=True)


def text(most: int, least: int = 1, pattern: str = "") -> Field:
    """`most` and `least` in characters."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise bad_field(path, value, "is not a string")
        if not least <= len(value) <= most:
            raise bad_field(path, value, f"must have {least} to {most} characters")
        if pattern and not re.fullmatch(pattern, value):
            raise bad_field(path, value, f"must match {pattern}")

    return Field(check)


def one_of(*words: str) -> Field:
    def check(value: Any, path: str) -> None:
        if value not in words:
            raise bad_field(path, value, f"is none of {', '.join(words)}")

    return Field(check)


def whole(least: int = 1, most: int = 10_000_000_000) -> Field:
    """An integer as JSON writes it: neither 5.0 nor "5" nor true."""

    def check(value: Any, path: str) -> None:
        if type(value) is not int:
            raise bad_field(path, value, "is not an integer")
        if not least <= value <= most:
            raise bad_field(path, value, f"must be {least} to {most}")

    return Field(check)


def flag() -> Field:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, bool):
            raise bad_field(path, value, "is not a boolean")

    return Field(check)


def address() -> Field:
    """Where to notify: without a query. (The vendor wants https; on one's own machine there is none.)"""

    def check(value: Any, path: str) -> None:
        text(255).check(value, path)
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise bad_field(path, value, "is no http(s) address")
        if "?" in value or "#" in value:
            raise bad_field(path, value, "must not carry a query")

    return Field(check)


def moment() -> Field:
    """RFC 3339, to the second, with its zone."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise bad_field(path, value, "is no RFC 3339 time")
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise bad_field(path, value, "is no time") from None

    return Field(check)


def internet_address() -> Field:
    def check(value: Any, path: str) -> None:
        text(45).check(value, path)
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise bad_field(path, value, "is no IP address") from None

    return Field(check)


def record(fields: Mapping[str, Field]) -> Field:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise bad_field(path or "/", value, "is not an object")
        for name in value.keys() - fields.keys():
            raise bad_field(f"{path}/{name}", value[name], "is unknown")
        for name, field in fields.items():
            if name in value:
                field.check(value[name], f"{path}/{name}")
            elif field.required:
                raise bad_field(f"{path}/{name}", None, "is missing")

    return Field(check)


def many(field: Field, most: int = 6000) -> Field:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise bad_field(path, value, f"is not a list of 1 to {most}")
        for index, item in enumerate(value):
            field.check(item, f"{path}/{index}")

    return Field(check)


def read(body: bytes, fields: Mapping[str, Field]) -> dict[str, Any]:
    """A body that is what it must be. Raises Refusal (400)."""
    document = parsed(body)
    if document is None:
        raise Refusal(400, "PARAM_ERROR", "参数错误：请求体不是合法的 JSON 对象")
    record(fields).check(document, "")
    return document


def parsed(body: bytes) -> dict[str, Any] | None:
    """A body as JSON object; None if it is none, or says a name twice."""
    try:
        document = json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)
