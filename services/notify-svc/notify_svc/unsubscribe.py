"""The address in an e-mail that ends letters of its category, without a login: it proves itself."""

import hmac
from urllib.parse import urlencode

from common import ids

from notify_svc.kinds import CHANNELS, OPTIONAL

_PATH = "/api/v1/notifications/unsubscribe"
_PROOF = 32  # characters of the keyed digest: 128 bits


def url_of(public_url: str, account_id: str, channel: str, category: str) -> str:
    token = f"{account_id}.{channel}.{category}"
    return f"{public_url}{_PATH}?{urlencode({'token': f'{token}.{_proof(token)}'})}"


def read(token: str) -> tuple[str, str, str] | None:
    """Account, channel and category of a genuine token."""
    told, _, proof = token.rpartition(".")
    if not token.isascii() or not hmac.compare_digest(proof, _proof(told)):
        return None
    account_id, channel, category = told.rsplit(".", 2)
    return (account_id, channel, category) if channel in CHANNELS and category in OPTIONAL else None


def _proof(token: str) -> str:
    return ids.fingerprint(f"unsubscribe {token}".encode())[:_PROOF]
