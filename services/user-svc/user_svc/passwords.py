"""Passwords are kept as Argon2id (RFC 9106). A hash costs tens of milliseconds of CPU: never make one in a transaction."""

import secrets
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from user_svc.domain import one_form


class Passwords:
    """Hashes and verifies, in the one form of a password's characters (NFKC). `memory` is in KiB."""

    def __init__(self, time_cost: int, memory: int, parallelism: int) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory, parallelism=parallelism)

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
        try:
            return self._hasher.verify(stored or self._nobodys, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, stored: str) -> bool:
        """True if it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex())
