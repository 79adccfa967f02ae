"""payment-svc's environment: by whom patients may pay, and what each provider knows us by.

In development everything leads to the payment sandbox, under keys that are published (providers/development). Production refuses
them, and any address but the vendors' own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from common.settings import BadSettings, env
from common.settings import Settings as CommonSettings

from payment_svc.providers import keys
from payment_svc.providers.keys import moduli

DEVELOPMENT = keys.DEVELOPMENT
NONE = "none"
"""The value of a key that there is not, though it has a default."""
MOST_CALLBACK = 1 << 20
"""Bytes, that anybody may make us read. Real callbacks have some kilobytes."""
METHODS = ("alipay", "wechat", "window")
VENDORS = {
    "WECHAT_URL": ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"),
    "ALIPAY_URL": ("https://openapi.alipay.com/gateway.do",),
}
_PAIRS = {
    "alipay": (
        "alipay_private_key",
        {"alipay_public_key": ("alipay_public.pem", "Alipay's public key (支付宝公钥, not 应用公钥)")},
    ),
    "wechat": (
        "wechat_private_key",
        {
            "wechat_public_key": ("wechat_public.pem", "WeChat Pay's public key (微信支付公钥, with its PUB_KEY_ID_)"),
            "wechat_certificate": (
                "wechat_certificate.pem",
                "WeChat Pay's platform certificate (平台证书, not 商户API证书)",
            ),
        },
    ),
}
"""Our private key; the vendor's, which must be others: their published files, and what they are called where they are found."""


_KEYS = {"wechat_private_key", "wechat_public_key", "wechat_certificate", "alipay_private_key", "alipay_public_key"}


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
        ours = {"alipay": self.alipay_private_key, "wechat": self.wechat_private_key}
        return tuple(name for name in METHODS if not self.production or ours.get(name) != DEVELOPMENT)

    def speaks_with(self, method: str) -> bool:
        """True if payments by that method can be brought to an end, offered or not: its settings are whole. In production nothing of
        the sandbox's may be among them: its keys are published, and who has them could tell us that money came.
        """
        if method in self.methods or method not in {"alipay", "wechat"}:
            return True
        alone = replace(self, payment_methods=method)
        faults = [*_faults(alone), *(_faults_in_production(alone) if self.production else ())]
        return getattr(self, f"{method}_private_key") not in {"", NONE} and not faults

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
    if not 1024 <= settings.callback_body_limit <= MOST_CALLBACK:
        yield f"CALLBACK_BODY_LIMIT: must be at least 1024 and at most {MOST_CALLBACK} bytes"
    for name, (variable, value) in _of(settings).items():
        if name.endswith("_url") and not _host(value, "http", "https"):
            yield f"{variable}: {value!r} is no http(s) address"
    if "wechat" in settings.methods and len(settings.wechat_apiv3_key.encode()) != 32:
        yield "WECHAT_APIV3_KEY: must have 32 bytes"
    yield from _unreadable_keys(settings)
    yield from _own_keys(settings)


def _unreadable_keys(settings: Settings) -> Iterator[str]:
    for name, (variable, value) in _of(settings).items():
        if name in _KEYS and value not in {"", NONE, DEVELOPMENT} and not moduli(value):
            yield f"{variable}: is no RSA key: PEM, or the base64 of its middle in one line, is wanted"


def _own_keys(settings: Settings) -> Iterator[str]:
    """Vendors show merchants their own public key right beside the vendor's; with it nothing that the vendor says can be verified."""
    given = _of(settings)
    for vendor, (ours, theirs) in _PAIRS.items():
        own = moduli(given[ours][1], f"{vendor}_merchant.pem") if ours in given else frozenset()
        for name, (published, instead) in theirs.items():
            if name in given and own & moduli(given[name][1], published):
                variable, of = given[name][0], given[ours][0]
                yield f"{variable}: is our own key, the public half of {of}; paste {instead} instead"


def _faults_in_production(settings: Settings) -> Iterator[str]:
    """What the sandbox has published, and addresses that are not the vendor's, for the methods that are offered."""
    published = {field.name: field.default for field in fields(Settings)}
    for name, (variable, value) in _of(settings).items():
        if variable in VENDORS:
            if value not in VENDORS[variable]:
                yield f"{variable}: must be {' or '.join(VENDORS[variable])} in production"
        elif published[name] and value == published[name]:
            yield f"{variable}: is missing: its default is the payment sandbox's, refused in production"
        elif _is_published(value):
            yield f"{variable}: is the payment sandbox's, refused in production"
    if {"wechat", "alipay"} & set(settings.methods):
        for variable, value in {"PUBLIC_URL": settings.public_url, "CALLBACK_URL": settings.callback_url}.items():
            if (value or variable == "PUBLIC_URL") and not _is_public(value):
                yield f"{variable}: {value!r} is no https address that others reach, without ? and #"


def _is_published(value: str) -> bool:
    """True for a key whose other half everybody may read, whether by its name or written out, in whatever way."""
    return value == DEVELOPMENT or bool(moduli(value) & keys.published_moduli())


def _host(url: str, *schemes: str) -> str:
    """The host of an address with one of those schemes; empty if it is none."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in schemes and parts.port != 0
    except ValueError:
        return ""
    return (parts.hostname or "") if known else ""


def _is_public(url: str) -> bool:
    """True for an address that a vendor, or a payer's phone, can be sent to."""
    host = _host(url, "https")
    if not host or set(url) & set("?#@\\") or any(sign.isspace() for sign in url):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
    return not (address.is_loopback or address.is_unspecified)


def _of(settings: Settings) -> dict[str, tuple[str, str]]:
    """The settings of the providers that are offered: field -> (variable, value)."""
    return {
        field.name: (field.metadata["variable"], getattr(settings, field.name))
        for field in fields(settings)
        if field.name.split("_")[0] in {"wechat", "alipay"} & set(settings.methods)
    }
