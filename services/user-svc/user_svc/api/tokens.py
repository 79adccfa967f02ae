"""Logins."""

import hashlib
from typing import Any

from common.web import Idents, Routes, Schema, public
from common.web.client import client_address
from marshmallow import fields, validate

from user_svc import domain, usecases
from user_svc.api.parts import database, limit, parts
from user_svc.usecases import Tokens

blp = Routes("tokens", __name__, url_prefix="/api/v1", description="Logins")


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


@blp.post("/tokens")
@public
@blp.arguments(Credentials)
@blp.response(200, TokensOut)
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Log in. 401 `bad_credentials` for an unknown name and a wrong password alike; 429 after too many tries."""
    limit("logins_address", client_address())
    limit("logins_username", hashlib.sha256(domain.username_key(body["username"]).encode()).hexdigest())
    return _show_tokens(usecases.log_in(database(), parts(), **body))


@blp.post("/tokens/refresh")
@public
@blp.arguments(RefreshIn)
@blp.response(200, TokensOut)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Change a refresh token for a new pair. Each is good once: using an old one ends the login that it came from."""
    return _show_tokens(usecases.refresh(database(), parts(), body["refresh_token"]))


def _show_tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
    }
