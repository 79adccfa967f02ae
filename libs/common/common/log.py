"""Structured logs: one JSON object a line in production, coloured in a terminal. Personal data is masked on the way out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast

import structlog

_trace: ContextVar[str] = ContextVar("traceparent", default="")

# re.ASCII: to Unicode 汉字 are \w too, and a number right after one must be found
_ID_NUMBER = re.compile(r"(?<!\w)(\d{4})\d{10}(\d{3}[\dXx])(?!\w)", re.ASCII)
_PHONE = re.compile(r"(?<!\w)(1[3-9]\d)\d{4}(\d{4})(?!\w)", re.ASCII)
_SECRET_KEYS = frozenset({"password", "access_token", "refresh_token", "authorization", "id_number", "name"})


def current_trace() -> str:
    """The W3C traceparent of the request or message that is being worked on; "" outside of one."""
    return _trace.get()


def set_trace(traceparent: str) -> None:
    _trace.set(traceparent)


def mask_text(text: str) -> str:
    """Hide the middle of national IDs and mobile numbers."""
    return _PHONE.sub(r"\1****\2", _ID_NUMBER.sub(r"\1**********\2", text))


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
