"""Who the sandbox's WeChat Pay is, and which merchant it knows. All of it is published: it opens nothing but this sandbox."""

from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import Certificate, load_pem_x509_certificate

NAME = "wechat"
MCHID = "1900006891"
APPID = "wx5a4db0c9e8f71d26"
MERCHANT_SERIAL = "7132D72A03E93CDDF8C03BBD1F37EEDF9CE3D3F6"
APIV3_KEY = b"haoyuan-sandbox-apiv3-key-000001"
APIV2_KEY = b"haoyuan-sandbox-apiv2-key-000001"
"""Of the older protocol, in which some refunds are still notified."""
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000068912026112200000000000001"
CERTIFICATE_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
SIGNERS = (PUBLIC_KEY_ID, CERTIFICATE_SERIAL)

BEIJING = timezone(timedelta(hours=8))
_KEYS = Path(__file__).parents[1] / "keys"


@cache
def own_key() -> RSAPrivateKey:
    """The platform's: it signs answers and callbacks, and opens what merchants encrypt for it."""
    key = load_pem_private_key((_KEYS / "wechat.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101 - a file of this package
    return key


@cache
def merchant_key() -> RSAPublicKey:
    key = load_pem_public_key((_KEYS / "wechat_merchant_public.pem").read_bytes())
    assert isinstance(key, RSAPublicKey)  # noqa: S101 - a file of this package
    return key


@cache
def certificate_pem() -> bytes:
    return (_KEYS / "wechat_certificate.pem").read_bytes()


@cache
def certificate() -> Certificate:
    return load_pem_x509_certificate(certificate_pem())


def rfc3339(moment: datetime) -> str:
    """A time as WeChat writes it: Beijing's, to the second."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")
