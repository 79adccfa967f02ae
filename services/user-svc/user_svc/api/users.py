"""Accounts, logins, the people one books for, and the keys of access tokens."""

import base64
import hashlib
from typing import Any

from common.clock import local
from common.errors import Conflict, TooMany
from common.jsons import encode
from common.outbox import Database
from common.web import Idents, Routes, Schema, answer, idempotent, principal, public, roles, service
from common.web.client import client_address
from common.web.idempotency import idempotency_key
from flask import Response, after_this_request
from marshmallow import fields, validate

from user_svc import domain, identity, usecases
from user_svc.domain import Account, Patient
from user_svc.usecases import Parts, Tokens

blp = Routes("users", __name__, url_prefix="/api/v1", description="Accounts, logins and the people one books for")
well_known = Routes("well-known", __name__, url_prefix="/.well-known", description="Keys")

_MASKED = "masked; never shown in clear"


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
    phone = fields.String(required=True, allow_none=True, metadata={"description": _MASKED, "example": "138****5678"})
    locale = fields.String(required=True, validate=validate.OneOf(domain.LOCALES))
    roles = fields.List(fields.String(validate=validate.OneOf(domain.ROLES)), required=True)
    hospital_id = fields.String(required=True, allow_none=True, metadata={"description": "of staff: where they work"})
    created_at = fields.AwareDateTime(required=True)


class RolesIn(Schema):
    roles = fields.List(
        fields.String(validate=validate.OneOf(domain.ROLES)), required=True, validate=validate.Length(max=10)
    )
    hospital_id = Idents.id(load_default=None, allow_none=True)


class Credentials(Schema):
    username = Idents.text(200, required=True)
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1000))


class RefreshIn(Schema):
    refresh_token = Idents.text(200, required=True, load_only=True)


class TokensOut(Schema):
    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.Equal("Bearer"))
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})


class NewPatient(Schema):
    name = Idents.text(100, required=True)
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = Idents.text(40, required=True)
    phone = Idents.text(30, required=True)


class PatientChange(Schema):
    name = Idents.text(100)
    phone = Idents.text(30)


class PatientOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": _MASKED, "example": "张*"})
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = fields.String(required=True, metadata={"description": _MASKED, "example": "1101**********1234"})
    phone = fields.String(required=True, metadata={"description": _MASKED, "example": "138****5678"})
    revision = fields.Integer(required=True, metadata={"description": "grows with each change"})
    created_at = fields.AwareDateTime(required=True)


