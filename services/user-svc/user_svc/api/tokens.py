"""Logins."""

import hashlib
from datetime import datetime
from typing import Any

from common.clock import local
from common.web import Idents, Paged, Routes, Schema, page_of, principal, public, roles
from common.web.client import client_address
from marshmallow import fields, validate

from user_svc import addresses, domain
from user_svc.api.parts import CODE, database, device, guessing, limit, parts
from user_svc.usecases import logins as usecases
from user_svc.usecases.logins import Login, Tokens

blp = Routes("tokens", __name__, url_prefix="/api/v1", description="Logins")


class Credentials(Schema):
    username = Idents.text(
        254, required=True, metadata={"description": "or an e-mail address or a phone number that is proved"}
    )
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1000))


class CodeCredentials(Schema):
    to = Idents.text(254, required=True, metadata={"description": "an e-mail address or a phone number"})
    code = fields.String(required=True, load_only=True, validate=CODE)
    username = Idents.text(200, metadata={"description": "where two accounts have the address"})


class RefreshIn(Schema):
    refresh_token = Idents.text(200, required=True, load_only=True)


class TokensOut(Schema):
    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.Equal("Bearer"))
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})


class LoginsQuery(Paged):
    sort_kinds = (datetime, str)


class LoginOut(Schema):
    id = fields.String(required=True)
    device = fields.String(required=True, metadata={"description": "as it calls itself", "example": "Firefox, Windows"})
    network = fields.String(
        required=True, metadata={"description": "where it was last, /24 or /48", "example": "203.0.113.0/24"}
    )
    created_at = fields.AwareDateTime(required=True)
    last_used_at = fields.AwareDateTime(required=True)
    current = fields.Boolean(required=True, metadata={"description": "true: this request's own login"})


class LoginsOut(Schema):
    items = fields.List(fields.Nested(LoginOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.post("/tokens")
@public
@blp.arguments(Credentials)
@blp.response(200, TokensOut)
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Log in. 401 `bad_credentials` for an unknown name and a wrong password alike.

    429 `too_many_tries` (`retry_after`, seconds): after five wrong passwords in a row a name rests for a second, then twice as
    long each time, up to 15 minutes; an address rests after many of any names. A login by a code ends that.
    """
    source = client_address()
    limit("logins_address", source)
    limit("logins_username", hashlib.sha256(domain.username_key(body["username"]).encode()).hexdigest())
    return _show_tokens(usecases.log_in(database(), parts(), **body, source=source, device=device()))


@blp.post("/tokens/code")
@public
@blp.arguments(CodeCredentials)
@blp.response(200, TokensOut)
def log_in_by_code(body: dict[str, Any]) -> dict[str, Any]:
    """Log in by a code that was sent to an address which is proved (`POST /codes`, purpose `login`). 422 `wrong_code`.

    409 `several_accounts` if two accounts have the address: `usernames` are theirs; the same code with one of them does.
    """
    limit("logins_address", client_address())
    to = addresses.address(body.pop("to"))
    with guessing():
        return _show_tokens(usecases.log_in_by_code(database(), parts(), to, **body, device=device()))


@blp.post("/tokens/refresh")
@public
@blp.arguments(RefreshIn)
@blp.response(200, TokensOut)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Change a refresh token for a new pair, with the roles that the account has now.

    Each is good once: using an old one ends the login that it came from, and its owner is told. But who did not get the answer
    may ask again within a minute, from the same device and network, and gets the same refresh token.
    """
    return _show_tokens(usecases.refresh(database(), parts(), body["refresh_token"], device=device()))


@blp.post("/tokens/logout")
@public
@blp.arguments(RefreshIn)
@blp.response(204)
def log_out(body: dict[str, Any]) -> None:
    """End the login that a refresh token belongs to; 204 whatever it is. Its access tokens are good until they expire."""
    usecases.log_out(database(), body["refresh_token"])


@blp.post("/users/me/logout")
@roles(*domain.ROLES)
@blp.response(204)
def log_out_everywhere() -> None:
    """End all of one's logins, this one too. Access tokens are good until they expire."""
    usecases.log_out_everywhere(database(), parts(), principal().account_id, device=device())


@blp.get("/users/me/logins")
@roles(*domain.PEOPLE)
@blp.arguments(LoginsQuery, location="query")
@blp.response(200, LoginsOut)
def list_logins(query: dict[str, Any]) -> dict[str, Any]:
    """Where one is logged in, the newest first."""
    found = usecases.list_logins(database(), principal().account_id, query["cursor"], query["limit"] + 1)
    return page_of(found, query["limit"], lambda login: [login.created_at, login.id], _show_login)


@blp.delete("/users/me/logins/<login_id>")
@roles(*domain.PEOPLE)
@blp.response(204)
def end_login(login_id: str) -> None:
    """End one of one's logins. 404 `login_not_found`."""
    usecases.end_login(database(), principal().account_id, login_id)


def _show_tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
    }


def _show_login(login: Login) -> dict[str, Any]:
    return {
        "id": login.id,
        "device": login.device,
        "network": login.network,
        "created_at": local(login.created_at),
        "last_used_at": local(login.last_used_at),
        "current": login.id == principal().login_id,
    }
