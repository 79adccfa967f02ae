"""Every fault as application/problem+json (RFC 9457), with a stable `code`; validation errors name every bad field."""

from datetime import datetime
from typing import Any

from flask import Flask, Response, current_app
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from common.clock import local
from common.errors import Fault, Invalid, InvalidMessage, Transient
from common.jsons import encode
from common.log import get_logger

log = get_logger("web")

_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "unavailable",
}


def problem(status: int, code: str, detail: str = "", **extra: Any) -> Response:
    """A problem document. `title` is the code in words, `type` an URN made of it."""
    title = code.replace("_", " ")
    document = {
        "type": f"urn:haoyuan:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    response = Response(encode(document), status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="haoyuan"'
    if wait := extra.get("retry_after", 2 if status == 503 else None):
        response.headers["Retry-After"] = str(wait)
    return response


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """Marshmallow's nested messages as a flat list of {field, message}."""
    return list(_flatten("", error.messages))


def _flatten(path: str, messages: Any) -> Any:
    if isinstance(messages, dict):
        for key, value in messages.items():
            name = str(key) if key != "_schema" else ""
            yield from _flatten(".".join(part for part in (path, name) if part), value)
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield {"field": path or "body", "message": str(message)}


def register(app: Flask) -> None:
    """Turn every exception that leaves a view into a problem."""
    app.register_error_handler(Fault, _fault)
    app.register_error_handler(
        ValidationError, lambda e: _fault(Invalid("some fields are wrong", errors=field_errors(e)))
    )
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _fault(fault: Fault) -> Response:
    extra = {name: local(value) if isinstance(value, datetime) else value for name, value in fault.extra.items()}
    return problem(fault.status, fault.code, fault.detail, **extra)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, _CODES.get(status, "http_error"), error.description or "")
    for name, value in error.get_headers():
        if name.lower() in {"allow", "location", "retry-after"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    store = getattr(current_app.extensions.get("service"), "store", None)
    if isinstance(error, Transient) or (store is not None and store.is_transient(error)):
        log.warning("store_unavailable", error=str(error)[:500])
        return problem(503, "unavailable", "something we need is away for a moment; try again")
    if isinstance(error, InvalidMessage):
        log.error("bad_outgoing_message", exc_info=error)
    else:
        log.error("unexpected_error", exc_info=error)
    return problem(500, "internal_error", "this is our fault; it has been logged")
