"""What the use cases need beyond the database."""

from collections.abc import Callable
from dataclasses import dataclass

from common.vault import Vault

from user_svc.domain import Account
from user_svc.limiter import Limiter
from user_svc.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Parts:
    """`sign(account, now)` makes an access token; lives are in seconds."""

    vault: Vault
    passwords: Passwords
    limiter: Limiter
    sign: Callable[[Account, float], str]
    access_seconds: int
    refresh_seconds: int
