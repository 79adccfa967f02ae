"""What notify-svc reads from the environment."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from common.settings import DEV_CONTACT_KEY, BadSettings, env
from common.settings import Settings as Common
from common.vault import Vault

PROVIDERS = ("alibaba", "tencent")

MAIL_SCHEMES = ("smtp", "smtps", "smtp+plain")
"""STARTTLS, or no letter; TLS from the start; no TLS at all, which production refuses."""

DEVELOPMENT = "haoyuan-mailbox"
"""The published credentials of the mailbox of development (tools/mailbox): production refuses them."""

DEV_RECEIPTS = "haoyuan-development-receipts"
"""The published RECEIPTS_TOKEN of development."""

DEV_MAIL_FROM = "Haoyuan <no-reply@haoyuan.example>"


@dataclass(frozen=True)
class Settings(Common):
    """`mongo_url` names the database too. Addresses are http(s)://host[:port].

    smtp_url: smtp://user:password@host:587; empty: no e-mail. smtp_ca: a file of certificates to trust beside the system's.
    sms_providers: in the order in which they are tried, with commas between them; empty: no SMS.
    *_templates: JSON from "<kind>.<locale>" to the provider's number of the approved template.
    receipts_token: the secret part of the address to which providers tell deliveries; empty: they cannot.
    *_per_second: letters for each provider, by all workers together. stream_listeners: live streams of this process at most, each of
    which takes one of its threads; 0: none. keep_*: days.
    """

    mongo_url: str = env("MONGO_URL", "mongodb://127.0.0.1:27017/notify_svc")
    contact_key: str = env("CONTACT_KEY", DEV_CONTACT_KEY, secret=True)
    public_url: str = env("PUBLIC_URL", "http://localhost:8000")
    smtp_url: str = env("SMTP_URL", "")
    smtp_ca: str = env("SMTP_CA", "")
    mail_from: str = env("MAIL_FROM", DEV_MAIL_FROM)
    sms_providers: str = env("SMS_PROVIDERS", "")
    alibaba_sms_url: str = env("ALIBABA_SMS_URL", "https://dysmsapi.aliyuncs.com")
    alibaba_sms_key_id: str = env("ALIBABA_SMS_KEY_ID", "")
    alibaba_sms_key_secret: str = env("ALIBABA_SMS_KEY_SECRET", "")
    alibaba_sms_sign: str = env("ALIBABA_SMS_SIGN", "")
    alibaba_sms_templates: str = env("ALIBABA_SMS_TEMPLATES", "{}")
    tencent_sms_url: str = env("TENCENT_SMS_URL", "https://sms.tencentcloudapi.com")
    tencent_sms_region: str = env("TENCENT_SMS_REGION", "ap-guangzhou")
    tencent_sms_secret_id: str = env("TENCENT_SMS_SECRET_ID", "")
    tencent_sms_secret_key: str = env("TENCENT_SMS_SECRET_KEY", "")
    tencent_sms_app_id: str = env("TENCENT_SMS_APP_ID", "")
    tencent_sms_sign: str = env("TENCENT_SMS_SIGN", "")
    tencent_sms_templates: str = env("TENCENT_SMS_TEMPLATES", "{}")
    receipts_token: str = env("RECEIPTS_TOKEN", "")
    provider_timeout: float = env("PROVIDER_TIMEOUT_SECONDS", 10.0)
    email_per_second: int = env("EMAIL_PER_SECOND", 20)
    sms_per_second: int = env("SMS_PER_SECOND", 50)
    stream_listeners: int = env("STREAM_LISTENERS", 0)
    keep_notifications: int = env("KEEP_NOTIFICATIONS_DAYS", 730)
    keep_deliveries: int = env("KEEP_DELIVERIES_DAYS", 180)

    def __post_init__(self) -> None:
        """Raises BadSettings naming every variable whose value cannot be used."""
        faults = [*self._key_faults(), *self._mail_faults(), *self._sms_faults()]
        at_least_one = {
            "EMAIL_PER_SECOND": self.email_per_second,
            "SMS_PER_SECOND": self.sms_per_second,
            "KEEP_NOTIFICATIONS_DAYS": self.keep_notifications,
            "KEEP_DELIVERIES_DAYS": self.keep_deliveries,
        }
        faults += [f"{variable}: must be at least 1" for variable, value in at_least_one.items() if value < 1]
        if self.stream_listeners < 0:
            faults.append("STREAM_LISTENERS: must be at least 0")
        if self.provider_timeout <= 0:
            faults.append("PROVIDER_TIMEOUT_SECONDS: must be more than 0")
        if self.receipts_token and not re.fullmatch(r"[A-Za-z0-9_-]{16,}", self.receipts_token):
            faults.append("RECEIPTS_TOKEN: at least 16 letters, digits, hyphens and underscores")
        if self.production:
            faults += self._production_faults()
        if faults:
            raise BadSettings("\n".join(["the environment does not do:", *faults]))

    @property
    def sms_order(self) -> tuple[str, ...]:
        """The SMS providers, the first to be tried first."""
        return tuple(name.strip() for name in self.sms_providers.split(",") if name.strip())

    def templates(self, provider: str) -> Mapping[str, str]:
        """The provider's numbers of templates, by "<kind>.<locale>". The mailbox of development has them all, under these names."""
        read: dict[str, str] = json.loads(getattr(self, f"{provider}_sms_templates"))
        secret = {"alibaba": self.alibaba_sms_key_secret, "tencent": self.tencent_sms_secret_key}[provider]
        if not read and secret == DEVELOPMENT:
            from notify_svc.sms_templates import texts

            return {name: f"SMS_{name}" if provider == "alibaba" else name for name in texts()}
        return read

    def _key_faults(self) -> list[str]:
        try:
            Vault(self.contact_key)
        except ValueError as error:
            return [f"CONTACT_KEY: {error}"]
        return []

    def _mail_faults(self) -> list[str]:
        if self.smtp_ca and not Path(self.smtp_ca).is_file():
            return [f"SMTP_CA: there is no file {self.smtp_ca}"]
        if not self.smtp_url:
            return []
        try:
            url = urlsplit(self.smtp_url)
            host, _ = url.hostname, url.port
        except ValueError as error:
            return [f"SMTP_URL: {error}"]
        if url.scheme not in MAIL_SCHEMES or not host:
            return [f"SMTP_URL: must be {', '.join(f'{scheme}://host' for scheme in MAIL_SCHEMES)}"]
        return []

    def _sms_faults(self) -> list[str]:
        faults = []
        for name in self.sms_order:
            if name not in PROVIDERS:
                faults.append(f"SMS_PROVIDERS: {name!r} is none of {', '.join(PROVIDERS)}")
                continue
            if not re.fullmatch(r"https?://[^/\s]+", getattr(self, f"{name}_sms_url")):
                faults.append(f"{name.upper()}_SMS_URL: must be http(s)://host[:port]")
            wanted = {
                "alibaba": ("key_id", "key_secret", "sign"),
                "tencent": ("secret_id", "secret_key", "app_id", "sign"),
            }
            faults += [
                f"{name.upper()}_SMS_{part.upper()}: is missing, and SMS_PROVIDERS names {name}"
                for part in wanted[name]
                if not getattr(self, f"{name}_sms_{part}")
            ]
            faults += self._template_faults(name)
        return faults

    def _template_faults(self, name: str) -> list[str]:
        try:
            read = self.templates(name)
        except ValueError as error:
            return [f"{name.upper()}_SMS_TEMPLATES: {error}"]
        if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
            return [f'{name.upper()}_SMS_TEMPLATES: must be JSON like {{"order_confirmed.zh-CN": "SMS_123"}}']
        return []

    def _production_faults(self) -> list[str]:
        faults = self._faults_of_who_writes() if self.smtp_url else []
        if self.receipts_token == DEV_RECEIPTS:
            faults.append("RECEIPTS_TOKEN: the development one is refused in production")
        if self.smtp_url.startswith("smtp+plain:"):
            faults.append("SMTP_URL: smtp+plain sends letters in clear, refused in production")
        if DEVELOPMENT in self.smtp_url:
            faults.append("SMTP_URL: the mailbox of development is refused in production")
        for name in self.sms_order:
            if name not in PROVIDERS:
                continue
            if not getattr(self, f"{name}_sms_url").startswith("https://"):
                faults.append(f"{name.upper()}_SMS_URL: production talks to providers by https only")
            secret = {"alibaba": "alibaba_sms_key_secret", "tencent": "tencent_sms_secret_key"}[name]
            if getattr(self, secret) == DEVELOPMENT:
                faults.append(f"{secret.upper()}: the mailbox of development is refused in production")
            elif getattr(self, f"{name}_sms_templates").strip() in {"", "{}"}:
                faults.append(f"{name.upper()}_SMS_TEMPLATES: names none, so {name} could send nothing")
        return faults

    def _faults_of_who_writes(self) -> list[str]:
        """What readers of e-mails would stumble over."""
        faults = []
        if self.mail_from == DEV_MAIL_FROM or not _is_address(parseaddr(self.mail_from)[1]):
            faults.append("MAIL_FROM: must be an address of yours, such as Haoyuan <no-reply@hospital.cn>")
        if not self.public_url.startswith("https://"):
            faults.append("PUBLIC_URL: letters lead people there, in production by https only")
        return faults


def _is_address(text: str) -> bool:
    try:
        address = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        return False
    return bool(address.username and "." in address.domain)
