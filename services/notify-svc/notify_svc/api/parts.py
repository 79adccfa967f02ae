"""What the routes share: whose things, in whose language."""

from typing import Any

from common.web import Principal, answer, service
from common.web.access import ROLES
from flask import Response, request

from notify_svc import domain, templates
from notify_svc.store import MongoStore

EVERYBODY = tuple(role for role in ROLES if role != "board")
"""Everybody who is a person: a screen on a wall is told nothing."""


def answer_in(body: dict[str, Any], locale: str) -> Response:
    return answer(body, Content_Language=locale, Vary="Accept-Language")


def reader_locale() -> str:
    """The best of our languages for the reader: the first, by their order, whose primary tag is one of ours."""
    for language, quality in request.accept_languages:
        for locale in templates.LOCALES:
            if quality > 0 and language.partition("-")[0].lower() == locale.partition("-")[0]:
                return locale
    return templates.LOCALES[0]


def recipients(caller: Principal) -> list[str]:
    return domain.recipients_of(caller.account_id, caller.roles, caller.hospital_id)


def store() -> MongoStore:
    return service().store  # type: ignore[no-any-return]
