"""RSA2 as Alipay does it: SHA256withRSA (PKCS#1 v1.5) over `name=value&name=value`, sorted by name, in base64."""

import base64
import binascii
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

APP_ID = "2021006891000001"
SELLER_ID = "2088000068910001"

_KEYS = Path(__file__).parent.parent / "keys"


@cache
def _own_key() -> RSAPrivateKey:
    return cast("RSAPrivateKey", load_pem_private_key((_KEYS / "alipay.pem").read_bytes(), None))


@cache
def _merchants_key() -> RSAPublicKey:
    return cast("RSAPublicKey", load_pem_public_key((_KEYS / "alipay_merchant_public.pem").read_bytes()))


@cache
def _strangers_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def canonical(params: Mapping[str, str], *left_out: str, empties: bool = False) -> bytes:
    """What is signed: all parameters but `left_out`, and but those without a value unless `empties`."""
    kept = ((name, value) for name, value in sorted(params.items()) if name not in left_out)
    return "&".join(f"{name}={value}" for name, value in kept if value or empties).encode()


def signed(text: bytes, flaw: str | None = None) -> str:
    """Our signature of it, in base64; with a flaw of that name (one of parts.AFTER), one that must not be believed.

    `bad-signature` is a true one of something else, `wrong-serial` somebody else's, `signtest` none at all.
    """
    if flaw == "signtest":
        return base64.b64encode(b"SIGNTEST".ljust(256, b"\0")).decode()
    if flaw == "bad-signature":
        text += b" "
    key = _strangers_key() if flaw == "wrong-serial" else _own_key()
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def is_the_merchants(text: bytes, signature: str) -> bool:
    try:
        _merchants_key().verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
