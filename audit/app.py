"""The audit as a small web application: the invariants, as they are now.

It keeps nothing and has no secret: it asks the services for their figures with the token of the operator who asks it, so services
still never call each other, and nobody sees by it what she could not see herself (docs/adr/0034).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from common.clock import local
from common.log import configure, mask_text
from common.settings import BadSettings, env
from common.settings import Settings as Common
from common.web import Routes, Schema, create_app, roles, service
from flask import Flask, request
from marshmallow import fields, validate

from audit.live import STATES, Live, Picture, Verdict
from audit.sources import books, fetch
from audit.words import SAYS

NAME = "audit"
SHOWN = 50
"""Findings of one invariant that are shown."""


@dataclass(frozen=True)
class Settings(Common):
    """`platform_url`: the gateway's, without a path. books_url: the payment sandbox's, if its books are to be compared.

    It makes no ids, so it needs no ID_KEY.
    """

    id_key: str = env("ID_KEY", "")
    platform_url: str = env("PLATFORM_URL", "http://127.0.0.1:8000")
    books_url: str = env("BOOKS_URL", "")


@dataclass
class Audit:
    """The application, as gunicorn and the pages of documents see it."""

    settings: Settings
    live: Live
    name: str = NAME
    streams: None = None
    web: Flask | None = None
    missing: Callable[[], list[str]] = field(default=list)

    @property
    def app(self) -> Flask:
        if self.web is None:
            raise TypeError("the audit was built without its web application")
        return self.web


def build(settings: Settings) -> Audit:
    """Wire it; calls nobody. Raises BadSettings."""
    for variable, url in (("PLATFORM_URL", settings.platform_url), ("BOOKS_URL", settings.books_url)):
        if url and not url.startswith(("http://", "https://")):
            raise BadSettings(f"the environment does not do:\n{variable}: {url!r} is no address")
    theirs = partial(books, settings.books_url) if settings.books_url else None
    made = Audit(settings, Live(partial(fetch, settings.platform_url), theirs))
    made.web = create_app(made, [blueprint], keeps=False)
    return made


def api() -> Flask:
    """The WSGI application for gunicorn, from the environment. Exits with every fault if that does not do."""
    try:
        settings = Settings.load(os.environ)
        configure(NAME, settings.log_format, settings.log_level)
        return build(settings).app
    except BadSettings as error:
        sys.exit(f"{NAME}: {error}")


# --- the edge --------------------------------------------------------------------------------------------------------

blueprint = Routes("invariants", __name__, url_prefix="/api/v1", description="The invariants, as they are now")


class SaysSchema(Schema):
    """What an invariant says, in one sentence."""

    zh = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)


class FindingSchema(Schema):
    """What does not fit."""

    about = fields.String(required=True, metadata={"description": "the order, session, service, account... concerned"})
    what = fields.String(required=True)
    since = fields.AwareDateTime(required=True, metadata={"description": "the first look that found it"})


class InvariantSchema(Schema):
    """One invariant."""

    code = fields.String(required=True, validate=validate.OneOf(list(SAYS)))
    says = fields.Nested(SaysSchema, required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "settling: something was found that may be work on its way; ask again"},
    )
    findings = fields.List(fields.Nested(FindingSchema), required=True, metadata={"description": f"{SHOWN} at most"})
    found = fields.Integer(required=True, metadata={"description": "how many findings there are"})
    why_unknown = fields.String(
        required=True, allow_none=True, metadata={"description": "why not all could be looked at"}
    )


class SilentSchema(Schema):
    """A service, and why its figures could not be had."""

    service = fields.String(required=True)
    why = fields.String(required=True)


class InvariantsSchema(Schema):
    """All of them, as of one look."""

    state = fields.String(required=True, validate=validate.OneOf(STATES), metadata={"description": "the worst of all"})
    looked_at = fields.AwareDateTime(required=True)
    items = fields.List(fields.Nested(InvariantSchema), required=True)
    silent = fields.List(fields.Nested(SilentSchema), required=True)


@blueprint.get("/invariants")
@roles("operator")
@blueprint.response(200, InvariantsSchema)
def invariants() -> dict[str, Any]:
    """Every invariant, held or not, by the services' figures of this moment; callers at the same time share a look.

    broken: found at several looks in a row over ten seconds and more. unknown: a service has not answered.
    """
    token = request.headers["Authorization"].partition(" ")[2].strip()
    return _show(service().live.look(token))


def _show(picture: Picture) -> dict[str, Any]:
    return {
        "state": picture.state,
        "looked_at": local(picture.looked_at),
        "items": [_show_one(verdict) for verdict in picture.verdicts],
        "silent": [{"service": name, "why": why} for name, why in picture.silent.items()],
    }


def _show_one(verdict: Verdict) -> dict[str, Any]:
    zh, en = SAYS[verdict.code]
    return {
        "code": verdict.code,
        "says": {"zh-CN": zh, "en": en},
        "state": verdict.state,
        "findings": [
            {"about": f.about, "what": mask_text(f.what), "since": local(f.since)} for f in verdict.findings[:SHOWN]
        ],
        "found": len(verdict.findings),
        "why_unknown": verdict.unknown or None,
    }
