"""Structured logs: one JSON object a line in production, coloured in a terminal. Personal data is masked on the way out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast

import structlog

_trace: ContextVar[str] = ContextVar("traceparent", default="")

# boundaries are ASCII: to Unicode 汉字 are \w too, and a number right after one must be found; digits are of any script (１３８...)
_PERSONAL = re.compile(
    r"(?<![A-Za-z0-9_])"
    r"(?:(?P<id>\d{4})\d\d(?P<gap>[ -]?)\d{4}(?P=gap)?\d{4}(?P=gap)(?P<id_end>\d{3}[\dXxＸｘ])"
    r"|(?P<phone>(?:(?:\+|00)?86[ -]?)?[1１][3-9３-９]\d)(?P<pause>[ -]?)\d{4}(?P=pause)(?P<phone_end>\d{4})"
    r"|(?<![.+-])(?P<mail>[A-Za-z0-9_+-]?)[A-Za-z0-9_.+-]+@(?P<domain>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+))"
    r"(?![A-Za-z0-9_])"
)
"""National IDs, mobile numbers and e-mail addresses; spaces or hyphens may stand between the groups of digits. Linear in the text."""
_SECRET_KEYS = frozenset({"password", "access_token", "refresh_token", "authorization", "id_number", "name"})


def current_trace() -> str:
    """The W3C traceparent of the request or message that is being worked on; "" outside of one."""
    return _trace.get()


def set_trace(traceparent: str) -> None:
    _trace.set(traceparent)


def mask_text(text: str) -> str:
    """Hide the middle of national IDs, mobile numbers and e-mail addresses."""
    return _PERSONAL.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if found["id"]:
        return f"{found['id']}**********{found['id_end']}"
    if found["phone"]:
        return f"{found['phone']}****{found['phone_end']}"
    return f"{found['mail']}***@{found['domain']}"


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in _SECRET_KEYS:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = mask_text(value)
    return event


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace := _trace.get():
        event["trace_id"] = trace.split("-")[1] if trace.count("-") == 3 else trace
    return event


def configure(service: str, style: str = "console", level: str = "INFO") -> None:
    """Set up logging for this process; the standard library's loggers go the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    # plain_traceback: the one that is chosen where rich is installed shows the values of all variables, secrets too
    plain = structlog.dev.plain_traceback
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    last: list[Any] = [structlog.processors.format_exc_info, _mask, renderer]
    if style == "json":
        last[-1] = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("pika", "amqp", "kombu", "alembic", "urllib3", "werkzeug", "pymongo"):  # the last would log documents
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))
