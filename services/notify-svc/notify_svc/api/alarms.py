"""Alarms about money, for operators."""

from typing import Any

from common.clock import local
from common.web import Paged, Routes, Schema, page_of, principal, roles
from flask import Response
from marshmallow import fields, validate

from notify_svc.api.parts import answer_in, reader_locale, store
from notify_svc.domain import Alarm
from notify_svc.texts.alarms import words_of
from notify_svc.usecases import alarms

blp = Routes("alarms", __name__, url_prefix="/api/v1", description="Alarms about money, for operators")


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


@blp.get("/alarms")
@roles("operator")
@blp.arguments(AlarmsQuery, location="query")
@blp.response(200, AlarmsOut)
def list_alarms(query: dict[str, Any]) -> Response:
    """Alarms about money, newest first, in the language of Accept-Language.

    One is cleared when what it is about is gone, or when an operator has settled it.
    """
    limit, before, locale = query["limit"], query["cursor"][0] if query["cursor"] else None, reader_locale()
    found = alarms.newest(store(), state=query["state"], before=before, limit=limit + 1)
    return answer_in(page_of(found, limit, lambda a: [a.rank], lambda a: _show_alarm(a, locale)), locale)


@blp.post("/alarms/<alarm_id>/settle")
@roles("operator")
@blp.response(200, AlarmOut)
def settle_alarm(alarm_id: str) -> Response:
    """Note that it was seen to. Again changes nothing. What is still wrong is raised again when it changes."""
    locale = reader_locale()
    return answer_in(_show_alarm(alarms.settle(store(), principal().account_id, alarm_id), locale), locale)


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
