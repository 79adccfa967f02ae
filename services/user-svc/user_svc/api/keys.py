"""The keys that access tokens are verified with."""

from common.settings import keys_of
from common.web import Routes, Schema, answer, public, service
from common.web.access import key_id, named_key
from flask import Response
from marshmallow import fields

from user_svc.settings import Settings, public_key

blp = Routes("keys", __name__, url_prefix="/api/v1", description="Keys")
well_known = Routes("well-known", __name__, url_prefix="/.well-known", description="Keys")


class KeyOut(Schema):
    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)
    kid = fields.String(required=True)


class KeysOut(Schema):
    keys = fields.List(fields.Nested(KeyOut), required=True)


@well_known.get("/jwks.json")
@blp.get("/.well-known/jwks.json")
@public
@well_known.response(200, KeysOut)
def show_keys() -> Response:
    """The public keys (RFC 7517, 8037) that access tokens are verified with; the one that signs now is the first."""
    settings: Settings = service().settings
    current = public_key(settings.jwt_private_key)
    others = [key for key in keys_of(settings.jwt_public_key) if key != current]
    keys = [{**named_key(key), "use": "sig", "alg": "EdDSA", "kid": key_id(key)} for key in (current, *others)]
    return answer({"keys": keys}, 200, Cache_Control="public, max-age=300")
