"""What WeChat says when it does not do what it was asked for."""

import json
from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """An answer that is no success. Branch on `status` and `code`; the message is for people."""

    def __init__(self, status: int, code: str, message: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    def body(self) -> bytes:
        said = {"code": self.code, "message": self.message}
        return dumps(said if self.detail is None else {**said, "detail": self.detail})


def bad_field(field: str, value: Any, issue: str, location: str = "body") -> Refusal:
    """400 PARAM_ERROR, naming the field by its path (`/amount/total`)."""
    detail = {"field": field, "value": value, "issue": issue, "location": location}
    return Refusal(400, "PARAM_ERROR", f"参数错误：{field} {issue}", detail)


def unsigned(issue: str, field: str = "signature") -> Refusal:
    """401: the caller has not proved who it is."""
    detail = {"field": field, "issue": issue, "location": "authorization"}
    return Refusal(401, "SIGN_ERROR", f"签名错误：{issue}", detail)


def dumps(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
