"""Signatures and encryption of APIv3: what merchants prove, and what the platform proves to them.

Both sides of time here are the host's real clock: signatures age as they do in reality, whatever the sandbox's clock says.
"""

import base64
import binascii
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from payment_sandbox.wechat.identity import APIV3_KEY, MCHID, MERCHANT_SERIAL, merchant_key, own_key
from payment_sandbox.wechat.refusal import unsigned

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
SKEW = 300
"""Seconds that the two hosts' clocks may differ."""
ALGORITHM = "AEAD_AES_256_GCM"
_PARTS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What stands in an Authorization header."""

    mchid: str
    nonce_str: str
    signature: str
    timestamp: str
    serial_no: str


def credentials(header: str) -> Credentials:
    """Read an Authorization header, whose parts may stand in any order. Raises Refusal (401)."""
    schema, _, rest = header.partition(" ")
    if not header:
        raise unsigned("Authorization is missing", "authorization")
    if schema != SCHEMA:
        raise unsigned(f"schema is not {SCHEMA}", "authorization")
    pairs = [re.fullmatch(r'([a-z_]+)="([^"]*)"', part) for part in rest.split(",")]
    found = {pair[1]: pair[2] for pair in pairs if pair}
    if None in pairs or len(found) != len(pairs) or found.keys() != _PARTS:
        raise unsigned("parts are missing, unknown, repeated or badly quoted", "authorization")
    return Credentials(**found)


def admit(given: Credentials, method: str, target: str, body: bytes) -> None:
    """Believe that the merchant sent this. `target` is path and query as on the wire. Raises Refusal (401).

    Whether its nonce was used before is for the books to say.
    """
    if given.mchid != MCHID:
        raise unsigned("mchid is unknown", "mchid")
    if given.serial_no != MERCHANT_SERIAL:
        raise unsigned("serial_no is not of a certificate of this merchant", "serial_no")
    if not re.fullmatch(r"[0-9]{10}", given.timestamp) or abs(time.time() - int(given.timestamp)) > SKEW:
        raise unsigned(f"timestamp differs by more than {SKEW} s", "timestamp")
    if not re.fullmatch(r"[!-~]{1,64}", given.nonce_str):
        raise unsigned("nonce_str is not 1 to 64 visible characters", "nonce_str")
    message = f"{method}\n{target}\n{given.timestamp}\n{given.nonce_str}\n".encode() + body + b"\n"
    try:
        merchant_key().verify(base64.b64decode(given.signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        raise unsigned("sign not match") from None


def wire_target(environ: Mapping[str, str]) -> str:
    """Path and query exactly as the client sent them, escapes and all; of a proxy's absolute form the same part."""
    raw = environ.get("RAW_URI") or environ["REQUEST_URI"]
    if raw.startswith("/"):
        return raw
    parts = urlsplit(raw)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def signed(body: bytes, serial: str, flaw: str | None = None) -> dict[str, str]:
    """The headers that prove an answer or a callback, under the key that `serial` names; with the flaw of that name in them."""
    if flaw == "unsigned":
        return {}
    timestamp = str(int(time.time()) - (2 * SKEW if flaw == "stale" else 0))
    nonce = nonce_of(32)
    proven = body + b" " if flaw == "bad-signature" else body
    signature = base64.b64encode(
        own_key().sign(f"{timestamp}\n{nonce}\n".encode() + proven + b"\n", PKCS1v15(), SHA256())
    ).decode()
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": secrets.token_hex(20).upper() if flaw == "wrong-serial" else serial,
        "Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{signature}" if flaw == "signtest" else signature,
        "Wechatpay-Signature-Type": SCHEMA,
    }


def spoilt(body: bytes, flaw: str | None) -> bytes:
    """A body of which only half arrives, if that is the flaw. It is signed as it is."""
    return (body[: len(body) // 2] or b"{") if flaw == "malformed" else body


def sealed(plain: bytes, associated: str) -> dict[str, str]:
    """Encrypted under the merchant's APIv3 key."""
    nonce = nonce_of(12)
    secret = AESGCM(APIV3_KEY).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": ALGORITHM,
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": base64.b64encode(secret).decode(),
    }


def opened(secret: str) -> str:
    """What a merchant encrypted with the platform's public key. Raises ValueError."""
    padding = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)  # noqa: S303 - the protocol's
    return own_key().decrypt(base64.b64decode(secret, validate=True), padding).decode()


def nonce_of(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
