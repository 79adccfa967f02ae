"""Accounts: registering, one's own, roles."""

from typing import Any

from common.clock import local
from common.errors import Conflict
from common.web import Idents, Routes, Schema, answer, principal, public, roles
from common.web.client import client_address
from common.web.idempotency import idempotency_key
from flask import Response
from marshmallow import fields, validate

from user_svc import domain, identity, usecases
from user_svc.api.parts import MASKED, database, limit, parts
from user_svc.domain import Account

blp = Routes("users", __name__, url_prefix="/api/v1", description="Accounts")


class NewAccount(Schema):
    username = Idents.text(64, 3, required=True, metadata={"description": "unique, whatever its case"})
    password = fields.String(
        required=True,
        load_only=True,
        validate=validate.Length(domain.SHORTEST_PASSWORD, domain.LONGEST_PASSWORD),
    )
    email = fields.Email(required=True, validate=validate.Length(max=254))
    phone = Idents.text(30, load_default=None, allow_none=True)
    locale = fields.String(load_default="zh-CN", validate=validate.OneOf(domain.LOCALES))


class AccountChange(Schema):
    email = fields.Email(validate=validate.Length(max=254))
    phone = Idents.text(30, allow_none=True, metadata={"description": "null takes it out"})
    locale = fields.String(validate=validate.OneOf(domain.LOCALES))


class AccountOut(Schema):
    id = fields.String(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True, metadata={"description": MASKED, "example": "138****5678"})
    locale = fields.String(required=True, validate=validate.OneOf(domain.LOCALES))
    roles = fields.List(fields.String(validate=validate.OneOf(domain.ROLES)), required=True)
    hospital_id = fields.String(required=True, allow_none=True, metadata={"description": "of staff: where they work"})
    doctor_id = fields.String(
        required=True, allow_none=True, metadata={"description": "of doctors: who they are there"}
    )
    created_at = fields.AwareDateTime(required=True)


class RolesIn(Schema):
    roles = fields.List(
        fields.String(validate=validate.OneOf(domain.ROLES)), required=True, validate=validate.Length(max=10)
    )
    hospital_id = Idents.id(load_default=None, allow_none=True)
    doctor_id = Idents.id(load_default=None, allow_none=True)


@blp.post("/users")
@public
@blp.arguments(NewAccount)
@blp.response(201, AccountOut)
def register(body: dict[str, Any]) -> Response:
    """Register. 409 `username_taken`, but for the same request under the same Idempotency-Key."""
    limit("registrations_address", client_address())
    account = usecases.register(database(), parts(), **body, request_key=idempotency_key())
    return answer(_show_account(account), 201, Location="/api/v1/users/me")


@blp.get("/users/me")
@roles(*domain.ROLES)
@blp.response(200, AccountOut)
def show_me() -> dict[str, Any]:
    """One's own account."""
    return _show_account(usecases.get_account(database(), parts(), principal().account_id))


@blp.patch("/users/me")
@roles(*domain.ROLES)
@blp.arguments(AccountChange)
@blp.response(200, AccountOut)
def change_me(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's e-mail address, phone number or language."""
    return _show_account(usecases.change_account(database(), parts(), principal().account_id, **body))


@blp.post("/users/<account_id>/roles")
@roles(domain.OPERATOR)
@blp.arguments(RolesIn)
@blp.response(200, AccountOut)
def set_roles(body: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Give an account these roles in place of those that it has. Staff of a hospital need a `hospital_id`, doctors a `doctor_id`.

    They take effect with the next access token. 409 `own_role` for an operator who would stop being one: somebody else
    has to do that, so that the last one cannot lock the door from outside.
    """
    if account_id == principal().account_id and domain.OPERATOR not in body["roles"]:
        raise Conflict("you cannot take your own operator role away", code="own_role")
    return _show_account(usecases.set_roles(database(), parts(), account_id, **body))


def _show_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "phone": identity.mask_phone(account.phone) if account.phone else None,
        "locale": account.locale,
        "roles": list(account.roles),
        "hospital_id": account.hospital_id,
        "doctor_id": account.doctor_id,
        "created_at": local(account.created_at),
    }
