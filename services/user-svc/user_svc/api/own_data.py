"""One's own data: all of it in one document, and the end of one's account."""

from datetime import datetime
from typing import Any

from common.clock import local
from common.errors import Unauthenticated
from common.jsons import decode
from common.web import Routes, Schema, answer, principal, roles
from common.web.client import client_address
from flask import Response, g
from marshmallow import fields, validate

from user_svc import domain
from user_svc.api.credit import show_elsewhere, show_mark
from user_svc.api.parts import CODE, database, device, guessing, parts
from user_svc.api.users import AccountOut, show_account
from user_svc.usecases import deletion
from user_svc.usecases.export import Export, Person
from user_svc.usecases.export import export as export_all

blp = Routes("own-data", __name__, url_prefix="/api/v1", description="What is kept of oneself, and the end of it")

ELSEWHERE: tuple[dict[str, Any], ...] = (
    {
        "ask": "GET /api/v1/orders",
        "zh-CN": "预约订单及其经过：booking-svc",
        "en": "your orders and what became of them: booking-svc",
    },
    {
        "ask": "GET /api/v1/visits",
        "zh-CN": "就诊当日的报到、排队与叫号，包括优先就诊的原因：booking-svc",
        "en": "your days at the clinic: when you came and were called, and why you had priority: booking-svc",
    },
    {
        "ask": "GET /api/v1/payments?order_id={id}",
        "zh-CN": "每笔订单的付款与退款：payment-svc",
        "en": "payments and refunds of each order: payment-svc",
    },
    {
        "ask": "GET /api/v1/notifications",
        "zh-CN": "发给您的通知：notify-svc",
        "en": "what you were told, and your choices about that: notify-svc",
    },
    {
        "ask": "GET /api/v1/orders/{id}",
        "zh-CN": "号源、候补与抽签中的位置：schedule-svc 只认就诊人编号，结果都在订单里",
        "en": "numbers, places in lines and draws: schedule-svc knows ids only, and the order tells what it decided",
    },
)
"""What the other services hold, and where to ask for it."""


class OwnerProof(Schema):
    """Either of them: an access token may be stolen."""

    password = fields.String(load_only=True, validate=validate.Length(1, 1000))
    code = fields.String(
        load_only=True,
        validate=CODE,
        metadata={"description": "by POST /users/me/codes, to an address of one's own that is proved"},
    )


class OtherHolderOut(Schema):
    ask = fields.String(required=True)
    zh = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)


class OwnAccountOut(AccountOut):
    phone = fields.String(required=True, allow_none=True, metadata={"description": "in clear"})


class ExportOut(Schema):
    """Names, numbers and addresses are in clear here, and nowhere else."""

    made_at = fields.AwareDateTime(required=True)
    account = fields.Nested(OwnAccountOut, required=True)
    patients = fields.List(fields.Dict(), required=True, metadata={"description": "each with its credit record"})
    logins = fields.List(fields.Dict(), required=True)
    codes = fields.List(fields.Dict(), required=True)
    acts = fields.List(fields.Dict(), required=True, metadata={"description": "what was noted about the account"})
    elsewhere = fields.List(fields.Nested(OtherHolderOut), required=True)


@blp.post("/users/me/export")
@roles(*domain.PEOPLE)
@blp.arguments(OwnerProof)
@blp.response(200, ExportOut)
def export(body: dict[str, Any]) -> Response:
    """Everything that is kept of the account here, in clear, and where to ask for the rest.

    Needs the `password`, or a `code` that was sent to an address of one's own (`POST /users/me/codes`, purpose `export`). 403
    `wrong_password`, 422 `wrong_code`, 429 `too_many_tries`.
    """
    account_id = principal().account_id
    with guessing():
        found = export_all(database(), parts(), account_id, **body, source=client_address(), device=device())
    return answer(_show(found), 200, Content_Disposition='attachment; filename="haoyuan.json"')


@blp.post("/users/me/delete")
@roles(*domain.PEOPLE)
@blp.arguments(OwnerProof)
@blp.response(204)
def delete(body: dict[str, Any]) -> None:
    """End one's account, for good. What is booked and can still be cancelled is cancelled, and what was paid for it goes back.

    Needs the `password`, or a `code` (`POST /users/me/codes`, purpose `delete`). 403 `wrong_password`, 422 `wrong_code`, 429
    `too_many_tries`, 409 `staff_account`: roles are taken away first.
    """
    account_id = principal().account_id
    with guessing():
        deletion.delete_account(database(), parts(), account_id, **body, source=client_address(), device=device())


@blp.before_app_request  # type: ignore[untyped-decorator]
def _refuse_the_deleted() -> None:
    """An access token outlives its account by some minutes; here it does not."""
    caller = g.get("principal")
    if caller is not None and deletion.is_deleted(database(), caller.account_id):
        raise Unauthenticated("this account has ended", code="account_deleted")


def _show(found: Export) -> dict[str, Any]:
    return {
        "made_at": local(found.made_at),
        "account": {**show_account(found.account), "phone": found.account.phone},
        "patients": [_show_person(person) for person in found.people],
        "logins": [
            _row(row, "id", "device", "network", "created_at", "refreshed_at", "ended_at") for row in found.logins
        ],
        "codes": [_row(row, "purpose", "channel", "created_at", "expires_at", "used_at") for row in found.codes],
        "acts": [_show_act(row, found.account.id) for row in found.acts],
        "elsewhere": list(ELSEWHERE),
    }


def _show_person(person: Person) -> dict[str, Any]:
    patient = person.patient
    return {
        "id": patient.id,
        "name": patient.name,
        "id_type": patient.id_type,
        "id_number": patient.id_number,
        "phone": patient.phone,
        "birth_date": patient.born,
        "sex": patient.sex,
        "guardian_id": patient.guardian_id,
        "created_at": local(patient.created_at),
        "removed_at": local(person.removed_at),
        "credit": [show_mark(mark) for mark in person.credit.own],
        "credit_elsewhere": [show_elsewhere(mark) for mark in person.credit.elsewhere],
    }


def _show_act(row: Any, account_id: str) -> dict[str, Any]:
    """Of somebody else who did it nothing is told but that."""
    by = None if row.actor is None else "yourself" if row.actor == account_id else "somebody else"
    return {**_row(row, "at", "act", "network"), "by": by, "facts": decode(row.facts.encode())}


def _row(row: Any, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: local(value) if isinstance(value, datetime) else value for name, value in values.items()}
