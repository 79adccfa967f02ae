"""A request, as the views see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payment_sandbox.wechat.fields import Field, parsed, read
from payment_sandbox.wechat.refusal import bad_field

Answer = tuple[int, bytes | Mapping[str, Any]]
"""Status, and the body: a JSON document, or bytes."""


@dataclass(frozen=True, slots=True)
class Call:
    """`parts` are of the path, `query` of what follows it, `serial` the Wechatpay-Serial header as sent, or empty;
    `host` is where the merchant reached us, without a path: there it can download, too.
    """

    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    serial: str
    host: str

    def part(self, name: str) -> str:
        return self.parts[name]

    def said(self, name: str) -> str:
        """A field of the body, believed without any check: for fault plans only."""
        value = (parsed(self.body) or {}).get(name)
        return value if isinstance(value, str) else ""

    def read(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """The body, which must be of these fields. Raises Refusal (400)."""
        self.query_of()
        return read(self.body, fields)

    def query_of(self, *required: str, optional: tuple[str, ...] = ()) -> None:
        """Raises Refusal (400) if the query has other names than these, or lacks one."""
        for name in required:
            if not self.query.get(name):
                raise bad_field(f"/{name}", None, "is missing", "query")
        for name in self.query.keys() - {*required, *optional}:
            raise bad_field(f"/{name}", self.query[name], "is unknown", "query")
