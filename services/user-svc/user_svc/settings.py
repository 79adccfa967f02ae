"""What user-svc reads from the environment."""

import base64
import hashlib
from dataclasses import dataclass

from common.settings import DEV_CONTACT_KEY, DEV_JWT_PRIVATE_KEY, BadSettings, env, keys_of
from common.settings import Settings as CommonSettings
from common.vault import Vault, decode_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from limits import parse

# The data key of development, published here on purpose: production refuses it.
DEV_DATA_KEY = base64.b64encode(hashlib.sha256(b"haoyuan-development-data-key").digest()).decode()
DEV_TRAIL_KEY = base64.b64encode(hashlib.sha256(b"haoyuan-development-trail-key").digest()).decode()


@dataclass(frozen=True)
class Settings(CommonSettings):
    """Keys are base64; DATA_KEY and CONTACT_KEY may be several, the newest first (common.vault). The costs of a password's hash
    are OWASP's advice for Argon2id, its memory in KiB.

    Limits are per address or per username, in the notation of the `limits` library; an empty one takes the default.
    """

    jwt_private_key: str = env("JWT_PRIVATE_KEY", DEV_JWT_PRIVATE_KEY, secret=True)
    data_key: str = env("DATA_KEY", DEV_DATA_KEY, secret=True)
    contact_key: str = env("CONTACT_KEY", DEV_CONTACT_KEY, secret=True)
    trail_key: str = env("TRAIL_KEY", DEV_TRAIL_KEY, secret=True)
    redis_url: str = env("REDIS_URL", "")
    admin_username: str = env("ADMIN_USERNAME", "operator")
    admin_password: str = env("ADMIN_PASSWORD", "")
    password_shortest: int = env("PASSWORD_SHORTEST", 0)
    password_time_cost: int = env("PASSWORD_TIME_COST", 2)
    password_memory: int = env("PASSWORD_MEMORY", 19_456)
    password_parallelism: int = env("PASSWORD_PARALLELISM", 1)
    access_seconds: int = env("ACCESS_TOKEN_SECONDS", 900)
    refresh_seconds: int = env("REFRESH_TOKEN_SECONDS", 30 * 24 * 3600)
    limit_logins_username: str = env("LIMIT_LOGINS_USERNAME", "60/minute")
    limit_logins_address: str = env("LIMIT_LOGINS_ADDRESS", "3000/minute")
    limit_registrations_address: str = env("LIMIT_REGISTRATIONS_ADDRESS", "3000/minute")
    limit_failures_address: str = env("LIMIT_FAILED_LOGINS_ADDRESS", "300/hour")
    limit_codes_address: str = env("LIMIT_CODES_ADDRESS", "60/hour")

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
        for variable, read, key in (
            ("JWT_PRIVATE_KEY", decode_key, self.jwt_private_key),
            ("TRAIL_KEY", decode_key, self.trail_key),
            ("DATA_KEY", Vault, self.data_key),
            ("CONTACT_KEY", Vault, self.contact_key),
        ):
            try:
                read(key)
            except ValueError as error:
                faults.append(f"{variable}: {error}")
        if not faults and public_key(self.jwt_private_key) not in keys_of(self.jwt_public_key):
            faults.append("JWT_PUBLIC_KEY: none of them belongs to JWT_PRIVATE_KEY")
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
            "failures_address": self.limit_failures_address,
            "codes_address": self.limit_codes_address,
        }


def public_key(private_key: str) -> str:
    """The public key of a private one, both base64."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
