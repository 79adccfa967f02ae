"""Passwords are kept as Argon2id (RFC 9106). A hash costs tens of milliseconds of CPU: never make one in a transaction."""

import secrets
from functools import cached_property

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from user_svc.domain import one_form

_LEAST_MEMORY = 8
"""KiB: Argon2 takes no less."""


class Passwords:
    """Hashes and verifies, in the one form of a password's characters (NFKC). `memory` is in KiB."""

    def __init__(self, time_cost: int, memory: int, parallelism: int) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory, parallelism=parallelism)
        self._costliest = time_cost * memory

    def hash(self, password: str) -> str:
        return self._hasher.hash(one_form(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """True if `stored` is a hash of this password. Without one (no such account, or one that has no password) it is
        False after the same work.

        Hashes from before there was one form were made of what was typed: where the two differ both are tried, whatever
        is stored.
        """
        right = [self._is(stored, form) for form in dict.fromkeys((one_form(password), password))]
        return any(right)

    def _is(self, stored: str | None, password: str) -> bool:
        stored_or_nobodys = stored or self._nobodys
        try:
            return self._hasher.verify(stored_or_nobodys, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._make_up(_cost(stored_or_nobodys))

    def _make_up(self, cost: int) -> None:
        """Work on until it was as much as for the costliest hash so far: what somebody's older one costs tells nobody that she
        is there.
        """
        self._costliest = max(self._costliest, cost)
        missing = self._costliest - cost
        if missing >= _LEAST_MEMORY:
            PasswordHasher(time_cost=1, memory_cost=missing, parallelism=1).hash("")

    def outdated(self, stored: str) -> bool:
        """True if it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex())


def _cost(stored: str) -> int:
    """KiB that verifying a hash fills, all passes together; 0 of what is none."""
    try:
        made = extract_parameters(stored)
    except InvalidHashError:
        return 0
    return made.time_cost * made.memory_cost
