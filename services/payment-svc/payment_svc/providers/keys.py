"""Keys as the settings carry them: PEM, the base64 of its middle in one line, or "development" for the published one."""

import re
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

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

DEVELOPMENT = "development"
"""The value of a key that stands for the published one, which the payment sandbox knows."""
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


def moduli(value: str, published: str = "") -> frozenset[int]:
    """Of all RSA keys within the value, private, public or certified, however they are written: the part that tells one from another.
    Empty for what is no key.
    """
    try:
        ders = _ders(value, published)
    except ValueError:
        return frozenset()
    return frozenset(modulus for der in ders if (modulus := _modulus(der)) is not None)


@cache
def published_moduli() -> frozenset[int]:
    """Of the keys whose other half everybody may read."""
    return frozenset().union(*(moduli(file.read_text()) for file in _PUBLISHED.glob("*.pem")))


def _unchecked(der: bytes) -> RSAPrivateKey:
    """Enough to read a number from it, and quick."""
    return cast("RSAPrivateKey", load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True))


def _modulus(der: bytes) -> int | None:
    readers: tuple[Callable[[bytes], RSAPublicKey], ...] = (
        lambda der: _unchecked(der).public_key(),
        lambda der: cast("RSAPublicKey", load_der_public_key(der)),
        lambda der: cast("RSAPublicKey", x509.load_der_x509_certificate(der).public_key()),
    )
    for read in readers:
        try:
            return read(der).public_numbers().n
        except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
            continue
    return None


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
