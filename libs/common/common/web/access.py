"""Who may call what. A view declares it (`@public`, `@roles(...)`); one hook enforces it and denies what declares nothing.

Access tokens are JWTs signed with Ed25519 (RFC 8037) by user-svc and verified locally by everybody, so that bookings go on
while user-svc is down. A verified token is remembered until it expires: verifying costs 0.4 ms, remembering nothing.
"""

import base64
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import current_app, g, request

from common.errors import Forbidden, Unauthenticated

View = TypeVar("View", bound=Callable[..., Any])

ROLES = ("patient", "doctor", "registrar", "cashier", "hospital_admin", "operator")
ISSUER = "haoyuan"
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `hospital_id` is set for staff: they see and touch only their hospital's things.

    `doctor_id` is schedule-svc's, of a caller whose role is doctor.
    """

    account_id: str
    roles: frozenset[str]
    hospital_id: str = ""
    doctor_id: str = ""
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
) -> str:
    """A signed access token; `private_key` is a base64 Ed25519 seed, `ttl` in seconds."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    issued = int(now if now is not None else time.time())
    claims = {"iss": ISSUER, "sub": account_id, "roles": list(role_names), "iat": issued, "exp": issued + ttl}
    if hospital_id:
        claims["hospital"] = hospital_id
    if doctor_id:
        claims["doctor"] = doctor_id
    return jwt.encode(claims, key, algorithm="EdDSA")


class Verifier:
    """Verifies access tokens against one public key (base64 of the 32 raw bytes)."""

    def __init__(self, public_key: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        self._known: dict[str, Principal] = {}
        self._lock = threading.Lock()

    def verify(self, token: str) -> Principal:
        """Raises Unauthenticated for anything but a valid, unexpired token of ours."""
        known = self._known.get(token)
        if known is not None and known.expires > time.time():
            return known
        try:
            claims = jwt.decode(
                token, self._key, algorithms=["EdDSA"], issuer=ISSUER, options={"require": ["exp", "sub", "roles"]}
            )
            found = Principal(
                str(claims["sub"]),
                frozenset(claims["roles"]),
                str(claims.get("hospital", "")),
                str(claims.get("doctor", "")),
                float(claims["exp"]),
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the access token has expired", code="token_expired") from error
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise Unauthenticated("the access token is not valid", code="token_invalid") from error
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[token] = found
        return found


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
