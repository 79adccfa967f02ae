"""The keys that access tokens are verified with."""

import base64
import hashlib

from common.jsons import encode
from common.web import Routes, Schema, answer, public, service
from flask import Response
from marshmallow import fields

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
    """The public keys (RFC 7517, 8037) that access tokens are verified with."""
    x = base64.urlsafe_b64encode(base64.b64decode(service().settings.jwt_public_key)).decode().rstrip("=")
    named = {"crv": "Ed25519", "kty": "OKP", "x": x}
    thumbprint = hashlib.sha256(encode(named)).digest()  # RFC 7638: the required members in this very order
    kid = base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")
    keys = {"keys": [{**named, "use": "sig", "alg": "EdDSA", "kid": kid}]}
    return answer(keys, 200, Cache_Control="public, max-age=300")
