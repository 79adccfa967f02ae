"""user-svc put together: its settings, and `build`, the one place where its parts meet."""

import base64
import functools
import hashlib
from dataclasses import dataclass

from common.clock import Clock, system_clock
from common.outbox import Database
from common.outbox.migrate import migrate
from common.service import Service, sql_figures, sql_missing
from common.settings import DEV_JWT_PRIVATE_KEY, BadSettings, env
from common.settings import Settings as CommonSettings
from common.web import create_app, sign_token
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from limits import parse

from user_svc import store, usecases
from user_svc.api import BLUEPRINTS
from user_svc.domain import OPERATOR, Account
from user_svc.limiter import Limiter
from user_svc.passwords import Passwords
from user_svc.usecases import Parts
from user_svc.vault import Vault, decode_key
from user_svc.worker import JOBS, SUBSCRIPTIONS, TIMERS

# The data key of development, published here on purpose: production refuses it.
DEV_DATA_KEY = base64.b64encode(hashlib.sha256(b"haoyuan-development-data-key").digest()).decode()


@dataclass(frozen=True)
class Settings(CommonSettings):
    """Keys are base64. The costs of a password's hash are OWASP's advice for Argon2id, its memory in KiB.

    Limits are per address or per username, in the notation of the `limits` library; an empty one takes the default.
    """

    jwt_private_key: str = env("JWT_PRIVATE_KEY", DEV_JWT_PRIVATE_KEY, secret=True)
    data_key: str = env("DATA_KEY", DEV_DATA_KEY, secret=True)
    redis_url: str = env("REDIS_URL", "")
    admin_username: str = env("ADMIN_USERNAME", "operator")
    admin_password: str = env("ADMIN_PASSWORD", "")
    password_time_cost: int = env("PASSWORD_TIME_COST", 2)
    password_memory: int = env("PASSWORD_MEMORY", 19_456)
    password_parallelism: int = env("PASSWORD_PARALLELISM", 1)
    access_seconds: int = env("ACCESS_TOKEN_SECONDS", 900)
    refresh_seconds: int = env("REFRESH_TOKEN_SECONDS", 30 * 24 * 3600)
    limit_logins_username: str = env("LIMIT_LOGINS_USERNAME", "60/minute")
    limit_logins_address: str = env("LIMIT_LOGINS_ADDRESS", "3000/minute")
    limit_registrations_address: str = env("LIMIT_REGISTRATIONS_ADDRESS", "3000/minute")

    def __post_init__(self) -> None:
        """Raises BadSettings naming every variable whose value cannot be used."""
        faults = [*self._key_faults(), *self._limit_faults()]
        if min(self.password_time_cost, self.password_parallelism, self.access_seconds, self.refresh_seconds) < 1:
            faults.append(
                "PASSWORD_TIME_COST, PASSWORD_PARALLELISM, ACCESS_- and REFRESH_TOKEN_SECONDS: must be at least 1"
            )
        if self.password_memory < 8 * self.password_parallelism:
            faults.append("PASSWORD_MEMORY: at least 8 KiB for each of PASSWORD_PARALLELISM")
        if faults:
            raise BadSettings("\n".join(["the environment does not do:", *faults]))

    def _key_faults(self) -> list[str]:
        faults = []
        for variable, key in (("JWT_PRIVATE_KEY", self.jwt_private_key), ("DATA_KEY", self.data_key)):
            try:
                decode_key(key)
            except ValueError as error:
                faults.append(f"{variable}: {error}")
        if not faults and public_key(self.jwt_private_key) != self.jwt_public_key:
            faults.append("JWT_PUBLIC_KEY: does not belong to JWT_PRIVATE_KEY")
        return faults

    def _limit_faults(self) -> list[str]:
        faults = []
        for name, limit in self.limits.items():
            try:
                parse(limit)
            except ValueError as error:
                faults.append(f"LIMIT_{name.upper()}: {error}")
        return faults

    @property
    def limits(self) -> dict[str, str]:
        """The rules of the limiter."""
        return {
            "logins_username": self.limit_logins_username,
            "logins_address": self.limit_logins_address,
            "registrations_address": self.limit_registrations_address,
        }


def public_key(private_key: str) -> str:
    """The public key of a private one, both base64."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """Wire the service. Nothing is connected to before it is used."""
    database = Database(settings.database_url, clock or system_clock)
    parts = Parts(
        vault=Vault(settings.data_key),
        passwords=Passwords(settings.password_time_cost, settings.password_memory, settings.password_parallelism),
        limiter=Limiter(settings.redis_url, settings.limits),
        sign=functools.partial(_sign, settings),
        access_seconds=settings.access_seconds,
        refresh_seconds=settings.refresh_seconds,
    )
    service = Service(
        "user-svc",
        settings,
        database,
        SUBSCRIPTIONS,
        migrate=lambda: _migrate(database, parts, settings),
        missing=sql_missing(database, "user_svc"),
        timers=TIMERS,
        jobs=JOBS,
        parts=parts,
        figures=sql_figures(database, store.audit_figures),
    )
    service.web = create_app(service, BLUEPRINTS)
    return service


def _sign(settings: Settings, account: Account, now: float) -> str:
    return sign_token(
        settings.jwt_private_key, account.id, account.roles, account.hospital_id or "", settings.access_seconds, now
    )


def _migrate(database: Database, parts: Parts, settings: Settings) -> None:
    """Bring the tables up to date, and make the first operator if the environment names one."""
    migrate(database, "user_svc")
    if settings.admin_password:
        usecases.ensure_account(
            database, parts, username=settings.admin_username, password=settings.admin_password, roles=[OPERATOR]
        )
