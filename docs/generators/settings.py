"""docs/settings.md: every environment variable, from the services' Settings."""

import dataclasses
import functools
import re
from collections.abc import Iterable
from pathlib import Path

import common
from common.platform import DOCUMENTED
from common.settings import Settings

from docs.generators.markdown import code, notice, paragraphs, table
from docs.generators.services import module_of

Field = dataclasses.Field[object]

ABOUT = {
    "APP_ENV": "`dev`, `test` or `production`. Production refuses the published development keys",
    "DATABASE_URL": "`postgresql+psycopg://user:password@host/database` or `sqlite:///path`",
    "MONGO_URL": "`mongodb://host/database`",
    "BROKER_URL": "`amqp://user:password@host:5672/`. Embedded mode needs none",
    "REDIS_URL": "where the rate limits are counted; empty: in the process itself",
    "JWT_PRIVATE_KEY": "the Ed25519 seed that signs access tokens, base64",
    "JWT_PUBLIC_KEY": "checks access tokens, base64. Several with commas between them are all good, in any order: `JWT_PRIVATE_KEY` belongs to one of them",
    "ID_KEY": "tags the ids that the platform mints, and keys the digests of repeatable requests; the same for all services",
    "DATA_KEY": "encrypts what is known of patients at rest, base64 of 32 bytes. Lose it and that is gone",
    "CONTACT_KEY": "seals addresses and codes on their way from user-svc to notify-svc, which keeps addresses so; may be several, the newest first",
    "TRAIL_KEY": "chains the audit trail (HMAC), base64 of 32 bytes",
    "DOOR_KEY": "makes the codes at the hospitals' doors, by which patients check in (HMAC)",
    "LOG_FORMAT": "`console` or `json`",
    "LOG_LEVEL": "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
    "PORT": "where the API listens",
    "WORKER_PORT": "where the worker answers `/healthz`, `/readyz` and `/metrics`; 0: nowhere",
    "PARTITIONS": "how many queues, and so how many active workers, share the service's messages",
    "PAYMENT_WINDOW_SECONDS": "how long a number is held unpaid or offered, in place of the hospitals' rules; 0: as their rules say",
    "INTENT_WAIT_SECONDS": "how long starting a payment waits for an intent that must be on its way",
    "PAYMENT_METHODS": "by what patients may pay: `alipay`, `wechat`, `window`, separated by commas; empty: all, in production the counter and those whose private key is set",
    "PUBLIC_URL": "where people reach the gateway, without a path; payment-svc takes https only in production",
    "CALLBACK_URL": "where the providers reach the gateway, if by another way than people",
    "PROVIDER_TIMEOUT_SECONDS": "how long a provider may take to answer, at most 30",
    "CALLBACK_BODY_LIMIT": "bytes of a callback; what is larger is refused unread",
    "RECONCILE": "whether days are reconciled with the providers' bills",
    "WATCHDOG_MINUTES": "how long a paid order may be neither confirmed nor on its way back before staff are told",
    "WECHAT_URL": "production takes the vendor's alone",
    "WECHAT_MCHID": "the merchant's number",
    "WECHAT_APPID": "the app that the merchant's number is bound to",
    "WECHAT_SERIAL": "the serial number of the merchant's API certificate, 40 hexadecimal digits",
    "WECHAT_PRIVATE_KEY": "of the merchant's API certificate: PEM, or the base64 of its middle; `development`: the published one, refused in production, as is every other default here",
    "WECHAT_APIV3_KEY": "32 bytes: opens callbacks",
    "WECHAT_PUBLIC_KEY": "WeChat's, for this merchant: PEM, or the base64 of its middle",
    "WECHAT_PUBLIC_KEY_ID": "its id, `PUB_KEY_ID_...`",
    "WECHAT_CERTIFICATE": "the platform certificate, of merchants without a public key or on their way to one; PEM",
    "ALIPAY_URL": "production takes the vendor's alone",
    "ALIPAY_APP_ID": "the app",
    "ALIPAY_SELLER_ID": "whose money it is, 2088...",
    "ALIPAY_PRIVATE_KEY": "the app's: PEM, or the base64 of its middle; `development`: the published one",
    "ALIPAY_PUBLIC_KEY": "Alipay's, not the app's own",
    "STREAM_LISTENERS": "how many live streams a process holds open at most, each with one of its threads; 0: none",
    "SMTP_URL": "`smtp://user:password@host:587` with STARTTLS, `smtps://` with TLS from the start, `smtp+plain://` without any, which production refuses; empty: no e-mail",
    "SMTP_CA": "a file of certificates to trust beside the system's",
    "MAIL_FROM": "whom e-mails come from",
    "SMS_PROVIDERS": "`alibaba`, `tencent`, in the order in which they are tried, with commas between them; empty: no SMS",
    "ALIBABA_SMS_URL": "https only in production",
    "ALIBABA_SMS_KEY_ID": "AccessKey ID",
    "ALIBABA_SMS_KEY_SECRET": "AccessKey secret",
    "ALIBABA_SMS_SIGN": "the approved signature (签名)",
    "ALIBABA_SMS_TEMPLATES": "JSON from `<kind>.<locale>` to the approved template's number, `SMS_...`, and from `<kind>.<locale>.abroad` to that for numbers abroad; `python -m notify_svc.sms_templates` says the texts",
    "TENCENT_SMS_URL": "https only in production",
    "TENCENT_SMS_REGION": "of the API",
    "TENCENT_SMS_SECRET_ID": "SecretId",
    "TENCENT_SMS_SECRET_KEY": "SecretKey",
    "TENCENT_SMS_APP_ID": "SmsSdkAppId",
    "TENCENT_SMS_SIGN": "the approved signature (签名)",
    "TENCENT_SMS_TEMPLATES": "as Alibaba's, with Tencent's numbers",
    "RECEIPTS_TOKEN": "the secret end of the address to which providers of SMS tell deliveries, at least 16 letters, digits, `-` and `_`; empty: they cannot",
    "EMAIL_PER_SECOND": "e-mails in a second, by all workers together",
    "SMS_PER_SECOND": "SMS in a second by each provider, by all workers together",
    "KEEP_VISITS_DAYS": "how long it is known why somebody had priority at the clinic, what staff wrote, and what was told of waiting times",
    "KEEP_NOTIFICATIONS_DAYS": "how long an inbox keeps what it has told",
    "KEEP_DELIVERIES_DAYS": "how long it is known what was sent to whom",
    "PASSWORD_SHORTEST": "the least characters of a password; 0: 15 in production, 8 elsewhere",
    "ADMIN_USERNAME": "the first operator's account, made by the migration",
    "ADMIN_PASSWORD": "their password; empty: no account is made",
    "PASSWORD_TIME_COST": "Argon2id: passes",
    "PASSWORD_MEMORY": "Argon2id: memory in KiB",
    "PASSWORD_PARALLELISM": "Argon2id: lanes",
    "ACCESS_TOKEN_SECONDS": "how long an access token is good",
    "REFRESH_TOKEN_SECONDS": "how long a login lasts without use",
    "LIMIT_LOGINS_USERNAME": "tries to log in for one username",
    "LIMIT_LOGINS_ADDRESS": "tries to log in from one address",
    "LIMIT_REGISTRATIONS_ADDRESS": "registrations from one address",
    "LIMIT_FAILED_LOGINS_ADDRESS": "wrong passwords from one address",
    "LIMIT_CODES_ADDRESS": "codes asked for from one address",
    "CRASH_AT": "`point[:n]`: exit hard at a crash point. For fault tests; production refuses it",
    "CRASH_MARKS": "the beginning of a path: at a point whose file `path.point` is there, take it away and exit; as above",
    "PLATFORM_URL": "where the audit reaches the gateway, without a path",
    "BOOKS_URL": "the payment sandbox's address, if the audit is to compare its books; empty: no",
    "WEB_CONCURRENCY": "API processes",
    "WEB_THREADS": "threads in each of them",
    "PROMETHEUS_MULTIPROC_DIR": "where the API processes share their metrics; empty: a temporary folder",
}
"""What each variable is for. The page cannot be made for a variable that is missing here."""

