"""What the views share."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import Invalid, TooMany
from common.outbox import Database
from common.web import service
from common.web.client import client_address
from flask import request
from marshmallow import validate

from user_svc.devices import device_of
from user_svc.usecases import Parts
from user_svc.usecases.codes import WRONG_CODE

MASKED = "masked; never shown in clear"

CODE = validate.Regexp(r"[0-9]{6}\Z", error="is six digits")
"""Of the codes that are sent."""


def database() -> Database:
    return service().database  # type: ignore[no-any-return]


def parts() -> Parts:
    return service().parts  # type: ignore[no-any-return]


def device() -> str:
    """What asks, in a few words."""
    return device_of(request.user_agent.string)


def limit(rule: str, subject: str) -> None:
    """Count a try. Raises TooMany, which says when to come again."""
    _refuse(parts().limiter.wait(rule, subject))


@contextmanager
def guessing() -> Iterator[None]:
    """What is done here may fail because a code is wrong: whose guesses are many has to wait. Raises TooMany."""
    source = client_address()
    _refuse(parts().limiter.full("failures_address", source))
    try:
        yield
    except Invalid as fault:
        if fault.code == WRONG_CODE:
            parts().limiter.wait("failures_address", source)
        raise


def _refuse(seconds: int) -> None:
    if seconds:
        raise TooMany("too many tries: wait a little", retry_after=seconds)
