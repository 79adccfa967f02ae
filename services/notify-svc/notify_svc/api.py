"""notify-svc over HTTP. Translates; decides nothing."""

from typing import Any

from common.clock import local
from common.web import Paged, Principal, Routes, Schema, answer, page_of, principal, roles, service
from flask import Response, request
from marshmallow import fields, validate

from notify_svc import domain, templates, usecases
from notify_svc.domain import Alarm, Notification
from notify_svc.store import MongoStore
from notify_svc.texts.alarms import words_of

blp = Routes("notifications", __name__, url_prefix="/api/v1", description="The in-app inbox")

alarms = Routes("alarms", __name__, url_prefix="/api/v1", description="Alarms about money, for operators")

EVERYBODY = ("patient", "registrar", "cashier", "operator")


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
    limit, before, locale = query["limit"], query["cursor"][0] if query["cursor"] else None, _locale()
    found = usecases.inbox(_store(), _recipients(principal()), before=before, limit=limit + 1, unread=query["unread"])
    return _answer(page_of(found, limit, lambda n: [n.rank], lambda n: _show(n, locale)), locale)


@blp.post("/notifications/<notification_id>/read")
@roles(*EVERYBODY)
@blp.response(200, NotificationOut)
def read_notification(notification_id: str) -> Response:
    """Note that this was read. Again changes nothing; `read_at` stays the first time."""
    caller, locale = principal(), _locale()
    read = usecases.mark_read(_store(), _recipients(caller), caller.account_id, notification_id)
    return _answer(_show(read, locale), locale)


def _show(n: Notification, locale: str) -> dict[str, Any]:
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


class AlarmsQuery(Paged):
    state = fields.String(load_default=None, validate=validate.OneOf(["open", "cleared"]))


class AlarmOut(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "a stable code", "example": "paid_is_confirmed"})
    title = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "what it means, and what to do"})
    state = fields.String(required=True, metadata={"enum": ["open", "cleared"]})
    count = fields.Integer(required=True, metadata={"description": "of what it is about"})
    about = fields.List(
        fields.String(), required=True, metadata={"description": "ids of orders, payments, refunds; 20 at most"}
    )
    raised_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True, metadata={"description": "when it was last told of"})
    cleared_at = fields.AwareDateTime(required=True, allow_none=True)


class AlarmsOut(Schema):
    items = fields.List(fields.Nested(AlarmOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@alarms.get("/alarms")
@roles("operator")
@alarms.arguments(AlarmsQuery, location="query")
@alarms.response(200, AlarmsOut)
def list_alarms(query: dict[str, Any]) -> Response:
    """Alarms about money, newest first, in the language of Accept-Language.

    One is cleared when what it is about is gone, or when an operator has settled it.
    """
    limit, before, locale = query["limit"], query["cursor"][0] if query["cursor"] else None, _locale()
    found = usecases.list_alarms(_store(), state=query["state"], before=before, limit=limit + 1)
    return _answer(page_of(found, limit, lambda a: [a.rank], lambda a: _show_alarm(a, locale)), locale)


@alarms.post("/alarms/<alarm_id>/settle")
@roles("operator")
@alarms.response(200, AlarmOut)
def settle_alarm(alarm_id: str) -> Response:
    """Note that it was seen to. Again changes nothing. What is still wrong is raised again when it changes."""
    locale = _locale()
    return _answer(_show_alarm(usecases.settle_alarm(_store(), principal().account_id, alarm_id), locale), locale)


def _show_alarm(a: Alarm, locale: str) -> dict[str, Any]:
    title, text = words_of(a.kind, locale)
    return {
        "id": a.id,
        "kind": a.kind,
        "title": title,
        "text": text,
        "state": a.state,
        "count": a.count,
        "about": list(a.about),
        "raised_at": local(a.raised_at),
        "updated_at": local(a.at),
        "cleared_at": local(a.cleared_at),
    }


def _answer(body: dict[str, Any], locale: str) -> Response:
    return answer(body, Content_Language=locale, Vary="Accept-Language")


def _locale() -> str:
    """The best of our languages for the reader: the first, by their order, whose primary tag is one of ours."""
    for language, quality in request.accept_languages:
        for locale in templates.LOCALES:
            if quality > 0 and language.partition("-")[0].lower() == locale.partition("-")[0]:
                return locale
    return templates.LOCALES[0]


def _recipients(caller: Principal) -> list[str]:
    return domain.recipients_of(caller.account_id, caller.roles, caller.hospital_id)


def _store() -> MongoStore:
    return service().store  # type: ignore[no-any-return]
