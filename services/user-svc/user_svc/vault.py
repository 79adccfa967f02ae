"""Personal data at rest: AES-256-GCM under DATA_KEY, and a blind index to find a number without reading it.

Sealed text is `<key id>.<base64url of nonce and ciphertext>`: the key id tells which key opens it, so that a new key can
come in beside the old one. The context (the row and column that it belongs to) is authenticated with it: a sealed
value that is moved to another row does not open.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12  # of AES-GCM, NIST SP 800-38D


class Unreadable(Exception):
    """Sealed by another key, moved from another row, or damaged."""


def decode_key(data_key: str) -> bytes:
    """The 32 bytes of a base64 DATA_KEY. Raises ValueError."""
    key = base64.b64decode(data_key, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64, not {len(key)}")
    return key


class Vault:
    """Seals, opens and indexes. `data_key` is base64 of 32 bytes."""

    def __init__(self, data_key: str) -> None:
        key = decode_key(data_key)
        sealing = _derive(key, b"seal")
        self._aes = AESGCM(sealing)
        self._index_key = _derive(key, b"index")
        self._key_id = hashlib.sha256(sealing).hexdigest()[:8]

    def seal(self, text: str, context: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aes.encrypt(nonce, text.encode(), context.encode())
        return f"{self._key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Raises Unreadable."""
        key_id, _, body = sealed.partition(".")
        if key_id != self._key_id:
            raise Unreadable(f"sealed with key {key_id!r}, ours is {self._key_id!r}")
        data = base64.urlsafe_b64decode(body)
        try:
            return self._aes.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context.encode()).decode()
        except InvalidTag as error:
            raise Unreadable(f"does not open as {context}") from error

    def index(self, text: str) -> str:
        """The same for the same text, and nothing that tells the text without the key."""
        return hmac.digest(self._index_key, text.encode(), hashlib.sha256).hex()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"haoyuan " + purpose).derive(key)
