"""The secrets of a local system: made once for a directory, so that tokens and ciphertexts outlive a restart."""

import base64
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def load_or_make(path: Path) -> dict[str, str]:
    """The environment's secrets by their variables, from `path`, which is written the first time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(_make(), indent=2))
    known: dict[str, str] = json.loads(path.read_text())
    return known


def _make() -> dict[str, str]:
    key = Ed25519PrivateKey.generate()
    return {
        "JWT_PRIVATE_KEY": _text(key.private_bytes_raw()),
        "JWT_PUBLIC_KEY": _text(key.public_key().public_bytes_raw()),
        "ID_KEY": _text(secrets.token_bytes(32)),
        "DATA_KEY": _text(secrets.token_bytes(32)),
        "ADMIN_USERNAME": "operator",
        "ADMIN_PASSWORD": secrets.token_urlsafe(12),
    }


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
