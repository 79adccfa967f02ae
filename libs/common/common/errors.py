"""What can go wrong, in the words of the API: every fault has a stable code and an HTTP status (RFC 9457)."""

from collections.abc import Mapping
from typing import Any


class Fault(Exception):
    """A refusal that a caller can understand: becomes problem+json, or a rejection message.

    `code` is stable and documented; `detail` is for people; `extra` are further members of the problem document.
    """

    status = 400
    code = "bad_request"

    def __init__(self, detail: str = "", *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail or code or self.code)
        self.detail = detail
        self.code = code or type(self).code
        self.extra: Mapping[str, Any] = extra


class Invalid(Fault):
    """The input is wrong; `errors` names each bad field: [{"field": "patient_id", "message": "..."}]."""

    status = 422
    code = "validation_error"


class Unauthenticated(Fault):
    status = 401
    code = "unauthenticated"


class Forbidden(Fault):
    status = 403
    code = "forbidden"


class NotFound(Fault):
    status = 404
    code = "not_found"


class Conflict(Fault):
    """The request is right but the state of things refuses it."""

    status = 409
    code = "conflict"


class TooMany(Fault):
    status = 429
    code = "too_many_requests"


class Unavailable(Fault):
    """Something we need is away for now; the same request may succeed later."""

    status = 503
    code = "unavailable"


class Transient(Exception):
    """Infrastructure is away (database, broker): keep the work, pause, try again. Never a reason to park a message."""


class InvalidMessage(Exception):
    """A message that cannot be read, ever: park it with this reason."""
