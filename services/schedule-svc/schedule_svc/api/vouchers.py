"""Vouchers: staff issue them for one number of a session that is set aside, or for weight in its draw."""

from datetime import datetime
from typing import Any

from common.clock import local
from common.web import Idents, Paged, Routes, Schema, answer, idempotent, page_of, principal, roles, service
from flask import Response
from marshmallow import fields, validate

from schedule_svc.usecases import vouchers as usecases
from schedule_svc.vouchers import Voucher

blp = Routes("vouchers", __name__, url_prefix="/api/v1", description="Referrals, and numbers sold at the counter")

_CHANNELS = validate.OneOf(["referral", "window"])
_URGENCIES = validate.OneOf(["routine", "soon", "urgent"])


class VoucherIn(Schema):
    channel = fields.String(required=True, validate=_CHANNELS, metadata={"description": "whose numbers it opens"})
    urgency = fields.String(
        load_default="routine", validate=_URGENCIES, metadata={"description": "a referral's weight in a weighted draw"}
    )
    patient_id = Idents.id(load_default=None, allow_none=True, metadata={"description": "only for this patient"})
    expires_at = fields.AwareDateTime(
        load_default=None, allow_none=True, format="iso", metadata={"description": "default: the end of the session"}
    )


class VoucherOut(Schema):
    code = fields.String(required=True, metadata={"example": "4821-0937-5526-1804"})
    session_id = fields.String(required=True)
    channel = fields.String(required=True, validate=_CHANNELS)
    urgency = fields.String(required=True, validate=_URGENCIES)
    patient_id = fields.String(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True)
    issued_by = fields.String(required=True, metadata={"description": "the account of the member of staff"})
    issued_at = fields.AwareDateTime(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["free", "used", "expired"]))
    order_id = fields.String(required=True, allow_none=True, metadata={"description": "the order that uses it"})


class VoucherPage(Schema):
    items = fields.List(fields.Nested(VoucherOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class VoucherQuery(Paged):
    """In the order in which they were issued."""

    sort_kinds = (datetime, str)


def _show(voucher: Voucher, now: datetime) -> dict[str, Any]:
    free = "free" if now < voucher.expires_at else "expired"
    return {
        "code": voucher.code,
        "session_id": voucher.session_id,
        "channel": voucher.channel,
        "urgency": voucher.urgency,
        "patient_id": voucher.patient_id,
        "expires_at": local(voucher.expires_at),
        "issued_by": voucher.issued_by,
        "issued_at": local(voucher.issued_at),
        "state": free if voucher.order_id is None else "used",
        "order_id": voucher.order_id,
    }


@blp.post("/sessions/<session_id>/vouchers")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.arguments(VoucherIn)
@blp.response(201, VoucherOut)
def issue_voucher(body: dict[str, Any], session_id: str) -> Response:
    """Issue a voucher for one number of the session: a doctor's referral, or a number that is sold at the counter.

    A patient gives its `code` with her order. It serves once, and again if that order gives its number back. 404
    `session_not_found`, 409 `session_stopped`, `session_over`.
    """
    caller = principal()
    with service().database.transaction() as tx:
        voucher = usecases.issue(
            tx, session_id, account_id=caller.account_id, may_touch=caller.require_hospital, **body
        )
        shown = _show(voucher, tx.now)
    return answer(shown, 201, Location=f"/api/v1/sessions/{session_id}/vouchers")


@blp.get("/sessions/<session_id>/vouchers")
@roles("registrar", "hospital_admin", "operator")
@blp.arguments(VoucherQuery, location="query")
@blp.response(200, VoucherPage)
def show_vouchers(query: dict[str, Any], session_id: str) -> dict[str, Any]:
    """A session's vouchers, and which orders use them. 404 `session_not_found`."""
    database = service().database
    found = usecases.page(database, session_id, query["cursor"], query["limit"] + 1, principal().require_hospital)
    now = database.clock()
    return page_of(found, query["limit"], lambda v: [v.issued_at, v.code], lambda v: _show(v, now))