ON_ONE_MACHINE = (
    ("make run", "PORT", "8000", "where it listens; 0 takes a free one"),
    ("make run", "HOST", "127.0.0.1", "on which address; 0.0.0.0 opens it to others"),
    ("make run", "DATA_DIR", "var/embedded", "its data and keys"),
    (
        "make run, make stack",
        "PAYMENT_SANDBOX_PORT",
        "8090",
        "where the payment sandbox is, if that port is free; the same the next time. Its other variables: [README](../tools/payment-sandbox/README.md)",
    ),
    (
        "make run, make stack",
        "MAILBOX_PORT",
        "8091",
        "where the page of e-mails and SMS is, if that port is free; the same the next time. Its other variables: [README](../tools/mailbox/README.md)",
    ),
    ("make stack", "PORT", "8000", "where the gateway listens; 0 takes a free one"),
    ("make stack", "STACK_DIR", "var/stack", "data, logs and keys"),
)

_READ = re.compile(r"""environ(?:\.get\(|\[)\s*["']([A-Z][A-Z0-9_]*)["'](?:,\s*["']([^"']*)["'])?""")


@functools.cache
def direct() -> dict[str, str]:
    """The variables that are read without Settings, with their defaults: by gunicorn's configuration."""
    found: dict[str, str] = {}
    for file in sorted(Path(common.__path__[0]).rglob("*.py")):
        for name, default in _READ.findall(file.read_text(encoding="utf-8")):
            found[name] = default or found.get(name, "")
    settings = {str(f.metadata["variable"]) for f in common_fields()}
    return {name: found[name] for name in found if name not in settings}


