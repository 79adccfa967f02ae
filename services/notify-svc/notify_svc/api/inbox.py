"""The in-app inbox."""

from typing import Any

from common.clock import local
from common.web import Paged, Routes, Schema, page_of, principal, roles
from flask import Response
from marshmallow import fields

from notify_svc import templates
from notify_svc.api.parts import EVERYBODY, answer_in, reader_locale, recipients, store
from notify_svc.domain import Notification
from notify_svc.usecases import inbox

blp = Routes("notifications", __name__, url_prefix="/api/v1", description="The in-app inbox")


class InboxQuery(Paged):
    unread = fields.Boolean(load_default=False, metadata={"description": "true: only those not read yet"})


class NotificationOut(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "a stable code", "example": "order_confirmed"})
    title = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "plain text of one or more lines"})
    created_at = fields.AwareDateTime(required=True, metadata={"description": "when it happened"})
    read_at = fields.AwareDateTime(required=True, allow_none=True)
    order_id = fields.String(required=True, allow_none=True)


class InboxOut(Schema):
    items = fields.List(fields.Nested(NotificationOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.get("/notifications")
@roles(*EVERYBODY)
@blp.arguments(InboxQuery, location="query")
@blp.response(200, InboxOut)
def list_notifications(query: dict[str, Any]) -> Response:
    """One's notifications, newest first, in the language of Accept-Language (zh-CN or en; zh-CN without one).

    Staff see what is for their role at their hospital too.
    """
    limit, before, locale = query["limit"], query["cursor"][0] if query["cursor"] else None, reader_locale()
    found = inbox.newest(store(), recipients(principal()), before=before, limit=limit + 1, unread=query["unread"])
    return answer_in(page_of(found, limit, lambda n: [n.rank], lambda n: show(n, locale)), locale)


@blp.post("/notifications/<notification_id>/read")
@roles(*EVERYBODY)
@blp.response(200, NotificationOut)
def read_notification(notification_id: str) -> Response:
    """Note that this was read. Again changes nothing; `read_at` stays the first time."""
    caller, locale = principal(), reader_locale()
    read = inbox.mark_read(store(), recipients(caller), caller.account_id, notification_id)
    return answer_in(show(read, locale), locale)


def show(n: Notification, locale: str) -> dict[str, Any]:
    title, text = templates.render(n.kind, n.version, n.params, locale)
    return {
        "id": n.id,
        "kind": n.kind,
        "title": title,
        "text": text,
        "created_at": local(n.created_at),
        "read_at": local(n.read_at),
        "order_id": n.order_id,
    }
