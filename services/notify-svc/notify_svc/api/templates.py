"""The texts as people get them, for staff."""

from typing import Any

from common.web import Routes, Schema, roles, service
from marshmallow import fields

from notify_svc import templates
from notify_svc.domain import INBOX
from notify_svc.kinds import CHANNELS
from notify_svc.usecases import previews

blp = Routes("templates", __name__, url_prefix="/api/v1", description="What people are told, in words")

_DIGITS = 6  # of what could be a version; longer numbers are none, and cost nothing


class TemplateOut(Schema):
    kind = fields.String(required=True, metadata={"description": "a stable code", "example": "order_confirmed"})
    versions = fields.List(fields.Integer(), required=True, metadata={"description": "the last is the one in use"})
    locales = fields.List(fields.String(), required=True, metadata={"example": list(templates.LOCALES)})
    channels = fields.List(fields.String(), required=True, metadata={"example": [INBOX, *CHANNELS]})


class TemplatesOut(Schema):
    items = fields.List(fields.Nested(TemplateOut), required=True)


class PreviewOut(Schema):
    title = fields.String(required=True, metadata={"description": "empty for short messages"})
    text = fields.String(required=True)
    variables = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "of a short message: what its provider fills in, in this order"},
    )
    calendar = fields.String(required=True, metadata={"description": "the calendar file of an e-mail, if it has one"})


@blp.get("/templates")
@roles("operator")
@blp.response(200, TemplatesOut)
def list_templates() -> dict[str, Any]:
    """Every kind of notification, with the versions of its text and the channels by which it goes."""
    return {
        "items": [
            {
                "kind": t.kind,
                "versions": list(t.versions),
                "locales": list(templates.LOCALES),
                "channels": list(t.channels),
            }
            for t in previews.list_templates()
        ]
    }


@blp.get("/templates/<kind>/<version>/<locale>/<channel>")
@roles("operator")
@blp.response(200, PreviewOut)
def show_template(kind: str, version: str, locale: str, channel: str) -> dict[str, Any]:
    """One of them with an example in it. Of short messages and codes the newest version is shown. 404 `template_not_found`."""
    number = int(version) if version.isascii() and version.isdecimal() and len(version) < _DIGITS else 0
    found = previews.preview(kind, number, locale, channel, service().settings.public_url)
    return {"title": found.title, "text": found.text, "variables": found.variables, "calendar": found.calendar}