class PatientsOut(Schema):
    items = fields.List(fields.Nested(PatientOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class KeyOut(Schema):
    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)
    kid = fields.String(required=True)


class KeysOut(Schema):
    keys = fields.List(fields.Nested(KeyOut), required=True)


# --- accounts --------------------------------------------------------------------------------------------------------


@blp.post("/users")
@public
@blp.arguments(NewAccount)
@blp.response(201, AccountOut)
def register(body: dict[str, Any]) -> Response:
    """Register. 409 `username_taken`, but for the same request under the same Idempotency-Key."""
    _limit("registrations_address", client_address())
    account = usecases.register(_database(), _parts(), **body, request_key=idempotency_key())
    return answer(_show_account(account), 201, Location="/api/v1/users/me")


@blp.get("/users/me")
@roles(*domain.ROLES)
@blp.response(200, AccountOut)
def show_me() -> dict[str, Any]:
    """One's own account."""
    return _show_account(usecases.get_account(_database(), _parts(), principal().account_id))


@blp.patch("/users/me")
@roles(*domain.ROLES)
@blp.arguments(AccountChange)
@blp.response(200, AccountOut)
def change_me(body: dict[str, Any]) -> dict[str, Any]:
    """Change one's e-mail address, phone number or language."""
    return _show_account(usecases.change_account(_database(), _parts(), principal().account_id, **body))


@blp.post("/users/<account_id>/roles")
@roles(domain.OPERATOR)
@blp.arguments(RolesIn)
@blp.response(200, AccountOut)
def set_roles(body: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Give an account these roles in place of those that it has. Registrars and cashiers need a `hospital_id`.

    They take effect with the next access token. 409 `own_role` for an operator who would stop being one: somebody else
    has to do that, so that the last one cannot lock the door from outside.
    """
    if account_id == principal().account_id and domain.OPERATOR not in body["roles"]:
        raise Conflict("you cannot take your own operator role away", code="own_role")
    return _show_account(usecases.set_roles(_database(), _parts(), account_id, **body))


# --- logins ----------------------------------------------------------------------------------------------------------


@blp.post("/tokens")
@public
@blp.arguments(Credentials)
@blp.response(200, TokensOut)
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Log in. 401 `bad_credentials` for an unknown name and a wrong password alike; 429 after too many tries."""
    _limit("logins_address", client_address())
    _limit("logins_username", hashlib.sha256(domain.username_key(body["username"]).encode()).hexdigest())
    return _show_tokens(usecases.log_in(_database(), _parts(), **body))


@blp.post("/tokens/refresh")
@public
@blp.arguments(RefreshIn)
@blp.response(200, TokensOut)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Change a refresh token for a new pair. Each is good once: using an old one ends the login that it came from."""
    return _show_tokens(usecases.refresh(_database(), _parts(), body["refresh_token"]))


# --- patients --------------------------------------------------------------------------------------------------------


@blp.get("/users/me/patients")
@roles(*domain.ROLES)
@blp.response(200, PatientsOut)
def list_patients() -> dict[str, Any]:
    """The people that one may book for: four at most, so there is one page only."""
    people = usecases.list_patients(_database(), _parts(), principal().account_id)
    return {"items": [_show_patient(person) for person in people], "next_cursor": None}


@blp.post("/users/me/patients")
@roles(*domain.ROLES)
@idempotent
@blp.arguments(NewPatient)
@blp.response(201, PatientOut)
def add_patient(body: dict[str, Any]) -> Response:
    """Add a person to book for. 409 `too_many_patients` after four, `patient_exists` for one who is there already."""
    person = usecases.add_patient(_database(), _parts(), principal().account_id, **body)
    return answer(_show_patient(person), 201, Location=f"/api/v1/users/me/patients/{person.id}")


@blp.patch("/users/me/patients/<patient_id>")
@roles(*domain.ROLES)
@blp.arguments(PatientChange)
@blp.response(200, PatientOut)
def change_patient(body: dict[str, Any], patient_id: str) -> dict[str, Any]:
    """Correct a person's name or phone number. Another document is another person: remove this one and add that one."""
    return _show_patient(usecases.change_patient(_database(), _parts(), principal().account_id, patient_id, **body))


@blp.delete("/users/me/patients/<patient_id>")
@roles(*domain.ROLES)
@blp.response(204)
def remove_patient(patient_id: str) -> None:
    """Take a person out of the list. What was booked for them stays."""
    usecases.remove_patient(_database(), _parts(), principal().account_id, patient_id)


# --- keys ------------------------------------------------------------------------------------------------------------


@well_known.get("/jwks.json")
@blp.get("/.well-known/jwks.json")
@public
@well_known.response(200, KeysOut)
def show_keys() -> Response:
    """The public keys (RFC 7517, 8037) that access tokens are verified with."""
    x = base64.urlsafe_b64encode(base64.b64decode(service().settings.jwt_public_key)).decode().rstrip("=")
    named = {"crv": "Ed25519", "kty": "OKP", "x": x}
    thumbprint = hashlib.sha256(encode(named)).digest()  # RFC 7638: the required members in this very order
    kid = base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")
    keys = {"keys": [{**named, "use": "sig", "alg": "EdDSA", "kid": kid}]}
    return answer(keys, 200, Cache_Control="public, max-age=300")


# --- how things are shown, and from where they come ------------------------------------------------------------------


def _show_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "phone": identity.mask_phone(account.phone) if account.phone else None,
        "locale": account.locale,
        "roles": list(account.roles),
        "hospital_id": account.hospital_id,
        "created_at": local(account.created_at),
    }


def _show_patient(patient: Patient) -> dict[str, Any]:
    return {
        "id": patient.id,
        "name": identity.mask_name(patient.name),
        "id_type": patient.id_type,
        "id_number": identity.mask_id_number(patient.id_number),
        "phone": identity.mask_phone(patient.phone),
        "revision": patient.revision,
        "created_at": local(patient.created_at),
    }


def _show_tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
    }


def _database() -> Database:
    return service().database  # type: ignore[no-any-return]


def _parts() -> Parts:
    return service().parts  # type: ignore[no-any-return]


def _limit(rule: str, subject: str) -> None:
    """Count a try. Raises TooMany, which says when to come again."""
    seconds = _parts().limiter.wait(rule, subject)
    if not seconds:
        return

    @after_this_request
    def say_when(response: Response) -> Response:
        response.headers["Retry-After"] = str(seconds)
        return response

    raise TooMany("too many tries: wait a little", retry_after=seconds)
