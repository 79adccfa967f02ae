"""The secrets of a local system: made once for a directory, so that tokens and ciphertexts outlive a restart. What a release has
gained is added; what is there stays.
"""

import base64
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def load_or_make(path: Path) -> dict[str, str]:
    """The environment's secrets by their variables, from `path`, which is written when some are missing."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    wanted = _make() | known
    if wanted != known:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.with_suffix(".new")
        whole.touch(mode=0o600)
        whole.write_text(json.dumps(wanted, indent=2))
        whole.replace(path)
    return wanted


def _make() -> dict[str, str]:
    key = Ed25519PrivateKey.generate()
    return {
        "JWT_PRIVATE_KEY": _text(key.private_bytes_raw()),
        "JWT_PUBLIC_KEY": _text(key.public_key().public_bytes_raw()),
        "ID_KEY": _text(secrets.token_bytes(32)),
        "DATA_KEY": _text(secrets.token_bytes(32)),
        "CONTACT_KEY": _text(secrets.token_bytes(32)),
        "TRAIL_KEY": _text(secrets.token_bytes(32)),
        "DOOR_KEY": _text(secrets.token_bytes(32)),
        "RECEIPTS_TOKEN": secrets.token_urlsafe(24),
        "ADMIN_USERNAME": "operator",
        "ADMIN_PASSWORD": secrets.token_urlsafe(12),
    }


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
