"""Who may call what. A view declares it (`@public`, `@roles(...)`); one hook enforces it and denies what declares nothing.

Access tokens are JWTs signed with Ed25519 (RFC 8037) by user-svc and verified locally by everybody, so that bookings go on
while user-svc is down. A verified token is remembered until it expires: verifying costs 0.4 ms, remembering nothing.

A token names its key (`kid`, RFC 7638), and verifiers know several: a new key comes in beside the old one, which goes when its
last token has expired. So no token is refused while keys change, and nobody asks user-svc for keys.
"""

import base64
import functools
import hashlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import current_app, g, request

from common.errors import Forbidden, Unauthenticated
from common.jsons import encode
from common.settings import keys_of

View = TypeVar("View", bound=Callable[..., Any])

ROLES = ("patient", "doctor", "registrar", "cashier", "hospital_admin", "board", "operator")
ISSUER = "haoyuan"

CLOCKS_APART = 30
"""Seconds by which the clock of who signs may be ahead of the clock of who verifies."""

_REMEMBERED = 20_000

_FORM = re.compile(r"[\w-]{1,500}\.[\w-]{1,3000}\.[\w-]{85}[AQgw]", re.ASCII)
"""Three parts of base64url, the last of them 64 bytes, written in the one right way. What is longer is not even looked at."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `hospital_id` is set for staff: they see and touch only their hospital's things.

    `doctor_id` is schedule-svc's, of a caller whose role is doctor; `login_id` the login that the token came from.
    """

    account_id: str
    roles: frozenset[str]
    hospital_id: str = ""
    doctor_id: str = ""
    login_id: str = ""
    expires: float = 0.0

    def has(self, *wanted: str) -> bool:
        return not self.roles.isdisjoint(wanted)

    def require_hospital(self, hospital_id: str) -> None:
        """Raises Forbidden unless this is an operator or staff of that hospital."""
        if "operator" not in self.roles and self.hospital_id != hospital_id:
            raise Forbidden("this belongs to another hospital", code="other_hospital")


def public(view: View) -> View:
    """Anybody may call this view, without a token."""
    view.access = frozenset()  # type: ignore[attr-defined]
    return view


def roles(*names: str) -> Callable[[View], View]:
    """Only callers with one of these roles may call this view."""
    unknown = set(names) - set(ROLES)
    if unknown or not names:
        raise ValueError(f"unknown roles {unknown}")

    def declare(view: View) -> View:
        view.access = frozenset(names)  # type: ignore[attr-defined]
        return view

    return declare


def principal() -> Principal:
    """The caller of this request; only in views that are not public."""
    return g.principal  # type: ignore[no-any-return]


def sign_token(
    private_key: str,
    account_id: str,
    role_names: Sequence[str],
    hospital_id: str,
    ttl: int,
    now: float | None = None,
    *,
    doctor_id: str = "",
    login_id: str = "",
) -> str:
    """A signed access token; `private_key` is a base64 Ed25519 seed, `ttl` in seconds."""
    key, kid = _signer(private_key)
    issued = int(now if now is not None else time.time())
    claims = {"iss": ISSUER, "sub": account_id, "roles": list(role_names), "iat": issued, "exp": issued + ttl}
    if hospital_id:
        claims["hospital"] = hospital_id
    if doctor_id:
        claims["doctor"] = doctor_id
    if login_id:
        claims["sid"] = login_id
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


@functools.lru_cache(maxsize=8)
def _signer(private_key: str) -> tuple[Ed25519PrivateKey, str]:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return key, key_id(base64.b64encode(key.public_key().public_bytes_raw()).decode())


def key_id(public_key: str) -> str:
    """The `kid` of a public key (base64 of its 32 raw bytes): its thumbprint by RFC 7638."""
    return _base64url(hashlib.sha256(encode(named_key(public_key))).digest())


def named_key(public_key: str) -> dict[str, str]:
    """A public key as a JWK (RFC 8037): the members that it must have, in the order in which RFC 7638 digests them."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(base64.b64decode(public_key))}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Verifier:
    """Verifies access tokens against public keys: each is base64 of the 32 raw bytes, with commas between them."""

    def __init__(self, public_keys: str) -> None:
        self._keys = {
            key_id(key): Ed25519PublicKey.from_public_bytes(base64.b64decode(key)) for key in keys_of(public_keys)
        }
        self._known: dict[str, Principal] = {}
        self._lock = threading.Lock()

    def verify(self, token: str) -> Principal:
        """Raises Unauthenticated for anything but a valid, unexpired token of ours."""
        known = self._known.get(token)
        if known is not None and known.expires > time.time():
            return known
        found = self._read(token)
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[token] = found
        return found

    def _read(self, token: str) -> Principal:
        try:
            claims = self._claims(token)
            if not isinstance(claims["roles"], list):
                raise TypeError("roles are a list")
            found = Principal(
                claims["sub"],
                frozenset(claims["roles"]),
                claims.get("hospital", ""),
                claims.get("doctor", ""),
                claims.get("sid", ""),
                float(claims["exp"]),
            )
        except jwt.ExpiredSignatureError as error:
            raise _expired() from error
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise Unauthenticated("the access token is not valid", code="token_invalid") from error
        if found.expires <= time.time():  # the clocks may be apart, but nothing lives longer for it
            raise _expired()
        return found

    def _claims(self, token: str) -> dict[str, Any]:
        """Raises InvalidTokenError for a token that none of the keys has signed, or not the one that it names."""
        if not _FORM.fullmatch(token):
            raise jwt.DecodeError("not the form of an access token")
        header = jwt.get_unverified_header(token)
        if "kid" not in header:  # of before tokens named their key
            candidates = list(self._keys.values())
        else:
            candidates = [key for kid, key in self._keys.items() if kid == header["kid"]]
        for key in candidates:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=["EdDSA"],
                    issuer=ISSUER,
                    leeway=CLOCKS_APART,
                    options={"require": ["exp", "iat", "sub", "roles"]},
                )
            except jwt.InvalidSignatureError:
                continue
        raise jwt.InvalidSignatureError("none of our keys has signed this")


def _expired() -> Unauthenticated:
    return Unauthenticated("the access token has expired", code="token_expired")


def enforce() -> None:
    """Before each request: let it pass only if the view's declaration allows the caller."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return
    allowed: frozenset[str] | None = getattr(view, "access", None)
    if allowed is None:
        raise Forbidden("this route declares no access rule")
    if not allowed:
        return
    caller = signed_in()
    if allowed.isdisjoint(caller.roles):
        raise Forbidden(f"this needs one of the roles: {', '.join(sorted(allowed))}", code="wrong_role")
    g.principal = caller


def signed_in() -> Principal:
    """Whose token the request carries; for public views that show more to the one whom it concerns.

    Raises Unauthenticated.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send Authorization: Bearer <access token>")
    verifier: Verifier = current_app.extensions["verifier"]
    return verifier.verify(token.strip())
