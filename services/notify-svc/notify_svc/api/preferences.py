"""What people want to hear beside their inbox; and the link in e-mails that ends them."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from common.errors import NotFound
from common.web import Routes, Schema, principal, public, roles
from flask import Response, request
from marshmallow import EXCLUDE, ValidationError, fields, validate, validates_schema

from notify_svc.api.parts import EVERYBODY, store
from notify_svc.delivery import Contact
from notify_svc.kinds import CHANNELS, OPTIONAL
from notify_svc.usecases import preferences

blp = Routes("preferences", __name__, url_prefix="/api/v1", description="What people want to hear, and when")

_ALWAYS = validate.Equal(
    True, error="cannot be switched off: it tells of stopped visits, of money and of the account's safety"
)
_TIME = validate.Regexp(r"(?:[01]\d|2[0-3]):[0-5]\d\Z", error="must be a time of day, HH:MM")


class WantedSchema(Schema):
    orders = fields.Boolean(metadata={"description": "news of one's orders"})
    reminders = fields.Boolean(metadata={"description": "of visits"})


class WantedIn(WantedSchema):
    must = fields.Boolean(validate=_ALWAYS, metadata={"description": "true, always: 停诊, refunds"})
    security = fields.Boolean(validate=_ALWAYS, metadata={"description": "true, always"})


class QuietSchema(Schema):
    """Beijing time; over midnight if `to` is not after `from`."""

    from_ = fields.String(data_key="from", required=True, validate=_TIME, metadata={"example": "22:00"})
    to = fields.String(required=True, validate=_TIME, metadata={"example": "07:00"})

    @validates_schema
    def _some_time_is_left(self, data: dict[str, Any], **_: Any) -> None:
        if data["from_"] == data["to"]:
            raise ValidationError({"to": ["must not be the same as from: nothing would ever be sent"]})


class PreferencesIn(Schema):
    email = fields.Nested(WantedIn)
    sms = fields.Nested(WantedIn)
    quiet_hours = fields.Nested(QuietSchema, allow_none=True)


class PreferencesOut(Schema):
    email = fields.Nested(WantedSchema, required=True)
    sms = fields.Nested(WantedSchema, required=True)
    quiet_hours = fields.Nested(QuietSchema, required=True, allow_none=True)


class TokenQuery(Schema):
    class Meta:
        unknown = EXCLUDE  # mail programs hang on what they like

    token = fields.String(load_default="", metadata={"description": "what the link says; any other is not found"})


@blp.get("/notifications/preferences")
@roles(*EVERYBODY)
@blp.response(200, PreferencesOut)
def show_preferences() -> dict[str, Any]:
    """What one wants by e-mail and SMS. The inbox holds everything, and what must arrive goes everywhere."""
    return _show(preferences.shown(store(), principal().account_id))


@blp.patch("/notifications/preferences")
@roles(*EVERYBODY)
@blp.arguments(PreferencesIn)
@blp.response(200, PreferencesOut)
def change_preferences(said: dict[str, Any]) -> dict[str, Any]:
    """Change what is named. `quiet_hours`: news of orders and reminders wait for their end, but for those to who waits in the clinic;
    null: none.

    422 for what cannot be switched off.
    """
    wants: dict[str, dict[str, bool]] = {
        channel: {category: wanted for category, wanted in said[channel].items() if category in OPTIONAL}
        for channel in CHANNELS
        if channel in said
    }
    quiet = None
    if "quiet_hours" in said:
        quiet = [said["quiet_hours"]["from_"], said["quiet_hours"]["to"]] if said["quiet_hours"] else []
    return _show(preferences.change(store(), principal().account_id, wants, quiet))


def _show(contact: Contact) -> dict[str, Any]:
    quiet = contact.quiet
    hours = {"from": f"{quiet.begin:%H:%M}", "to": f"{quiet.end:%H:%M}"} if quiet else None
    return {**{channel: dict(contact.wants[channel]) for channel in CHANNELS}, "quiet_hours": hours}


_WHAT = {
    "orders": ("挂号进展邮件", "e-mails about your orders"),
    "reminders": ("就诊提醒邮件", "e-mails that remind you of visits"),
}

_STYLE = (
    "body{max-width:32rem;margin:4rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;color:#222;background:#fff}"
    "[lang=en]{color:#555}button{font:inherit;padding:.5rem 1.5rem}"
)
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; form-action 'self'"
    ),
    "Cache-Control": "no-store",
}

_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>号源 Haoyuan</title><style>{style}</style></head><body>
<p>{zh}</p><p lang="en">{en}</p>{form}
</body></html>
"""

_FORM = """
<form method="post" action="?token={token}"><button>退订 <span lang="en">Unsubscribe</span></button></form>"""


@blp.get("/notifications/unsubscribe")
@public
@blp.arguments(TokenQuery, location="query")
@blp.response(200, {"type": "string"}, content_type="text/html")
def ask_to_unsubscribe(query: dict[str, Any]) -> Response:
    """The page behind the link in an e-mail: it asks, and changes nothing, since mail scanners follow links too."""
    try:
        zh, en = _WHAT[preferences.category_of(query["token"])]
    except NotFound as error:
        return _no_such_link(error)
    form = _FORM.format(token=escape(query["token"]))
    return _page(
        f"不再接收{zh}？停诊、退款等重要通知仍会发送。", f"No more {en}? What you must know still comes.", form
    )


@blp.post("/notifications/unsubscribe")
@public
@blp.arguments(TokenQuery, location="query")
@blp.response(200, {"type": "string"}, content_type="text/html")
def unsubscribe(query: dict[str, Any]) -> Response:
    """End letters of this kind: by the button of the page, or by the mail program's own (RFC 8058). Again changes nothing."""
    request.get_data(cache=False)  # List-Unsubscribe=One-Click, or nothing: the token says all
    try:
        zh, en = _WHAT[preferences.switch_off(store(), query["token"])]
    except NotFound as error:
        return _no_such_link(error)
    return _page(
        f"已退订{zh}。可随时在账号的通知设置中恢复。",
        f"You get no more {en}. Your account can switch them on again.",
        "",
    )


def _no_such_link(error: NotFound) -> Response:
    """A browser is shown a page; for everybody else the error is raised."""
    if request.accept_mimetypes.best_match(["application/problem+json", "text/html"]) != "text/html":
        raise error
    return _page(
        "此链接无效或不完整。请打开邮件中的完整链接，或在账号的通知设置中关闭。",
        "This link is not valid, or part of it is missing. Open the whole link in the e-mail, or switch these e-mails off in "
        "your account.",
        "",
        404,
    )


def _page(zh: str, en: str, form: str, status: int = 200) -> Response:
    page = _PAGE.format(style=_STYLE, zh=zh, en=en, form=form)
    return Response(page, status, content_type="text/html; charset=utf-8", headers=_HEADERS)
