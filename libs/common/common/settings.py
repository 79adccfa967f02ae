"""Configuration from the environment only. Everything wrong or missing is named at once, at start.

A service's settings are a frozen dataclass that extends `Settings`; a field's metadata names its variable:
`window: int = env("PAYMENT_WINDOW_SECONDS", 900)`. In production a field marked `secret` must differ from its default, and
where it is several keys with commas between them, so must each.
"""

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from common.vault import decode_key


class BadSettings(Exception):
    """The environment does not do; the text names every fault."""


def env(variable: str, default: Any = dataclasses.MISSING, *, secret: bool = False) -> Any:
    """A field that is read from `variable`. Its annotation (str, int, float, bool) says how."""
    return dataclasses.field(default=default, metadata={"variable": variable, "secret": secret})


# The key pair of development, published here on purpose: production refuses it.
DEV_JWT_PRIVATE_KEY = base64.b64encode(b"haoyuan-development-signing-key!").decode()
DEV_JWT_PUBLIC_KEY = "ZkF6I6a++AAt92CZ/HauE7Po5hL2oFXF0xqFK/hTY7s="

# The key of development for addresses on their way from user-svc to notify-svc, published too.
DEV_CONTACT_KEY = base64.b64encode(b"haoyuan-development-contact-key!").decode()

_CHOICES = (
    ("app_env", "APP_ENV", ("dev", "test", "production")),
    ("log_format", "LOG_FORMAT", ("console", "json")),
    ("log_level", "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR")),
)


@dataclass(frozen=True)
class Settings:
    """What every service needs. JWT_PUBLIC_KEY may be several, in any order: whichever has signed a token, it is good."""

    app_env: str = env("APP_ENV", "dev")
    database_url: str = env("DATABASE_URL", "")
    broker_url: str = env("BROKER_URL", "")
    jwt_public_key: str = env("JWT_PUBLIC_KEY", DEV_JWT_PUBLIC_KEY, secret=True)
    id_key: str = env("ID_KEY", "haoyuan-dev-id-key", secret=True)
    log_format: str = env("LOG_FORMAT", "console")
    log_level: str = env("LOG_LEVEL", "INFO")
    worker_port: int = env("WORKER_PORT", 0)
    partitions: int = env("PARTITIONS", 1)
    crash_at: str = env("CRASH_AT", "")
    crash_marks: str = env("CRASH_MARKS", "")

    @property
    def production(self) -> bool:
        return self.app_env == "production"

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment. Raises BadSettings with every fault in it."""
        faults: list[str] = []
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = field.metadata["variable"]
            try:
                values[field.name] = _read(field, environ.get(variable, ""))
            except ValueError as error:
                faults.append(f"{variable}: {error}")
        faults += _faults_of_values(values)
        if values.get("app_env") == "production":
            faults += _faults_in_production(cls, values)
        if faults:
            raise BadSettings("\n".join(["the environment does not do:", *faults]))
        return cls(**values)


def _read(field: "dataclasses.Field[Any]", text: str) -> Any:
    if not text:
        if field.default is dataclasses.MISSING:
            raise ValueError("is missing")
        return field.default
    kind = (
        field.type
        if isinstance(field.type, type)
        else {"str": str, "int": int, "float": float, "bool": bool}[str(field.type)]
    )
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in {"true", "1"}
    return kind(text)


def _faults_of_values(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values that could be read; the others have been named already."""
    faults = [
        f"{variable}: {values[name]!r} is not {' or '.join(allowed)}"
        for name, variable, allowed in _CHOICES
        if name in values and values[name] not in allowed
    ]
    try:
        for key in keys_of(values["jwt_public_key"]):
            decode_key(key)
    except ValueError as error:
        faults.append(f"JWT_PUBLIC_KEY: {error}")
    return faults if values.get("partitions", 1) >= 1 else [*faults, "PARTITIONS: must be at least 1"]


def keys_of(text: str) -> list[str]:
    """The keys of a variable that may hold several, with commas between them."""
    return [key.strip() for key in text.split(",")]


def _faults_in_production(cls: type[Settings], values: Mapping[str, Any]) -> list[str]:
    faults = [
        f"{field.metadata['variable']}: the development default is refused in production"
        for field in dataclasses.fields(cls)
        if field.metadata["secret"] and field.default in keys_of(str(values.get(field.name)))
    ]
    crashes = [name.upper() for name in ("crash_at", "crash_marks") if values.get(name)]
    return faults + [f"{variable}: is for tests, refused in production" for variable in crashes]
