"""Keys as the settings carry them: PEM, the base64 of its middle in one line, or "development" for the published one."""

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from payment_svc.settings import DEVELOPMENT

T = TypeVar("T")
_PUBLISHED = Path(__file__).parent / "development"
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]+-----(.*?)-----END [A-Z0-9 ]+-----", re.DOTALL)


def private_key(value: str, published: str) -> str:
    """A merchant's RSA key as PKCS#8 PEM; PKCS#1 is understood too. Raises ValueError, which does not show the key."""

    def read(der: bytes) -> str:
        key = load_der_private_key(der, password=None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("not RSA")
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    return _only(value, published, read)


def public_key(value: str, published: str) -> str:
    """A vendor's RSA key as PEM (SubjectPublicKeyInfo). Raises ValueError."""

    def read(der: bytes) -> str:
        key = load_der_public_key(der)
        if not isinstance(key, RSAPublicKey):
            raise TypeError("not RSA")
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    return _only(value, published, read)


def certificates(value: str, published: str) -> list[x509.Certificate]:
    """All that the value holds, in its order. Raises ValueError."""
    return [_readable(x509.load_der_x509_certificate, der) for der in _ders(value, published)]


def _only(value: str, published: str, read: Callable[[bytes], T]) -> T:
    ders = _ders(value, published)
    if len(ders) != 1:
        raise ValueError(f"one key was expected, not {len(ders)}")
    return _readable(read, ders[0])


def _readable(read: Callable[[bytes], T], der: bytes) -> T:
    try:
        return read(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"not a key of the kind that is needed ({type(error).__name__})") from None


def _ders(value: str, published: str) -> list[bytes]:
    """Environment files often hold line ends as a backslash and an n."""
    text = (_PUBLISHED / published).read_text() if value == DEVELOPMENT else value.replace("\\n", "\n")
    blocks = _BLOCK.findall(text) or [text]
    try:
        return [b64decode("".join(block.split()), validate=True) for block in blocks]
    except ValueError:
        raise ValueError("neither PEM nor base64") from None