def common_fields() -> list[Field]:
    """The settings that every service has."""
    return list(dataclasses.fields(Settings))


def fields_of(service: str) -> list[Field]:
    """The settings that a service has on top of the common ones."""
    shared = {f.metadata["variable"] for f in common_fields()}
    own = dataclasses.fields(module_of(service).Settings)
    return [f for f in own if f.metadata["variable"] not in shared]


def variables_of(service: str) -> set[str]:
    """Every variable that some process of a service reads."""
    return {str(f.metadata["variable"]) for f in [*common_fields(), *fields_of(service)]} | set(direct())


def known_variables() -> set[str]:
    """Every variable that some process of Haoyuan reads."""
    return set().union(*(variables_of(name) for name in DOCUMENTED))


def _default(field: Field) -> str:
    if field.default is dataclasses.MISSING:
        return "**needed**"
    if field.metadata["secret"]:
        return "a published one, refused in production"
    return code(str(field.default))


def _about(variable: str) -> str:
    if variable not in ABOUT:
        raise LookupError(f"{__name__} does not say what {variable} is for")
    return ABOUT[variable]


def _table(fields: Iterable[Field]) -> str:
    rows = [
        (
            code(f.metadata["variable"]),
            getattr(f.type, "__name__", str(f.type)),
            _default(f),
            "yes" if f.metadata["secret"] else "",
            _about(f.metadata["variable"]),
        )
        for f in fields
    ]
    return table(("variable", "type", "default", "secret", "what"), rows)


def page() -> str:
    """The whole page."""
    outside = [(code(name), code(default), _about(name)) for name, default in direct().items()]
    sections = [paragraphs(f"## {name}", _table(fields_of(name))) for name in DOCUMENTED if fields_of(name)]
    return paragraphs(
        notice("the services' Settings"),
        "# Settings",
        "Configuration comes from the environment only. What is wrong or missing is named at start, all of it at once. An "
        "empty variable counts as absent.",
        "## Every service",
        _table(common_fields()),
        "## Read before there are settings",
        "By the configuration of gunicorn, which serves the APIs.",
        table(("variable", "default", "what"), outside),
        *sections,
        "## On one machine",
        "`make run` and `make stack` set the services' addresses and keys themselves. What else stands in the environment "
        "reaches every service.",
        table(
            ("command", "variable", "default", "what"),
            [(code(command), code(name), code(default), about) for command, name, default, about in ON_ONE_MACHINE],
        ),
    )
