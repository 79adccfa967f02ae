"""What the views share."""

from common.errors import TooMany
from common.outbox import Database
from common.web import service
from flask import Response, after_this_request

from user_svc.usecases import Parts

MASKED = "masked; never shown in clear"


def database() -> Database:
    return service().database  # type: ignore[no-any-return]


def parts() -> Parts:
    return service().parts  # type: ignore[no-any-return]


def limit(rule: str, subject: str) -> None:
    """Count a try. Raises TooMany, which says when to come again."""
    seconds = parts().limiter.wait(rule, subject)
    if not seconds:
        return

    @after_this_request
    def say_when(response: Response) -> Response:
        response.headers["Retry-After"] = str(seconds)
        return response

    raise TooMany("too many tries: wait a little", retry_after=seconds)
