"""The log: of each message who, what, when, through what, how often, and why not."""

from typing import Any

from common.clock import local
from common.web import Paged, Routes, Schema, page_of, principal, roles
from marshmallow import fields, validate

from notify_svc.api.parts import EVERYBODY, recipients, store
from notify_svc.delivery import STATES, Delivery
from notify_svc.kinds import CHANNELS
from notify_svc.usecases import deliveries

blp = Routes("deliveries", __name__, url_prefix="/api/v1", description="What went out by e-mail and SMS")

_LONGEST_ID = validate.Length(max=200)


class DeliveriesQuery(Paged):
    account_id = fields.String(load_default="", validate=_LONGEST_ID)
    notification_id = fields.String(load_default="", validate=_LONGEST_ID)
    order_id = fields.String(load_default="", validate=_LONGEST_ID)
    state = fields.String(load_default="", validate=validate.OneOf(STATES))
    channel = fields.String(load_default="", validate=validate.OneOf(CHANNELS))


class AttemptOut(Schema):
    at = fields.AwareDateTime(required=True)
    provider = fields.String(required=True)
    outcome = fields.String(
        required=True, metadata={"enum": ["handed", "sent", "refused", "later", "unknown", "absent"]}
    )
    code = fields.String(required=True, metadata={"description": "the provider's, where it refused"})
    why = fields.String(required=True)
    reference = fields.String(required=True, metadata={"description": "the provider's name for it"})


class DeliveryOut(Schema):
    id = fields.String(required=True)
    notification_id = fields.String(required=True)
    account_id = fields.String(required=True, metadata={"description": "empty for codes"})
    order_id = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, metadata={"description": "a stable code", "example": "order_confirmed"})
    channel = fields.String(required=True, metadata={"enum": list(CHANNELS)})
    to = fields.String(required=True, metadata={"description": "masked; empty before it was handed to a provider"})
    state = fields.String(required=True, metadata={"enum": list(STATES)})
    reason = fields.String(required=True, metadata={"description": "why not", "example": "opted_out"})
    provider = fields.String(required=True)
    reference = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True, metadata={"description": "when it was, or is, to be looked at"})
    expires_at = fields.AwareDateTime(required=True, metadata={"description": "not sent after that"})
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    resent = fields.Integer(required=True, metadata={"description": "how often staff sent it anew"})
    attempts = fields.List(fields.Nested(AttemptOut), required=True)


class DeliveriesOut(Schema):
    items = fields.List(fields.Nested(DeliveryOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class OwnDeliveriesOut(Schema):
    items = fields.List(fields.Nested(DeliveryOut), required=True)


@blp.get("/deliveries")
@roles("operator")
@blp.arguments(DeliveriesQuery, location="query")
@blp.response(200, DeliveriesOut)
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """What went out, or is to, or did not; the newest first."""
    limit, before = query["limit"], query["cursor"][0] if query["cursor"] else None
    found = deliveries.newest(store(), query, before=before, limit=limit + 1)
    return page_of(found, limit, lambda d: [d.rank], _show)


@blp.get("/deliveries/<delivery_id>")
@roles("operator")
@blp.response(200, DeliveryOut)
def show_delivery(delivery_id: str) -> dict[str, Any]:
    """One of them. 404 `delivery_not_found`."""
    return _show(deliveries.get(store(), delivery_id))


@blp.post("/deliveries/<delivery_id>/resend")
@roles("operator")
@blp.response(200, DeliveryOut)
def resend_delivery(delivery_id: str) -> dict[str, Any]:
    """Send anew what failed or is unsure: of what is unsure the person may get two.

    409 `delivery_not_ended` in any other state, so that a repetition sends nothing; `delivery_forgotten` for codes; `too_late`
    for what speaks of a time that is over.
    """
    return _show(deliveries.resend(store(), delivery_id))


@blp.get("/notifications/<notification_id>/deliveries")
@roles(*EVERYBODY)
@blp.response(200, OwnDeliveriesOut)
def list_own_deliveries(notification_id: str) -> dict[str, Any]:
    """How one's own notification went out beside the inbox; what a provider said to us is for staff, and empty here.

    404 `notification_not_found`.
    """
    found = deliveries.of_notification(store(), recipients(principal()), notification_id)
    return {"items": [_for_owner(_show(d)) for d in found]}


def _for_owner(shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, "attempts": [{**attempt, "code": "", "why": ""} for attempt in shown["attempts"]]}


def _show(d: Delivery) -> dict[str, Any]:
    return {
        "id": d.id,
        "notification_id": d.notification_id,
        "account_id": d.account_id,
        "order_id": d.order_id,
        "kind": d.kind,
        "channel": d.channel,
        "to": d.masked_to,
        "state": d.state,
        "reason": d.reason,
        "provider": d.provider,
        "reference": d.reference,
        "created_at": local(d.created_at),
        "due_at": local(d.due_at),
        "expires_at": local(d.expires_at),
        "ended_at": local(d.ended_at),
        "resent": d.resent,
        "attempts": [
            {
                "at": local(a.at),
                "provider": a.provider,
                "outcome": a.outcome,
                "code": a.code,
                "why": a.why,
                "reference": a.reference,
            }
            for a in d.attempts
        ],
    }
