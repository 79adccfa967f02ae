"""payment-svc's environment: by whom patients may pay, and what each provider knows us by.

In development everything leads to the payment sandbox, under keys that are published (providers/development). Production refuses
them, and any address but the vendors' own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from common.settings import BadSettings, env
from common.settings import Settings as CommonSettings

DEVELOPMENT = "development"
"""The value of a key that stands for the published one, which the payment sandbox knows."""
NONE = "none"
"""The value of a key that there is not, though it has a default."""
_PUBLISHED = Path(__file__).parent / "providers" / "development"
METHODS = ("alipay", "wechat", "window")
VENDORS = {
    "WECHAT_URL": ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"),
    "ALIPAY_URL": ("https://openapi.alipay.com/gateway.do",),
}


@dataclass(frozen=True)
class Settings(CommonSettings):
    """What payment-svc needs on top. Keys are PEM, or the base64 of its middle in one line, as the vendors hand them out."""

    intent_wait: float = env("INTENT_WAIT_SECONDS", 3.0)
    """How long POST /orders/{id}/payments waits, in seconds, for an intent that must be on its way."""
    payment_methods: str = env("PAYMENT_METHODS", "")
    """By what patients may pay, separated by commas. Empty: all in development; in production the counter, and whoever's key is set."""
    public_url: str = env("PUBLIC_URL", "http://127.0.0.1:8000")
    callback_url: str = env("CALLBACK_URL", "")
    provider_timeout: float = env("PROVIDER_TIMEOUT_SECONDS", 10.0)
    callback_body_limit: int = env("CALLBACK_BODY_LIMIT", 65536)
    reconcile: bool = env("RECONCILE", True)
    watchdog_minutes: int = env("WATCHDOG_MINUTES", 10)
    """How long a thing of money may be under way, before staff hear of it. 0: nobody watches."""

    wechat_url: str = env("WECHAT_URL", "http://127.0.0.1:8090")
    wechat_mchid: str = env("WECHAT_MCHID", "1900006891")
    wechat_appid: str = env("WECHAT_APPID", "wx5a4db0c9e8f71d26")
    wechat_serial: str = env("WECHAT_SERIAL", "7132D72A03E93CDDF8C03BBD1F37EEDF9CE3D3F6")
    wechat_private_key: str = env("WECHAT_PRIVATE_KEY", DEVELOPMENT)
    wechat_apiv3_key: str = env("WECHAT_APIV3_KEY", "haoyuan-sandbox-apiv3-key-000001")
    wechat_public_key: str = env("WECHAT_PUBLIC_KEY", DEVELOPMENT)
    wechat_public_key_id: str = env("WECHAT_PUBLIC_KEY_ID", "PUB_KEY_ID_0119000068912026112200000000000001")
    wechat_certificate: str = env("WECHAT_CERTIFICATE", "")
    """The platform certificate (or several, the old and the new one), of merchants on their way to a public key: then both are
    believed. Of those who have no public key: then WECHAT_PUBLIC_KEY and WECHAT_PUBLIC_KEY_ID are "none"."""

    alipay_url: str = env("ALIPAY_URL", "http://127.0.0.1:8090/gateway.do")
    alipay_app_id: str = env("ALIPAY_APP_ID", "2021006891000001")
    alipay_seller_id: str = env("ALIPAY_SELLER_ID", "2088000068910001")
    alipay_private_key: str = env("ALIPAY_PRIVATE_KEY", DEVELOPMENT)
    alipay_public_key: str = env("ALIPAY_PUBLIC_KEY", DEVELOPMENT)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Raises BadSettings."""
        settings = super().load(environ)
        if faults := [*_faults(settings), *(_faults_in_production(settings) if settings.production else ())]:
            raise BadSettings("\n".join(["the environment does not do:", *faults]))
        return settings

    @property
    def methods(self) -> tuple[str, ...]:
        """By what patients may pay here."""
        if self.payment_methods:
            return tuple(name.strip() for name in self.payment_methods.split(",") if name.strip())
        keys = {"alipay": self.alipay_private_key, "wechat": self.wechat_private_key}
        return tuple(name for name in METHODS if not self.production or keys.get(name) != DEVELOPMENT)

    def notify_url(self, provider: str) -> str:
        """Where that provider shall call back."""
        return f"{(self.callback_url or self.public_url).rstrip('/')}/api/v1/payments/notify/{provider}"


def _faults(settings: Settings) -> Iterator[str]:
    for name in set(settings.methods) - set(METHODS):
        yield f"PAYMENT_METHODS: {name!r} is none of {', '.join(METHODS)}"
    if not settings.methods:
        yield "PAYMENT_METHODS: names none"
    if not 0 < settings.provider_timeout <= 30:
        yield "PROVIDER_TIMEOUT_SECONDS: must be above 0 and at most 30"
    if not 0 <= settings.watchdog_minutes <= 1440:
        yield "WATCHDOG_MINUTES: must be at least 0 and at most 1440"
    if settings.callback_body_limit < 1024:
        yield "CALLBACK_BODY_LIMIT: must be at least 1024 bytes"
    for name, (variable, value) in _of(settings).items():
        if name.endswith("_url") and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            yield f"{variable}: {value!r} is no http(s) address"
    if "wechat" in settings.methods and len(settings.wechat_apiv3_key.encode()) != 32:
        yield "WECHAT_APIV3_KEY: must have 32 bytes"


def _faults_in_production(settings: Settings) -> Iterator[str]:
    """What the sandbox has published, and addresses that are not the vendor's, for the methods that are offered."""
    published = {field.name: field.default for field in fields(Settings)}
    for name, (variable, value) in _of(settings).items():
        if variable in VENDORS:
            if value not in VENDORS[variable]:
                yield f"{variable}: must be {' or '.join(VENDORS[variable])} in production"
        elif (published[name] and value == published[name]) or _is_published(value):
            yield f"{variable}: is the payment sandbox's, refused in production"
    online = {"wechat", "alipay"} & set(settings.methods)
    address = settings.callback_url or settings.public_url
    if online and urlsplit(address).scheme != "https":
        yield "CALLBACK_URL (or PUBLIC_URL): must be https in production"


def _is_published(value: str) -> bool:
    """True for a key whose other half everybody may read, whether by its name or written out."""
    keys = [_middle(file.read_text()) for file in _PUBLISHED.glob("*.pem")]
    return value == DEVELOPMENT or any(key in _middle(value) for key in keys)


def _middle(pem: str) -> str:
    """The base64 between the lines that begin and end a key."""
    return re.sub(r"-----[^-]*-----|\\n|\s", "", pem)


def _of(settings: Settings) -> dict[str, tuple[str, str]]:
    """The settings of the providers that are offered: field -> (variable, value)."""
    return {
        field.name: (field.metadata["variable"], getattr(settings, field.name))
        for field in fields(settings)
        if field.name.split("_")[0] in {"wechat", "alipay"} & set(settings.methods)
    }
