"""Passwords."""

from typing import Any

from common.web import Idents, Routes, Schema, principal, public, roles
from common.web.client import client_address
from marshmallow import fields, validate

from user_svc import addresses, domain
from user_svc.api.parts import CODE, database, device, guessing, parts
from user_svc.usecases import passwords as usecases

blp = Routes("passwords", __name__, url_prefix="/api/v1", description="Passwords are changed and reset")


class PasswordChange(Schema):
    old_password = fields.String(load_only=True, validate=validate.Length(1, 1000))
    own_code = fields.String(
        load_only=True,
        validate=CODE,
        metadata={
            "description": "of accounts without a password: by POST /users/me/codes, to an address that is proved"
        },
    )
    new_password = fields.String(required=True, load_only=True, validate=validate.Length(1, domain.LONGEST_PASSWORD))


class PasswordReset(Schema):
    to = Idents.text(addresses.LONGEST, required=True, metadata={"description": "an e-mail address or a phone number"})
    code = fields.String(required=True, load_only=True, validate=CODE)
    new_password = fields.String(required=True, load_only=True, validate=validate.Length(1, domain.LONGEST_PASSWORD))
    username = Idents.text(200, metadata={"description": "where two accounts have the address"})


@blp.post("/users/me/password")
@roles(*domain.ROLES)
@blp.arguments(PasswordChange)
@blp.response(204)
def change_password(body: dict[str, Any]) -> None:
    """Give oneself another password, or the first one; one's other logins end.

    403 `wrong_password`, 422 `wrong_code`, 429 `too_many_tries`.
    """
    caller = principal()
    more = {"login_id": caller.login_id, "source": client_address(), "device": device()}
    with guessing():
        usecases.change_password(database(), parts(), caller.account_id, **body, **more)


@blp.post("/passwords/reset")
@public
@blp.arguments(PasswordReset)
@blp.response(204)
def reset_password(body: dict[str, Any]) -> None:
    """Give the account that has an address another password, by a code that was sent there (`POST /codes`, purpose `reset`).

    All its logins end, and its lock-out. 422 `wrong_code`. 409 `several_accounts` if two accounts have the address:
    `usernames` are theirs; the same code with one of them does.
    """
    to = addresses.address(body.pop("to"))
    with guessing():
        usecases.reset_password(database(), parts(), to, **body, device=device())
