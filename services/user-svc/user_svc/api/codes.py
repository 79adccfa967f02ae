"""Codes that prove addresses, and the addresses that are proved by them."""

from typing import Any

from common.web import Idents, Routes, Schema, principal, public, roles
from common.web.client import client_address
from marshmallow import fields, validate

from user_svc import addresses, domain
from user_svc.addresses import Address
from user_svc.api.parts import CODE, database, device, guessing, limit, parts
from user_svc.api.passwords import PasswordChange
from user_svc.api.users import AccountOut, show_account
from user_svc.usecases import codes as usecases
from user_svc.usecases.owners import ask_own_code, confirm_address

blp = Routes("codes", __name__, url_prefix="/api/v1", description="Addresses are proved by codes")


class OwnCodeAsked(Schema):
    to = Idents.text(addresses.LONGEST, required=True, metadata={"description": "an e-mail address or a phone number"})
    purpose = fields.String(load_default="confirm", validate=validate.OneOf(["confirm", "export", "delete"]))
    locale = fields.String(
        validate=validate.OneOf(domain.LOCALES), metadata={"description": "of the message, instead of the account's"}
    )


class CodeAsked(OwnCodeAsked):
    purpose = fields.String(required=True, validate=validate.OneOf(["register", "login", "reset"]))
    locale = fields.String(
        load_default="zh-CN",
        validate=validate.OneOf(domain.LOCALES),
        metadata={"description": "of the message to somebody whose language we do not know"},
    )


class CodeOut(Schema):
    expires_in = fields.Integer(required=True, metadata={"description": "seconds that the code is good for"})
    again_in = fields.Integer(required=True, metadata={"description": "seconds until another one may be asked for"})


_ASKED = {"expires_in": int(usecases.GOOD_FOR.total_seconds()), "again_in": int(usecases.PAUSE.total_seconds())}


class _Proof(Schema):
    code = fields.String(required=True, load_only=True, validate=CODE)
    password = fields.String(load_only=True, validate=validate.Length(1, 1000))
    own_code = PasswordChange().fields["own_code"]


class EmailProof(_Proof):
    email = Idents.text(addresses.LONGEST, required=True)


class PhoneProof(_Proof):
    phone = Idents.text(30, required=True)


@blp.post("/codes")
@public
@blp.arguments(CodeAsked)
@blp.response(202, CodeOut)
def ask_code(body: dict[str, Any]) -> dict[str, Any]:
    """Have a code sent that proves an address: to register, to log in, or to reset a password.

    The answer is the same whether anybody has the address. 429 `too_many_codes`: one a minute for an address and purpose; ten
    a day of them in one network, thirty in all.
    """
    to = addresses.address(body["to"])
    limit("codes_address", client_address())
    usecases.ask(database(), parts(), body["purpose"], to, locale=body["locale"])
    return _ASKED


@blp.post("/users/me/codes")
@roles(*domain.PEOPLE)
@blp.arguments(OwnCodeAsked)
@blp.response(202, CodeOut)
def ask_code_of_ones_own(body: dict[str, Any]) -> dict[str, Any]:
    """Have a code sent to an address that is to be one's own (purpose `confirm`), or is, to show that one is its owner.

    `delete` is for ending one's account, and goes to an address that is proved. Nobody else can use it. 429 `too_many_codes`.
    """
    to = addresses.address(body["to"])
    limit("codes_address", client_address())
    ask_own_code(database(), parts(), principal().account_id, body["purpose"], to, body.get("locale"))
    return _ASKED


@blp.post("/users/me/email")
@roles(*domain.PEOPLE)
@blp.arguments(EmailProof)
@blp.response(200, AccountOut)
def confirm_email(body: dict[str, Any]) -> dict[str, Any]:
    """Make an e-mail address one's own by the code that was sent there, in place of the one that was.

    Needs the `password` too; of accounts without one `own_code`, sent to an address that is proved. 403 `wrong_password`,
    422 `wrong_code`, 409 `contact_taken` if it serves two accounts already, 429 `too_many_tries`.
    """
    return _confirm(addresses.email(body.pop("email")), body)


@blp.post("/users/me/phone")
@roles(*domain.PEOPLE)
@blp.arguments(PhoneProof)
@blp.response(200, AccountOut)
def confirm_phone(body: dict[str, Any]) -> dict[str, Any]:
    """As `POST /users/me/email`, for a phone number."""
    return _confirm(addresses.phone(body.pop("phone")), body)


def _confirm(to: Address, proof: dict[str, Any]) -> dict[str, Any]:
    more = {"source": client_address(), "device": device()}
    with guessing():
        account = confirm_address(database(), parts(), principal().account_id, to, **proof, **more)
    return show_account(account)
