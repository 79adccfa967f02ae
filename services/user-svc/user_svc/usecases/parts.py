"""What the use cases need beyond the database."""

from collections.abc import Callable
from dataclasses import dataclass

from common.vault import Vault

from user_svc.domain import SHORTEST_PASSWORD, Account
from user_svc.limiter import Limiter
from user_svc.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Parts:
    """`vault` seals what stays here, `contacts` what goes to notify-svc. `sign(account, login_id, now)` makes an access
    token; lives are in seconds, the shortest password in characters.
    """

    vault: Vault
    contacts: Vault
    passwords: Passwords
    limiter: Limiter
    sign: Callable[[Account, str, float], str]
    access_seconds: int
    refresh_seconds: int
    shortest_password: int = SHORTEST_PASSWORD
