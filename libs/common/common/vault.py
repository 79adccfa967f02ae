"""Personal data sealed: AES-256-GCM, and a blind index to find a value without reading it.

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
    """Sealed by a key that is not known here, moved from another row, or damaged."""


def decode_key(text: str) -> bytes:
    """The 32 bytes of a base64 key. Raises ValueError."""
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64, not {len(key)}")
    return key


class _Key:
    """One key, for its two purposes."""

    def __init__(self, text: str) -> None:
        key = decode_key(text)
        sealing = _derive(key, b"seal")
        self.aes = AESGCM(sealing)
        self.index = _derive(key, b"index")
        self.id = hashlib.sha256(sealing).hexdigest()[:8]


class Vault:
    """Seals, opens and indexes. `keys`: base64 of 32 bytes each, with commas between them; the first seals, all open."""

    def __init__(self, keys: str) -> None:
        self._keys = [_Key(text.strip()) for text in keys.split(",")]
        self._by_id = {key.id: key for key in self._keys}

    def seal(self, text: str, context: str) -> str:
        key = self._keys[0]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = key.aes.encrypt(nonce, text.encode(), context.encode())
        return f"{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Raises Unreadable."""
        key_id, _, body = sealed.partition(".")
        key = self._by_id.get(key_id)
        if key is None:
            raise Unreadable(f"sealed with key {key_id!r}, ours are {', '.join(self._by_id)}")
        try:
            data = base64.urlsafe_b64decode(body)
            return key.aes.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unreadable(f"does not open as {context}") from error

    @property
    def prefix(self) -> str:
        """What everything begins with that the first key has sealed: the rest is to be sealed anew after a rotation."""
        return f"{self._keys[0].id}."

    def index(self, text: str) -> str:
        """The same for the same text, and nothing that tells the text without the key. By the first key."""
        return self.indexes(text)[0]

    def indexes(self, text: str) -> list[str]:
        """The text's index by each key, the first key's first: under any of them it may have been kept."""
        return [hmac.digest(key.index, text.encode(), hashlib.sha256).hex() for key in self._keys]


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"haoyuan " + purpose).derive(key)
