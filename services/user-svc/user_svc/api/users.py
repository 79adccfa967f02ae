"""Accounts: registering, one's own."""

from typing import Any

from common.clock import local
from common.web import Idents, Routes, Schema, answer, principal, public, roles
from common.web.client import client_address
from common.web.idempotency import idempotency_key
from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema

from user_svc import addresses, domain, identity, usecases
from user_svc.api.parts import CODE, MASKED, database, guessing, limit, parts
from user_svc.domain import Account

blp = Routes("users", __name__, url_prefix="/api/v1", description="Accounts")


class NewAccount(Schema):
    username = Idents.text(64, 3, metadata={"description": "unique, whatever its case; with a code one is made up"})
    password = fields.String(load_only=True, validate=validate.Length(1, domain.LONGEST_PASSWORD))
    email = fields.Email(validate=validate.Length(max=addresses.LONGEST))
    phone = Idents.text(30, load_default=None, allow_none=True)
    code = fields.String(
        load_only=True, validate=CODE, metadata={"description": "proves the e-mail address or the phone number"}
    )
    locale = fields.String(load_default="zh-CN", validate=validate.OneOf(domain.LOCALES))

    @validates_schema
    def _enough(self, data: dict[str, Any], **_: Any) -> None:
        """Without a code the account needs what it is logged in to by, and an address to write to some day."""
        if "code" not in data:
            missing = [name for name in ("username", "password", "email") if name not in data]
            if missing:
                raise ValidationError({name: ["Missing data for required field."] for name in missing})


class AccountChange(Schema):
    email = fields.Email(validate=validate.Length(max=254))
    phone = Idents.text(30, allow_none=True, metadata={"description": "null takes it out"})
    locale = fields.String(validate=validate.OneOf(domain.LOCALES))


class AccountOut(Schema):
    id = fields.String(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True, metadata={"description": "one's own, in clear; empty if there is none"})
    email_verified = fields.Boolean(required=True, metadata={"description": "a code has proved it"})
    phone = fields.String(required=True, allow_none=True, metadata={"description": MASKED, "example": "138****5678"})
    phone_verified = fields.Boolean(required=True)
    locale = fields.String(required=True, validate=validate.OneOf(domain.LOCALES))
    roles = fields.List(fields.String(validate=validate.OneOf(domain.ROLES)), required=True)
    hospital_id = fields.String(required=True, allow_none=True, metadata={"description": "of staff: where they work"})
    doctor_id = fields.String(
        required=True, allow_none=True, metadata={"description": "of doctors: who they are there"}
    )
    created_at = fields.AwareDateTime(required=True)


@blp.post("/users")
@public
@blp.arguments(NewAccount)
@blp.response(201, AccountOut)
def register(body: dict[str, Any]) -> Response:
    """Register: by `username`, `password` and `email`, or by an `email` or `phone` and the `code` that was sent there.

    409 `username_taken`, but for the same request under the same Idempotency-Key; a username is public by nature, an address is
    not: 409 `contact_taken`, for one that serves two accounts already, comes after the right code only. 422 `wrong_code`.
    """
    limit("registrations_address", client_address())
    with guessing():
        account = usecases.register(database(), parts(), **body, request_key=idempotency_key())
    return answer(show_account(account), 201, Location="/api/v1/users/me")


@blp.get("/users/me")
@roles(*domain.ROLES)
@blp.response(200, AccountOut)
def show_me() -> dict[str, Any]:
    """One's own account."""
    return show_account(usecases.get_account(database(), parts(), principal().account_id))


@blp.patch("/users/me")
@roles(*domain.PEOPLE)
@blp.arguments(AccountChange)
@blp.response(200, AccountOut)
def change_me(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's language, or an address that is not proved. 409 `contact_verified` for one that is."""
    return show_account(usecases.change_account(database(), parts(), principal().account_id, **body))


def show_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "email_verified": account.email_verified,
        "phone": identity.mask_phone(account.phone) if account.phone else None,
        "phone_verified": account.phone_verified,
        "locale": account.locale,
        "roles": list(account.roles),
        "hospital_id": account.hospital_id,
        "doctor_id": account.doctor_id,
        "created_at": local(account.created_at),
    }
